"""A program behind HTTP: answers as JSON, or as server-sent events while it works.

    python examples/deploy.py                                  asks itself once, offline
    python examples/deploy.py --serve --model local/smollm2    serves on 127.0.0.1:8000
    curl -N localhost:8000/stream --json '{"question": "How deep is Hald?"}'

Needs `pip install fastapi uvicorn`. There is no pool of threads: a program is awaited,
and requests wait in one event loop. Each has a budget of its own, and a client that
leaves a stream ends its run, with the calls that were under way.
"""

import argparse
import json
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import fastapi
import pydantic
import uvicorn
from fastapi.responses import StreamingResponse

import weft

answer = weft.ChainOfThought(
    "question -> answer", "Answer in a sentence.", name="answer"
)
app = fastapi.FastAPI(title="Answers", version="1.0.0")


class Question(pydantic.BaseModel):
    """What is asked."""

    question: str = pydantic.Field(min_length=1, max_length=2_000)


def status_of(error: weft.errors.WeftError) -> int:
    """What an error is over HTTP: ours, the model's, or for later."""
    if isinstance(error, weft.errors.BudgetExceeded | weft.errors.RateLimited):
        return 429
    return 503 if error.retryable else 502


@app.post("/answer")
async def answered(asked: Question) -> dict[str, Any]:
    """The answer, whole."""
    try:
        with weft.use(budget="3 calls"):
            return weft.to_dict(await answer.acall(question=asked.question))
    except weft.errors.WeftError as error:
        raise fastapi.HTTPException(status_of(error), str(error)) from error


def sent(name: str, **data: Any) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def events(question: str) -> AsyncIterator[str]:
    """A run as server-sent events: pieces of fields, then the answer or an error."""
    try:
        with weft.use(budget="3 calls"):
            async for event in answer.astream(question=question):
                match event:
                    case weft.events.FieldDelta(path, field, text):
                        yield sent("piece", module=path, field=field, text=text)
                    case weft.events.Restarted(path):
                        yield sent("restarted", module=path)
                    case weft.events.Finished(value):
                        yield sent("answer", **weft.to_dict(value))
                    case _:
                        pass
    except weft.errors.WeftError as error:
        yield sent("error", status=status_of(error), detail=str(error))


@app.post("/stream")
async def streamed(asked: Question) -> StreamingResponse:
    """The answer, as it is written."""
    return StreamingResponse(events(asked.question), media_type="text/event-stream")


def ask_itself() -> None:
    """Serve on a free port of this machine, ask twice over HTTP, and stop."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, fd=free.fileno(), log_level="error")
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            for path in ("answer", "stream"):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{free.getsockname()[1]}/{path}",
                    json.dumps({"question": "How deep is Hald?"}).encode(),
                    {"Content-Type": "application/json"},
                )
                with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own
                    print(f"POST /{path}: {reply.headers['Content-Type']}")
                    print(reply.read().decode().strip(), end="\n\n")
        finally:
            server.should_exit = True
            thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description="A program behind HTTP.")
    parser.add_argument("--model", help="a model; a stand-in without it")
    parser.add_argument("--serve", action="store_true", help="until it is stopped")
    parser.add_argument("--port", type=int, default=8_000)
    given = parser.parse_args()
    said = {"reasoning": "By the chart.", "answer": "Nine and a half metres."}
    lm = given.model or weft.FunctionLM(lambda request: said)
    weft.configure(lm=lm, cache=True if given.model else None)
    if given.serve:
        uvicorn.run(app, port=given.port)
    else:
        ask_itself()


if __name__ == "__main__":
    main()

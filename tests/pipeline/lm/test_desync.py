"""What a server says unasked is no answer: not to the next question either."""

from __future__ import annotations

import asyncio
import json

from tests.pipeline.lm.support import asking
from weft.pipeline.lm.models import LM


def answer(text: str) -> bytes:
    """A whole HTTP answer with a completion."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text}}
    body = json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def test_an_unasked_answer_is_nobodys() -> None:
    """It comes while the connection is idle; the next question opens another one."""
    connections = 0
    said = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while head := await reader.readuntil(b"\r\n\r\n"):
            fields = dict(
                line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2]
            )
            body = await reader.readexactly(int(fields[b"content-length"]))
            writer.write(answer(json.loads(body)["messages"][0]["content"]))
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(answer("EVIL"))
            await writer.drain()
            said.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lm = LM("m", api_base=f"http://127.0.0.1:{port}", max_tokens=9)

    first = await lm.complete(asking(lm, "one"))
    await said.wait()
    await asyncio.sleep(0.05)  # for it to arrive
    second = await lm.complete(asking(lm, "two"))
    server.close()

    assert (first.text, second.text, connections) == ("one", "two", 2)

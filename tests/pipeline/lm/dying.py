"""Other processes that use a cache, some of which are killed in the middle.

python -m tests.pipeline.lm.dying: a line of JSON is a job, for a forked child. What a
child says is passed on, and "end STATUS" follows. To fork costs milliseconds, where a
fresh interpreter costs half a second, and nothing here has a thread or a file open.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.pipeline.lm.support import answer_of, key_of
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.call import call
from weft.pipeline.errors import BudgetExceeded
from weft.pipeline.lm.fakes import FunctionLM
from weft.pipeline.lm.request import Message, Request, Response, Usage

ROOT = Path(__file__).resolve().parents[3]
MOST_TOKENS = 50


def question(number: int) -> Request:
    """A request; its answer is `reply` of the same number."""
    asked = (Message("user", str(number)),)
    return Request("fake", asked, {"max_tokens": MOST_TOKENS}, endpoint="fake")


def reply(request: Request) -> Response:
    """An answer that costs less than its bound, and how much the question says."""
    number = int(request.messages[-1].content)
    return Response(f"answer {number}", Usage(1, number % MOST_TOKENS))


async def put(cache: Cache, items: Sequence[Sequence[int]]) -> None:
    """Keep answers side by side, and say which of them are kept."""

    async def one(key: int, number: int, size: int) -> None:
        await cache.put(key_of(key), answer_of(number, size))
        say(f"kept {key}")

    await asyncio.gather(*(one(*item) for item in items))


async def ask(cache: Cache, numbers: Sequence[int], calls: int, tokens: int) -> None:
    """Ask one after the other within a budget, and say what is sent and answered."""

    def answered(request: Request) -> Response:
        say(f"sent {request.messages[-1].content}")
        return reply(request)

    lm, ledger = FunctionLM(answered), Ledger(Budget(calls=calls, tokens=tokens))
    for number in numbers:
        try:
            await call(question(number), lm, cache=cache, ledger=ledger)
            say(f"done {number}")
        except BudgetExceeded:
            say(f"refused {number}")
    spent = ledger.spent()
    say(f"spent {spent.calls} {spent.tokens}")


def say(text: str) -> None:
    """One line, unbuffered: what was said before a kill was said."""
    os.write(1, f"{text}\n".encode())


def child(folder: str, microseconds: int | None, work: dict[str, Any]) -> None:
    """Do one job; the alarm ends it as a kill does, at any instruction."""
    cache = Cache(folder)
    if microseconds is not None:
        signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
    kind = work.pop("kind")
    asyncio.run((put if kind == "put" else ask)(cache, **work))
    cache.close()


def main() -> None:
    """Fork a child for each job."""
    for line in sys.stdin:
        job = json.loads(line)
        number = os.fork()
        if not number:
            child(**job)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        say(f"end {status}")


class Elsewhere:
    """The process above, as tests see it; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.lm.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def do(
        self, folder: str, microseconds: int | None, **work: Any
    ) -> tuple[list[list[str]], bool]:
        """What a child said, in words, and whether it came to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"folder": folder, "microseconds": microseconds, "work": work}
        self._process.stdin.write(f"{json.dumps(job)}\n")
        self._process.stdin.flush()
        said: list[list[str]] = []
        while (words := self._process.stdout.readline().split())[0] != "end":
            said.append(words)
        status = int(words[1])
        assert status in {0, -signal.SIGALRM}, said
        return said, status == 0


if __name__ == "__main__":
    main()

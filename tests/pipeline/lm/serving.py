"""Other processes that have a local server, and end in one way or another.

python -m tests.pipeline.lm.serving HOW MODEL: each line that they tell is JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.timing import PATIENCE
from weft.pipeline.lm.local.server import SERVERS
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request

ROOT = Path(__file__).resolve().parents[3]


def server_ids() -> list[int]:
    """The process ids of this process's servers."""
    return [server.process.pid for server in SERVERS._started]


def ask(lm: LM, text: str = "hi") -> str:
    """Ask in an event loop of its own."""
    request = Request(
        lm.model, (Message("user", text),), lm.sampling, endpoint=lm.endpoint
    )
    return asyncio.run(lm.complete(request)).text


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not waited for does not.

    Its first thread may have ended before the others: it can be waited for after them.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except FileNotFoundError:
        return False
    state = stat.rpartition(")")[2].split()
    return state[0] != "Z" or int(state[17]) > 1


def gone(pid: int) -> bool:
    """Whether a process has ended, or ends soon."""
    ends = time.monotonic() + PATIENCE
    while lives(pid) and time.monotonic() < ends:
        time.sleep(0.02)
    return not lives(pid)


@contextmanager
def owner(how: str, model: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has a server; killed at the end, if it lives."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.pipeline.lm.serving", how, model],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> Any:
    """The next that a process tells."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def _tell(told: Any) -> None:
    print(json.dumps(told), flush=True)


def _main(how: str, model: str) -> None:
    lm = LM(model, threads=1, max_tokens=4)
    ask(lm)
    ours = server_ids()
    if how == "forks":
        _fork_and_ask(lm)
    elif how == "interrupted":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            _tell(ours)  # who hears it may interrupt at once
            time.sleep(PATIENCE)
        except KeyboardInterrupt:
            ask(lm)
            _tell(server_ids())
    elif how == "leaves a fork":
        child = os.fork()
        if child == 0:
            time.sleep(PATIENCE)
            os._exit(0)
        _tell([*ours, child])
        time.sleep(PATIENCE)
    else:
        _tell(ours)
        if how == "waits":
            time.sleep(PATIENCE)


def _fork_and_ask(lm: LM) -> None:
    """A forked process asks, and ends as processes do; its parent asks afterwards."""
    ours = server_ids()
    ends = os.pipe()
    child = os.fork()
    if child == 0:
        ask(lm)
        os.write(ends[1], json.dumps(server_ids()).encode())
        sys.exit(0)  # with everything that is done at the exit of an interpreter
    theirs = json.loads(os.read(ends[0], 100))
    _, status = os.waitpid(child, 0)
    ask(lm)
    _tell({"ours": ours, "theirs": theirs, "after": server_ids(), "status": status})


if __name__ == "__main__":
    _main(*sys.argv[1:])

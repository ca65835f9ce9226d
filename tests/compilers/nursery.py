"""Compiles that die by a signal, forked: `python -m tests.compilers.nursery`.

A line in, `[recipe's number, folder, calls, signal]`, forks a compile; the line out is
its exit status. Before that many calls it is left alone; from then on no answer comes,
and the signal hits while those before are still being written down. With `calls` 0 it
runs to its end and saves the artifact. Each request that the model is asked is logged
before it is answered, so that whoever reads the log can tell what was asked twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import threading
from pathlib import Path

import weft
from tests.compilers.every import RECIPES, compiled
from tests.compilers.worlds import Asked, learner
from weft.compilers.driving import driver

INTERRUPTED = 130


def main() -> None:
    """Fork one compile for each line."""
    assert driver  # imported once, before the first fork
    # Parallel test runners ignore Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        number, folder, calls, by = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_compiled(number, Path(folder), calls, by))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _compiled(number: int, folder: Path, calls: int, by: int) -> int:
    signal.alarm(120)  # a child that lost its signal must not wait for ever
    log = (folder / "asked.log").open("a", encoding="utf-8")
    asked = 0

    async def reply(request: weft.Request) -> str:
        nonlocal asked
        log.write(request.key + "\n")
        log.flush()
        asked += 1
        if calls and asked >= calls:
            if asked == calls:
                wait = random.random() / 500
                threading.Timer(wait, _struck, (by,)).start()
            await asyncio.Event().wait()
        await asyncio.sleep(random.random() / 1000)
        read = Asked.read(request)
        return read.reply(learner(read))

    lm = weft.FunctionLM(reply, model="planted")
    options = {"budget": 110, "run_dir": folder, "concurrency": 4}
    try:
        with weft.use(lm=lm, cache=None):
            compiled(RECIPES[number], **options).save(folder / "made.weft.json")
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _struck(by: int) -> None:
    """One signal; a second would hide that the first was lost."""
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    signal.pthread_kill(main_thread, by)


if __name__ == "__main__":
    main()

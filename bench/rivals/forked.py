"""Jobs on standard input, one JSON line each; every job in a fork with a time limit.

The library is imported once, before the first fork, so that a job pays for its work
alone and nothing is kept from one job to the next.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Literal

__all__ = ["MODEL", "Job", "Result", "answer_jobs", "literal"]

MODEL = "openai/gpt-4o-mini"
"""A name that everybody's price tables know: dspy takes 2 ms longer over others."""

Job = dict[str, Any]
Result = dict[str, Any]


def literal(labels: tuple[str, ...]) -> Any:
    """The type of one of these texts."""
    made: Any = Literal
    return made[labels]


def answer_jobs(work: Callable[[Job], Result]) -> None:
    """Print a result for every job that is read; ends with the input."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job: Job = json.loads(line)
        print(json.dumps(_bounded(work, job)), flush=True)


def _bounded(work: Callable[[Job], Result], job: Job) -> Result:
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, job, theirs))
    process.start()
    theirs.close()
    try:
        if mine.poll(job["seconds"]):
            result: Result = mine.recv()
            return result
        return {"stopped": job["seconds"]}
    except EOFError:
        return {"error": "it ended without a result"}
    finally:
        process.kill()
        process.join()


def _work(work: Callable[[Job], Result], job: Job, to: Connection) -> None:
    # What a library prints must not stand among the results.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not job.get("loud"):
        os.dup2(1, 2)
    try:
        to.send(work(job))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
        traceback.print_exc()
        to.send({"error": f"{type(error).__name__}: {error}"[:300]})

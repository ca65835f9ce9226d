"""What the workers of a cluster import in the tests: a program, its step, settings."""

from __future__ import annotations

import os
import signal
import threading
from typing import Literal

import weft

LOCK = threading.Lock()
"""A thing that no pickle holds."""


class Ticket(weft.Signature):
    """Route a message."""

    message: str = weft.Input()
    team: Literal["cards", "accounts"] = weft.Output()
    note: str | None = weft.Output(default=None)


triage = weft.Predict(Ticket)


@weft.step
def mended(message: str) -> str:
    """Mend a message; one message kills the process that looks at it."""
    with LOCK:
        if "poison" in message:
            os.kill(os.getpid(), signal.SIGKILL)
        return message.strip()


@weft.program
def routed(message: str) -> Ticket:
    """One step and one call a row."""
    return triage(message=mended(message))


def settings() -> None:
    """The model's server knows each process by its key, which no cache key holds."""
    lm = weft.LM("m", api_base=os.environ["FAR_URL"], api_key=f"pid-{os.getpid()}")
    weft.configure(lm=lm, cache=os.environ["FAR_CACHE"])


def broken() -> None:
    """Settings that fail."""
    raise RuntimeError("no such vault")

"""What `Program.stream` tells while a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pipeline.events import (
    Event,
    FieldDelta,
    Finished,
    NodeFinished,
    NodeStarted,
    Partial,
    Restarted,
)
from .pipeline.ground.hints import missing

__all__ = [
    "Event",
    "FieldDelta",
    "Finished",
    "NodeFinished",
    "NodeStarted",
    "Partial",
    "Restarted",
]

if not TYPE_CHECKING:
    # Hidden, so that checkers refuse what is no event.

    def __getattr__(name: str) -> Any:
        raise missing(f"module {__name__!r}", "events", name, __all__)

"""What `Program.stream` tells while a run goes on."""

from __future__ import annotations

from .pipeline.events import (
    Event,
    FieldDelta,
    Finished,
    NodeFinished,
    NodeStarted,
    Partial,
    Restarted,
)

__all__ = [
    "Event",
    "FieldDelta",
    "Finished",
    "NodeFinished",
    "NodeStarted",
    "Partial",
    "Restarted",
]

"""The seam to whatever keeps answers: a cache on disk, one in memory, a journal."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .request import Response


@runtime_checkable
class AnswerStore(Protocol):
    """Answers by request key."""

    def get(self, key: str) -> Response | None:
        """The answer, marked as cached, or None; fast, and without errors."""
        ...

    async def put(self, key: str, response: Response) -> None:
        """Keep an answer; it is kept when this returns."""
        ...

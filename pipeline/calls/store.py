"""The seam to whatever keeps answers: a cache on disk, one in memory, a journal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Protocol, runtime_checkable

from ..errors import ContentFiltered, ModelFailure, TooLarge
from ..lm.request import Response

WITHHELD: Final = (ContentFiltered, TooLarge)
"""What a request comes to, and not the moment at which it was asked."""


@runtime_checkable
class AnswerStore(Protocol):
    """Answers by request key."""

    def get(self, key: str) -> Response | None:
        """The answer, marked as cached, or None; fast, and without errors."""
        ...

    async def put(self, key: str, response: Response) -> None:
        """Keep an answer; it is kept when this returns."""
        ...


class SharedStore(AnswerStore, ABC):
    """Answers that other processes have, too: of these, one makes a call."""

    @abstractmethod
    async def claim(self, key: str, patience: float | None = None) -> Response | None:
        """Wait until it is this process's turn to make a call.

        Args:
            key: The request's.
            patience: Seconds after which the others are not waited for any more.

        Returns:
            The answer that another process brought meanwhile; or None, and then the
            call is the caller's to make, and `release` must follow.
        """

    @abstractmethod
    def release(self, key: str) -> None:
        """Let other processes have their turn."""


@runtime_checkable
class RunStore(AnswerStore, Protocol):
    """The answers of one run, and which requests got none because of what they ask.

    In such a run a request is asked once, whatever came of it: else what was sent, and
    so what was spent, would hang on which of two equal calls came first.
    """

    async def withhold(self, key: str, error: ModelFailure) -> None:
        """Keep that an answer was withheld; `get` raises the error from now on."""
        ...

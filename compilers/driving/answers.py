"""The answers of one run, over whatever cache there is; those withheld among them.

In a run a request is asked once, whatever came of it. Were a refusal asked for again,
what is sent, and so what is spent, would hang on which of two equal calls came first.
"""

from __future__ import annotations

from ...pipeline.calls.store import WITHHELD, AnswerStore, SharedStore
from ...pipeline.errors import ModelFailure
from ...pipeline.lm.request import Response

KINDS = {kind.__name__: kind for kind in WITHHELD}


class RunAnswers(SharedStore):
    """Answers from a cache, and the requests of this run that got none.

    Args:
        below: The cache, or None for none.
    """

    def __init__(self, below: AnswerStore | None) -> None:
        self._below = below
        self._withheld: dict[str, ModelFailure] = {}

    def get(self, key: str) -> Response | None:
        """The cache's answer.

        Raises:
            ModelFailure: It was withheld before, in this run.
        """
        error = self._withheld.get(key)
        if error is not None:
            raise KINDS[type(error).__name__](error.message)
        return None if self._below is None else self._below.get(key)

    async def put(self, key: str, response: Response) -> None:
        """Cache an answer."""
        if self._below is not None:
            await self._below.put(key, response)

    async def withhold(self, key: str, error: ModelFailure) -> None:
        """Keep a refusal for this run; in another one it is asked again."""
        self._withheld[key] = error

    async def claim(self, key: str, patience: float | None = None) -> Response | None:
        """Wait for the processes that have the same cache."""
        if isinstance(self._below, SharedStore):
            return await self._below.claim(key, patience)
        return None

    def release(self, key: str) -> None:
        """Let the processes that have the same cache have their turn."""
        if isinstance(self._below, SharedStore):
            self._below.release(key)

"""A model whose attempts are counted where they leave."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, final

from ..pipeline.lm.abilities import Abilities
from ..pipeline.lm.lm import Listener
from ..pipeline.lm.models import LM
from ..pipeline.lm.request import JSON, Request, Response


@dataclass(slots=True)
class Count:
    """What was spent: attempts, and the tokens that answers say they took."""

    calls: int = 0
    tokens: int = 0

    def add(self, response: Response) -> Response:
        """Count an answer's tokens."""
        if response.usage is not None:
            self.tokens += response.usage.input_tokens + response.usage.output_tokens
        return response


@final
class Counted:
    """A model that counts its attempts, retries among them.

    Args:
        lm: Who answers.
        count: Where attempts are counted.
    """

    def __init__(self, lm: LM, count: Count) -> None:
        self._lm = lm
        self._count = count

    @property
    def model(self) -> str:
        """The model's name as its endpoint knows it."""
        return self._lm.model

    @property
    def endpoint(self) -> str:
        """Who answers."""
        return self._lm.endpoint

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """Sampling parameters sent with every request."""
        return self._lm.sampling

    @property
    def schema_mode(self) -> bool:
        """Whether schemas are sent where a form does not say so itself."""
        return self._lm.schema_mode

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do now, as far as it is known."""
        return self._lm.abilities

    def complete(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request, in one attempt that counts."""
        self._count.calls += 1
        return self._counted(self._lm.complete(request))

    async def stream(self, request: Request, listener: Listener) -> Response:
        """As `complete`, and show the pieces to `listener` as they arrive."""
        self._count.calls += 1
        return self._count.add(await self._lm.stream(request, listener))

    async def _counted(self, asking: Coroutine[Any, Any, Response]) -> Response:
        return self._count.add(await asking)

"""The seam to the outside world: anything with `complete(request) -> response`.

Instances of the idea: an OpenAI-compatible endpoint over HTTP, litellm for every other
provider, the offline `embedded` stand-in, and the public fakes.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from .request import JSON, Request, Response


class Listener(Protocol):
    """Who is told a reply while it arrives."""

    def restart(self) -> None:
        """A new attempt begins; what was shown before does not count."""
        ...

    def show(self, text: str) -> None:
        """A further piece of the reply."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """What the runtime needs of a model.

    `complete` makes exactly one attempt: retries, caching, limits and budgets belong to
    the runtime. It raises `ModelError`s and nothing else for a failed call.
    """

    @property
    def model(self) -> str:
        """The model's name as its endpoint knows it."""
        ...

    @property
    def endpoint(self) -> str:
        """Who answers: a base URL without credentials, or a back end's name."""
        ...

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """Sampling parameters sent with every request, in the wire's own names."""
        ...

    @property
    def schema_mode(self) -> bool:
        """Whether the endpoint obeys a JSON schema in `response_format`."""
        ...

    def complete(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request, in one attempt."""
        ...


L = TypeVar("L", bound=LanguageModel)


@runtime_checkable
class StreamingModel(LanguageModel, Protocol):
    """A model that can also hand over its reply piece by piece."""

    async def stream(self, request: Request, listener: Listener) -> Response:
        """As `complete`, and show the pieces to `listener` as they arrive."""
        ...


class Behind(Generic[L]):
    """A model that goes by the name, endpoint and sampling of the one that answers.

    So both ways of asking make the same requests, and share the cache.

    Args:
        lm: The model that answers.
    """

    def __init__(self, lm: L) -> None:
        self._lm = lm

    @property
    def model(self) -> str:
        """The name of the model that answers."""
        return self._lm.model

    @property
    def endpoint(self) -> str:
        """The endpoint of the model that answers."""
        return self._lm.endpoint

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """The sampling of the model that answers."""
        return self._lm.sampling

    @property
    def schema_mode(self) -> bool:
        """Whether the model that answers obeys a JSON schema."""
        return self._lm.schema_mode

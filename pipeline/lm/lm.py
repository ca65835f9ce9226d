"""The seam to the outside world: anything with `complete(request) -> response`.

Instances of the idea: an OpenAI-compatible endpoint over HTTP, litellm for every other
provider, the offline `embedded` stand-in, and the public fakes. What each may be told
(`Sampling`) is checked when it is made, and not at the first call. `direct` makes it
callable, `lm("text")`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Coroutine, Mapping
from typing import (
    Any,
    Final,
    Generic,
    Protocol,
    TypedDict,
    TypeGuard,
    TypeVar,
    cast,
    runtime_checkable,
)
from urllib.parse import urlsplit

from .. import seam
from ..errors import ConfigError
from ..ground import strictjson
from .context import DEFAULT_OUTPUT_TOKENS
from .request import JSON, Request, Response


class Listener(Protocol):
    """Who is told a reply while it arrives."""

    def restart(self) -> None:
        """A new attempt begins; what was shown before does not count."""
        ...

    def show(self, text: str) -> None:
        """A further piece of the reply."""
        ...


class Unchanging:
    """A model whose name, endpoint and sampling stay what they are while it lives.

    What hangs on them is worked out once for it, and for any other at every call.
    """

    __slots__ = ()


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


def as_lm(value: str | LanguageModel) -> LanguageModel:
    """A model from a model string, or the model itself.

    Raises:
        ConfigError: It is neither, or the string is unknown.
    """
    if isinstance(value, str):
        return cast(LanguageModel, seam.model_named(value))
    # A class has the attributes too, but they belong to its instances.
    if isinstance(cast(object, value), LanguageModel) and not isinstance(value, type):
        return value
    raise ConfigError(
        f"{value!r} is no model",
        hint='Give a model string such as "openai/gpt-5-mini", an LM(...), or an '
        "object with model, endpoint, sampling, schema_mode and complete",
    )


L = TypeVar("L", bound=LanguageModel)


@runtime_checkable
class StreamingModel(LanguageModel, Protocol):
    """A model that can also hand over its reply piece by piece."""

    async def stream(self, request: Request, listener: Listener) -> Response:
        """As `complete`, and show the pieces to `listener` as they arrive."""
        ...


@runtime_checkable
class NamedModel(LanguageModel, Protocol):
    """A model that knows the string that it was made from."""

    @property
    def name(self) -> str:
        """The model string, such as "openai/gpt-5-mini"."""
        ...


def name_of(lm: LanguageModel) -> str:
    """What a model is called in a choice among models: never its key or address.

    The string that it was made from, which makes it again; else its own name.
    """
    return lm.name if isinstance(lm, NamedModel) else lm.model


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


class Sampling(TypedDict, total=False):
    """The sampling options that `LM` and modules accept, in the wire's own names."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    stop: str | list[str]
    presence_penalty: float
    frequency_penalty: float
    reasoning_effort: str
    verbosity: str
    logit_bias: Mapping[str, float]
    logprobs: int


SAMPLING: Final = tuple(Sampling.__annotations__)
"""The names of the sampling options."""

_NUMBERS: Final = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty"}
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SECRET: Final = frozenset({"api_key", "apikey", "authorization", "password"})
_OURS: Final = frozenset(
    {"model", "messages", "response_format", "stream", "n", "max_completion_tokens"}
)


def checked_timeout(timeout: float) -> float:
    """Seconds as a number.

    Raises:
        ConfigError: They are not positive and finite.
    """
    if isinstance(timeout, bool) or not 0 < timeout < math.inf:
        message = f"timeout={timeout!r} is no positive number of seconds"
        raise ConfigError(message, hint="Give seconds, such as 60")
    return float(timeout)


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """An independent copy.

    Raises:
        ConfigError: One cannot stand in the head of a request.
    """
    for name, value in headers.items():
        if not sendable(name) or not sendable(value):
            message = f"the header {name!r} is no text, or holds a line break"
            raise ConfigError(message, hint="Give texts without control characters")
    return dict(headers)


def checked_proxy(proxy: str | None) -> str | None:
    """The address of a proxy.

    Raises:
        ConfigError: It is no address of one; it is not shown, as it may hold a login.
    """
    if proxy is None:
        return None
    try:
        parts = urlsplit(proxy if sendable(proxy) else "")
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise ConfigError(
            "proxy is no http or https address",
            hint='Write it like proxy="http://localhost:3128"',
        )
    return proxy


def sendable(text: object) -> TypeGuard[str]:
    """Whether it is a text that can stand in the head of a request."""
    if not isinstance(text, str) or _CONTROL.search(text):
        return False
    return strictjson.is_text(text)


def check_logprobs(shown: object) -> None:
    """Refuse what is no number of tokens that are shown at each place.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(shown, int) or isinstance(shown, bool) or shown < 0:
        message = f"logprobs={shown!r} is no number of tokens that are shown"
        hint = "Give how many of the likeliest are shown at each place, such as 20"
        raise ConfigError(message, hint=hint)


def checked_sampling(sampling: Sampling, extra: Mapping[str, JSON]) -> dict[str, Any]:
    """An independent copy as the wire will carry it.

    Raises:
        ConfigError: An option is unknown, taken, or of a value that cannot be sent.
    """
    taken = sorted((_OURS | {*SAMPLING}) & {*extra})
    if extra.get("logprobs") is True:  # as the wire has it, for who reads the wire
        taken.remove("logprobs")
    if taken:
        message = f"extra cannot set {taken[0]!r}"
        hint = "Pass max_tokens" if "tokens" in taken[0] else "weft sets it by itself"
        if taken[0] in SAMPLING:
            hint = f"Pass {taken[0]}= itself"
        raise ConfigError(message, hint=hint)
    for name in _SECRET & {name.lower() for name in extra}:
        message = f"extra cannot hold {name!r}: it is kept with requests and shown"
        raise ConfigError(message, hint="Pass api_key= or headers=, which never are")
    given = {"max_tokens": DEFAULT_OUTPUT_TOKENS, **sampling, **extra}
    try:
        text = json.dumps(given, allow_nan=False, ensure_ascii=False)
        copy: dict[str, Any] = json.loads(text.encode())
    except (TypeError, ValueError, RecursionError):
        raise ConfigError(
            f"sampling holds a value that JSON cannot carry: {given!r}",
            hint="Use finite numbers, texts, lists and dicts with text keys",
        ) from None
    for name in _NUMBERS & {*copy}:
        if not isinstance(copy[name], int | float) or isinstance(copy[name], bool):
            message = f"{name}={copy[name]!r} is no number"
            raise ConfigError(message, hint=f"Write {name}=0.5, without quotes")
    most = copy["max_tokens"]
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        message = f"max_tokens={most!r} is no positive whole number"
        raise ConfigError(message, hint="Give a number of tokens, such as 4096")
    check_logprobs(sampling.get("logprobs", 0))
    return copy

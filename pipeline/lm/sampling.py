"""What an `LM` may be told, and the checks of it: options, headers, seconds.

What cannot be sent is refused when the model is made, and not at the first call.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict, TypeGuard

from ..calls.reservation import DEFAULT_OUTPUT_TOKENS
from ..errors import ConfigError
from ..ground import strictjson
from .request import JSON


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


def sendable(text: object) -> TypeGuard[str]:
    """Whether it is a text that can stand in the head of a request."""
    if not isinstance(text, str) or _CONTROL.search(text):
        return False
    return strictjson.is_text(text)


def checked_sampling(sampling: Sampling, extra: Mapping[str, JSON]) -> dict[str, Any]:
    """An independent copy as the wire will carry it.

    Raises:
        ConfigError: An option is unknown, taken, or of a value that cannot be sent.
    """
    taken = sorted((_OURS | {*SAMPLING}) & {*extra})
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
    return copy

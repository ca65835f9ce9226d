"""Where an MCP server is: a program that is started, or an address that is asked."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit

from ...pipeline.errors import ConfigError
from ...pipeline.ground.shapes import is_sequence
from ...pipeline.ground.words import brief
from ...pipeline.lm.lm import checked_headers, checked_timeout
from ...pipeline.lm.wire.secrets import secrets_of

_PREFIX: Final = re.compile(r"(?:[A-Za-z]\w*)?\Z", re.ASCII)
_SHORTEST: Final = 8


@dataclass(frozen=True)
class Stdio:
    """A server that is a program: started, and asked through its stdin and stdout.

    No shell reads the command. The program sees of our environment PATH, HOME, LOGNAME,
    SHELL, TERM and USER (on Windows what stands for these), and what `env` gives it;
    no key of yours. It ends when the connection does, with all that it started.

    Args:
        command: The program and its arguments, in order.
        env: Variables that it is given.
        cwd: The folder that it runs in; ours by default.
        prefix: Stands before the names of its tools.
        protocol: The version that is spoken; "auto" asks the server.

    Raises:
        ConfigError: The command is no list of texts, or something else cannot be.

    >>> Stdio(["python", "rooms.py", "--floor", "2"], env={"TOKEN": "t"})
    Stdio('python rooms.py --floor 2')
    """

    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | os.PathLike[str] | None = None
    prefix: str = ""
    protocol: str = "auto"

    def __post_init__(self) -> None:
        given = cast(object, self.command)
        words = list(given) if is_sequence(given) else []
        if not words or not all(_is_word(word) for word in words):
            raise ConfigError(
                f"{given!r:.200} is no command",
                hint='Write it as a list, since no shell reads it: ["python", '
                '"server.py"]',
            )
        for name, value in dict(self.env).items():
            if not (_is_word(name) and _is_word(value)) or not name or "=" in name:
                raise ConfigError(
                    f"env: {name!r} is no variable, or its value is no text",
                    hint="Give texts by name",
                )
        _check_prefix(self.prefix)
        object.__setattr__(self, "command", tuple(words))
        object.__setattr__(self, "env", dict(self.env))

    @property
    def label(self) -> str:
        """What it is called in messages: never what its environment holds."""
        return brief(" ".join(" ".join(self.command).split()))

    @property
    def secrets(self) -> list[str]:
        """What it is given that nobody else may be shown, its environment's values."""
        return _long(secrets_of("", self.env))

    def __repr__(self) -> str:
        return f"Stdio({self.label!r})"


@dataclass(frozen=True)
class Http:
    """A server that answers at an address, by MCP's Streamable HTTP.

    Redirects are followed within the address's own origin, and nowhere else.

    Args:
        url: Its address, http or https.
        headers: Sent with every request, such as `Authorization`; never shown.
        prefix: Stands before the names of its tools.
        protocol: The version that is spoken; "auto" asks the server.

    Raises:
        ConfigError: It is no address, or a header cannot be sent.

    >>> Http("https://user:key@example.org/mcp?token=t", headers={"X-Key": "k"})
    Http('https://example.org/mcp')
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    prefix: str = ""
    protocol: str = "auto"

    def __post_init__(self) -> None:
        if not is_address(self.url):
            raise ConfigError(
                f"{type(self.url).__name__} is no http or https address"
                if not isinstance(cast(object, self.url), str)
                else "this is no http or https address of a server",
                hint='Write it like "http://127.0.0.1:8000/mcp"',
            )
        object.__setattr__(self, "headers", checked_headers(self.headers))
        _check_prefix(self.prefix)

    @property
    def label(self) -> str:
        """What it is called in messages: no login, and nothing behind a `?`."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}"

    @property
    def secrets(self) -> list[str]:
        """What it is sent that nobody else may be shown: headers, and the login."""
        return _long(secrets_of(self.url, self.headers))

    def __repr__(self) -> str:
        return f"Http({self.label!r})"


Place = Stdio | Http


def place_of(given: object) -> Place:
    """A server as it was written: an address, a command, or one of the two classes.

    Raises:
        ConfigError: It is none of them.
    """
    if isinstance(given, Stdio | Http):
        return given
    if isinstance(given, str):
        if is_address(given):
            return Http(given)
        raise ConfigError(
            f"{given!r:.200} is no http or https address",
            hint='A program that is to be started is a list: ["python", "server.py"]',
        )
    return Stdio(cast(Any, given))


def is_address(text: object) -> bool:
    """Whether it is an http or https address with a host."""
    try:
        parts = urlsplit(text if isinstance(text, str) else "")
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def checked_seconds(timeout: float | None) -> float | None:
    """Seconds that something may take; None for no limit.

    Raises:
        ConfigError: They are not positive and finite.
    """
    return None if timeout in (None, math.inf) else checked_timeout(cast(Any, timeout))


def _long(secrets: list[str]) -> list[str]:
    """Those that are no part of a word."""
    return [secret for secret in secrets if len(secret) >= _SHORTEST]


def _is_word(text: object) -> bool:
    return isinstance(text, str) and "\0" not in text


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str) or not _PREFIX.match(prefix):
        raise ConfigError(
            f"prefix={prefix!r} begins no name", hint='Write it like prefix="hotel_"'
        )

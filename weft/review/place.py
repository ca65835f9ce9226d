"""One review at a time writes a file, and it comes back at the address it had.

A small file beside the remarks, `.NAME.lock`, is locked while a review runs. It also
remembers port and token, readable by its owner only, so that a page that is still open
goes on after the server was killed and started again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..pipeline.errors import ConfigError

_TOKEN_BYTES = 24


@dataclass
class Place:
    """Where a review can be found.

    Args:
        port: On 127.0.0.1; 0 where any will do.
        token: Whoever does not know it is refused.
    """

    port: int
    token: str
    _file: int

    def keep(self, port: int) -> None:
        """Remember the port that it became."""
        self.port = port
        text = json.dumps({"port": port, "token": self.token}).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text, 0)


@contextlib.contextmanager
def held(out: Path) -> Generator[Place]:
    """The place of the review that writes `out`, for this process alone.

    Raises:
        ConfigError: Another review writes it now, or its folder is not writable.
    """
    path = out.parent / f".{out.name}.lock"
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"another review writes {out} now",
                hint="Go on there, or name another file with --out",
            ) from None
        os.fchmod(file, 0o600)
        yield _known(file)
    finally:
        os.close(file)


def _known(file: int) -> Place:
    """The place of the last time; a new one where there is none."""
    fresh = Place(0, secrets.token_urlsafe(_TOKEN_BYTES), file)
    try:
        data: object = json.loads(os.pread(file, 4096, 0))
    except ValueError:
        return fresh
    tree = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    port, token = tree.get("port"), tree.get("token")
    if not isinstance(port, int) or not 1024 <= port <= 65535:
        return fresh
    if not isinstance(token, str) or len(token) < _TOKEN_BYTES or not token.isascii():
        return fresh
    return Place(port, token, file)

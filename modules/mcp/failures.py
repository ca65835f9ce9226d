"""What a server said last, and the errors that tell it, without any key of ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Generator
from typing import Any, Final, NamedTuple, TextIO

import pydantic

from ...pipeline.errors import ToolServerError
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.ground.words import brief
from ...pipeline.lm.wire.secrets import without
from .place import Http, Place

_LOOK: Final = 0.02  # seconds
_LOOKS: Final = 25
_LAST_LINES: Final = 8
_NO_LOGIN: Final = ("401", "403")


def gone(place: Place, what: str, said: str) -> ToolServerError:
    """The error of a server that is gone, or is none.

    Args:
        place: The server.
        what: What it does, as what follows its name.
        said: The last that it said.
    """
    what, said = without(what, place.secrets), without(said, place.secrets)
    far = isinstance(place, Http)
    if far and said.startswith(_NO_LOGIN):
        return ToolServerError(
            f"the server {place.label} {what}; it answered: {said}",
            hint="It wants a login, and OAuth is not spoken here: get a token, and "
            'write weft.mcp.Http(url, headers={"Authorization": "Bearer ..."})',
        )
    wrote = "it answered" if far else "the last that it wrote"
    look = "Look at its log" if far else "Run its command by itself to see why"
    last = f"; {wrote}: {said}" if said else ""
    return ToolServerError(
        f"the server {place.label} {what}{last}",
        hint=f"{look}, and open the connection anew",
    )


def fault_of(error: Exception) -> str:
    """What is wrong with an answer: of one that does not fit, where and how."""
    if not isinstance(error, pydantic.ValidationError):
        return str(error) or type(error).__name__
    places = [(*map(str, one["loc"]), one["msg"]) for one in error.errors()[:3]]
    return "; ".join(f"{'.'.join(at)}: {said}" for *at, said in places)


class LastWords(NamedTuple):
    """The last lines that a program wrote to its stderr; a server's last refusal."""

    file: TextIO
    lines: deque[str]
    over: threading.Event

    async def ended(self) -> None:
        """Wait until all that it wrote was read, where it has ended; not for long."""
        for _ in range(_LOOKS):
            if self.over.is_set():
                return
            await asyncio.sleep(_LOOK)

    def text(self) -> str:
        """Them as one text, and not a long one."""
        return brief(" | ".join(self.lines), 500)


@contextlib.contextmanager
def last_words() -> Generator[LastWords]:
    """A pipe for a program's stderr, of which the end is kept and nothing is shown."""
    reading, writing = os.pipe()
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    over = threading.Event()

    def read() -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
            while line := pipe.readline(4_000):
                if text := line.strip():
                    lines.append(brief(text, 200))
        over.set()

    threading.Thread(target=read, name="weft-mcp-stderr", daemon=True).start()
    with os.fdopen(writing, "w", encoding="utf-8") as file:
        yield LastWords(file, lines, over)


def cleaned(data: Any, secrets: list[str]) -> Any:
    """What a server sent, without what it was sent in secret: it may quote a key."""
    if not secrets:
        return data
    if isinstance(data, str):
        return without(data, secrets)
    if is_list(data):
        return [cleaned(one, secrets) for one in data]
    if is_dict(data):
        return {
            without(key, secrets): cleaned(one, secrets) for key, one in data.items()
        }
    return data

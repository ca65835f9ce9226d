"""What a person types, kept: each answer is on the disk before the next one is asked.

It takes hours, and can be had a second time from nobody. So a call that is made again,
after an interrupt, a kill or an error behind it, goes on from the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..pipeline.errors import ConfigError, cause
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import AppendLog, DamagedLine
from ..pipeline.ground.shapes import is_dict

ELSEWHERE: Final = "Name another file to keep answers in"
"""What to do where a file holds answers to something else."""

_BEGINS: Final = b'{"answer'


@dataclass(frozen=True)
class Answers:
    """What earlier calls were answered, and where new answers go.

    Args:
        known: The lines of the file as data, each with its place for messages.
        log: The file; None where nothing is kept.
    """

    known: tuple[tuple[str, dict[str, Any]], ...] = ()
    log: AppendLog | None = None

    def keep(self, what: str, data: Mapping[str, Any]) -> None:
        """Write down a new answer; it is on the disk when this returns.

        Args:
            what: What it answers, as in "row 'm1'".
            data: The line.

        Raises:
            ConfigError: It could not be written.
        """
        if self.log is None:
            return
        try:
            self.log.append(f"{strictjson.canonical(data)}\n".encode(), sync=True)
        except OSError as error:
            raise ConfigError(
                f"the answer to {what} could not be written: {cause(error)}",
                hint="Make room, and call it again: it goes on behind the one before",
            ) from None


@contextlib.contextmanager
def answers_in(
    out: str | Path | None, is_answer: Callable[[dict[str, Any]], bool]
) -> Generator[Answers]:
    """The answers that `out` holds, and the file while nobody else writes it.

    Args:
        out: The file; made where it is missing. None keeps nothing.
        is_answer: Whether an object is a line of it.

    Raises:
        ConfigError: It cannot be opened, or holds what is no answer.
    """
    if out is None:
        yield Answers()
        return
    try:
        log = AppendLog(Path(out))
    except BlockingIOError:
        raise ConfigError(
            f"somebody else answers into {out} now", hint=f"Wait for them. {ELSEWHERE}"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{out} cannot be written: {cause(error)}", hint=ELSEWHERE
        ) from None

    def read(line: bytes) -> dict[str, Any] | None:
        """A line as data: empty where it is blank, None where it is no answer."""
        if not line.strip():
            return {}
        try:
            data = strictjson.loads(line.decode("utf-8"), own=True)
        except ValueError:
            return None
        return data if is_dict(data) and is_answer(data) else None

    with log:
        try:
            lines = [*enumerate(log.read(read, _BEGINS), 1)]
        except DamagedLine as damage:
            raise ConfigError(
                f"{out}, line {damage.line}, is no answer",
                hint=f"Mend the line. {ELSEWHERE}",
            ) from None
        known = ((f"{out}, line {number},", data) for number, data in lines if data)
        yield Answers(tuple(known), log)

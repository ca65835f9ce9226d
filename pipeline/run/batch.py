"""Many more rows than memory holds: in order, bounded, and into a file that resumes.

The file is its own journal. Results are appended in the order of the rows, so what is
there is always a beginning of the whole; a torn last line is cut off, the rows already
done are checked against their digests, and the run goes on with the next one. A file
that holds anything else is left as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..data.rows import Example, iter_rows
from ..errors import ConfigError, DataError, DivergenceError, WeftError
from ..graph.digest import program_digest
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..graph.runnable import OnError, Place, Runner
from ..ground import strictjson
from ..ground.files import AppendLog, DamagedLine
from ..ground.options import checked, path_of
from ..ground.plain import plain
from ..ground.shapes import is_dict
from .bridge import in_thread, waits_for
from .rows import bind_row, in_order, placed, progress_bar

T = TypeVar("T")
V = TypeVar("V")
_DIGITS = 16
_CHUNK = 256
_SECONDS = 1.0
_BEGINS = b'{"id": "'


@dataclass(frozen=True)
class BatchDone:
    """How a batch into a file went.

    Args:
        path: The file, one JSON object a row, in the order of the rows.
        rows: Rows in the file.
        resumed: How many of them were there before.
        failed: How many hold an error.
    """

    path: Path
    rows: int
    resumed: int
    failed: int


@checked
async def abatch_to(
    program: Program[..., Any] | Module[..., Any],
    rows: Any,
    path: str | Path,
    *,
    concurrency: int = 64,
    on_error: OnError = "raise",
    progress: bool = False,
    on: Place | None = None,
) -> BatchDone:
    """As `batch_to`, without blocking the event loop."""
    target = path_of(path, "path", ConfigError)
    program = as_program(program)
    spec = program.inputs
    optional = [name for name, field in spec.inputs.items() if not field.required]
    source = iter_rows(rows, list(spec.inputs), optional=optional)
    with _opened(target) as log:
        digest = program_digest(program).rpartition(":")[2][:_DIGITS]
        begun = _Begun(log, target, digest)
        done, failed = await _to_its_end(begun.skip_done, source)

        async with placed(program, on) as there:
            lines = in_order(
                lambda row: _line(there, row, digest, on_error), source, concurrency
            )
            with progress_bar(None, program.name, shown=progress) as advance:
                async with contextlib.aclosing(lines):
                    written, broken = await _written(begun, lines, advance)
    return BatchDone(target, done + written, done, failed + broken)


@checked
@waits_for(abatch_to)
def batch_to() -> None:
    """Run a program over any number of rows, into a JSONL file that resumes.

    Each line is `{"id": ..., "row": digest, "program": digest, "value": ...}`, or
    `"error"` in place of `"value"`. The same call after a kill goes on behind the last
    whole line.

    Args:
        program: What runs.
        rows: Any iterable of rows, or the path of a JSONL or CSV file; read as needed.
        path: The file; made where it is missing.
        concurrency: How many rows are under way at once.
        on_error: "keep" writes a row's error and goes on; "raise" stops at it.
        progress: Whether a bar is drawn on stderr.
        on: Where the rows run, such as a `weft.Ray`; here when not given.

    Raises:
        DivergenceError: The file holds results of other rows, or of a program with
            other parameters.
        DataError: A row cannot be read or does not fit; or the disk is full: what is
            written stays, and the same call goes on from there.
        ConfigError: The file cannot be opened, or another process writes it.
        WeftError: A row's error, or one that no row could escape.
    """


class _Line(NamedTuple):
    """A row's line, and whether it holds an error."""

    text: bytes
    failed: bool


async def _to_its_end(work: Callable[[T], V], given: T) -> V:
    """Work in a thread, and stay until it is done: the file is closed behind it."""
    running = asyncio.ensure_future(in_thread(work, given))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])


async def _written(
    begun: _Begun, lines: AsyncIterator[_Line], advance: Callable[[], None]
) -> tuple[int, int]:
    """Append lines as they come; how many came, and how many hold an error."""
    written = broken = 0
    pending, flushed = list[bytes](), time.monotonic()
    try:
        async for line in lines:
            pending.append(line.text)
            written += 1
            broken += line.failed
            advance()
            if len(pending) >= _CHUNK or time.monotonic() - flushed > _SECONDS:
                whole, pending, flushed = pending, [], time.monotonic()
                await _to_its_end(begun.append, whole)
    finally:
        await _to_its_end(begun.append, pending)
    return written, broken


async def _line(program: Runner, row: Example, digest: str, on_error: OnError) -> _Line:
    head = {"id": row.id, "row": row.digest[:_DIGITS], "program": digest}
    bound = bind_row(program.inputs, row.inputs, row.id)
    try:
        run = await program.run_row(bound)
    except WeftError as error:
        if on_error == "raise" or error.aborts:
            raise
        made = {**head, "error": plain(f"{type(error).__name__}: {error}", repr)}
    else:
        made = {**head, "value": plain(run.value, repr)}
    return _Line(strictjson.dumps(made).encode() + b"\n", "error" in made)


@dataclass(frozen=True)
class _Begun:
    """A file as an earlier call left it, and the digest of the program that goes on."""

    log: AppendLog
    path: Path
    program: str

    def skip_done(self, source: Iterator[Example]) -> tuple[int, int]:
        """Check what is there; how many rows are done, how many of them failed.

        A torn last line is cut off, and its row runs again.
        """
        done = failed = 0
        try:
            for found in self.log.read(_read, _BEGINS):
                done += 1
                self._compare(done, found, next(source, None))
                failed += "error" in found
        except DamagedLine as damaged:
            raise DataError(
                f"{self.path}: line {damaged.line} is damaged",
                hint="Restore the file from a copy, or begin another one",
            ) from None
        return done, failed

    def append(self, lines: list[bytes]) -> None:
        """Write whole lines.

        Raises:
            DataError: They could not be written.
        """
        try:
            self.log.append(*lines)
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="Make the same call again once it can; it goes on behind the last "
                "whole line",
            ) from None

    def _compare(self, line: int, found: dict[str, Any], row: Example | None) -> None:
        other = ""
        if row is None or found.get("row") != row.digest[:_DIGITS]:
            other = "row"
        elif found.get("program") != self.program:
            other = "program"
        if other:
            raise DivergenceError(
                f"{self.path}: line {line} holds the result of another {other}",
                hint=f"Give the {other}{'s' if other == 'row' else ''} that the file "
                "was begun with, or another file",
            )


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        found = strictjson.loads(line.decode("utf-8", "surrogatepass"), own=True)
    except ValueError:
        return None
    return found if is_dict(found) else None


def _opened(path: Path) -> AppendLog:
    try:
        return AppendLog(path)
    except BlockingIOError:
        raise ConfigError(
            f"another process writes {path} now",
            hint="Wait for it, or name another file",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}",
            hint="Name a file in a folder that is yours",
        ) from None

"""Many more rows than memory holds: in order, bounded, and into a file that resumes.

The file is its own journal. Results are appended in the order of the rows, so what is
there is always a beginning of the whole; a torn last line is cut off, the rows already
done are checked against their digests, and the run goes on with the next one. A file
that holds anything else is left as it is.

A row whose error may pass, as where a server was down, is asked anew by the next call,
and its line stands in the middle. So a second file is written from the first, with such
lines made anew, and takes its place whole; a kill leaves both, to go on from.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self, TypeVar

from ..data.rows import Example, iter_rows
from ..errors import ConfigError, DataError, DivergenceError, WeftError
from ..graph.digest import program_digest
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..graph.runnable import OnError, Place, Runner
from ..ground import strictjson
from ..ground.files import AppendLog, DamagedLine, lines_of
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
        resumed: How many of them were there before, and were not asked anew.
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
    digest = program_digest(program).rpartition(":")[2][:_DIGITS]
    with _Results(target, digest) as results:
        due = await _to_its_end(results.skip_done, source)
        async with placed(program, on) as there:
            with progress_bar(None, program.name, shown=progress) as advance:
                work = partial(_line, there, digest=digest, on_error=on_error)
                run = _Run(work, concurrency, advance)
                if due is not None:
                    await run.again(due, results)
                await run.write(map(_Due, source), results)
    done = results.tally
    return BatchDone(target, done.resumed + done.asked, done.resumed, done.failed)


@checked
@waits_for(abatch_to)
def batch_to() -> None:
    """Run a program over any number of rows, into a JSONL file that resumes.

    Each line is `{"id": ..., "row": digest, "program": digest, "value": ...}`, or
    `"error"` and `"retryable"` in place of `"value"`. The same call after a kill goes
    on behind the last whole line. Rows that failed at what may pass (`retryable` of
    their error: a server that is down or overloaded, a deadline) are asked anew by it,
    in their places; other errors stay, since asking again would not help.

    Args:
        program: What runs.
        rows: Any iterable of rows, or the path of a JSONL or CSV file; read as needed.
        path: The file; made where it is missing. While rows in it are asked anew,
            what is new stands in `PATH.again`, which then takes its place.
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
    """A row's line, whether it holds an error, and whether it was asked for now."""

    text: bytes
    failed: bool
    asked: bool = True


class _Due(NamedTuple):
    """A row, and its line where that stays as it is."""

    row: Example
    kept: _Line | None = None


@dataclass
class _Tally:
    """Lines that were there and stay, lines asked for now, and those of errors."""

    resumed: int = 0
    asked: int = 0
    failed: int = 0

    def add(self, line: _Line) -> None:
        """Count one."""
        self.asked += line.asked
        self.resumed += not line.asked
        self.failed += line.failed


@dataclass(frozen=True)
class _Run:
    """What makes a line of a row, how many at once, and who is told of each."""

    work: Callable[[_Due], Awaitable[_Line]]
    concurrency: int
    advance: Callable[[], None]

    async def again(self, due: Iterator[_Due], results: _Results) -> None:
        """Ask rows anew whose errors may pass, and put their lines in their places."""
        path = results.path.with_name(f"{results.path.name}.again")
        with _Results(path, results.program, results.tally) as made:
            await _to_its_end(partial(made.begin_again, results.path), due)
            await self.write(due, made)
        results.become(path)

    async def write(self, due: Iterator[_Due], results: _Results) -> None:
        """Append lines as they come, in the order of the rows."""
        pending, flushed = list[bytes](), time.monotonic()
        made = in_order(self.work, due, self.concurrency)
        try:
            async with contextlib.aclosing(made) as lines:
                async for line in lines:
                    pending.append(line.text)
                    results.tally.add(line)
                    if line.asked:
                        self.advance()
                    if len(pending) >= _CHUNK or time.monotonic() - flushed > _SECONDS:
                        whole, pending, flushed = pending, [], time.monotonic()
                        await _to_its_end(results.append, whole)
        finally:
            await _to_its_end(results.append, pending)


async def _to_its_end(work: Callable[[T], V], given: T) -> V:
    """Work in a thread, and stay until it is done: the file is closed behind it."""
    running = asyncio.ensure_future(in_thread(work, given))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])


async def _line(program: Runner, due: _Due, digest: str, on_error: OnError) -> _Line:
    if due.kept is not None:
        return due.kept
    row = due.row
    head = {"id": row.id, "row": row.digest[:_DIGITS], "program": digest}
    bound = bind_row(program.inputs, row.inputs, row.id)
    try:
        run = await program.run_row(bound)
    except WeftError as error:
        if on_error == "raise" or error.aborts:
            raise
        said = plain(f"{type(error).__name__}: {error}", repr)
        made = {**head, "error": said, "retryable": error.retryable}
    else:
        made = {**head, "value": plain(run.value, repr)}
    return _Line(strictjson.dumps(made).encode() + b"\n", "error" in made)


class _Found(NamedTuple):
    """What a line of a file holds, and the line itself."""

    data: dict[str, Any]
    kept: _Line


@dataclass
class _Results:
    """A file as an earlier call left it, and the digest of the program that goes on."""

    path: Path
    program: str
    tally: _Tally = field(default_factory=_Tally)

    def __enter__(self) -> Self:
        self._log = _opened(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def skip_done(self, source: Iterator[Example]) -> Iterator[_Due] | None:
        """Check and count what is there, up to the first row to ask anew.

        A torn last line is cut off, and its row runs again.

        Returns:
            What is due from that row to the last line, or None where there is none.
        """
        due = self._due(source)
        for one in due:
            if one.kept is None:
                return chain([one], due)
            self.tally.add(one.kept)
        return None

    def begin_again(self, before: Path, due: Iterator[_Due]) -> None:
        """Begin in the place of another file: its lines up to what is due are copied.

        What an earlier call asked anew before it was killed is kept.

        Raises:
            DivergenceError: It was begun in the place of a file with other lines.
        """
        done, head, old = 0, self.tally.resumed, lines_of(before)
        for done, found in enumerate(self._lines(), 1):
            if done > head:
                one = next(due, None)
                self._compare(done, found, one and one.row)
                self.tally.add(found.kept)
            elif found.kept.text != next(old, b""):
                self._refuse(done, "row")
        missing = islice(old, max(0, head - done))
        while lines := [*islice(missing, _CHUNK)]:
            self.append(lines)

    def become(self, other: Path) -> None:
        """Let another file take this one's place, and go on behind it.

        Raises:
            DataError: It could not.
        """
        self._log.close()
        with self._writing():
            shutil.copymode(self.path, other)
            os.replace(other, self.path)  # noqa: PTH105 - one call that tests can fail
        self._log = _opened(self.path)

    def append(self, lines: list[bytes]) -> None:
        """Write whole lines.

        Raises:
            DataError: They could not be written.
        """
        with self._writing():
            self._log.append(*lines)

    @contextlib.contextmanager
    def _writing(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="Make the same call again once it can; it goes on behind the last "
                "whole line",
            ) from None

    def _due(self, source: Iterator[Example]) -> Iterator[_Due]:
        for number, found in enumerate(self._lines(), 1):
            row = self._compare(number, found, next(source, None))
            anew = found.data.get("retryable") is True
            yield _Due(row, None if anew else found.kept)

    def _lines(self) -> Iterator[_Found]:
        try:
            yield from self._log.read(_read, _BEGINS)
        except DamagedLine as damaged:
            raise DataError(
                f"{self.path}: line {damaged.line} is damaged",
                hint="Restore the file from a copy, or begin another one",
            ) from None

    def _compare(self, line: int, found: _Found, row: Example | None) -> Example:
        if row is None or found.data.get("row") != row.digest[:_DIGITS]:
            self._refuse(line, "row")
        if found.data.get("program") != self.program:
            self._refuse(line, "program")
        return row

    def _refuse(self, line: int, other: str) -> NoReturn:
        raise DivergenceError(
            f"{self.path}: line {line} holds the result of another {other}",
            hint=f"Give the {other}{'s' if other == 'row' else ''} that the file "
            "was begun with, or another file",
        )


def _read(line: bytes) -> _Found | None:
    try:
        data = strictjson.loads(line.decode("utf-8", "surrogatepass"), own=True)
    except ValueError:
        return None
    if not is_dict(data):
        return None
    return _Found(data, _Line(line + b"\n", "error" in data, asked=False))


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

"""A file of traces, written and read: one JSON line for every finished run.

Lines are appended as a whole under a lock on the file, by one thread of the process, so
that the event loop waits for no disk. A run waits for its own line: once its value is
there the line is too, and memory holds no more lines than there are runs under way. It
may be read while it is written, and after a kill.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast, final

from ..errors import ConfigError, DataError
from ..ground import strictjson
from ..ground.files import AppendLog, lines_of
from ..ground.loops import PerProcess
from ..ground.options import path_of
from .trace_data import SCHEMA, run_data, run_of
from .watch import TracedRun

_PATIENCE: Final = 5.0
_KIND = SCHEMA.partition("/")[0]
_BEGINS: Final = f'{{"schema": "{_KIND}/'.encode()
_log: Final = logging.getLogger("weft")


class _NoLog(OSError):
    """A file that holds something else."""


@final
class TraceLog:
    """A file that gets one JSON line for each finished run; failed ones too.

    Any number of tasks, threads and processes may write one file. It is made with mode
    0600; a file that is there keeps its mode.

    Args:
        path: The file; its folder is made where it is missing.
        content: Whether inputs, outputs, messages, replies and the texts of errors are
            written; without them structure, times, tokens and prices remain.

    >>> TraceLog("runs/traces.jsonl", content=False)
    TraceLog('runs/traces.jsonl', content=False)
    """

    def __init__(self, path: str | os.PathLike[str], *, content: bool = True) -> None:
        path_of(path, "trace_log", ConfigError)
        self._given = os.fspath(path)
        self._path = Path(self._given).absolute()
        self._content = content
        self._failing = False

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def content(self) -> bool:
        """Whether inputs, outputs, messages and replies are written."""
        return self._content

    def check(self) -> TraceLog:
        """The log itself, when its file can be appended to; it is made where missing.

        Raises:
            ConfigError: It cannot be, or it holds something else.
        """
        try:
            self._opened(patience=0.0).close()
        except _NoLog as error:
            raise ConfigError(
                f"{self._given!r} is there already, and nothing is appended to it: "
                f"{error.strerror}",
                hint="Name another file",
            ) from None
        except OSError as error:
            raise ConfigError(
                f"the trace log {self._given!r} cannot be written: {error.strerror}",
                hint="Name a file in a folder that you may write to",
            ) from None
        return self

    async def keep(self, run: TracedRun) -> None:
        """Append a run; comes back when its line is in the file."""
        written = asyncio.wrap_future(self.post(run))
        # Whoever is cancelled while waiting still has the line written.
        await asyncio.shield(written)

    def post(self, run: TracedRun) -> Future[None]:
        """Append a run soon; for those who cannot wait."""
        try:
            return _writers("weft-traces").submit(self._write, run)
        except RuntimeError:  # the interpreter ends: there are no threads any more
            done: Future[None] = Future()
            self._write(run)
            done.set_result(None)
            return done

    def _write(self, run: TracedRun) -> None:
        data = run_data(run, content=self._content)
        try:
            with self._opened(patience=_PATIENCE) as log:
                log.append(line_of(data))
        except OSError as error:
            if not self._failing:
                _log.warning("%s: a trace could not be written: %s", self._path, error)
            self._failing = True
        else:
            self._failing = False

    def _opened(self, *, patience: float) -> AppendLog:
        """The file, open for appending.

        Raises:
            _NoLog: It holds something else.
            OSError: It cannot be opened.
        """
        log = AppendLog(self._path, patience=patience)
        if log.begins(_BEGINS):
            return log
        log.close()
        raise _NoLog(errno.EEXIST, "it is no trace log")

    def __repr__(self) -> str:
        content = "" if self._content else ", content=False"
        return f"TraceLog({self._given!r}{content})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TraceLog) and (self._path, self._content) == (
            other._path,
            other._content,
        )

    def __hash__(self) -> int:
        return hash((self._path, self._content))


def line_of(data: dict[str, Any]) -> bytes:
    """A run's data as one line; its nodes one by one, so that no one waits for long."""
    nodes = ", ".join([strictjson.spelt(node) for node in data["nodes"]])
    head = strictjson.spelt({**data, "nodes": []})
    return f"{head[: head.rindex('[')]}[{nodes}]}}\n".encode()


_writers: Final = PerProcess[str, ThreadPoolExecutor](
    lambda name: ThreadPoolExecutor(1, name)
)


def read_traces(
    path: str | os.PathLike[str], *, damaged: Callable[[int], None] | None = None
) -> Iterator[TracedRun]:
    """The runs in a trace log, in the order in which they ended, one at a time.

    A file that is being written may be read. A last line that is not whole, as a kill
    leaves it, is passed over.

    Args:
        path: The file.
        damaged: Told the number, from 1, of each line that holds no trace; such lines
            are passed over.

    Raises:
        DataError: The file cannot be read, or holds traces of a newer weft.
    """
    for number, line in whole_lines(path):
        try:
            run = run_of(trace_line(line, path, number))
        except ValueError:
            if damaged is not None:
                damaged(number)
        else:
            yield run


def whole_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    """The lines of a trace log that end, with their numbers from 1; none is empty.

    Raises:
        DataError: The file cannot be read.
    """
    path_of(path, "path", DataError)
    try:
        for number, line in enumerate(lines_of(path), 1):
            if line.strip():
                yield number, line
    except OSError as error:
        raise DataError(
            f"{os.fspath(path)!r} cannot be read: {error.strerror}",
            hint='Name a file that weft.configure(trace_log="FILE") has written',
        ) from None


def trace_line(
    line: bytes, path: str | os.PathLike[str], number: int
) -> dict[str, Any]:
    """The JSON data in a line of a trace log.

    Raises:
        ValueError: It holds no trace.
        DataError: It was written by a newer weft.
    """
    try:
        data = json.loads(line)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    schema: Any = cast("Any", data).get("schema") if isinstance(data, dict) else None
    if schema == SCHEMA:
        return cast("dict[str, Any]", data)
    if isinstance(schema, str) and schema.startswith(f"{_KIND}/"):
        raise DataError(
            f"{os.fspath(path)!r}: line {number} has the schema {schema[:40]!r}, and "
            f"this weft reads {SCHEMA!r}",
            hint="Update weft to read it",
        )
    raise ValueError("it is no trace")

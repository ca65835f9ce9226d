"""Reading a trace log: run by run, while it is being written, after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from ..errors import DataError
from .trace_data import SCHEMA, run_of
from .watch import TracedRun

_KIND = SCHEMA.partition("/")[0]


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
    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith(b"\n") and line.strip():
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

"""Remarks: what a person says about rows, one line each in a JSONL file.

At every instant the file holds each remarked row once, as `weft.read_rows` and the
`Feedback` compiler read it. A first remark on a row is appended; a later one replaces
the file in one step. Both are on the disk before the page hears of it, so a kill at any
moment loses nothing that was acknowledged.

    {"id": "m1", "inputs": {...}, "outputs": {...}, "note": "...", "score": 0.0, ...}

`outputs` is what the person corrected; else the row's labels; else, of an answer that
was found right, the answer.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from ..pipeline.errors import ConfigError
from ..pipeline.ground import strictjson
from .rows import Row

LONGEST_NOTE = 20_000


@dataclass(frozen=True)
class Remark:
    """What a person said about a row.

    Args:
        score: In [0, 1], or None.
        note: In words, or empty.
        module: Path of the module that the note is for, or empty for all.
        expected: The corrected outputs, or None.
    """

    score: float | None = None
    note: str = ""
    module: str = ""
    expected: Mapping[str, Any] | None = None

    def changed(self, patch: Mapping[str, Any]) -> Remark:
        """This remark with some parts replaced.

        Raises:
            ValueError: A part is unknown or no such value.
        """
        unknown = patch.keys() - {"score", "note", "module", "expected"}
        if unknown:
            raise ValueError(f"a remark has no {min(unknown)!r}")
        made = replace(self, **patch)
        score, expected = cast(object, made.score), cast(object, made.expected)
        if score is not None and not _is_share(score):
            raise ValueError(f"{score!r} is no score in [0, 1]")
        if not _is_note(made.note) or not _is_note(made.module):
            raise ValueError("a note is a text of at most 20,000 characters")
        if expected is not None and not isinstance(expected, dict):
            raise ValueError("corrected outputs are fields by name")
        return made


class Remarks:
    """The remarks on the rows of one sheet, and the file that keeps them."""

    def __init__(self, path: Path, rows: Sequence[Row]) -> None:
        self.path = path
        self.repaired = False
        self._rows = {row.key: row for row in rows}
        self._lock = threading.Lock()
        self._lines: dict[str, bytes] = {}
        self._seen: tuple[int, int] | None = None
        self._made: dict[str, Remark] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._made)

    def of(self, key: str) -> Remark:
        """What was said about a row; an empty remark where nothing was."""
        return self._made.get(key, Remark())

    def change(self, key: str, patch: Mapping[str, Any]) -> Remark:
        """Change a remark; it is on the disk when this returns.

        Raises:
            ValueError: The change is no remark.
            ConfigError: Somebody edited the file, and a line of it is no remark.
            OSError: It could not be written; nothing has changed.
        """
        with self._lock:
            if _state(self.path) != self._seen:  # somebody edited the file meanwhile
                before = self._lines, self._made
                try:
                    self._read()
                except ConfigError:
                    self._lines, self._made = before
                    raise
            made = self.of(key).changed(patch)
            if made == Remark():
                self._drop(key)
            else:
                self._keep(key, made)
            return made

    def _keep(self, key: str, made: Remark) -> None:
        data = _line(self._rows[key], made)
        line = strictjson.dumps(data).encode() + b"\n"
        if key in self._lines:
            self._replace({**self._lines, key: line})
        else:
            _append(self.path, line)
        self._lines[key], self._made[key] = line, made
        self._seen = _state(self.path)

    def _drop(self, key: str) -> None:
        if key in self._lines:
            self._replace({k: v for k, v in self._lines.items() if k != key})
            del self._lines[key], self._made[key]
            self._seen = _state(self.path)

    def _replace(self, lines: Mapping[str, bytes]) -> None:
        draft = self.path.with_name(f".{self.path.name}.new")
        draft.unlink(missing_ok=True)  # what a kill left, or a link that somebody made
        with draft.open("xb") as file:
            file.writelines(lines.values())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        _sync_folder(self.path)

    def _read(self) -> None:
        """Read the file; a torn last line, from a kill in mid-write, is cut off."""
        data = self.path.read_bytes() if self.path.exists() else b""
        whole, newline, torn = data.rpartition(b"\n")
        lines = (whole + newline).splitlines(keepends=True)
        if torn and _parsed(torn) is not None:
            lines.append(torn + b"\n")
        self._lines, self._made = {}, {}
        for number, line in enumerate(lines, 1):
            if line.strip():
                self._take(line, f"{self.path}, line {number}")
        if torn:
            self.repaired = True
            self._replace(self._lines)
        self._seen = _state(self.path)

    def _take(self, line: bytes, where: str) -> None:
        data = _parsed(line)
        if data is None:
            raise ConfigError(
                f"{where} is no remark", hint="Mend the line, or name another --out"
            )
        key = str(data.get("id", where))
        row = self._rows.get(key)
        self._lines[key] = line
        if row is None:
            return  # a remark of another evaluation stays as it is
        if data.get("inputs") != dict(row.inputs):
            raise ConfigError(
                f"{where}: row {key!r} has other inputs than in this evaluation",
                hint="Name another file with --out",
            )
        self._made[key] = _remark(data)


def _line(row: Row, made: Remark) -> dict[str, Any]:
    outputs = made.expected if made.expected is not None else row.labels
    if not outputs and made.score == 1:
        outputs = row.answers
    parts = {k: v for k, v in asdict(made).items() if k != "expected"}
    data = {"id": row.key, "inputs": dict(row.inputs), "outputs": dict(outputs)}
    told = {k: v for k, v in parts.items() if k == "note" or v not in (None, "")}
    more = {"corrected": True} if made.expected is not None else {}
    return {**data, **told, **more, "prediction": row.given}


def _remark(data: Mapping[str, Any]) -> Remark:
    """A line's remark; what somebody wrote by hand and is none is left out."""
    expected = data.get("outputs") if data.get("corrected") else None
    patch = {"score": data.get("score"), "note": data.get("note", "")}
    try:
        return Remark().changed(
            {**patch, "module": data.get("module", ""), "expected": expected}
        )
    except ValueError:
        return Remark(note=str(data.get("note", "")))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        data: object = strictjson.loads(line.decode("utf-8"))
    except ValueError:
        return None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None


def _append(path: Path, line: bytes) -> None:
    new = not path.exists()
    # Without a buffer: Python's would write its rest once more when it is closed.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        start = os.fstat(file).st_size
        try:
            while line:
                line = line[os.write(file, line) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, start)  # a full disk: no half of a line
            raise
    finally:
        os.close(file)
    if new:
        _sync_folder(path)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _is_share(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 <= value <= 1


def _is_note(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NOTE

"""Remarks: what a person says about rows, one line each in a JSONL file.

At every instant the file holds each remarked row once, as `weft.read_rows` and the
`Feedback` compiler read it. A change replaces the file in one step and is on the disk
before the page hears of it, so a kill at any moment loses nothing acknowledged.

    {"id": "m1", "inputs": {...}, "outputs": {...}, "note": "...", "score": 0.0, ...}

`outputs` is what the person corrected; else the row's labels; else, of an answer that
was found right, the answer.
"""

from __future__ import annotations

import numbers
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from ..pipeline.errors import ConfigError, cause
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import LARGEST, open_regular, write_whole
from ..pipeline.ground.options import Rule
from ..pipeline.ground.shapes import is_dict
from .sheet import Row

_LONGEST_NOTE = 20_000
_BEGINS = b'{"id"'
"""How each line begins that is written here: nothing of another file is cut off."""
_SCORE = Rule("score in [0, 1]", numbers.Real, 0, 1)


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
        if score is not None and not _SCORE.fits(score):
            raise ValueError(f"{score!r} is no {_SCORE.words}")
        for said in (cast(object, made.note), cast(object, made.module)):
            if not isinstance(said, str) or len(said) > _LONGEST_NOTE:
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
            ArtifactError: It could not be written; nothing has changed.
        """
        with self._lock:
            if _state(self.path) != self._seen:  # somebody edited the file meanwhile
                self._read()
            made = self.of(key).changed(patch)
            lines = {k: line for k, line in self._lines.items() if k != key}
            if made != Remark():
                line = strictjson.keepable(_data(self._rows[key], made))
                lines = self._lines | {key: line}
            if lines != self._lines:
                self._write(lines)
            self._made[key] = made
            if made == Remark():
                del self._made[key]
            return made

    def _write(self, lines: dict[str, str]) -> None:
        write_whole(self.path, "".join(f"{line}\n" for line in lines.values()))
        self._lines, self._seen = lines, _state(self.path)

    def _read(self) -> None:
        """Read the file; a torn last line, from a kill in mid-write, is cut off."""
        seen = _state(self.path)
        data = b"" if seen is None else _bytes_of(self.path)
        whole, torn = data.split(b"\n")[:-1], data.rpartition(b"\n")[2]
        if torn and (_parsed(torn) is not None or not _BEGINS.startswith(torn[:5])):
            whole.append(torn)  # a line that is whole, or none that was written here
        lines, made = dict[str, str](), dict[str, Remark]()
        for number, line in enumerate(whole, 1):
            if line.strip():
                self._take(line, f"{self.path}, line {number}", lines, made)
        self._lines, self._made, self._seen = lines, made, seen
        if torn:
            self.repaired = True
            self._write(lines)

    def _take(
        self, line: bytes, where: str, lines: dict[str, str], made: dict[str, Remark]
    ) -> None:
        data = _parsed(line)
        if data is None:
            raise ConfigError(
                f"{where} is no remark", hint="Mend the line, or name another --out"
            )
        key = str(data.get("id", where))
        row = self._rows.get(key)
        lines[key] = line.decode("utf-8")
        if row is None:
            return  # a remark of another evaluation stays as it is
        if data.get("inputs") != dict(row.inputs):
            raise ConfigError(
                f"{where}: row {key!r} has other inputs than in this evaluation",
                hint="Name another file with --out",
            )
        made[key] = _remark(data)


def _data(row: Row, made: Remark) -> dict[str, Any]:
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
        data = strictjson.loads(line.decode("utf-8"), own=True)
    except ValueError:
        return None
    return data if is_dict(data) else None


def _bytes_of(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"the remarks in {path} cannot be read: {cause(error)}",
            hint="Name another file with --out",
        ) from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path} has more than {LARGEST} bytes")
    return data


def _state(path: Path) -> tuple[int, int, int, int] | None:
    """What tells that somebody changed a file; its times alone may be set back."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino

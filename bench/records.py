"""What a measurement keeps as it comes: one JSON object a line, for the next start."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from weft.pipeline.ground.files import AppendLog, write_whole

_PATIENCE = 60.0


def keep(path: Path, record: Mapping[str, Any]) -> None:
    """Append a record; the file is made where it is missing."""
    with AppendLog(path, patience=_PATIENCE) as log:
        log.append(_line(record).encode())


def keep_only(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Let a file hold these and no others."""
    write_whole(path, "".join(map(_line, records)))


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file; a line that a kill cut off is passed over."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.split("\n"):
        if line.endswith("}"):
            yield json.loads(line)


def _line(record: Mapping[str, Any]) -> str:
    return f"{json.dumps(record, ensure_ascii=False)}\n"

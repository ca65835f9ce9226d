"""JSON Schemas that others wrote: how many are read, and which values they take.

`python -m bench schemas --folder PATH` takes a copy of JSONSchemaBench
(https://github.com/guidance-ai/jsonschemabench, or a folder like it): the schemas below
`data`, one a file, and those below `maskbench/data`, each with values that are valid
and others that are not. `--suite PATH` adds the required tests of a copy of
https://github.com/json-schema-org/JSON-Schema-Test-Suite for draft 2020-12; a schema
that refers to another file is not read there, which counts against the share. `--write`
writes the page in docs/.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weft.errors import WeftError
from weft.pipeline.signature.field import FieldSpec
from weft.pipeline.signature.schema import type_of_schema

from . import BenchError, Findings, Row

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-schemas.md"
READ, TAKEN, REFUSED = 0.85, 0.99, 0.97
_SHOWN = 12  # reasons on the page
_HEAD = """\
# JSON Schemas that others wrote, measured

Written by `python -m bench schemas --folder PATH --suite PATH --write`, from copies of
[JSONSchemaBench](https://github.com/guidance-ai/jsonschemabench), whose MaskBench has
37,000 values, and of the
[JSON-Schema-Test-Suite](https://github.com/json-schema-org/JSON-Schema-Test-Suite).
[Signatures](signatures.md#json-schemas-that-others-wrote) says what is read, and how.
"""


@dataclass
class Counts:
    """What became of the schemas and the values of one folder."""

    read: int = 0
    unread: int = 0
    raw: int = 0
    values: Counter[tuple[bool, bool]] = field(
        default_factory=Counter[tuple[bool, bool]]
    )
    """By whether a value is valid, and whether it was taken."""
    own: int = 0
    """Schemas that a field says as they were written."""
    kept: int = 0
    """Values that were taken, and are the same after they were dumped and loaded."""
    reasons: Counter[str] = field(default_factory=Counter[str])

    def schema(self, schema: Any) -> FieldSpec | None:
        """A field of a schema, if it can be read."""
        try:
            kind, rules = type_of_schema(schema, "x")
            made = FieldSpec("x", "output", kind, "", rules)
            self.own += made.schema == schema
        except WeftError as error:
            self.unread += 1
            self.reasons[_reason(str(error))] += 1
            return None
        except Exception as error:  # noqa: BLE001 - what is counted here
            self.raw += 1
            self.reasons[repr(error)[:80]] += 1
            return None
        self.read += 1
        return made

    def value(self, made: FieldSpec | None, value: Any, *, valid: bool) -> None:
        """Whether a field takes a value, and gives it back."""
        if made is None:
            return
        try:
            loaded = made.load(value)
        except ValueError:
            self.values[valid, False] += 1
            return
        except Exception as error:  # noqa: BLE001 - what is counted here
            self.raw += 1
            self.reasons[repr(error)[:80]] += 1
            return
        self.values[valid, True] += 1
        self.kept += made.load(made.dump(loaded)) == loaded

    def share(self, valid: bool) -> float:
        """The share of valid values that was taken, or of others that was refused."""
        right = self.values[valid, valid]
        return right / max(1, right + self.values[valid, not valid])


def run(
    folder: Path | None = None, suite: Path | None = None, write: bool = False
) -> list[Row]:
    """The rows of this part.

    Args:
        folder: The copy of JSONSchemaBench; without one there is nothing to measure.
        suite: The copy of JSON-Schema-Test-Suite.
        write: Whether the page in docs/ is written.

    Raises:
        BenchError: A folder holds no schemas.
    """
    if folder is None:
        return []
    alone, paired = Counts(), Counts()
    for path in _files(folder, "data"):
        alone.schema(json.loads(path.read_text("utf-8")))
    for path in _files(folder, "maskbench/data"):
        case = json.loads(path.read_text("utf-8"))
        made = paired.schema(case["schema"])
        for test in case.get("tests", ()):
            paired.value(made, test["data"], valid=test["valid"])
    every = alone.read + alone.unread + alone.raw
    rows = [
        _share(f"schemas read, of {every}", alone.read / max(1, every), READ),
        _share("of those, asked for as written", alone.own / max(1, alone.read), 1.0),
        Row.limit("raw exceptions", alone.raw + paired.raw, 0),
        _share("valid values taken", paired.share(True), TAKEN),
        _share("other values refused", paired.share(False), REFUSED),
        _share(
            "taken values the same after dump and load",
            paired.kept / max(1, sum(n for k, n in paired.values.items() if k[1])),
            1.0,
        ),
    ]
    if suite is not None:
        right, tests = _suite(suite)
        rows.append(Row(f"required tests of 2020-12 right, of {tests}", right / tests))
    details = "\n".join(_lines(rows, alone.reasons))
    if write:
        PAGE.write_text(details, "utf-8")
    return Findings(rows, details)


def _files(folder: Path, below: str) -> list[Path]:
    found = sorted((folder / below).rglob("*.json"))
    if not found:
        raise BenchError(f"{folder / below} holds no schemas")
    return found


def _share(what: str, share: float, least: float) -> Row:
    return Row(what, share, None, f">= {least:g}", share >= least)


def _suite(suite: Path) -> tuple[int, int]:
    right = tests = 0
    for path in _files(suite, "tests/draft2020-12"):
        if "optional" in path.parts:
            continue
        for case in json.loads(path.read_text("utf-8")):
            counts = Counts()
            schema = case["schema"]
            made = counts.schema(
                {"allOf": [schema]} if schema in (True, False) else schema
            )
            tests += len(case["tests"])
            for test in case["tests"]:
                counts.value(made, test["data"], valid=test["valid"])
            right += counts.values[True, True] + counts.values[False, False]
    return right, tests


def _reason(said: str) -> str:
    """What a refusal is about, without what it is of."""
    for word in ("look-around", "backreferences", "leads to nothing", "too many parts"):
        if word in said:
            return word
    return said[:80]


def _lines(rows: Sequence[Row], reasons: Counter[str]) -> Iterator[str]:
    yield _HEAD
    yield "| what | share | bar |"
    yield "|---|---:|---|"
    for row in rows:
        yield f"| {row.what} | {row.weft:.4g} | {row.bar or '-'} |"
    yield ""
    yield "Schemas that are not read, by what the error names:"
    yield ""
    for reason, count in reasons.most_common(_SHOWN):
        yield f"- {count}: {reason}"
    yield ""

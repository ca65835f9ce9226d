"""Rows to review: an evaluation's JSON, with its prompts where it holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from ..pipeline.errors import DataError, cause
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import LARGEST, read_bounded
from ..pipeline.ground.shapes import as_dict, as_list, is_dict, is_mapping
from ..pipeline.measure.row_result import row_keys, told_of

IN_A_RUN = "review.json"
REPORT = "report.html"
_HINT = "Write it with weft eval ... --save FILE, or Evaluation.to_json(prompts=True)"
_TEASER = 140


@dataclass(frozen=True)
class Row:
    """One row of an evaluation.

    Args:
        key: Its id; a later answer to the same row has a number behind it.
        inputs: What the program was given.
        labels: What it should have answered; may be empty.
        given: What it answered, without the inputs.
        score: The metric's, in [0, 1]; None where the row failed.
        told: The metric's feedback, or what went wrong.
        prompts: Each model call: `path`, `model`, `messages`, `reply`.
    """

    key: str
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any]
    given: object
    score: float | None
    told: str
    prompts: tuple[Mapping[str, Any], ...]

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that can be corrected, with what stands there now."""
        if self.labels:
            return dict(self.labels)
        text = self.given if isinstance(self.given, str) else ""
        return self.answers or {"answer": text}

    @property
    def answers(self) -> dict[str, Any]:
        """What it answered, by field; empty where that is one value."""
        return as_dict(self.given)

    @property
    def teaser(self) -> str:
        """The beginning of the inputs, for a list."""
        shown = (v if isinstance(v, str) else _text(v) for v in self.inputs.values())
        return " ".join(" | ".join(shown).split())[:_TEASER]

    @cached_property
    def searched(self) -> str:
        """What a search looks through, in lower case."""
        parts = (self.key, self.inputs, self.labels, self.given, self.told)
        return "\n".join(_text(part) for part in parts).lower()


@dataclass(frozen=True)
class Sheet:
    """An evaluation to review.

    Args:
        program: The program's name.
        metric: The metric's name.
        mean: The metric's mean in [0, 1], or None where the file does not say.
        rows: The rows, in the order of the file.
    """

    program: str
    metric: str
    mean: float | None
    rows: tuple[Row, ...]


def file_of(path: Path) -> Path:
    """The evaluation's file: the path itself, or the one that a run left there.

    Raises:
        DataError: There is none.
    """
    found = path / IN_A_RUN if path.is_dir() else path
    if found.is_file():
        return found
    if path.is_dir():
        raise DataError(
            f"the run {path} holds no {IN_A_RUN}",
            hint="A compile with run_dir writes it when it is done",
        )
    raise DataError(f"there is no file {path}", hint=_HINT)


def report_of(file: Path) -> Path | None:
    """The report's page beside an evaluation, if there is one.

    A run's is `report.html`; that of `NAME.json` is `NAME.html`.
    """
    name = REPORT if file.name == IN_A_RUN else f"{file.stem}.html"
    place = file.with_name(name)
    return place if place.is_file() else None


def read_sheet(path: Path) -> Sheet:
    """The rows of an evaluation's JSON.

    Raises:
        DataError: The file cannot be read, or holds something else.
    """
    try:
        # NaN is no JSON; whoever wrote it meant that nothing is known.
        data: object = strictjson.read_kindly(read_bounded(path, LARGEST))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {cause(error)}", hint=_HINT) from None
    tree = as_dict(data)
    if not as_list(tree.get("rows")):
        raise DataError(f"{path} holds no rows of an evaluation", hint=_HINT)
    trees = [as_dict(raw) for raw in tree["rows"]]
    keys = row_keys(str(raw.get("id", "")) for raw in trees)
    pairs = zip(trees, keys, strict=True)
    rows = [_row(raw, key, f"{path}, row {n}") for n, (raw, key) in enumerate(pairs)]
    mean = _number(tree.get("mean"))
    name, metric = str(tree.get("program", "")), str(tree.get("metric", ""))
    return Sheet(name, metric, mean, tuple(rows))


def _row(tree: Mapping[str, Any], key: str, where: str) -> Row:
    inputs, labels = tree.get("inputs"), tree.get("labels", {})
    if not is_dict(inputs) or not is_dict(labels):
        raise DataError(f"{where} is no row of an evaluation", hint=_HINT)
    told = told_of(tree)
    return Row(
        key,
        inputs,
        labels,
        _outputs(tree.get("prediction"), inputs),
        _number(tree.get("score")),
        told,
        tuple(map(_call, as_list(tree.get("prompts")))),
    )


def _outputs(given: Any, inputs: Mapping[str, Any]) -> Any:
    """A prediction without the inputs that a signature's value holds too."""
    if not is_dict(given):
        return given
    left = {k: v for k, v in given.items() if k not in inputs or inputs[k] != v}
    return left or given


def _call(raw: object) -> dict[str, Any]:
    tree = as_dict(raw)
    told = {name: str(tree.get(name, "")) for name in ("path", "model", "reply")}
    turns = [[*map(str, as_list(turn))][:2] for turn in as_list(tree.get("messages"))]
    return {**told, "messages": turns}


def _number(value: object) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return float(cast("float", value)) if plain else None
    except OverflowError:  # more digits than any score has
        return None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    plain = dict(value) if is_mapping(value) else value
    return json.dumps(plain, ensure_ascii=False)

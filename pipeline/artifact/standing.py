"""Whether an artifact has an evaluation that belongs to it: a check for CI.

An evaluation holds the digest of the program that it measured. One that stands beside
an artifact is of that artifact if the digests agree; after an edit they do not. Where
there is no such file, the score in the artifact's own provenance counts, as long as the
compile that wrote it measured these very parameters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import DataError, cause
from ..graph.digest import digits_of
from ..ground.files import LARGEST, read_bounded
from ..ground.options import path_of
from ..ground.shapes import as_dict, as_list, is_dict, is_list
from ..ground.words import counted
from .load import read_artifact
from .state import SUFFIX, compiled_score, figures

EVALUATION = ".eval.json"
_NONE = "has no evaluation"
_NOBODY = "no known program"


@dataclass(frozen=True)
class Standing:
    """Whether an artifact has an evaluation that belongs to it.

    Args:
        path: The artifact.
        name: The program's name.
        digest: The digest of its behaviour.
        problem: Why no evaluation belongs to it; empty where one does.
        source: Where the evaluation stands, in words.
        metric: What was measured.
        score: Mean in [0, 1] and the ends of its 95 % interval, or None.
        rows: How many rows were scored.
    """

    path: Path
    name: str
    digest: str
    problem: str = ""
    source: str = ""
    metric: str = ""
    score: tuple[float, ...] | None = None
    rows: int = 0

    def __bool__(self) -> bool:
        """Whether an evaluation belongs to it."""
        return not self.problem

    def __str__(self) -> str:
        digits = digits_of(self.digest) or "unknown"
        if self.problem or self.score is None:
            return f"{self.path}: {digits} {self.problem}"
        mean, low, high = (f"{100 * figure:.1f}" for figure in self.score)
        return (
            f"{self.path}: {digits} {self.metric} {mean} [{low}, {high}] on "
            f"{counted(self.rows, 'row')} ({self.source})"
        )


def standing(
    path: str | Path, evaluations: Iterable[str | Path] | None = None
) -> Standing:
    """Whether an artifact has an evaluation that belongs to it; nothing is run.

    Args:
        path: The artifact, `NAME.weft.json`.
        evaluations: Files that `weft eval --save` or `Evaluation.to_json` wrote; by
            default `NAME.eval.json` beside the artifact, where there is one. Without
            any, the score that the artifact's compile measured counts.

    Raises:
        ArtifactError: The artifact cannot be read, or was damaged.
        DataError: A file holds no evaluation.

    >>> import tempfile, weft
    >>> feel = weft.Predict("text -> mood", name="feel", lm=weft.FunctionLM(str))
    >>> folder = Path(tempfile.mkdtemp())
    >>> path = weft.save(feel, folder / "feel.weft.json")
    >>> print(standing(path).problem)
    has no evaluation: write one with weft eval ... --save ...feel.eval.json
    """
    place = path_of(path, "path")
    made = read_artifact(place)
    bare = Standing(place, made.name, made.digest)
    if not made.digest:
        said = "was edited by hand: load it, and save it again"
        return replace(bare, problem=said)
    beside = place.with_name(place.name.removesuffix(SUFFIX) + EVALUATION)
    given = [beside] if beside.is_file() else []
    files = (
        given
        if evaluations is None
        else [path_of(each, "evaluations", DataError) for each in evaluations]
    )
    others: list[str] = []
    for file in files:
        found = _read(file)
        if found.get("digest") == made.digest:
            return _measured(bare, file.name, found)
        others.append(f"{file} is of {digits_of(found.get('digest')) or _NOBODY}")
    if others:
        return replace(bare, problem=f"{_NONE}: {'; '.join(others)}")
    told = made.provenance
    score, measured = compiled_score(told), told.get("measured")
    rows = as_dict(told.get("rows"))
    scored = rows.get("scored", rows.get("sealed"))
    if len(score) == 3 and measured == made.digest and scored != 0:
        return replace(
            bare,
            source="the sealed rows of its compile",
            metric=str(told.get("metric", "")),
            score=score,
            rows=scored if isinstance(scored, int) else 0,
        )
    changed = len(score) == 3 and measured and measured != made.digest
    said = "was changed since its compile measured it" if changed else _NONE
    remedy = f"write one with weft eval ... --save {beside}"
    return replace(bare, problem=f"{said}: {remedy}")


def _measured(bare: Standing, source: str, found: Mapping[str, Any]) -> Standing:
    if found.get("failures"):
        said = f"has no whole evaluation: {counted(found['failures'], 'row')} failed"
        return replace(bare, problem=said)
    score = figures([found.get("mean"), *as_list(found.get("interval"))])
    if len(score) != 3:
        raise DataError(f"{source} holds no mean with its interval")
    metric, rows = str(found.get("metric", "")), len(as_list(found.get("rows")))
    return replace(bare, source=source, metric=metric, score=score, rows=rows)


def _read(path: Path) -> dict[str, Any]:
    hint = "Write it with weft eval ... --save FILE"
    try:
        # NaN is no JSON; whoever wrote it meant that nothing is known.
        text = read_bounded(path, LARGEST)
        data: Any = json.loads(text, parse_constant=lambda _: None)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {cause(error)}", hint=hint) from None
    if not is_dict(data) or not is_list(data.get("rows")):
        raise DataError(f"{path} holds no evaluation", hint=hint)
    return data

"""A classification as text, from what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ...ground.words import counted

NAMES: Final = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "balanced_accuracy": "balanced accuracy",
    "kappa": "Cohen's kappa",
    "log_loss": "log loss (nats)",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "auroc": "AUROC",
}
"""The figures of a classification, as texts and pages call them."""
NO_ANSWER: Final = "no answer"
"""The column of replies that could not be used."""
_SHOWN: Final = 40  # classes in a matrix of text; a wider one is a list of pairs
_WIDE: Final = 24


def laid_out(data: Mapping[str, Any]) -> str:
    """The figures, the classes, the confusion matrix, and calibration."""
    head = f"{data['program']}: {data['output']} on {counted(data['rows'], 'row')}"
    if data["answers"] != data["rows"]:
        head += f", {data['answers']} answers"
    parts = [head, *_figures(data), "", *_classes(data), "", *_matrix(data)]
    if data["bins"]:
        parts += ["", *_bins(data["bins"])]
    return "\n".join([*parts, *(f"note: {said}" for said in data["remarks"])])


def figure(one: Mapping[str, Any] | None) -> str:
    """A figure with its interval; a dash where it is not defined.

    >>> figure({"value": 0.5, "interval": [0.25, 0.75]}), figure(None)
    ('0.500 [0.250, 0.750]', '-')
    """
    if one is None:
        return "-"
    low, high = one["interval"]
    end = "inf" if high is None else f"{high:.3f}"
    return f"{one['value']:.3f} [{low:.3f}, {end}]"


def named(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names and texts of the figures; those of probabilities where there are."""
    for key, name in NAMES.items():
        weighted = key == "kappa" and data["weights"] != "none"
        said = f"{name}, {data['weights']} weights" if weighted else name
        if data[key] is not None or key == "kappa":
            yield said, figure(data[key])


def matrix(data: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """The heads of the columns, and each wanted class with its counts."""
    cells = {(gold, got): n for gold, got, n in data["confusion"]}
    given: list[str | None] = list(data["classes"])
    if any(got is None for _, got in cells):
        given.append(None)
    heads = [NO_ANSWER if name is None else name for name in given]
    rows = [
        (gold, [cells.get((gold, got), 0) for got in given]) for gold in data["classes"]
    ]
    return heads, rows


def pairs(data: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(Wanted, given, how often) of what went wrong, most first, as texts."""
    wrong = [one for one in data["confusion"] if one[0] != one[1]]
    wrong.sort(key=lambda one: -one[2])
    return [(g, NO_ANSWER if p is None else p, str(n)) for g, p, n in wrong]


def _figures(data: Mapping[str, Any]) -> list[str]:
    told = list(named(data))
    wide = max(len(name) for name, _ in told)
    return [f"  {name:<{wide}}  {said}" for name, said in told]


def _classes(data: Mapping[str, Any]) -> list[str]:
    areas = any(one["auroc"] for one in data["by_class"])
    heads = ["class", "wanted", "given", "precision", "recall", "F1"]
    rows = [
        [
            _cut(one["label"]),
            str(one["wanted"]),
            str(one["given"]),
            *(figure(one[name]) for name in ("precision", "recall", "f1")),
            *([figure(one["auroc"])] if areas else []),
        ]
        for one in data["by_class"]
    ]
    return _columns([[*heads, *(["AUROC"] if areas else [])], *rows])


def _matrix(data: Mapping[str, Any]) -> list[str]:
    heads, rows = matrix(data)
    if len(rows) > _SHOWN:
        some = [[*map(_cut, pair)] for pair in pairs(data)[:_SHOWN]]
        return _columns([["wanted", "given", "times"], *some])
    lines = [[_cut(gold), *map(str, counts)] for gold, counts in rows]
    return _columns([["wanted \\ given", *map(_cut, heads)], *lines])


def _bins(bins: Sequence[Sequence[float]]) -> list[str]:
    rows = [
        [str(n), f"{confidence:.3f}", f"{right:.3f} [{low:.3f}, {high:.3f}]"]
        for n, confidence, right, low, high in bins
    ]
    return _columns([["rows", "confidence", "right"], *rows])


def _cut(name: str) -> str:
    flat = " ".join(name.split()) or "''"
    return flat if len(flat) <= _WIDE else f"{flat[: _WIDE - 1]}…"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose cells stand below each other, the first to the left."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in rows
    ]

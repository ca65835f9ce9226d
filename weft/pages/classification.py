"""A classification as a page: figures, classes, confusion matrix, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from ..pipeline.ground.words import counted
from ..pipeline.measure.decisions.layout import figure, matrix, named, pairs
from .html import Data, page, table

_MOST: Final = 60
"""Classes of a whole matrix; of more the pairs that are mixed up are shown."""


def classification_page(data: Data) -> str:
    """The figures with intervals, then each class, then who was taken for whom."""
    title = f"{data['program']}: {data['output']}"
    return page(title, f"<h1>{escape(title)}</h1>", sections(data))


def sections(data: Data) -> str:
    """What a page shows of decisions, for pages of other results too."""
    said = f"On {counted(data['rows'], 'row')}, with 95 % intervals."
    notes = "".join(f"<li>{escape(note)}</li>" for note in data["remarks"])
    shown = [(escape(name), escape(told)) for name, told in named(data)]
    parts = [
        f"<h2>Decisions: {escape(str(data['output']))}</h2><p>{escape(said)}</p>",
        table((), shown, numbers=1, small=True),
        f"<ul>{notes}</ul>" if notes else "",
        _classes(data),
        _confusion(data),
        _bins(data["bins"]) if data["bins"] else "",
    ]
    return "\n".join(part for part in parts if part)


def classification_cell(data: Data) -> str:
    """What a notebook shows."""
    return f"<div><b>{escape(str(data['program']))}</b>{sections(data)}</div>"


def _classes(data: Data) -> str:
    areas = any(one["auroc"] for one in data["by_class"])
    names = ("precision", "recall", "f1", *(("auroc",) if areas else ()))
    heads = ("class", "wanted", "given", "precision", "recall", "F1", "AUROC")
    lines = [
        [one["label"], one["wanted"], one["given"], *(figure(one[n]) for n in names)]
        for one in data["by_class"]
    ]
    return _headed("By class", heads[: 3 + len(names)], lines)


def _confusion(data: Data) -> str:
    heads, rows = matrix(data)
    if len(rows) > _MOST:
        words = f"What was taken for what, the {_MOST} most frequent"
        return _headed(words, ("wanted", "given", "times"), pairs(data)[:_MOST])
    lines = [[gold, *counts] for gold, counts in rows]
    words = "Confusion matrix: rows are wanted classes, columns given ones"
    same = [[gold == head for head in heads] for gold, _ in rows]
    return _headed(words, ["wanted", *heads], lines, right=same)


def _bins(bins: Sequence[Sequence[float]]) -> str:
    lines = [
        [n, f"{confidence:.3f}", f"{right:.3f} [{low:.3f}, {high:.3f}]"]
        for n, confidence, right, low, high in bins
    ]
    words = "Calibration: answers in bins of equal mass, by how sure they were"
    return _headed(words, ("answers", "mean confidence", "share right"), lines)


def _headed(
    caption: str,
    heads: Sequence[object],
    lines: Sequence[Sequence[object]],
    right: Sequence[Sequence[bool]] = (),
) -> str:
    """A table with a caption whose first column and line are headings.

    What is read aloud names the row and the column of each cell.
    """
    top = "".join(
        f'<th scope="col"{" class=n" if at else ""}>{escape(str(head))}</th>'
        for at, head in enumerate(heads)
    )
    body: list[str] = []
    for number, (first, *rest) in enumerate(lines):
        marks = right[number] if right else [False] * len(rest)
        cells = "".join(
            f'<td class="n">{"<b>" if ok else ""}{escape(str(cell))}'
            f"{'</b>' if ok else ''}</td>"
            for cell, ok in zip(rest, marks, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(str(first))}</th>{cells}</tr>')
    return (
        f'<table class="small"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    )

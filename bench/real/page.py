"""The page in docs/: a template, and the tables of the cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import Row, pipes
from .cells import Cell, Key
from .running import BUDGET, CANDIDATES, SLOTS, TRAIN, VAL
from .tables import COMPILE_HEADINGS, HEADINGS, Cells, bars

__all__ = ["page", "zero_shot"]

TEMPLATE = Path(__file__).with_name("page.md")
NOTHING = "Not measured yet."


def page(found: Mapping[Key, Cell], rows: int, compiled_rows: int) -> str:
    """The whole page as Markdown.

    Args:
        found: The cells.
        rows: Test rows of a zero-shot cell.
        compiled_rows: Test rows of a compile.
    """
    few, many = Cells(found, rows), Cells(found, compiled_rows)
    missed = [row for model in _models(found) for row in bars(few, model)]
    return TEMPLATE.read_text(encoding="utf-8").format(
        setup="\n".join(_setup(found)),
        short="\n".join(_short(missed)),
        zero="\n".join(zero_shot(few)) or NOTHING,
        compiled="\n".join(_compiled(many)) or NOTHING,
        slots=SLOTS,
        train=TRAIN,
        val=VAL,
        budget=BUDGET,
        candidates=CANDIDATES,
    )


def zero_shot(cells: Cells) -> Iterator[str]:
    """A table for each model and task."""
    for model in _models(cells.found):
        for task in _tasks(cells.found, model):
            lines = list(cells.lines(model, task))
            if lines:
                yield from _table(f"### {model}, {task}", HEADINGS, lines)


def _compiled(cells: Cells) -> Iterator[str]:
    for model in _models(cells.found):
        for task in _tasks(cells.found, model):
            lines = list(cells.compile_lines(model, task))
            if lines:
                yield from _table(f"### {model}, {task}", COMPILE_HEADINGS, lines)


def _table(
    title: str, headings: tuple[str, ...], lines: Iterable[tuple[str, ...]]
) -> Iterator[str]:
    yield f"{title}\n"
    yield pipes(headings)
    yield pipes(("---", *("---:" for _ in headings[1:])))
    yield from map(pipes, lines)
    yield ""


def _short(rows: list[Row]) -> Iterator[str]:
    """The bars that were missed, and how many there are."""
    missed = [row for row in rows if not row.ok]
    yield f"{len(missed)} of {len(rows)} bars that could be held against cells."
    yield ""
    for row in missed:
        other = "" if row.other is None else f", DSPy {row.other:.2f}"
        yield f"- {row.what}: {row.weft:.2f}{other} (promised: {row.bar})"


def _setup(found: Mapping[Key, Cell]) -> Iterator[str]:
    """What the cells were made with; several values where cells differ."""
    yield "| set-up | |"
    yield "|---|---|"
    for model in _models(found):
        made = [cell.made_with for key, cell in found.items() if key.model == model]
        said = [_values(made, name) for name in ("file", "sha256", "server")]
        yield f"| {model} | {'; '.join(text for text in said if text)} |"
    every = [cell.made_with for cell in found.values()]
    for label, name in (
        ("weft", "weft"),
        ("DSPy", "dspy"),
        ("measured on", "date"),
        ("reply limit, tokens", "max_tokens"),
        ("context of a slot, tokens", "context"),
        ("slots of the server", "slots"),
    ):
        yield f"| {label} | {_values(every, name)} |"
    yield "| sampling | temperature 0 |"
    sizes = sorted({len(cell.outcomes) for cell in found.values()})
    yield f"| test rows of a cell | {', '.join(map(str, sizes))} |"


def _values(made: Iterable[Mapping[str, Any]], name: str) -> str:
    """The values of a name, each once."""
    found = sorted({str(one[name]) for one in made if one.get(name)})
    return ", ".join(text[:16] if name == "sha256" else text for text in found)


def _models(found: Mapping[Key, Cell]) -> list[str]:
    return sorted({key.model for key in found}, reverse=True)


def _tasks(found: Mapping[Key, Cell], model: str) -> list[str]:
    return sorted({key.task for key in found if key.model == model})

"""The page in docs/: a template, and the tables of the outcomes."""

from __future__ import annotations

from pathlib import Path

from .kept import versions
from .tables import Table

__all__ = ["page"]

TEMPLATE = Path(__file__).with_name("page.md")


def page(table: Table, further: Table, seeds: int, more: int, bound: float) -> str:
    """The whole page as Markdown.

    Args:
        table: Every contender on the first seeds.
        further: Auto and the best of DSPy's on those after them.
        seeds: How many the first ones are.
        more: How many come after them.
        bound: Seconds that a compile may take.
    """
    return TEMPLATE.read_text().format(
        tables="\n".join(table.markdown()),
        summary="\n".join(table.summary()),
        further="\n".join(further.summary()),
        seeds=seeds,
        more=more,
        bound=f"{bound:g}",
        versions=versions(),
    )

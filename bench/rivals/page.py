"""The page in docs/: a template, and the tables of the outcomes."""

from __future__ import annotations

from pathlib import Path

from .kept import versions
from .tables import Table

__all__ = ["page"]

TEMPLATE = Path(__file__).with_name("page.md")


def page(
    table: Table, further: Table, seeds: tuple[int, int, int], bound: float
) -> str:
    """The whole page as Markdown.

    Args:
        table: Every contender on the first seeds.
        further: Auto and the best of DSPy's on those after them.
        seeds: The first of them, how many those of every contender are, and how many
            come after those.
        bound: Seconds that a compile may take.
    """
    first, count, more = seeds
    said = f"The best of five optimizers on {count} seeds is in part the luckiest."
    if more:
        rest = "\n".join(further.summary())
        said += f" So that one alone, and\n`Auto`, went on to {more} further seeds:"
        said += f"\n\n{rest}"
    return TEMPLATE.read_text().format(
        tables="\n".join(table.markdown()),
        summary="\n".join(table.summary()),
        further=said,
        first=first,
        seeds=count,
        more=more,
        bound=f"{bound:g}",
        versions=versions(),
    )

"""The page in docs/: a template, and the tables of the outcomes."""

from __future__ import annotations

from pathlib import Path

from .kept import versions
from .tables import Table

__all__ = ["page"]

TEMPLATE = Path(__file__).with_name("page.md")


def page(table: Table, seeds: int, bound: float) -> str:
    """The whole page as Markdown."""
    return TEMPLATE.read_text().format(
        tables="\n".join(table.markdown()),
        summary="\n".join(table.summary()),
        seeds=seeds,
        bound=f"{bound:g}",
        versions=versions(),
    )

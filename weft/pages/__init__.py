"""Results as HTML and SVG: self-contained, with no script and nothing fetched.

Pages are drawn of what results say of themselves (`describe`); all text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .classification import classification_cell, classification_page
from .coverage import coverage_drawn
from .evaluation import cell, evaluation_page
from .gate import gate_page
from .report import report_page
from .run import run_page
from .side_by_side import side_by_side_page
from .svg import as_svg
from .sweep import sweep_page

_DRAWN: dict[str, Callable[[Any], str]] = {
    "cell": cell,
    "classification": classification_page,
    "classification cell": classification_cell,
    "coverage": lambda data: coverage_drawn({"": data}),
    "evaluation": evaluation_page,
    "gate": gate_page,
    "graph": as_svg,
    "report": report_page,
    "run": run_page,
    "side by side": side_by_side_page,
    "sweep": sweep_page,
}


def draw(kind: str, data: Any) -> str:
    """As `pipeline.ground.pages.drawn` asks for it."""
    return _DRAWN[kind](data)

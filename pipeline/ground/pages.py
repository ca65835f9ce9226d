"""How results are drawn: not by themselves, but by whoever stands above.

A result describes itself as data. What makes HTML or SVG of it is named here by the
face of the library, with `draw_with`, and imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Draw = Callable[[str, Any], str]
"""Of a kind of picture and the data for it: its HTML or SVG."""

_draws: list[Draw] = []


def draw_with(draw: Draw) -> None:
    """Let this draw from now on."""
    _draws[:] = [draw]


def drawn(kind: str, data: Any) -> str:
    """The HTML or SVG of a result's data.

    Args:
        kind: Such as "evaluation" for a page, "evaluation cell" for a notebook.
        data: What is drawn.
    """
    return _draws[0](kind, data)

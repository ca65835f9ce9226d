"""Lines and demos that went and came, each behind its sign."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ..ground.words import brief
from ..parameters import Demo

_MOST_DEMOS = 50


def lines_changed(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Lines that went and came, each behind its sign."""
    return [line for line in difflib.ndiff(old, new) if line[0] in "+-"]


def demos_changed(old: Sequence[Demo], new: Sequence[Demo]) -> list[str]:
    """Demos that went and came, each behind its sign; or that their order did."""
    had, has = ({demo.id: demo for demo in demos} for demos in (old, new))
    gone = [f"- {_short(demo)}" for i, demo in had.items() if i not in has]
    come = [f"+ {_short(demo)}" for i, demo in has.items() if i not in had]
    if gone or come or [d.id for d in old] == [d.id for d in new]:
        return [*_first(gone), *_first(come)]
    return ["  the same demos in another order"]


def _first(lines: list[str]) -> list[str]:
    """As many lines as anybody reads, and how many there are besides."""
    left = len(lines) - _MOST_DEMOS
    more = [f"{lines[0][0]} and {left} more demos"] if left > 0 else []
    return lines[:_MOST_DEMOS] + more


def _short(demo: Demo) -> str:
    shown = {name: brief(repr(value), 48) for name, value in demo.values.items()}
    values = ", ".join(f"{name}={text}" for name, text in shown.items())
    row = f", row {demo.source}" if demo.source else ""
    return f"demo {demo.id} ({demo.by}{row}) {values}"

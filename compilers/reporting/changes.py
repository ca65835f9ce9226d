"""What a compile changed in the prompts, in lines that can be read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from ..candidate import plain_slot

_MOST_DEMOS = 50


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Instruction lines, demos and other parameters that went and came.

    Args:
        before: Parameters keyed `module/slot`.
        after: The same keys.

    >>> print(changes({"qa/instruction": "Be brief."}, {"qa/instruction": "Be."}))
    qa/instruction
      - Be brief.
      + Be.
    """
    lines: list[str] = []
    for key, new in after.items():
        old = before[key]
        if plain_slot(old) == plain_slot(new):
            continue
        lines.append(key)
        if key.endswith("/instruction"):
            changed = difflib.ndiff(old.splitlines(), new.splitlines())
            lines += [f"  {line}" for line in changed if line[0] in "+-"]
        elif key.endswith("/demos"):
            lines += _demo_lines(old, new)
        else:
            lines.append(f"  - {plain_slot(old)}\n  + {plain_slot(new)}")
    return "\n".join(lines) or "nothing changed"


def _demo_lines(old: Any, new: Any) -> list[str]:
    kept = {demo.id for demo in new}
    had = {demo.id for demo in old}
    gone = [f"  - demo {d.id} {_short(d)}" for d in old if d.id not in kept]
    come = [f"  + demo {d.id} {_short(d)}" for d in new if d.id not in had]
    return [*_first(gone), *_first(come)] or ["  the same demos in another order"]


def _first(lines: list[str]) -> list[str]:
    """As many lines as anybody reads, and how many there are besides."""
    left = len(lines) - _MOST_DEMOS
    more = [f"{lines[0][:3]} and {left} more demos"] if left > 0 else []
    return lines[:_MOST_DEMOS] + more


def _short(demo: Any) -> str:
    shown = ", ".join(
        f"{name}={str(value)[:48]!r}" for name, value in demo.values.items()
    )
    return f"({demo.by}, row {demo.source}) {shown}"

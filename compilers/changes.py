"""What changed between the parameters of two programs, to be read by a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..pipeline.artifact.changed import (
    demos_changed,
    lines_changed,
    rules_changed,
    words_changed,
)
from .search.candidate import plain_slot


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Instruction lines, demos and other parameters that went and came.

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
        if key.endswith(("/demos", "/illustrations")):
            changed = demos_changed(old, new)
        elif key.endswith("/instruction"):
            changed = lines_changed(old.splitlines(), new.splitlines())
        elif key.endswith("/rule"):
            changed = rules_changed(old, new)
        elif key.endswith("/words"):
            changed = words_changed(old, new)
        else:
            changed = [f"- {plain_slot(old)}", f"+ {plain_slot(new)}"]
        lines += [key, *(f"  {line}" for line in changed)]
    return "\n".join(lines) or "nothing changed"

"""Lines and demos that went and came, each behind its sign."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ..ground import strictjson
from ..ground.shapes import as_dict
from ..ground.words import brief, counted
from ..parameters import Demo

_MOST_DEMOS = 50


def lines_changed(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Lines that went and came, each behind its sign."""
    return [line for line in difflib.ndiff(old, new) if line[0] in "+-"]


def rules_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Numbers of rules of decisions that went and came, by output.

    >>> rules_changed({}, {"spam": {"cut": 0.3, "prior_of": "sha256:..."}})
    ['+ spam: cut 0.3']
    """
    return lines_changed(*(_numbers(rules) for rules in (old, new)))


def words_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Answer words that went and came, by output and label.

    >>> words_changed({}, {"mood": {"words": {"1": ["good", "fine"]}, "pool": "mean"}})
    ['+ mood: 1 is "good", "fine"', '+ mood: pool mean']
    """
    return lines_changed(*(_said(words) for words in (old, new)))


def _said(words: Mapping[str, Any]) -> list[str]:
    made: list[str] = []
    for output, one in words.items():
        for label, own in as_dict(as_dict(one).get("words")).items():
            said = ", ".join(map(strictjson.dumps, own))
            made.append(f"{output}: {label} is {said}")
        if pool := as_dict(one).get("pool"):
            made.append(f"{output}: pool {pool}")
    return made


def _numbers(rules: Mapping[str, Any]) -> list[str]:
    return [
        f"{output}: {name} {strictjson.canonical(value)}"
        for output, rule in rules.items()
        for name, value in as_dict(rule).items()
        if name != "prior_of"
    ]


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
    more = [f"{lines[0][0]} and {counted(left, 'more demo')}"] if left > 0 else []
    return lines[:_MOST_DEMOS] + more


def _short(demo: Demo) -> str:
    shown = {name: brief(repr(value), 48) for name, value in demo.values.items()}
    values = ", ".join(f"{name}={text}" for name, text in shown.items())
    row = f", row {demo.source}" if demo.source else ""
    return f"demo {demo.id} ({demo.by}{row}) {values}"

"""The attempts of a `Compare` as DSPy's `MultiChainComparison` has them, both ways.

Here they are one field, a list; there each is a field of its own, and the reasoning is
called `rationale`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

ATTEMPTS: Final = "attempts"
_REASONING: Final = "reasoning"
_RATIONALE: Final = "rationale"


def attempt_name(number: int) -> str:
    """DSPy's name of an attempt, counted from 0.

    >>> attempt_name(0)
    'reasoning_attempt_1'
    """
    return f"reasoning_attempt_{number + 1}"


def fields_apart(descriptions: Mapping[str, str], number: int) -> dict[str, str]:
    """The fields' descriptions with so many attempts in place of the list.

    >>> fields_apart({"question": "", "attempts": "earlier", "reasoning": ""}, 1)
    {'question': '', 'reasoning_attempt_1': 'earlier', 'rationale': ''}
    """
    made: dict[str, str] = {}
    for name, said in descriptions.items():
        if name == ATTEMPTS:
            made |= {attempt_name(each): said for each in range(number)}
        else:
            made[_RATIONALE if name == _REASONING else name] = said
    return made


def attempts_apart(values: Mapping[str, Any], number: int) -> dict[str, Any] | None:
    """A demo's values in DSPy's fields; None where it has another number of attempts.

    >>> attempts_apart({"question": "q", "attempts": ["a"], "reasoning": "r"}, 1)
    {'question': 'q', 'reasoning_attempt_1': 'a', 'rationale': 'r'}
    """
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name != ATTEMPTS:
            made[_RATIONALE if name == _REASONING else name] = value
        elif len(value) == number:
            made |= {attempt_name(each): one for each, one in enumerate(value)}
        else:
            return None
    return made


def fields_together(fields: Sequence[Any], at: int, number: int) -> list[Any]:
    """A state's fields with one in place of the attempts, which begin at a position."""
    return [*fields[: at + 1], *fields[at + number :]]


def attempts_together(values: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A demo's values in weft's fields; attempts that are not all there stay apart.

    >>> attempts_together({"reasoning_attempt_1": "a", "rationale": "r"}, 1)
    {'attempts': ['a'], 'reasoning': 'r'}
    """
    names = [attempt_name(each) for each in range(number)]
    whole = all(name in values for name in names)
    made: dict[str, Any] = {ATTEMPTS: [values[n] for n in names]} if whole else {}
    for name, value in values.items():
        if not (whole and name in names):
            made[_REASONING if name == _RATIONALE else name] = value
    return made

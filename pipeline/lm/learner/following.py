"""Following: doing what an instruction asks for, or what solved cases show.

Only small operations that need no knowledge of the world are done, and only on one
short input. Where solved cases speak against an operation, it is not done.
"""

from __future__ import annotations

from functools import lru_cache

from .case import Case
from .choosing import choose
from .operations.grammar import GRAMMAR
from .operations.letters import LETTERS
from .operations.numerals import NUMERALS
from .operations.operation import Operation
from .operations.picking import PICKING, alternatives, scale_in
from .operations.relations import RELATIONS

OPERATIONS: tuple[Operation, ...] = (
    *LETTERS,
    *NUMERALS,
    *GRAMMAR,
    *RELATIONS,
    *PICKING,
)
_LONGEST, _ASKING = 400, 2000
_FEWEST, _SHARE = 2, 0.6


def followed(case: Case) -> str | None:
    """What the instruction asks for, done to the input; None where nothing can be.

    Where it asks for nothing of the kind, the operation is done that most of the solved
    cases show.
    """
    if len(case.query) != 1 or not 0 < len(case.text.strip()) <= _LONGEST:
        return None
    shown = tuple((demo.given, demo.text) for demo in case.demos)
    task = f"{case.task}\n{case.note}"[:_ASKING]
    for operation in named_in(task):
        agrees = len(shown) < _FEWEST or _share(operation, shown) > 0
        if agrees and (done := operation.do(case.text)) is not None:
            return done
    choices = alternatives(task)
    if choices and {answer for _, answer in shown} <= set(choices):
        return choices[choose(choices, case.evidence(), case.variant)]
    taught = shown_by(shown)
    return taught.do(case.text) if taught else None


@lru_cache(maxsize=256)
def named_in(task: str) -> tuple[Operation, ...]:
    """The operations that a task text may ask for, the most telling first.

    >>> [one.told for one in named_in("What is the plural of the word?")]
    ['Write the word in plural form.']
    """
    scale = scale_in(task)
    named = tuple(one for one in OPERATIONS if one.named_in(task))
    return (scale, *named) if scale else named


@lru_cache(maxsize=64)
def shown_by(pairs: tuple[tuple[str, str], ...]) -> Operation | None:
    """The operation that turns inputs into outputs in most pairs; None without one.

    Args:
        pairs: Inputs with their outputs; fewer than two show nothing.

    >>> shown = shown_by((("hero", "h"), ("guilt", "g")))
    >>> shown.told if shown else None
    'Write the first letter of the word.'
    """
    if len(pairs) < _FEWEST:
        return None
    best = max(OPERATIONS, key=lambda operation: _share(operation, pairs))
    return best if _share(best, pairs) >= _SHARE else None


@lru_cache(maxsize=1024)
def _share(operation: Operation, pairs: tuple[tuple[str, str], ...]) -> float:
    """In which share of the pairs the operation makes the output of the input."""
    right = sum(_same(operation.do(given), wanted) for given, wanted in pairs)
    return right / len(pairs)


def _same(done: str | None, wanted: str) -> bool:
    return done is not None and done.strip().casefold() == wanted.strip().casefold()

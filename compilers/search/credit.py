"""Credit by contrast: what each choice does, from joint configurations on one row.

Candidates that met the same row differ in some choices: which model a module asks, in
which form, in whose words. Each difference of their scores says something of those
choices, and all of them together tell the choices apart: a least squares fit of
additive effects within rows, shrunk where little was seen. So a candidate that changed
three modules gives each of them its share. CANTANTE (arXiv 2605.13295) contrasts joint
configurations for the credit of agents; AgentOpt (arXiv 2604.06296) takes each
combination of models for an arm, which ten rows cannot tell apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .candidate import Candidate
from .choices import Choices
from .running_cost import tokens_of
from .task import Task

Key = tuple[str, str]
"""A slot and the name of a choice for it."""

_MOST = 64
_SHRUNK = 1.0
"""How many cells of no effect are added for each choice."""


@dataclass(frozen=True)
class Credit:
    """What a choice changes, against the program as it was.

    Args:
        score: Of the mean score, in [-1, 1].
        usd: Of the dollars of a row, or None where a price is unknown.
        tokens: Of the tokens of a row.
        candidates: How many candidates made the choice.
        rows: On how many rows they were seen, all together.
    """

    score: float
    usd: float | None
    tokens: float
    candidates: int
    rows: int


def credit_by_contrast(task: Task, slots: Sequence[str]) -> dict[Key, Credit]:
    """The effect of each choice that a candidate made for a slot of some kinds.

    Args:
        task: Its archive, and what was seen on the select rows.
        slots: Last parts of keys, such as "model"; other choices are left out, and
            candidates that differ in them alone say nothing.
    """
    choices = Choices.of(task.archive[:_MOST])
    seen = [c for c in task.archive[:_MOST] if task.results(c, task.rows)]
    made = {c.id: _keys(choices, c, slots) for c in seen}
    keys = list(dict.fromkeys(key for own in made.values() for key in own))
    if not keys:
        return {}
    fit = _Fit(keys)
    known = True
    for row in task.rows:
        cells = [(c, r) for c in seen if (r := task.result(c, row)) is not None]
        targets: list[list[float]] = []
        for _, result in cells:
            cost = result.trace.cost
            known = known and cost is not None
            value = 0.0 if result.score is None else result.score.value
            targets.append([value, cost or 0.0, float(tokens_of(result))])
        fit.row([made[c.id] for c, _ in cells], targets)
    effects = fit.solved()
    return {
        key: Credit(
            effects[at][0],
            effects[at][1] if known else None,
            effects[at][2],
            sum(key in own for own in made.values()),
            sum(len(task.results(c, task.rows)) for c in seen if key in made[c.id]),
        )
        for at, key in enumerate(keys)
    }


def described(credit: Mapping[Key, Credit]) -> list[dict[str, Any]]:
    """Credit as plain JSON data, one entry a choice."""
    return [
        {"slot": slot, "choice": choice, **dataclasses.asdict(one)}
        for (slot, choice), one in credit.items()
    ]


def _keys(choices: Choices, candidate: Candidate, slots: Sequence[str]) -> list[Key]:
    """What a candidate chose, where it is not as it was."""
    own: Mapping[str, str] = choices.made_by(candidate)
    return [
        (slot, name)
        for slot, name in own.items()
        if slot.rpartition("/")[2] in slots and choices.values[slot][name]
    ]


class _Fit:
    """Normal equations of effects within rows, for three targets at once."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._at = {key: at for at, key in enumerate(keys)}
        size = len(keys)
        self._matrix = [[0.0] * size for _ in range(size)]
        self._right = [[0.0] * 3 for _ in range(size)]
        for at in range(size):
            self._matrix[at][at] = _SHRUNK

    def row(
        self, chosen: Sequence[Sequence[Key]], targets: Sequence[Sequence[float]]
    ) -> None:
        """Add the cells of one row: choices, and what came of them."""
        count = len(chosen)
        if count < 2:
            return
        marks = [[0.0] * len(self._at) for _ in chosen]
        for own, mark in zip(chosen, marks, strict=True):
            for key in own:
                mark[self._at[key]] = 1.0
        means = [sum(column) / count for column in zip(*marks, strict=True)]
        usual = [sum(column) / count for column in zip(*targets, strict=True)]
        for mark, target in zip(marks, targets, strict=True):
            x = [value - mean for value, mean in zip(mark, means, strict=True)]
            y = [value - mean for value, mean in zip(target, usual, strict=True)]
            for at, one in enumerate(x):
                if one:
                    for other, two in enumerate(x):
                        self._matrix[at][other] += one * two
                    for of in range(3):
                        self._right[at][of] += one * y[of]

    def solved(self) -> list[list[float]]:
        """The effects of each key; Gauss's elimination, which ridges keep sound."""
        matrix = [
            [*row, *right] for row, right in zip(self._matrix, self._right, strict=True)
        ]
        size = len(self._matrix)
        for at in range(size):
            pivot = max(range(at, size), key=lambda r: abs(matrix[r][at]))
            matrix[at], matrix[pivot] = matrix[pivot], matrix[at]
            for other in range(size):
                if other != at and matrix[other][at]:
                    ratio = matrix[other][at] / matrix[at][at]
                    matrix[other] = [
                        a - ratio * b
                        for a, b in zip(matrix[other], matrix[at], strict=True)
                    ]
        return [
            [value / matrix[at][at] for value in matrix[at][size:]]
            for at in range(size)
        ]

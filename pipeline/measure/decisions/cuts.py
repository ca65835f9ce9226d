"""Numbers as classes: cut where somebody says, so that they can be counted."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError, DataError
from ...ground.shapes import is_sequence
from .counts import Weights


@dataclass(frozen=True)
class Rating:
    """Which answers are compared with which labels, and how.

    Args:
        output: The output field; the only one with few values where None.
        label: The label, where it is called otherwise.
        weights: How disagreements count: "none", "linear" or "quadratic".
        cuts: Where numbers are cut into classes, from low to high.
    """

    output: str | None = None
    label: str | None = None
    weights: Weights = "none"
    cuts: tuple[float, ...] = ()


class Rated:
    """What compares verdicts with people's: a metric that a judge is compiled by."""

    rating: Rating


def rating_of(metric: object) -> Rating | None:
    """How a metric compares verdicts with people's, where it does."""
    return metric.rating if isinstance(metric, Rated) else None


def class_at(cuts: Sequence[float], value: Any) -> str:
    """The class of a number between cuts; a value that is a cut is above it.

    Raises:
        DataError: It is no number.

    >>> class_at((0.5,), 0.4), class_at((0.5,), 0.5), class_at((0.2, 0.8), 0.5)
    ('below 0.5', '0.5 or more', '0.2 to 0.8')
    """
    if not _is_number(value):
        raise DataError(
            f"{value!r:.200} is no number that cuts= could part",
            hint="Leave cuts= out for choices",
        )
    return cut_names(cuts)[bisect.bisect_right(cuts, value)]


def cut_names(cuts: Sequence[float]) -> list[str]:
    """The classes between cuts, from low to high.

    >>> cut_names((0.2, 0.8))
    ['below 0.2', '0.2 to 0.8', '0.8 or more']
    """
    told = [f"{cut:g}" if float(f"{cut:g}") == cut else repr(cut) for cut in cuts]
    inner = [f"{a} to {b}" for a, b in itertools.pairwise(told)]
    return [f"below {told[0]}", *inner, f"{told[-1]} or more"] if told else []


def checked_cuts(cuts: object) -> tuple[float, ...]:
    """Cuts, from low to high.

    Raises:
        ConfigError: They are no rising numbers.
    """
    held: list[Any] = [*cuts] if is_sequence(cuts) else [None]
    try:
        made = tuple(float(cut) for cut in held if _is_number(cut))
    except OverflowError:
        made = ()
    rising = all(a < b for a, b in itertools.pairwise(made))
    if len(made) < len(held) or not rising:
        raise ConfigError(
            f"cuts={cuts!r:.200} are no rising numbers", hint="Write cuts=[0.5]"
        )
    return made


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)

"""Votes: which of several answers most agree on, and how many do."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from ...pipeline.errors import ConfigError, did_you_mean
from ...pipeline.graph.module import Module
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.lm.request import JSON
from ...pipeline.signature.signature import spec_of
from .reward import outputs_of


@dataclass(frozen=True)
class Tally:
    """Votes that were counted.

    Args:
        winner: The position of the first answer of those with the most weight.
        agreement: The share of all tries that agree with it, in [0, 1]: by weight among
            those that voted, and a try without a usable answer agrees with nobody.
        votes: Each different answer with its weight, in the order of their first.
    """

    winner: int
    agreement: float
    votes: tuple[tuple[Any, float], ...]

    @property
    def facts(self) -> dict[str, JSON]:
        """As a module reports it."""
        votes: list[JSON] = [{"answer": a, "weight": w} for a, w in self.votes]
        return {"agreement": self.agreement, "votes": votes}


def field_of(module: Module[..., Any], by: str | None, kind: str) -> str:
    """The output that is voted on: the one that is named, or the last.

    Raises:
        ConfigError: There is no such output.
    """
    outputs = list(module.spec.outputs)
    found = by or module.single or [*spec_of(module.signature).outputs][-1]
    if found not in outputs:
        raise ConfigError(
            f"{kind}: by={by!r} is no output; there are {', '.join(outputs)}",
            hint=did_you_mean(str(found), outputs),
        )
    return found


def counted_votes(
    module: Module[..., Any],
    by: str,
    answers: Sequence[Any],
    tries: int,
    weights: Sequence[float] | None = None,
) -> Tally:
    """Count the votes of some answers of a module.

    Args:
        module: Whose answers they are.
        by: The output that is voted on.
        answers: At least one, in the order of their tries.
        tries: How many were asked, those without a usable answer too.
        weights: One for each answer, finite and not negative; 1 each by default.
    """
    field = module.spec.outputs[by]
    values = [outputs_of(module, answer)[by] for answer in answers]
    data = [field.dump(value) for value in values]
    keys = [vote_of(field.dump(_normal(value))) for value in values]
    by_key: dict[str, list[float]] = {}
    for key, weight in zip(keys, weights or [1.0] * len(keys), strict=True):
        by_key.setdefault(key, []).append(weight)
    sums = {key: math.fsum(some) for key, some in by_key.items()}
    best = max(sums, key=lambda key: sums[key])  # the first of equals
    whole = math.fsum(sums.values())
    # One division of what is exact for counts, so that two of three is 2 / 3.
    share = sums[best] * len(keys) / (whole * tries) if whole else 0.0
    votes = tuple((data[keys.index(key)], weight) for key, weight in sums.items())
    return Tally(keys.index(best), share, votes)


def _normal(value: Any) -> Any:
    """The value with one text for each number: 1.0 and 1.00 are two in JSON."""
    if isinstance(value, Decimal):
        return value.normalize()
    if is_list(value):
        return [_normal(one) for one in value]
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        return value.model_copy(update={n: _normal(getattr(value, n)) for n in names})
    return value


def vote_of(data: Any) -> str:
    """What counts of an answer: texts without case, width and outer or doubled space.

    >>> vote_of(" The  PARIS ") == vote_of("the paris"), vote_of(1.0) == vote_of(1)
    (True, True)
    >>> vote_of(True) == vote_of(1), vote_of("1") == vote_of(1)
    (False, False)
    """
    try:
        return strictjson.canonical(_plainly(data))
    except (TypeError, ValueError):  # NaN, which is no JSON
        return repr(data)


def _plainly(data: Any) -> Any:
    if isinstance(data, str):
        text = unicodedata.normalize("NFKC", data).casefold()
        return " ".join(text.split())
    if isinstance(data, float) and data.is_integer():
        return int(data)
    if is_dict(data):
        return {key: _plainly(value) for key, value in data.items()}
    return [_plainly(item) for item in data] if is_list(data) else data

"""Choosing one value of a closed list from demonstrations, cues and names.

Three sources are added up. Demonstrations: cosine over character n-grams, a vote that
the nearest dominates; where even that is far, the other two decide. Cues: what the task
text says about each choice. Names: the choice's own words. Where none speaks, a draw
keyed on the input alone decides, so that a prompt without evidence scores as chance
does and does not move with its wording.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .cues import Cues, cues_from, cues_of
from .ngrams import best, digest, index_of, words

_SHARPNESS = 16
_DEMOS, _CUES, _NAMES = 4.0, 0.2, 0.3
_SILENCE = 1e-9
_WAVER = 8.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a choice is made from.

    Args:
        query: The input as one text.
        texts: The demonstrations' inputs.
        labels: The demonstrations' values, one for each text.
        task: The instruction and the field's description.
    """

    query: str
    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    task: str = ""


def choose(choices: Sequence[str], evidence: Evidence, variant: int = 0) -> int:
    """The place of the choice that the evidence speaks for most.

    Args:
        choices: The values as texts, at least one.
        evidence: What the choice is made from.
        variant: 0 for the plain answer; others waver where the evidence is close.
    """
    scores = scores_of(choices, evidence)
    if max(scores) <= _SILENCE:
        asked = (evidence.query.strip(), *([str(variant)] if variant else []))
        drawn = sorted(choices)[digest(*asked) % len(choices)]
        return list(choices).index(drawn)
    if variant:
        drawn_by = (evidence.query, str(variant))
        scores = [
            s * _wavering(c, drawn_by) for c, s in zip(choices, scores, strict=True)
        ]
    return best(scores)


def _wavering(choice: str, drawn_by: tuple[str, str]) -> float:
    return 2 ** (-_WAVER * (digest(choice, *drawn_by) % 1000) / 1000)


def scores_of(choices: Sequence[str], evidence: Evidence) -> list[float]:
    """How much speaks for each choice; zeros where nothing does."""
    names = tuple(choices)
    scores = [0.0] * len(names)
    for number, share in enumerate(_votes(names, evidence)):
        scores[number] += _DEMOS * share
    cues = cues_of(evidence.task, names)
    for source, weight in ((cues, _CUES), (_own_words(names), _NAMES)):
        if source is not None:
            for number, share in enumerate(source.scores(evidence.query)):
                scores[number] += weight * share
    return scores


def _votes(choices: Sequence[str], evidence: Evidence) -> list[float]:
    votes = [0.0] * len(choices)
    places = {choice: at for at, choice in enumerate(choices)}
    if not evidence.texts:
        return votes
    similar = index_of(evidence.texts).similar(evidence.query)
    nearest = max(similar)
    if nearest <= 0:
        return votes
    for share, label in zip(similar, evidence.labels, strict=True):
        at = places.get(label)
        if at is not None:
            votes[at] += nearest**2 * (share / nearest) ** _SHARPNESS
    return votes


@lru_cache(maxsize=64)
def _own_words(choices: tuple[str, ...]) -> Cues | None:
    """The choices' names as cues; codes such as "c3" say nothing."""
    return cues_from([[_spoken(choice)] for choice in choices])


def _spoken(choice: str) -> str:
    apart = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", choice)
    kept = [w for w in words(apart) if len(w) > 2 or not w.isascii()]
    return " ".join(w for w in kept if not w.isdigit())

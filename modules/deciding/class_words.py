"""Which words tell labels apart, by what a server shows at the place of an answer."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]{2,}|[^\W\d_\x00-\x7f]")
_LEAST_ROWS: Final = 2
_CANDIDATES: Final = 20  # of each label, the best by class difference
_TURNS: Final = 4
_FAINT: Final = 1e-12

Shown = Mapping[str, float]
"""What is shown of a place: texts of tokens with their log-probabilities."""


def class_words(
    shown: Sequence[Shown], labels: Sequence[str], most: int
) -> dict[str, list[str]]:
    """The words of each label, the first one the best; none where no word tells it.

    Candidates are those with the largest class differences: twenty of each label, or
    half as many as the rarest label has rows, if that is less. Of these, label after
    label gets the words that make the right labels most probable together, once each
    label's probability is divided by its mean over the rows.

    Args:
        shown: What is shown of each row.
        labels: The label of each row.
        most: How many words a label gets at the most.
    """
    begin = _begins(shown)
    rows = [_words_in(one, begin=begin) for one in shown]
    candidates = by_difference(rows, labels)
    if not all(candidates.get(label) for label in labels):
        return candidates
    return _Chosen(rows, labels, candidates).words(most)


def by_difference(rows: Sequence[Shown], labels: Sequence[str]) -> dict[str, list[str]]:
    """The words of each label by class difference, the largest first.

    It is the mean of a word's log-probability over the label's rows, less the mean of
    the other labels' means; where a word is not shown it counts as the last one that
    is, which stands under "". No two words are alike but for case.
    """
    count = Counter(labels)
    seen: Counter[str] = Counter()
    last: dict[str, float] = defaultdict(float)
    above: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one, label in zip(rows, labels, strict=True):
        last[label] += one[""] / count[label]
        for word, logprob in one.items():
            if word:
                seen[word] += 1
                above[word][label] += (logprob - one[""]) / count[label]
    scored: list[tuple[float, float, str, str]] = []
    for word in (word for word, times in seen.items() if times >= _LEAST_ROWS):
        means = {label: last[label] + above[word].get(label, 0.0) for label in count}
        best = max(means, key=lambda label: means[label])
        others = [mean for label, mean in means.items() if label != best]
        # Rounded, so that what is equal but for rounding is equal.
        score = round(means[best] - fmean(others), 9)
        scored.append((-score, -round(means[best], 9), word, best))
    made: dict[str, list[str]] = defaultdict(list)
    taken: set[str] = set()
    for less, _, word, label in sorted(scored):
        if less < 0 and word.casefold() not in taken:
            taken.add(word.casefold())
            made[label].append(word)
    return made


@dataclass
class _Chosen:
    """Words that are chosen for one label after the other.

    Args:
        rows: The words of each row with their log-probabilities.
        labels: The label of each row.
        candidates: The words that a label may get, the best first.
    """

    rows: Sequence[Shown]
    labels: Sequence[str]
    candidates: Mapping[str, Sequence[str]]

    def words(self, most: int) -> dict[str, list[str]]:
        """The words of each label."""
        made = {label: [own[0]] for label, own in self.candidates.items()}
        shares = {label: self._shares(own) for label, own in made.items()}
        for _ in range(_TURNS):
            before = {label: [*own] for label, own in made.items()}
            for label in made:
                others = _Others(label, shares, self.labels)
                own, likelihood = self._best(others, most)
                if likelihood > others.likelihood(shares[label]):
                    made[label], shares[label] = own, self._shares(own)
            if made == before:
                break
        return made

    @property
    def _reach(self) -> int:
        """How many candidates are tried: of few rows few, since more only fit them."""
        rarest = min(Counter(self.labels).values())
        return max(1, min(_CANDIDATES, rarest // 2))

    def _best(self, others: _Others, most: int) -> tuple[list[str], float]:
        """The best words of a label beside those of the others, one after the other."""
        own, best = list[str](), -math.inf
        while len(own) < most:
            tried = [
                (others.likelihood(self._shares([*own, word])), word)
                for word in self.candidates[others.label][: self._reach]
                if word not in own
            ]
            likelihood, word = max(tried, key=lambda one: one[0], default=(best, ""))
            if likelihood <= best:
                break
            own, best = [*own, word], likelihood
        return own, best

    def _shares(self, words: Sequence[str]) -> list[float]:
        """How probable words are together in each row, in units of the mean."""
        found = [
            math.fsum(math.exp(one.get(word, one[""])) for word in words)
            for one in self.rows
        ]
        mean = fmean(found) or 1.0
        return [value / mean for value in found]


class _Others:
    """The other labels' shares, while the words of one are chosen.

    Args:
        label: The one.
        shares: Those of each label, a number a row.
        labels: The label of each row.
    """

    def __init__(
        self, label: str, shares: Mapping[str, Sequence[float]], labels: Sequence[str]
    ) -> None:
        self.label = label
        held = [own for name, own in shares.items() if name != label]
        self._rest = [math.fsum(values) for values in zip(*held, strict=True)]
        count, many = Counter(labels), len(shares)
        self._rows = [
            (right == label, shares[right][at], 1 / (count[right] * many))
            for at, right in enumerate(labels)
        ]

    def likelihood(self, own: Sequence[float]) -> float:
        """The mean over labels of the mean log-probability of the right one."""
        total = 0.0
        for mine, rest, (is_right, right, weight) in zip(
            own, self._rest, self._rows, strict=True
        ):
            share = (mine if is_right else right) / (mine + rest or 1.0)
            total += weight * math.log(max(share, _FAINT))
        return total


def _begins(shown: Sequence[Shown]) -> bool:
    """Whether the words of a place begin with a blank, as they do within a text."""
    first = Counter(
        next((t[:1] == " " for t in one if _WORD.fullmatch(t.strip())), None)
        for one in shown
    )
    return first[True] > first[False]


def _words_in(shown: Shown, *, begin: bool) -> dict[str, float]:
    """What is shown as words, and under "" the last log-probability of all."""
    found: dict[str, list[float]] = defaultdict(list)
    for text, logprob in shown.items():
        word = text.strip()
        if _WORD.fullmatch(word) and (not begin or text[:1] == " "):
            found[word].append(logprob)
    made = {w: math.log(math.fsum(map(math.exp, some))) for w, some in found.items()}
    return {**made, "": min(shown.values(), default=0.0)}

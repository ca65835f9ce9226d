"""Credit: which proposers the next round's proposals come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..recipe import Draw, Recipe
from ..search.candidate import Candidate
from ..search.task import Task

_PRIOR_GAIN = 0.02
_PRIOR_CALLS = 20
_FEW = 8
_LOST = 3


@dataclass
class Credit:
    """Gain in score points and calls by proposer; a bandit without randomness.

    A proposer has no slot by right: each slot of a round goes to whoever gained the
    most for its calls, less the more slots it has. One that has not been tried counts
    as if it had gained a little. A writer whose first instructions gained nothing
    between them, and lost where they changed anything, is asked no more.

    Args:
        gains: The best gain of each round over the incumbent, added up, by proposer.
        calls: What its proposals and their races have cost.
        writers: The proposers that have a model write.
        written: What each written candidate gained, until some gained or enough lost.
        mute: Whether the writing model's first instructions all lost.
    """

    gains: dict[str, float] = field(default_factory=dict[str, float])
    calls: dict[str, int] = field(default_factory=dict[str, int])
    writers: frozenset[str] = frozenset()
    written: list[float] = field(default_factory=list[float])
    mute: bool = False

    @classmethod
    def of(cls, recipe: Recipe) -> Credit:
        """An empty book for a recipe's proposers."""
        names = sorted({proposer.name for proposer in recipe.proposers})
        writers = frozenset(one.name for one in recipe.proposers if one.asks)
        return cls(dict.fromkeys(names, 0.0), dict.fromkeys(names, 0), writers)

    def paid(self, name: str, calls: int) -> None:
        """Book what a proposer's proposals cost."""
        self.calls[name] = self.calls.get(name, 0) + calls

    def judge(
        self, task: Task, incumbent: Candidate, fresh: Sequence[Candidate]
    ) -> None:
        """Book what raced candidates cost, and gained on the rows they were seen on."""
        gains = dict.fromkeys(self.gains, 0.0)
        for candidate in fresh:
            seen = [row for row in task.rows if task.result(candidate, row)]
            gain = task.mean(candidate, seen) - task.mean(incumbent, seen)
            # A few rows say little: shrunk as if eight more had shown no gain.
            gain *= len(seen) / (len(seen) + _FEW)
            name = candidate.by
            gains[name] = max(gains.get(name, 0.0), gain)
            self.calls[name] = self.calls.get(name, 0) + len(seen) * task.calls_plain
            if name in self.writers and seen:
                self.written.append(gain)
        for name, gain in gains.items():
            self.gains[name] = self.gains.get(name, 0.0) + gain
        first = self.written
        if len(first) >= _LOST and max(first) <= 0.0 and min(first) < 0.0:
            self.mute = True

    def shared(self, draws: Sequence[Draw], total: int | None = None) -> list[Draw]:
        """So many proposals, or as many as before, by what was gained for the calls."""
        open_ = [d for d in draws if d.n and not self._silent(d.proposer.name)]
        counts = [0] * len(draws)
        wanted = sum(draw.n for draw in draws) if total is None else total
        worth: Mapping[int, float] = {
            at: self._worth(draw.proposer.name)
            for at, draw in enumerate(draws)
            if draw in open_
        }
        for _ in range(wanted if worth else 0):
            counts[max(worth, key=lambda at: worth[at] / (counts[at] + 1))] += 1
        pairs = zip(draws, counts, strict=True)
        return [Draw(draw.proposer, n) for draw, n in pairs if n]

    def _silent(self, name: str) -> bool:
        return self.mute and name in self.writers

    def _worth(self, name: str) -> float:
        gain = self.gains.get(name, 0.0) + _PRIOR_GAIN
        return gain / (self.calls.get(name, 0) + _PRIOR_CALLS)

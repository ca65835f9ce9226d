"""Credit: which proposers earn their calls, so that those get more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..candidate import Candidate
from ..driving.task import Task
from ..recipe import Draw, Recipe

_PRIOR_GAIN = 0.02
_PRIOR_CALLS = 20


@dataclass
class Credit:
    """Gain in score points and calls by proposer; a bandit without randomness.

    Args:
        gains: The best gain of each round over the incumbent, added up, by proposer.
        calls: What its proposals and their races have cost.
    """

    gains: dict[str, float] = field(default_factory=dict[str, float])
    calls: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(cls, recipe: Recipe) -> Credit:
        """An empty book for a recipe's proposers."""
        names = {draw.proposer.name for draws in recipe.rounds for draw in draws}
        return cls(dict.fromkeys(sorted(names), 0.0), dict.fromkeys(sorted(names), 0))

    def paid(self, name: str, calls: int) -> None:
        """Book what a proposer's proposals cost."""
        self.calls[name] += calls

    def judge(
        self, task: Task, incumbent: Candidate, fresh: Sequence[Candidate]
    ) -> None:
        """Book what raced candidates cost, and gained on the rows they were seen on."""
        gains = dict.fromkeys(self.gains, 0.0)
        for candidate in fresh:
            seen = [row for row in task.rows if task.result(candidate, row)]
            gain = task.mean(candidate, seen) - task.mean(incumbent, seen)
            # A few rows say little: shrunk as if eight more had shown no gain.
            gain *= len(seen) / (len(seen) + 8)
            gains[candidate.by] = max(gains[candidate.by], gain)
            self.calls[candidate.by] += len(seen) * task.calls_plain
        for name, gain in gains.items():
            self.gains[name] += gain

    def shared(self, draws: Sequence[Draw]) -> list[Draw]:
        """The same number of proposals, more of them for who gained more per call."""
        total = sum(draw.n for draw in draws)
        worth = [self._worth(draw.proposer.name) for draw in draws]
        even = [1 if draw.n and total >= len(draws) else 0 for draw in draws]
        for _ in range(total - sum(even)):
            shares = [
                w / (n + 1) if d.n else -1.0
                for w, n, d in zip(worth, even, draws, strict=True)
            ]
            even[shares.index(max(shares))] += 1
        return [Draw(d.proposer, n) for d, n in zip(draws, even, strict=True)]

    def _worth(self, name: str) -> float:
        gain, calls = self.gains[name] + _PRIOR_GAIN, self.calls[name] + _PRIOR_CALLS
        return gain / calls

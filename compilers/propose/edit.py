"""Edits that ask nobody: drop or reorder demos, drop sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from ...pipeline.ground.options import Share, settings
from ..search.candidate import Candidate
from ..search.quote import FREE, Calls
from ..search.task import Task
from .proposer import Proposer

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")


@settings
class DropDemos(Proposer):
    """A candidate without some of its demos: finds those that poison, and saves tokens.

    Args:
        share: The share of a module's demos that is dropped; at least one.
    """

    share: Share = 0.25

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Seeded draws over parents and modules with demos."""
        made: list[Candidate] = []
        for number in range(n):
            parent = parents[number % len(parents)]
            rng = task.rng("drop demos", number)
            made += self._dropped(task, parent, rng)
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE

    def _dropped(
        self, task: Task, parent: Candidate, rng: random.Random
    ) -> list[Candidate]:
        slots = demo_slots(task, parent)
        if not slots:
            return []
        slot = rng.choice(slots)
        parameters = parent.apply(task.program).parameters
        nearest = f"{slot.removesuffix('/demos')}/nearest"
        if parameters[nearest]:
            # What costs tokens is how many are shown, not how many there are.
            shown = min(parameters[nearest], len(parameters[slot]))
            fewer = shown - max(1, round(shown * self.share))
            values = {nearest: fewer}
            return [parent.but(values, f"{fewer} nearest demos")] if fewer else []
        demos = list(parameters[slot])
        count = max(1, round(len(demos) * self.share))
        kept = sorted(rng.sample(range(len(demos)), len(demos) - count))
        left = {slot: tuple(demos[at] for at in kept)}
        return [parent.but(left, f"{count} demos dropped")]


@settings
class ReorderDemos(Proposer):
    """The same demos in another order (Lu et al. 2022, arXiv 2104.08786)."""

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Seeded shuffles over parents and modules with demos."""
        made: list[Candidate] = []
        for number in range(n):
            parent = parents[number % len(parents)]
            rng = task.rng("reorder", number)
            now = parent.apply(task.program).parameters
            slots = [
                slot
                for slot in demo_slots(task, parent)
                if not now[f"{slot.removesuffix('/demos')}/nearest"]
            ]
            if slots:
                slot = rng.choice(slots)
                demos = list(now[slot])
                rng.shuffle(demos)
                made.append(parent.but({slot: tuple(demos)}, "demos reordered"))
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE


@settings
class DropSentence(Proposer):
    """An instruction without one of its sentences."""

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """Each sentence of each parent, longest first; of too many a seeded draw."""
        made: list[Candidate] = []
        for parent in dict.fromkeys(parents):
            for path, module in parent.apply(task.program).modules.items():
                text = module.parameters.instruction
                parts = sentences(text)
                if len(parts) < 2:
                    continue
                for part in sorted(parts, key=len, reverse=True):
                    shorter = without(text, part)
                    values = {f"{path}/instruction": shorter}
                    made.append(parent.but(values, f"without {part[:40]!r}"))
        rng = task.rng("drop sentence")
        return made if len(made) <= n else rng.sample(made, n)

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE


def demo_slots(task: Task, candidate: Candidate) -> list[str]:
    """The demo slots that hold any, as `module/demos`."""
    program = candidate.apply(task.program)
    return [f"{p}/demos" for p, m in program.modules.items() if m.parameters.demos]


def sentences(text: str) -> list[str]:
    r"""The sentences of a text, in order.

    >>> sentences("Be brief. Be kind!\nNever shout.")
    ['Be brief.', 'Be kind!', 'Never shout.']
    """
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def without(text: str, sentence: str) -> str:
    """A text without the first occurrence of a sentence and the blanks after it."""
    before, _, after = text.partition(sentence)
    return (before + after.lstrip(" ")).strip()

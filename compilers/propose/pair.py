"""Pair: instructions and demos drawn together, so that a race tells what each is worth.

A fractional factorial design (Fisher 1935; MIPRO, Opsahl-Ong et al. 2024, searches the
two together as well): most candidates hold a new instruction and new demos at once, a
few hold one of them alone. What helps only together is seen in the first race, which is
often all that a small budget pays for.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...pipeline.ground.options import settings
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .demos import BootstrapDemos
from .induce import Induce
from .proposer import Proposer
from .reflect import Reflect
from .rows import labels_say_all

_BOTH, _TOLD, _SHOWN = "both", "told", "shown"
_ORDER = (_BOTH, _BOTH, _TOLD, _BOTH, _SHOWN)


@settings
class Pair(Proposer):
    """Induced instructions and bootstrapped demos, two by two.

    Of five candidates three hold both; the fourth holds the first instruction alone,
    the fifth the first demos alone.

    Args:
        told: Writes the instructions, where the labels say all that a module shows.
        mended: Writes them where they do not, as inside a program.
        shown: Draws the demos.
    """

    asks = (*Induce.asks, *Reflect.asks)
    told: Induce = Induce()
    mended: Proposer = Reflect()
    shown: BootstrapDemos = BootstrapDemos()

    @property
    def shows(self) -> int:
        """Those of the side that draws demos."""
        return self.shown.shows

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """`n` candidates; where one side finds nothing, those of the other side."""
        kinds = _kinds(n)
        count = kinds.count(_BOTH)
        writer = self.told if labels_say_all(task) else self.mended
        told = await writer.propose(task, parents, count)
        # After the writer, whose runs may have left passing traces.
        shown = await self.shown.propose(task, parents, count)
        if not (told and shown):
            return [*told, *shown]
        made: list[Candidate] = []
        for at, kind in enumerate(kinds):
            number = kinds[:at].count(_BOTH) if kind == _BOTH else 0
            one, other = told[number % len(told)], shown[number % len(shown)]
            if kind == _BOTH:
                # A child of what both were made from: neither half has raced.
                origin = f"{one.origin}, {other.origin}"
                values = {**other.values, **one.values}
                made.append(Candidate(values, origin, other.parent))
            else:
                made.append(one if kind == _TOLD else other)
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Those of both sides; of the two that may write either is as likely."""
        count = _kinds(n).count(_BOTH)
        told = self.told.calls(count, train, calls_a_row)
        mended = self.mended.calls(count, train, calls_a_row)
        likely = (told.expected + mended.expected) // 2
        most = Calls(told.low, likely, max(told.high, mended.high))
        return most.plus(self.shown.calls(count, train, calls_a_row))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Rows run for demos, and those of the mending, which half of programs need."""
        count = _kinds(n).count(_BOTH)
        shown = self.shown.running(count, train, calls_a_row)
        ran = self.mended.running(count, train, calls_a_row)
        return shown.plus(Calls(0, ran.expected // 2, ran.high))


def _kinds(n: int) -> list[str]:
    return [_ORDER[at % len(_ORDER)] for at in range(n)]

"""Auto: the default; a portfolio of proposers, each paid by what it gains."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.climb import Mend
from .propose.combine import Merge
from .propose.demos import BootstrapDemos, NearestDemos
from .propose.edits import DropDemos
from .propose.instructions import Induce, Paraphrase
from .propose.meeting import Meet
from .propose.reflection import Reflect
from .racing.race import Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe

LADDER = (1, 4, 2)  # by what the most demos are divided: all, a few, half of them


@settings
class Auto(Compiler):
    """What is used when no compiler is named.

    A headroom run of the seed, whose passing traces are the first demos, and which
    finds out whether the form of the replies is what fails. Then as many rounds as the
    budget pays for, and in the first of them everybody side by side: edits from what
    went wrong, several in one candidate (GEPA, Agrawal et al. 2025), instructions
    induced from solved rows (APE, Zhou et al. 2022), draws of few and of many demos
    (BootstrapFewShot, Khattab et al. 2023), in turn with the labels' own shares and
    balanced, and a pool of which each input is shown the nearest (KATE, Liu et al.
    2021). In each later round the edits that stood the test, and new ones, meet in one
    candidate, as after the last; the other slots go to whoever gained the most for its
    calls. They are raced by successive halving (TRIPLE, Shi et al. 2024).

    It ends early where nobody is ahead of the program by more than luck, which grows
    with the number of candidates, and asks no more for instructions where the first all
    lose. The winner is verified on sealed rows, and never returned where it is below
    the seed.

    Args:
        demos: How many demos a call shows at the most; a pool holds up to 400.
        candidates: How many candidates a round makes at the most; on a tight budget
            as many as it pays for.
        rounds: How many rounds follow the first at the most.
        patience: End after so many rounds without a new best; a program that fails most
            rows is not given up while calls are left.
    """

    demos: int = 16
    candidates: Count = 8
    rounds: Rounds = 4
    patience: int = 2

    def recipes(self) -> tuple[Recipe, ...]:
        """A wide first round, then rounds that what gained before decides about."""
        half = max(1, self.candidates // 4)
        sizes = tuple(max(1, self.demos // part) for part in LADDER if self.demos)
        few = BootstrapDemos(demos=self.demos, sparing=True, sizes=sizes, natural=True)
        alike = NearestDemos(k=sizes[-1:], pool=400)  # half of the most
        mend = Mend(beside=Reflect(failing=8, passing=4, drafts=3))
        shown = max(0, self.candidates - 2 * half)
        near = Draw(alike, min(1, shown // 2) if sizes else 0)
        drawn = Draw(few, shown - near.n)
        first = (Draw(mend, half), drawn, Draw(Induce(), half), near)
        ones = Induce(), Merge(), DropDemos(), Paraphrase()
        later = (Draw(mend, 2), Draw(few, 2), *(Draw(one, 1) for one in ones))
        return (
            Recipe(
                (first, *(later,) * self.rounds),
                Halving(sparing=True),
                headroom=16,
                selector=Beam(width=2),
                patience=self.patience,
                credited=True,
                paced=True,
                meeting=Meet(),
                legible=True,
            ),
        )

"""Auto: the default; a portfolio of proposers, each paid by what it gains."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.combine import Merge
from .propose.demos import BootstrapDemos
from .propose.edits import DropDemos
from .propose.instructions import Induce, Paraphrase
from .propose.meeting import Meet
from .propose.reflection import Contrast, Reflect
from .racing.race import Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class Auto(Compiler):
    """What is used when no compiler is named.

    A headroom run of the seed, whose passing traces are the first demos, and which
    finds out whether the form of the replies is what fails. Then a round in which
    instructions race against demos: induced ones where the rows' labels say all,
    elsewhere one that climbed step by step. Then rounds in which edits, contrasts,
    merges and new demos share the calls by what they have gained for theirs. At a
    plateau the best is said in other words, which alone can move a score by points
    (Sclar et al. 2023, arXiv 2310.11324), though seldom by many: so these race on more
    rows from the start. The winner is verified on sealed rows, and never returned where
    it is below the seed.

    The parts are those of BootstrapFewShot (Khattab et al. 2023), APE (Zhou et al.
    2022), GEPA (Agrawal et al. 2025), SIMBA and TRIPLE (Shi et al. 2024).

    Args:
        demos: How many demos a module gets at the most.
        candidates: How many candidates a round makes.
        rounds: How many rounds follow the first at the most.
        patience: End after so many rounds without a new best.
    """

    demos: int = 16
    candidates: Count = 8
    rounds: Count = 4
    patience: int = 2

    def recipes(self) -> tuple[Recipe, ...]:
        """A wide first round, rounds credited by gain per call, and other words."""
        half = max(1, self.candidates // 4)
        ladder = (
            tuple(self.demos // part or 1 for part in (4, 1, 2)) if self.demos else ()
        )
        demos = BootstrapDemos(demos=self.demos, sparing=True, sizes=ladder)
        reflect, induce = Reflect(failing=8, passing=4, drafts=3), Induce()
        first = (
            Draw(reflect, half),
            Draw(demos, self.candidates - 2 * half),
            Draw(induce, half),
        )
        later = (
            Draw(reflect, 2),
            Draw(demos, 2),
            Draw(induce, 1),
            Draw(Merge(), 1),
            Draw(Contrast(), 1),
            Draw(DropDemos(), 1),
        )
        return (
            Recipe(
                (first, *(later,) * self.rounds),
                Halving(),
                headroom=16,
                selector=Beam(width=2),
                patience=self.patience,
                credited=True,
                paced=True,
                meeting=Meet(),
                legible=True,
            ),
            Recipe(
                ((Draw(Paraphrase(), 2),), (Draw(Paraphrase(), self.candidates),)),
                Halving(first=24, growth=2.0),
                patience=1,
            ),
        )

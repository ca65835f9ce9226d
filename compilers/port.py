"""Port: a compiled program for another model, each old line tried again."""

from __future__ import annotations

from ..pipeline.ground.options import settings
from .propose.combine import Merge
from .propose.demos import BootstrapDemos
from .propose.edits import Bare, DropDemos, DropSentence
from .propose.reflection import Reflect
from .racing.race import Halving
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class Port(Compiler):
    """Keep of a prompt what helps the new model, mend the rest, and spend little.

    Prompts that help one model may harm another (Battle and Gollapudi 2024, arXiv
    2402.10949); no paper gives this recipe. The old program starts ahead of everybody.
    First it races against itself without its demos, without its instruction, and
    without each of its lines; then against what is left with mended words, and with
    demos that the new model made. `weft.recompile` uses it.

    Args:
        lines: How many of the old instruction's lines are left out, each once.
        edits: Mended instructions in the second round.
        demos: How many demos a module gets at the most where the new model makes them.
    """

    lines: int = 8
    edits: int = 3
    demos: int = 8

    def recipes(self) -> tuple[Recipe, ...]:
        """What can go, then what should come."""
        old = (Draw(Bare(), 2), Draw(DropSentence(), self.lines), Draw(DropDemos(), 1))
        made = (
            Draw(DropSentence(), 2),
            Draw(Reflect(), self.edits),
            Draw(BootstrapDemos(demos=self.demos), 2),
            Draw(Merge(), 1),
        )
        racer = Halving(first=6, keep=0.3)
        beam = Beam(width=2)
        return (Recipe((old, made), racer, headroom=16, selector=beam),)

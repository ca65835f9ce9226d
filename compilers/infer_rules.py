"""InferRules: rules that the examples imply, added to the instruction."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.demos import BootstrapDemos
from .propose.instructions import Rules
from .racing.race import Halving
from .recipe import Compiler, Draw, Recipe


@settings
class InferRules(Compiler):
    """Induce rules from solved examples, put them under the instruction, keep the best.

    DSPy's InferRules (no paper). On purpose unlike it: sets of rules race by halving
    instead of each meeting every row, and demos are added only if they pay.

    Args:
        candidates: Sets of rules (10 there).
        examples: Examples that a set is induced from.
        demos: Demos added in a second round; 0 for none.
    """

    candidates: Count = 8
    examples: Count = 32
    demos: int = 8

    def recipes(self) -> tuple[Recipe, ...]:
        """Rules, then demos beside the best of them."""
        rules = (Draw(Rules(examples=self.examples), self.candidates),)
        demos = (Draw(BootstrapDemos(demos=self.demos), 4),)
        return (Recipe((rules, demos) if self.demos else (rules,), Halving()),)

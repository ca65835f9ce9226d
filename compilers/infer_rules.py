"""InferRules: rules that the examples imply, added to the instruction."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .propose.demos import BootstrapDemos
from .propose.instructions import Rules
from .racing.race import Full, Halving
from .recipe import Compiler, Draw, Recipe


@settings
class InferRules(Compiler):
    """Induce rules from solved examples, put them under the instruction, keep the best.

    DSPy's InferRules (no paper).

    Departures:
        Sets of rules race by halving instead of each meeting every row; demos are added
        after the rules, and only if they pay.

    Published:
        With `published=True` 10 sets of rules, each on every select row (source:
        dspy/teleprompt/infer_rules.py of DSPy 3.4.1). The schedule's settings then have
        no say.

    Args:
        candidates: Sets of rules (10 there).
        examples: Examples that a set is induced from.
        demos: Demos added in a second round; 0 for none.
        published: Whether it goes by the published schedule.
    """

    candidates: Count = 8
    examples: Count = 32
    demos: int = 8
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """Rules, then demos beside the best of them."""
        if self.published:
            ten = (Draw(Rules(examples=self.examples), 10),)
            return (Recipe((ten,), Full()),)
        rules = (Draw(Rules(examples=self.examples), self.candidates),)
        demos = (Draw(BootstrapDemos(demos=self.demos), 4),)
        return (Recipe((rules, demos) if self.demos else (rules,), Halving()),)

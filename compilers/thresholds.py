"""Thresholds: the rules by which a program decides, fitted to its metric."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .deciding.rules import FitRules
from .racing.race import Full
from .recipe import Compiler, Draw, Recipe


@settings
class Thresholds(Compiler):
    """Fit temperature, thresholds, cut points and class weights of every `Classify`.

    The program is run once on the select rows. What another choice would score is found
    from the log-probabilities of that run; only modules behind a decision are asked
    again, where they are handed something else. The fitted rules are one candidate,
    scored on rows that they were fitted without, and verified on sealed rows: the rule
    that was there stays where these do not show more. DSPy's name for it is ReAnchor.

    Temperature is that of Guo et al. 2017 (arXiv 1706.04599); the rest is fitted by
    coordinate search over observed values, cross-validated in five parts.

    Args:
        alternatives: How many of a row's most probable choices are tried, beside its
            label; each may cost what lies behind the decision.
    """

    alternatives: Count = 4

    def recipes(self) -> tuple[Recipe, ...]:
        """One fit, on every select row."""
        draw = Draw(FitRules(alternatives=self.alternatives), 1)
        return (Recipe(((draw,),), Full(), decides=self.alternatives),)

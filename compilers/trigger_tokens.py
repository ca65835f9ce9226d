"""Trigger tokens: real words behind the instruction, found by gradients."""

from __future__ import annotations

from ..pipeline.ground.options import Count, settings
from .recipe import Compiler, Recipe, one_race
from .training.triggers import FindTriggers


@settings
class TriggerTokens(Compiler):
    """Search for words that make a frozen model reply as the rows want.

    Shin et al. 2020, "AutoPrompt: Eliciting Knowledge from Language Models with
    Automatically Generated Prompts", arXiv 2010.15980. The result is text that is read
    back as the tokens that were found, so that any model can be given it; it was found
    for one.

    Departures:
        The words stand behind the hand-written instruction; in a template that shows
        none, before the gap, as in the paper. The loss is that of the whole reply. A
        swap is kept only where the loss on the same rows falls. Where all combinations
        are fewer than the turns would try, all are tried.

    Args:
        slots: How many words.
        candidates: Words that are tried in a slot at each turn.
        turns: How many turns; each looks at one slot.
        rows: Training rows that the loss is measured on.
        words: The words to choose from, one token each; empty for the vocabulary.
        readable: Whether only words of letters are taken.
        module: The path of the one module that is changed; empty for all.
    """

    slots: Count = 4
    candidates: Count = 8
    turns: Count = 16
    rows: Count = 16
    words: tuple[str, ...] = ()
    readable: bool = True
    module: str = ""

    def recipes(self) -> tuple[Recipe, ...]:
        """One search, whose result races."""
        return one_race(self, FindTriggers, 1)

"""ProTeGi: textual gradients and paraphrases over a beam, chosen by a bandit."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.instructions import Paraphrase
from .propose.reflection import Gradient
from .racing.racers import UCB
from .racing.select import Beam
from .recipe import Compiler, Draw, Recipe


@settings
class ProTeGi(Compiler):
    """Criticize failures, edit along the criticism, paraphrase, keep a beam by UCB.

    Pryzant et al. 2023, "Automatic Prompt Optimization with Gradient Descent and Beam
    Search", arXiv 2305.03495.

    Departures:
        Rows are not drawn anew each round, so that scores of different rounds can be
        compared; an end at a plateau.

    Published:
        With `published=True` 6 rounds, a beam of 4, 4 gradients with 2 paraphrases of
        each, and no early end (source: prompt_optimization of
        github.com/microsoft/LMOps). The schedule's settings then have no say.

    Args:
        rounds: Rounds (6 there).
        beam: How many candidates go on (4 there).
        gradients: Rewritings a round.
        paraphrases: Paraphrases a round.
        published: Whether it goes by the published schedule.
    """

    rounds: Rounds = 4
    beam: Count = 4
    gradients: Count = 4
    paraphrases: int = 2
    published: bool = False

    def recipes(self) -> tuple[Recipe, ...]:
        """The same two draws again and again."""
        if self.published:
            eight = (Draw(Gradient(), 4), Draw(Paraphrase(), 8))
            return (Recipe((eight,) * 6, UCB(order="given"), selector=Beam(width=4)),)
        draws = (Draw(Gradient(), self.gradients), Draw(Paraphrase(), self.paraphrases))
        beam = Beam(width=self.beam)
        return (Recipe((draws,) * self.rounds, UCB(), selector=beam, patience=2),)

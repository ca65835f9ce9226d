"""ACE: an instruction with a playbook of bullets that grows by lessons."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Rounds, settings
from .propose.playbook import Bullets
from .racing.race import Halving
from .recipe import Compiler, Draw, Recipe


@settings
class ACE(Compiler):
    """Let a reflector and a curator add to a playbook, and keep what pays.

    Zhang et al. 2025, "Agentic Context Engineering: Evolving Contexts for
    Self-Improving Language Models", arXiv 2510.04618. There every delta is taken over
    as the cases come, bullets are told apart by embeddings, and nothing is ever removed
    by the published code.

    Departures:
        Playbooks race on select rows before one is taken over; bullets that say the
        same are told by their words; the curator may reword and remove; bullets that
        harm more than they help go.

    Args:
        rounds: How many times lessons are drawn.
        lessons: Lessons a round; beside each by itself, all of them together race.
        bullets: How many bullets a playbook holds at the most.
        patience: End after so many rounds without a new best.
    """

    rounds: Rounds = 4
    lessons: Count = 3
    bullets: Count = 24
    patience: int = 2

    def recipes(self) -> tuple[Recipe, ...]:
        """The same draw again and again, from the best playbook."""
        draw = Draw(Bullets(most=self.bullets), self.lessons + 1)
        rounds = ((draw,),) * self.rounds
        return (Recipe(rounds, Halving(), headroom=16, patience=self.patience),)

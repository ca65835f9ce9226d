"""General advice: sentences that name no rule, and what they do to the model's care.

A writer that was shown no case has nothing else to say. Each sentence has a small
effect of its own in each world, good or bad, which nobody can know but by trying.
"""

from __future__ import annotations

from functools import lru_cache

from .draw import draw
from .tasks import World

__all__ = ["ADVICE", "care"]

ADVICE = (
    "Read the case with care before you answer.",
    "Give the answer alone, without a remark.",
    "Think about which word of the case decides.",
    "Stay calm and be exact.",
    "You are an expert in sorting crates.",
    "Much depends on the right answer.",
    "Weigh every word before you decide.",
    "Do it step by step in your mind.",
    "Where in doubt, take the likeliest answer.",
    "Mind the details of the case.",
    "Be brief.",
    "Check the answer once more at the end.",
)
_MOST = 0.05
_WIDTH = 0.04


@lru_cache(maxsize=2048)
def care(world: World, prose: str) -> float:
    """What the advice in a text adds to the chance of using a rule that is known."""
    given = [text for text in ADVICE if text in prose]
    effects = (draw("care", world.task, world.seed, t) - 0.4 for t in given)
    return max(-_MOST, min(_MOST, _WIDTH * sum(effects)))

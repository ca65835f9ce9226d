"""Several tries at one answer: the best of them, the most frequent, one that passes."""

from __future__ import annotations

from .best_of_n import BestOfN
from .refine import Refine
from .vote import Vote

__all__ = ["BestOfN", "Refine", "Vote"]

"""Several calls for one answer: the best, the most frequent, one that passes."""

from __future__ import annotations

from .best_of_n import BestOfN
from .cascade import Cascade
from .check import Check
from .compare import Compare
from .ensemble import Ensemble
from .fallback import Fallback
from .map_reduce import MapReduce
from .refine import Refine
from .vote import Vote

__all__ = [
    "BestOfN",
    "Cascade",
    "Check",
    "Compare",
    "Ensemble",
    "Fallback",
    "MapReduce",
    "Refine",
    "Vote",
]

"""Judges: modules that say how good an answer is, tuned and traced like any other."""

from __future__ import annotations

from .completeness import Completeness
from .groundedness import Groundedness
from .pairwise import Pairwise
from .rubric import Rubric

__all__ = ["Completeness", "Groundedness", "Pairwise", "Rubric"]

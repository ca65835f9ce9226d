"""Ways of calling a model: a signature in, checked outputs back."""

from __future__ import annotations

from .best_of_n import BestOfN
from .chain_of_thought import ChainOfThought
from .predict import Predict, predict
from .refine import Refine
from .vote import Vote

__all__ = ["BestOfN", "ChainOfThought", "Predict", "Refine", "Vote", "predict"]

"""A signature in, checked outputs back: at once, with reasons, or by sub-questions."""

from __future__ import annotations

from .chain_of_thought import ChainOfThought
from .predict import Predict, predict

__all__ = ["ChainOfThought", "Predict", "predict"]

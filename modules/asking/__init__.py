"""One call of a model: a signature in, checked outputs back."""

from __future__ import annotations

from .chain_of_thought import ChainOfThought
from .predict import Predict, predict

__all__ = ["ChainOfThought", "Predict", "predict"]

"""Prefix-tuning: keys and values that stand before every layer's own."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Positive, settings
from .recipe import Compiler, Recipe, one_race
from .training.words import TrainWords


@settings
class PrefixTuning(Compiler):
    """Train a prefix of every layer; the model stays as it is.

    Li and Liang 2021, "Prefix-Tuning", arXiv 2101.00190, with the projection; without
    it the prompts of P-Tuning v2 (Liu et al. 2021, arXiv 2110.07602).

    A prefix has more numbers than words in the input have and wants more steps; every
    row is read whole at each of them. It is no text: no server takes it, only
    `weft.LM("torch/...")` does.

    Args:
        positions: Positions of the prefix, each with keys and values in every layer.
        projection: Whether an MLP makes the prefix while it is trained.
        inner: Numbers in the MLP's hidden layer; 0 for as many as a position has.
        steps: Steps of training.
        batch: Rows that a step learns from.
        rate: The learning rate of Adam.
        rows: How many training rows are learnt from at the most.
        snapshots: How many states of the training race.
        called: What the prefix is called; the module's path by default.
        module: The path of the one module that is trained; empty for all.
    """

    positions: Count = 5
    projection: bool = False
    inner: int = 0
    steps: Count = 200
    batch: Count = 8
    rate: Positive = 0.01
    rows: Count = 400
    snapshots: Count = 2
    called: str = ""
    module: str = ""

    def recipes(self) -> tuple[Recipe, ...]:
        """One training, whose states race."""
        encoder = "projection" if self.projection else ""
        fixed = {"words": self.positions, "place": "deep", "encoder": encoder}
        return one_race(self, TrainWords, self.snapshots, **fixed)

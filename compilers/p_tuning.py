"""P-tuning: soft words that a network makes while they are trained."""

from __future__ import annotations

from ..pipeline.errors import ConfigError
from ..pipeline.ground.options import Count, Positive, settings
from ..pipeline.lm.soft.words import Place
from .recipe import Compiler, Recipe, one_race
from .training.words import TrainWords


@settings
class PTuning(Compiler):
    """Train soft words through a small network, with real words among them.

    Liu et al. 2021, "GPT Understands, Too", arXiv 2103.10385: an LSTM or an MLP ties
    the vectors together while they are trained and is gone afterwards, and anchors,
    words of the task such as "capital", stand among them.

    Departures:
        As of `PromptTuning`. The network adds to vectors that begin as real words do.

    Args:
        words: How many words are trained.
        encoder: What makes them: "lstm" or "mlp".
        anchors: Words that stay as real words are, spread evenly; one token each.
        inner: Numbers in a row that goes into the network; 0 for the model's width.
        place: Where they stand: "after", "before" or "front".
        steps: Steps of training.
        batch: Rows that a step learns from.
        rate: The learning rate of Adam.
        rows: How many training rows are learnt from at the most.
        snapshots: How many states of the training race.
        called: What the words are called; the module's path by default.
        module: The path of the one module that is trained; empty for all.
    """

    words: Count = 5
    encoder: str = "mlp"
    anchors: tuple[str, ...] = ()
    inner: int = 0
    place: Place = "after"
    steps: Count = 100
    batch: Count = 8
    rate: Positive = 0.005
    rows: Count = 400
    snapshots: Count = 2
    called: str = ""
    module: str = ""

    def __post_init__(self) -> None:
        if self.encoder not in ("lstm", "mlp"):
            raise ConfigError(
                f"encoder={self.encoder!r} is no network of P-tuning",
                hint='Give "lstm" or "mlp"; PromptTuning has none',
            )

    def recipes(self) -> tuple[Recipe, ...]:
        """One training, whose states race."""
        return one_race(self, TrainWords, self.snapshots)

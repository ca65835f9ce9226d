"""Prompt tuning: soft words that stand in the prompt, trained for a frozen model."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Positive, settings
from ..pipeline.lm.soft.words import Place
from .recipe import Compiler, Recipe, one_race
from .training.words import TrainWords


@settings
class PromptTuning(Compiler):
    """Train a few vectors that stand in the prompt as words; the model stays as it is.

    Lester et al. 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning",
    arXiv 2104.08691. There the prompt is vectors alone, before the input (`front`).

    Departures:
        The hand-written instruction and the form of the reply stay in the prompt, the
        vectors stand behind the input by default, and the loss is that of the whole
        reply as the adapter writes it. So what stands before them is read once, which
        on a processor is most of the work. They race against the program without them
        and are verified on sealed rows.

    Args:
        words: How many words.
        place: "after" the inputs, "before" them behind the instruction, or at the
            "front" of everything.
        steps: Steps of training.
        batch: Rows that a step learns from.
        rate: The learning rate of Adam; it falls to a tenth in the end.
        rows: How many training rows are learnt from at the most.
        init: What the words begin as: embeddings of drawn words ("vocab"), of the
            replies ("labels"), or of the "instruction".
        snapshots: How many states of the training race, the last one among them.
        called: What the words are called in prompts; the module's path by default.
        module: The path of the one module that is trained; empty for all.
    """

    words: Count = 5
    place: Place = "after"
    steps: Count = 100
    batch: Count = 8
    rate: Positive = 0.05
    rows: Count = 400
    init: str = "vocab"
    snapshots: Count = 2
    called: str = ""
    module: str = ""

    def recipes(self) -> tuple[Recipe, ...]:
        """One training, whose states race."""
        return one_race(self, TrainWords, self.snapshots)

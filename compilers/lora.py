"""LoRA: low-rank updates of the model's weights, as the contrast to soft prompts."""

from __future__ import annotations

from ..pipeline.ground.options import Count, Positive, settings
from .recipe import Compiler, Recipe, one_race
from .training.updates import TrainUpdates


@settings
class LoRA(Compiler):
    """Tune the model: low-rank updates of its projections, for each module its own.

    Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv
    2106.09685. From a teacher's passing traces it is what DSPy calls BootstrapFinetune;
    between compilers of demos, in a `Sequence`, BetterTogether (Soylu et al. 2024,
    arXiv 2407.10930).

    The base weights stay as they are, so that one model serves many programs, and the
    text-only program beside them. The updates race against the program without them and
    are verified on sealed rows.

    Departures:
        The hand-written instruction and the form of the reply stay in the prompt, the
        loss is that of the reply alone, and there is no dropout. A module that has
        updates of this shape already is trained on from these; others begin anew.

    Args:
        rank: Rows of A, and numbers in a row of B: rank * (in + out) numbers for each
            projection.
        alpha: The product of both is multiplied with alpha / rank.
        targets: The projections, by the last part of their names in the model.
        steps: Steps of training.
        batch: Rows that a step learns from.
        rate: The learning rate of Adam; it falls to a tenth in the end.
        rows: How many training rows are learnt from at the most.
        source: "labels", where rows label all that a module gives, else runs that pass;
            or "traces": runs that pass, of the `teacher=` of the compile where it has
            one, and of the program itself where not.
        snapshots: How many states of the training race, the last one among them.
        called: What the updates are called; the module's path by default.
        module: The path of the one module that is trained; empty for all.
    """

    rank: Count = 8
    alpha: Positive = 16.0
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    steps: Count = 60
    batch: Count = 8
    rate: Positive = 0.002
    rows: Count = 400
    source: str = "labels"
    snapshots: Count = 2
    called: str = ""
    module: str = ""

    def recipes(self) -> tuple[Recipe, ...]:
        """One training, whose states race."""
        return one_race(self, TrainUpdates, self.snapshots)

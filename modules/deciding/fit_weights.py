"""Fitting how much each pattern of a vote counts: by how often it is right alone."""

from __future__ import annotations

from statistics import fmean
from typing import Any, ParamSpec, TypeVar, cast

from ...pipeline import seam
from ...pipeline.errors import ConfigError
from ...pipeline.ground.options import checked
from ...pipeline.ground.shapes import as_dict
from ...pipeline.run.bridge import waits_for
from ...pipeline.run.rows import map_rows
from ...pipeline.trace import Run
from .labelled import Rows, labelled
from .pattern_vote import PatternVote

P = ParamSpec("P")
R = TypeVar("R")


async def afit_weights(
    target: PatternVote[P, R], rows: Rows, *, concurrency: int = 8
) -> PatternVote[P, R]:
    """As `fit_weights`, without blocking the event loop."""
    if not isinstance(cast(object, target), PatternVote):
        raise ConfigError(
            f"weights are those of a weft.PatternVote, and {target!r:.200} is none",
            hint="Write weft.PatternVote([weft.Classify(one), weft.Classify(two)])",
        )
    name = target.name
    _, labels, inputs = labelled(target.patterns[0], rows, "fit_weights")

    async def one(position: int, row: dict[str, Any]) -> list[bool]:
        run: Run[Any] = await target.arun(**cast(Any, row))
        voted = next(node for node in run.trace.nodes if node.path == name)
        taken = as_dict(voted.facts["patterns"])
        return [choice == labels[position] for choice in taken.values()]

    right = await map_rows(one, inputs, concurrency=concurrency)
    weights = [fmean(column) for column in zip(*right, strict=True)]
    return target.with_weights(weights if any(weights) else None)


@checked
@waits_for(afit_weights)
def fit_weights() -> None:
    """Let each pattern count as often as it is right by itself.

    The weights of PET (Schick & Schuetze 2021, arXiv 2001.07676, section 3.2), which
    takes the accuracy on training rows; give rows that neither demos nor answer words
    were made of. Each row is asked once. Where no pattern is ever right, all count
    alike.

    Args:
        target: The vote.
        rows: Inputs and the output by name.
        concurrency: How many rows are asked at once.

    Returns:
        A copy with the weights.

    Raises:
        ConfigError: There are no rows, or a row has no label that is a choice.
        ModelError: A call failed.
        BudgetExceeded: The calls do not fit the budget.

    >>> import weft
    >>> def said(request: weft.Request) -> weft.Response:
    ...     true = -0.1 if "glad?" in request.messages[-1].text else -0.9
    ...     top = (("true", true), ("false", -0.7))
    ...     return weft.Response("true", logprobs=(weft.TokenLogprob(*top[0], top),))
    >>> asked = [
    ...     weft.Predict("text -> glad: bool", adapter=weft.cloze(f"[text] {t} [z]"))
    ...     for t in ("Am I glad?", "Mood:")
    ... ]
    >>> both = weft.PatternVote([weft.Classify(one) for one in asked])
    >>> rows = [{"text": "Ha!", "glad": True}] * 3 + [{"text": "Oh.", "glad": False}]
    >>> with weft.use(lm=weft.FunctionLM(said), cache=None):
    ...     weft.fit_weights(both, rows).weights
    [0.75, 0.25]
    """
    seam.refuse_traced("weights cannot be fitted", "Fit them outside of programs")

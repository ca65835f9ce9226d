"""The coverage curve of an evaluation."""

from __future__ import annotations

from typing import Any, cast

from ...errors import ConfigError, did_you_mean
from ...lm.scoring.decision import decisions_in
from ..evaluate import Evaluation
from .curve import Coverage, curve_of, require_passing


def coverage(
    evaluation: Evaluation, *, at: str | None = None, passing: float = 1.0
) -> Coverage:
    """How often a program is wrong where only its surest decisions are answered.

    A row is as sure as the confidence of its decision, or of the least sure of those
    that led to it. Of rows that were run several
    times the first run counts.

    Args:
        evaluation: Of a program with a `Classify`.
        at: The path of the `Classify`; by default all of them count.
        passing: The score from which an answer is right, in (0, 1].

    Raises:
        ConfigError: Nothing was decided by probabilities, or not at that path, or
            `passing` is no score.

    >>> import weft
    >>> said = (weft.TokenLogprob("true", -0.1, (("true", -0.1), ("false", -2.4))),)
    >>> lm = weft.FunctionLM(lambda _: weft.Response("true", logprobs=said))
    >>> glad = weft.Classify(weft.Predict("text -> glad: bool"))
    >>> rows = [{"text": "hi", "glad": True}, {"text": "oh", "glad": False}]
    >>> with weft.use(lm=lm, cache=None):
    ...     made = weft.evaluate(glad, rows, weft.metrics.exact("glad"))
    >>> print(weft.coverage(made))
    answered               wrong  from confidence
       100 %    50.0 [1.3, 98.7]  0.909
    on 2 rows; in points of 100, 95 % intervals
    """
    if not isinstance(cast(object, evaluation), Evaluation):
        raise ConfigError(
            f"{evaluation!r:.200} is no evaluation",
            hint="Write weft.coverage(weft.evaluate(program, rows, metric))",
        )
    require_passing(passing)
    held = evaluation.rows
    how: dict[str, Any] = {"repeats": evaluation.repeats, "passing": passing}
    found = curve_of(held, at=at, **how)
    if found is None:
        paths = dict.fromkeys(
            node.path
            for row in held
            for node in row.trace.nodes
            if decisions_in(node.facts)
        )
        what = "nothing was decided" if at is None else f"{at!r} decided nothing"
        raise ConfigError(
            f"{evaluation.program!r}: {what} by probabilities in these rows",
            hint=did_you_mean(at, paths)
            if at is not None and paths
            else "Decide by weft.Classify(module), and evaluate again",
        )
    return found

"""The entry: an evaluation in, what its decisions are worth out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ...errors import ConfigError
from ...ground.options import checked
from ..evaluate import Evaluation
from .counts import Weights
from .cuts import Rating, checked_cuts
from .report import Classification, classified


@checked
def classification(
    evaluation: Evaluation,
    output: str | None = None,
    *,
    label: str | None = None,
    weights: Weights = "none",
    cuts: Sequence[float] = (),
) -> Classification:
    r"""What the decisions of an evaluation are worth, by class and on the whole.

    Precision, recall and F1 by class, macro F1, balanced accuracy, Cohen's kappa and
    the confusion matrix; where the program says how probable its choices are
    (`weft.Classify`), also log loss, Brier score, expected calibration error and AUROC.
    No model is called.

    Rows that failed, and rows without a label, are left out and counted. A reply that
    could not be used is wrong in every figure, and a column of the matrix. Classes that
    occur nowhere have no figures and no part in means; one that was given and never
    wanted has an F1 of 0. Answers that are `unsure` count as they were decided.

    Intervals are of 95 %. Shares have Wilson's, the F1 of a class that of the share
    which it is a function of, their mean over classes follows from these (MOVER), areas
    have Newcombe's; other figures are resampled by row. Several answers to a row are
    one observation.

    Args:
        evaluation: Of a program whose output is a choice; its metric does not matter.
        output: The output field; the only one with few values where None.
        label: The label, where it is called otherwise than the output.
        weights: How disagreements count in kappa: "none", or "linear" or "quadratic"
            where the classes have an order, which is that of the type, or of numbers.
        cuts: Where numbers are cut into classes, from low to high: with `cuts=[0.5]` a
            score of 0.5 or more is one class, and what is below it the other.

    Raises:
        ConfigError: No output has few values, or there is none of that name; or kappa
            is to be weighted, and the classes have no order.
        DataError: No row has the label, or none could be scored.

    >>> import weft
    >>> rows = [{"text": t, "spam": t == "won"} for t in ("won", "hi", "won", "so")]
    >>> def said(request):
    ...     answer = "so" not in request.messages[-1].text
    ...     return f"[[ spam ]]\n{answer and 'hi' not in request.messages[-1].text}"
    >>> filter = weft.Predict("text -> spam: bool")
    >>> with weft.use(lm=weft.FunctionLM(said), cache=None):
    ...     made = weft.evaluate(filter, rows, weft.metrics.exact("spam"))
    >>> found = weft.classification(made)
    >>> found.accuracy.value, found.kappa.value, found.mixed_up
    (1.0, 1.0, [])
    """
    given = cast(object, evaluation)
    if not isinstance(given, Evaluation):
        raise ConfigError(
            f"{given!r:.200} is no evaluation",
            hint="Give what weft.evaluate gives; of a compile, result.report.score",
        )
    for name, value in (("output", output), ("label", label)):
        if not isinstance(cast(object, value), str | None):
            raise ConfigError(
                f"classification: {name}={value!r:.200} is no name of a field",
                hint='Write classification(evaluation, output="label")',
            )
    return classified(
        evaluation.rows,
        evaluation.program,
        seed=evaluation.seed,
        rating=Rating(output, label, weights, checked_cuts(cuts)),
    )

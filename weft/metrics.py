"""Built-in metrics, and what a metric may return."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from .modules.asking.chain_of_thought import ChainOfThought
from .pipeline.errors import ConfigError
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program
from .pipeline.ground.hints import missing
from .pipeline.ground.options import checked
from .pipeline.ground.shapes import is_mapping
from .pipeline.lm.scoring.asking import WAYS
from .pipeline.lm.scoring.likelihoods import Way
from .pipeline.lm.scoring.tokens import MOST_SHOWN
from .pipeline.measure.decisions.counts import Weights
from .pipeline.measure.decisions.cuts import Rating, checked_cuts
from .pipeline.measure.decisions.row_metrics import LikelihoodMetric, ProbabilityMetric
from .pipeline.measure.judging.agreement import AgreementMetric
from .pipeline.measure.judging.judged import JudgedBy, require_judge
from .pipeline.measure.matching import same
from .pipeline.measure.metrics import (
    FieldMetric,
    FieldsMetric,
    any_of,
    choice,
    contains,
    exact,
    f1,
    fields,
    numeric,
    set_match,
)
from .pipeline.measure.score import (
    Metric,
    RawScore,
    Score,
    apply_metric,
    metric_name,
    to_score,
)
from .pipeline.measure.semantic import SemanticF1
from .pipeline.measure.squad import squad
from .pipeline.signature.building import Input, Output
from .pipeline.signature.signature import Signature

__all__ = [
    "AgreementMetric",
    "Coverage",
    "FieldMetric",
    "FieldsMetric",
    "JudgedBy",
    "LikelihoodMetric",
    "Metric",
    "ProbabilityMetric",
    "RawScore",
    "Score",
    "SemanticF1",
    "agreement",
    "apply_metric",
    "brier",
    "choice",
    "contains",
    "exact",
    "f1",
    "fields",
    "judged_by",
    "likelihood",
    "log_loss",
    "metric_name",
    "numeric",
    "semantic_f1",
    "set_match",
    "squad",
    "to_score",
]


class Coverage(Signature):
    """Compare a response with a reference answer to the same question.

    Find the key ideas of each, then see which of them the other one holds too.
    """

    question: str = Input()
    reference: str = Input("an answer that is known to be right")
    response: str = Input("the answer to be judged")
    recall: float = Output("share of the reference that the response holds, 0 to 1")
    precision: float = Output("share of the response that the reference holds, 0 to 1")


@checked
def semantic_f1(
    field: str,
    *,
    question: str = "question",
    judge: Module[..., Any] | None = None,
) -> SemanticF1:
    """F1 of the ideas in an answer and in the label, as a judging module sees them.

    It asks a model once for each row and reference. What passes for a demo is said to
    the compile, such as `weft.compile(..., passing=0.66)`.

    Args:
        field: The output field and the label.
        question: The field of a row that holds what was asked.
        judge: A module with the inputs question, reference and response, and the
            outputs recall and precision; by default `ChainOfThought(Coverage)`, which
            is called "judge": `weft.use(lms={"judge": ...})` says who it asks.

    >>> metric = semantic_f1("response")
    >>> metric.name, list(metric.judge.spec.outputs)
    ('semantic_f1(response)', ['reasoning', 'recall', 'precision'])
    """
    name = f"semantic_f1({field})"
    asked = judge or ChainOfThought(Coverage, name="judge")
    compared = FieldMetric(name, field, same, any_of)
    return SemanticF1(compared, question, asked)


def judged_by(
    judge: Module[..., Any] | Program[..., Any],
    *,
    outputs: Mapping[str, str] | None = None,
    row: Mapping[str, str] | None = None,
) -> JudgedBy:
    """What a judge says of a prediction; its last output is the score.

    Each input of the judge is the program's output of that name, or else the row's
    field. Texts among its other outputs are the feedback. Where a row has a list of
    references for an input that is a text, each is asked about and the best counts.

    The judge's calls are booked as "judge", quoted with each row, and kept apart from
    the program's: `evaluation.judge_calls` and `.judge_cost`.

    Args:
        judge: A module or a program whose last output is a number in [0, 1] or a bool,
            such as `weft.Groundedness()`.
        outputs: By an input of the judge, the program's output that it is shown.
        row: By an input of the judge, the field of the row that it is shown.

    Raises:
        ConfigError: It can give no score, or has no such input, or one is given twice.

    >>> import weft
    >>> metric = judged_by(weft.Completeness(), row={"reference": "answer"})
    >>> metric.name
    'judged_by(completeness)'
    """
    require_judge(judge)
    for option, names in (("outputs", outputs), ("row", row)):
        read = names if is_mapping(names) else {} if names is None else {"": None}
        if not all(isinstance(cast(object, name), str) for name in read.values()):
            raise ConfigError(
                f"judged_by: {option}={names!r:.200} is no mapping of names",
                hint=f'Write {option}={{"reference": "answer"}}: the judge\'s first',
            )
    shown, held = dict(outputs or {}), dict(row or {})
    known = judge.inputs.inputs
    for name in (*shown, *held):
        if name not in known:
            raise ConfigError(
                f"the judge {judge.name!r} has no input {name!r}",
                hint=f"Its inputs are {', '.join(known)}",
            )
    for name in shown.keys() & held.keys():
        raise ConfigError(
            f"{name!r} of the judge {judge.name!r} is shown an output and a field of "
            "the row",
            hint="Leave it out of outputs= or of row=",
        )
    return JudgedBy(judge, shown, held)


@checked
def agreement(
    field: str,
    *,
    label: str | None = None,
    weights: Weights = "none",
    cuts: Sequence[float] = (),
) -> AgreementMetric:
    """1 where a judge's verdict is a person's; for judges that are compiled.

    A row's score is 1 for the same class, and 0 for another; with `weights` less is
    taken off the nearer two classes are in their order. Over all rows
    `evaluation.kappa` is Cohen's kappa, which takes off what would be agreed by chance;
    a compile's report has it on sealed rows, with its interval.

    Args:
        field: The judge's output.
        label: The label that holds the person's verdict; the field by default.
        weights: "none", "linear" or "quadratic"; the order is that of the output's
            `Literal`, or of numbers between cuts.
        cuts: Where numbers are cut into classes, from low to high.

    Raises:
        ConfigError: There are no such weights, or the cuts do not rise.

    >>> import weft
    >>> (row,) = weft.read_rows([{"text": "t", "score": 0.9}], ["text"])
    >>> agreement("score", cuts=[0.5])(row, {"score": 0.7}).value
    1.0
    """
    if weights not in ("none", "linear", "quadratic"):
        raise ConfigError(
            f"weights={weights!r} is no way to weigh",
            hint="Give 'none', 'linear' or 'quadratic'",
        )
    for name in (field, field if label is None else label):
        if not isinstance(cast(object, name), str) or not name:
            raise ConfigError(
                f"agreement: {name!r} is no name of a field",
                hint='Write agreement("mark"), or agreement("mark", label="human")',
            )
    rating = Rating(field, label or field, weights, checked_cuts(cuts))
    told = [repr(weights)] * (weights != "none") + [f"cuts={[*cuts]}"] * bool(cuts)
    name = f"agreement({', '.join([field, *told])})"
    compared = FieldMetric(name, field, same, any_of, label or field)
    return AgreementMetric(compared, rating, name)


@checked
def brier(field: str) -> ProbabilityMetric:
    """1 less half of Brier's score: how right the probabilities of a choice are.

    1 where all probability was on the label, and 0 where all was on another class
    (Brier 1950). The program must say probabilities, as `weft.Classify` does.

    Args:
        field: The output field and the label.
    """
    name = f"brier({field})"
    return ProbabilityMetric(name, FieldMetric(name, field, same, any_of), "brier")


@checked
def log_loss(field: str, *, least: float = 0.001) -> ProbabilityMetric:
    """The log loss of a choice as a score: 1 for p = 1 of the label, 0 for `least`.

    It is 1 - ln(p) / ln(least), so that its mean falls as the mean log loss rises, with
    each row's loss cut at that of `least`. `weft.classification(evaluation).log_loss`
    is the loss itself, in nats, and not cut. The program must say probabilities, as
    `weft.Classify` does.

    Args:
        field: The output field and the label.
        least: The least probability that counts, in (0, 1).

    Raises:
        ConfigError: `least` is no such number.
    """
    if not isinstance(cast(object, least), float) or not 0 < least < 1:
        raise ConfigError(
            f"log_loss: least={least!r} is no probability that can be least",
            hint="Give a number above 0 and below 1, such as 0.001",
        )
    name = f"log_loss({field})" if math.isclose(least, 0.001) else ""
    name = name or f"log_loss({field}, least={least:g})"
    compared = FieldMetric(name, field, same, any_of)
    return ProbabilityMetric(name, compared, "log_loss", least)


@checked
def likelihood(
    field: str,
    *,
    per: Literal["token", "answer"] = "token",
    by: Way = "auto",
    shown: int = MOST_SHOWN,
) -> LikelihoodMetric:
    """How probable the label was as the reply to the prompt that was sent, in [0, 1].

    The second score of APE (Zhou et al. 2022, arXiv 2211.01910, section 3.1): where
    two instructions are both always wrong, or both right, it tells which one makes the
    wanted answer likelier. It asks the program's model once for each row and reference,
    as `lm.score` does, and needs log-probabilities.

    Args:
        field: The output field of a module, and the label.
        per: "token" for exp of the mean log-probability of the answer's tokens, which
            does not favour short answers; "answer" for the whole answer's probability.
        by: How it is scored, as of `lm.score`.
        shown: How many of the likeliest tokens are shown at each place.

    Raises:
        ConfigError: There is no such way.

    >>> likelihood("answer").name, likelihood("answer", per="answer").name
    ('likelihood(answer)', 'likelihood(answer, per=answer)')
    """
    if per not in ("token", "answer"):
        raise ConfigError(
            f"likelihood: per={per!r}", hint="Give per='token' or per='answer'"
        )
    if by not in WAYS:
        hint = f"Give one of {', '.join(map(repr, WAYS))}"
        raise ConfigError(f"likelihood: by={by!r} is no way to score", hint=hint)
    name = (
        f"likelihood({field})" if per == "token" else f"likelihood({field}, per=answer)"
    )
    return LikelihoodMetric(
        name, FieldMetric(name, field, same, any_of), per, by, shown
    )


if not TYPE_CHECKING:
    # Hidden, so that checkers refuse what is no metric.

    def __getattr__(name: str) -> Any:
        raise missing(f"module {__name__!r}", "metric", name, __all__)

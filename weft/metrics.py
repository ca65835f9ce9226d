"""Built-in metrics, and what a metric may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .modules.asking.chain_of_thought import ChainOfThought
from .pipeline.graph.module import Module
from .pipeline.ground.hints import missing
from .pipeline.ground.options import checked
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
    "Coverage",
    "FieldMetric",
    "FieldsMetric",
    "Metric",
    "RawScore",
    "Score",
    "SemanticF1",
    "apply_metric",
    "choice",
    "contains",
    "exact",
    "f1",
    "fields",
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


if not TYPE_CHECKING:
    # Hidden, so that checkers refuse what is no metric.

    def __getattr__(name: str) -> Any:
        raise missing(f"module {__name__!r}", "metric", name, __all__)

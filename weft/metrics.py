"""Built-in metrics, and what a metric may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pipeline.ground.hints import missing
from .pipeline.measure.metric_check import check_metric
from .pipeline.measure.metrics import (
    FieldMetric,
    FieldsMetric,
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

__all__ = [
    "FieldMetric",
    "FieldsMetric",
    "Metric",
    "RawScore",
    "Score",
    "apply_metric",
    "check_metric",
    "choice",
    "contains",
    "exact",
    "f1",
    "fields",
    "metric_name",
    "numeric",
    "set_match",
    "to_score",
]

if not TYPE_CHECKING:
    # Hidden, so that checkers refuse what is no metric.

    def __getattr__(name: str) -> Any:
        raise missing(f"module {__name__!r}", "metric", name, __all__)

"""Built-in metrics, and what a metric may return."""

from __future__ import annotations

from .pipeline.metrics import (
    FieldMetric,
    FieldsMetric,
    Metric,
    RawScore,
    Score,
    apply_metric,
    check_metric,
    choice,
    contains,
    exact,
    f1,
    fields,
    metric_name,
    numeric,
    set_match,
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

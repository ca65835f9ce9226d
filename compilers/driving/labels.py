"""What is certain about a metric and rows before anything is paid.

A metric is its author's code: it scores answers that a program gave, and is never tried
on made-up ones. All that is known beforehand is read from the rows and from its code.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...pipeline.data.rows import Example
from ...pipeline.measure.labels import require_labels
from ...pipeline.measure.score import Metric, require_callable
from ..search.judge import JUDGED, NO_JUDGE, Judging, asks_model


def require_metric(metric: Metric, rows: Sequence[Example]) -> Judging:
    """Refuse a metric that surely cannot score some rows; it is not called.

    Returns:
        What its calls for a row will be.

    Raises:
        MetricError: It cannot be called with an example and a prediction.
        DataError: A row lacks a label that a built-in metric compares with.
    """
    require_callable(metric)
    require_labels(metric, rows)
    return JUDGED if asks_model(metric) else NO_JUDGE

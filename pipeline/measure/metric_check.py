"""What a metric is taken for, and what a metric takes a prediction for."""

from __future__ import annotations

from typing import Any

from ..errors import MetricError
from ..graph.module import Module
from ..graph.runnable import Runnable
from ..ground.shapes import is_dict


def refuse_judge(metric: object) -> None:
    """Refuse a module, or a program, that is given in a metric's place.

    It may judge, but somebody has to say which of its inputs is what.

    Raises:
        MetricError: It is one, and has other inputs than the two of a metric.
    """
    if isinstance(metric, Module) or (
        isinstance(metric, Runnable) and len(metric.inputs.inputs) != 2
    ):
        name: str = metric.name
        raise MetricError(
            f"{name!r} is not called with an example and a prediction",
            hint=f"Ask it: def metric(example, prediction): return {name}(...)",
        )


def misread(error: BaseException, prediction: Any) -> str:
    """What to write instead of an attribute that is not there, or empty.

    A prediction is what the program gives, and a label what stands in the row: a text
    has no field, and a dict has none either, whatever it is a dict of.

    >>> def raised(prediction):
    ...     try:
    ...         prediction.answer
    ...     except AttributeError as error:
    ...         return misread(error, prediction)
    >>> raised("1871")
    'The program gives str, and that is the prediction: compare it itself'
    >>> raised({"answer": "1871"})
    "It is a dict: write ['answer']"
    """
    if not isinstance(error, AttributeError) or not error.name:
        return ""
    if is_dict(error.obj) and error.name in error.obj:
        return f"It is a dict: write [{error.name!r}]"
    if error.obj is not prediction or type(prediction).__module__ != "builtins":
        return ""
    given = f"The program gives {type(prediction).__name__}"
    return f"{given}, and that is the prediction: compare it itself"

"""What runs beside a failure: cancelled as a rule, and run to its end in a compile."""

from __future__ import annotations

from ..calls.store import RunStore
from ..errors import ContextLengthError, ModelFailure
from .runtime import Runtime

SCORED = (ModelFailure, ContextLengthError)
"""Failures that a compile scores, as it does an answer that is wrong."""


def goes_on(error: BaseException, runtime: Runtime) -> bool:
    """Whether what runs beside a failed node goes on to its end.

    It does where all answers of a run are kept and the failure is a result like any
    other. Were it cancelled, what is sent, and so what is spent, would hang on which
    answer came first.
    """
    return isinstance(error, SCORED) and isinstance(runtime.store, RunStore)

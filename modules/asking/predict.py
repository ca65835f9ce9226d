"""Predict: one call, the answer as asked; and `@predict`, the same for a typed stub."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast, final

from ...pipeline.graph.module import Module, P, R_co
from ...pipeline.ground.options import decorator
from ...pipeline.signature.forms import function_signature


@final
class Predict(Module[P, R_co]):
    r"""Ask the model for a signature's outputs in one call.

    >>> triage = Predict("message -> team", "Route the message.")
    >>> triage.parse("[[ team ]]\ncards\n[[ /end ]]").team
    'cards'
    """

    kind = "Predict"


@decorator
def predict(function: Callable[P, R_co]) -> Predict[P, R_co]:
    r"""Turn a typed stub into a module that gives back the bare result.

    The parameters are the inputs, the docstring is the instruction, and the result is
    one output field named like the function. The body never runs.

    >>> @predict
    ... def sentiment(text: str) -> str:
    ...     '''Say whether the text is glad or sad.'''
    ...     raise NotImplementedError
    >>> sentiment.parse("[[ sentiment ]]\nglad")
    'glad'
    """
    signature = function_signature(function)
    made = Predict(signature, name=function.__name__).returning(function.__name__)
    return cast("Predict[P, R_co]", made)

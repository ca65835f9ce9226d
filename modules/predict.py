"""Predict: one call, the answer as asked; and `@predict`, the same for a typed stub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, Unpack, cast, final, overload

from ..pipeline.graph.module import Module
from ..pipeline.graph.module_options import ModuleOptions
from ..pipeline.ground.options import decorator
from ..pipeline.signature.forms import function_signature
from ..pipeline.signature.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")


@final
class Predict(Module[P, R]):
    r"""Ask the model for a signature's outputs in one call.

    >>> triage = Predict("message -> team", "Route the message.")
    >>> triage.parse("[[ team ]]\ncards\n[[ /end ]]").team
    'cards'
    """

    kind = "Predict"

    @overload
    def __init__(
        self: Predict[..., Any],
        signature: str,
        instruction: str | None = None,
        **options: Unpack[ModuleOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        signature: Callable[P, R],
        instruction: str | None = None,
        **options: Unpack[ModuleOptions],
    ) -> None: ...
    def __init__(
        self,
        signature: str | Callable[..., Any],
        instruction: str | None = None,
        **options: Unpack[ModuleOptions],
    ) -> None:
        """See `Module`."""
        super().__init__(signature, instruction, **options)

    def _extend(self, signature: type[Signature]) -> type[Signature]:
        return signature


@decorator
def predict(function: Callable[P, R]) -> Predict[P, R]:
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
    made: Predict[..., Any] = Predict(signature, name=function.__name__)
    return cast("Predict[P, R]", made.returning(function.__name__))

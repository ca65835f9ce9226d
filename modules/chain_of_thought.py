"""ChainOfThought: the model writes its reasoning first, then the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, Unpack, final, overload

from ..pipeline.graph.module import Module
from ..pipeline.graph.module_options import ModuleOptions
from ..pipeline.signature.field import FieldSpec
from ..pipeline.signature.forms import extended
from ..pipeline.signature.signature import Signature

P = ParamSpec("P")
R = TypeVar("R")

_REASONING = FieldSpec(
    "reasoning", "output", str, "think step by step before the other fields"
)


@final
class ChainOfThought(Module[P, R]):
    """Ask for a `reasoning` text before a signature's own outputs.

    Wei et al. 2022, arXiv 2201.11903; asked for without examples as in Kojima et al.
    2022, arXiv 2205.11916. The result's type stays the signature's; the reasoning is
    `weft.info(result).outputs["reasoning"]`, and an attribute at run time.

    >>> answer = ChainOfThought("question -> answer")
    >>> list(answer.spec.outputs)
    ['reasoning', 'answer']
    """

    kind = "ChainOfThought"

    @overload
    def __init__(
        self: ChainOfThought[..., Any],
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
        return extended(signature, _REASONING)

    @classmethod
    def own_fields(cls, fields: tuple[FieldSpec, ...]) -> tuple[FieldSpec, ...]:
        """All but the reasoning."""
        return tuple(f for f in fields if f.name != _REASONING.name)

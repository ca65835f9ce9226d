"""ChainOfThought: the model writes its reasoning first, then the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack, cast, final

from ...pipeline.graph.module import Module, ModuleOptions, P, R_co
from ...pipeline.ground.options import checked
from ...pipeline.signature.field import FieldSpec

_STEPS = "the steps that lead to the other fields, one after the other"


@final
class ChainOfThought(Module[P, R_co]):
    r"""Ask for a `reasoning` before a signature's own outputs: a text, or typed steps.

    Wei et al. 2022, arXiv 2201.11903; asked for without examples as in Kojima et al.
    2022, arXiv 2205.11916. The result's type stays the signature's; the reasoning is
    `weft.info(result).outputs["reasoning"]`, and an attribute at run time.

    A reasoning that led to nothing is told: `weft.info(result).facts["reasoning"]` is
    "empty" where the model wrote none, and "after the answer" where it wrote it behind
    another output. Of a reasoning that came first there is no such fact.

    Args:
        signature: A signature class, the string form, or anything `Predict` accepts.
        instruction: Replaces the signature's own instruction.
        steps: The type of a step, such as a pydantic model or `str`: `reasoning` is
            then a list of these, checked like every output. A text by default.
        options: As those of `Predict`.

    >>> answer = ChainOfThought("question -> answer")
    >>> list(answer.spec.outputs)
    ['reasoning', 'answer']
    >>> sums = ChainOfThought("question -> answer: int", steps=int)
    >>> sums.parse("[[ reasoning ]]\n[2, 4]\n[[ answer ]]\n4").reasoning
    [2, 4]
    """

    kind = "ChainOfThought"
    adds = (
        FieldSpec(
            "reasoning", "output", str, "think step by step before the other fields"
        ),
    )

    @checked
    def __init__(
        self,
        signature: str | Callable[P, R_co],
        instruction: str | None = None,
        *,
        steps: Any = None,
        **options: Unpack[ModuleOptions],
    ) -> None:
        if steps is not None:
            typed = FieldSpec("reasoning", "output", cast(Any, list)[steps], _STEPS)
            _ = typed.wanted  # a type that nobody can check is told here
            self._added = (typed,)
        super().__init__(signature, instruction, **options)

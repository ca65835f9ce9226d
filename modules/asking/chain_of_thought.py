"""ChainOfThought: the model writes its reasoning first, then the answer."""

from __future__ import annotations

from typing import final

from ...pipeline.graph.module import Module, P, R_co
from ...pipeline.signature.field import FieldSpec


@final
class ChainOfThought(Module[P, R_co]):
    """Ask for a `reasoning` text before a signature's own outputs.

    Wei et al. 2022, arXiv 2201.11903; asked for without examples as in Kojima et al.
    2022, arXiv 2205.11916. The result's type stays the signature's; the reasoning is
    `weft.info(result).outputs["reasoning"]`, and an attribute at run time.

    >>> answer = ChainOfThought("question -> answer")
    >>> list(answer.spec.outputs)
    ['reasoning', 'answer']
    """

    kind = "ChainOfThought"
    adds = (
        FieldSpec(
            "reasoning", "output", str, "think step by step before the other fields"
        ),
    )

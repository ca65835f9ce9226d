"""Models that run here, as the parts that need none of a server's ask them."""

from __future__ import annotations

import weft

from .real.serving import Model

__all__ = ["local_lm"]


def local_lm(model: Model, most: int) -> weft.LM:
    """The model without chance; a base model is one whose name ends in "gemma".

    Args:
        model: Its name, and what `local/` takes.
        most: Tokens of an answer at the most.
    """
    base = model.name.endswith("gemma")
    return weft.LM(f"local/{model.where}", temperature=0, max_tokens=most, base=base)

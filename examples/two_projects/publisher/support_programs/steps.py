"""What the programs call beside models: ordinary functions, in ordinary code."""

from __future__ import annotations

import weft


@weft.step
def tidy(text: str) -> str:
    """Take out doubled spaces and line ends."""
    return " ".join(text.split())

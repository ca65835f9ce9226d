"""How large an experiment is: reduced in the suite, in full with WEFT_GOALS=full."""

from __future__ import annotations

import os
from typing import TypeVar

FULL = os.environ.get("WEFT_GOALS") == "full"

Size = TypeVar("Size", int, float)


def size(reduced: Size, full: Size) -> Size:
    """How often, how many or how much; a bar is wider where other tests run beside."""
    return full if FULL else reduced

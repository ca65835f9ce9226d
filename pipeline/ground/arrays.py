"""numpy where it is installed, and nothing where it is not; imported here alone.

What uses it gives the same numbers without it, only later.
"""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def numpy_here() -> Any:
    """The module, or None."""
    try:
        import numpy  # noqa: PLC0415 - optional, and heavy
    except ImportError:
        return None
    return numpy

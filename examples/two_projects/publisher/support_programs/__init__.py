"""Programs of the support team, compiled by weft: reply, triage."""

import weft

from .steps import tidy

__getattr__, __dir__, __all__ = weft.programs(__name__, steps=[tidy])

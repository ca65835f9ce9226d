"""The types of media and turns, by what marks them in JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .fields import HISTORY
from .kinds import FORMAT
from .media import Media
from .turns import History
from .values import KINDS

TYPES: Final[Mapping[str, type[Media] | type[History]]] = {
    **{f"{FORMAT}{kind}": made for kind, made in KINDS.items()},
    HISTORY: History,
}
"""A type by the `format` of its schema."""

"""The one place that imports pandas: results as a DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["DataFrame", "frame_of"]


def frame_of(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Rows as a DataFrame.

    Raises:
        ConfigError: pandas is not installed.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - optional and heavy
    except ImportError:
        raise ConfigError(
            "pandas is not installed", hint="Write pip install 'pandas>=2.1'"
        ) from None
    return pd.DataFrame(list(rows))

"""Rows of a Parquet file, some thousand at a time; Polars is imported here alone.

Polars is one wheel that needs nothing else, reads a part of a file without the rest,
and is a table that rows are taken from already. pyarrow does as well, and is larger.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigError, DataError

_AT_ONCE: Final = 4096


def parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows with their places.

    Raises:
        ConfigError: Polars is not installed.
        DataError: It is no Parquet file.
    """
    try:
        import polars  # noqa: PLC0415 - optional, and heavy
    except ImportError:
        raise ConfigError(
            f"{path}: Parquet is read by polars, which is not installed",
            hint="Write pip install 'polars>=1'",
        ) from None
    number = 0
    with path.open("rb"):  # what cannot be opened is an OSError, as of any file
        pass
    try:
        scan = polars.scan_parquet(path, glob=False)
        while True:
            part = scan.slice(number, _AT_ONCE).collect()
            for cells in part.iter_rows(named=True):
                yield f"{path}: row {number}", cells
                number += 1
            if part.height < _AT_ONCE:
                return
    except polars.exceptions.PolarsError as error:
        said = str(error).splitlines()[0][:200]
        raise DataError(
            f"{path} is no Parquet file: {said}",
            hint="Write it again, or pass the rows themselves",
        ) from None

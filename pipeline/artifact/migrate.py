"""How an older artifact is read: from each format a pure function to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ArtifactError
from .state import FORMAT

_FAMILY = "weft.program/"
Migration = Callable[[dict[str, Any]], dict[str, Any]]


def _with_editions(data: dict[str, Any]) -> dict[str, Any]:
    """Format 1 knew one edition of each form, and what names none means that one."""
    return {**data, "format": "weft.program/2"}


MIGRATIONS: dict[str, Migration] = {"weft.program/1": _with_editions}
"""From a format to the next one: pure functions of the whole file's data.

Each has a golden file in the tests, written by the version that it reads, and the
prompt that it rendered then.
"""


def migrated(
    data: Mapping[str, Any], where: str, steps: Mapping[str, Migration] = MIGRATIONS
) -> dict[str, Any]:
    """A file's data in today's format; the data given stays as it is.

    Args:
        data: What was read.
        where: Its name, for messages.
        steps: The migrations by the format that they read.

    Raises:
        ArtifactError: A newer weft wrote it.

    >>> old = {"format": "weft.program/0", "title": "qa"}
    >>> up = lambda data: {"format": FORMAT, "name": data["title"]}
    >>> migrated(old, "qa.weft.json", {"weft.program/0": up})
    {'format': 'weft.program/2', 'name': 'qa'}
    """
    made = dict(data)
    for _ in range(len(steps)):
        step = steps.get(str(made.get("format")))
        if step is None:
            break
        made = step(made)
    given = made.get("format")
    number = str(given).removeprefix(_FAMILY)
    if isinstance(given, str) and given.startswith(_FAMILY) and number.isdecimal():
        newest = int(FORMAT.removeprefix(_FAMILY))
        if len(number) > 9 or int(number) > newest:
            raise ArtifactError(
                f"{where} has the format {given[:40]!r}, and this weft reads up to "
                f"{FORMAT!r}",
                hint="Upgrade weft: git pull in its clone, and pip install .",
            )
    return made

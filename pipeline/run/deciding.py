"""How a value decides where control flow goes, in a program and outside alike."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from ..errors import StepError

_SHOWN = 60


def decided(value: Any, who: str) -> bool:
    """A bool as it is; nothing else counts as true or false.

    Raises:
        StepError: The value is no bool.

    >>> decided(True, "branch")
    True
    """
    plain: Any = value
    if not isinstance(plain, bool) and hasattr(plain, "item"):
        plain = plain.item()  # numpy's own bool
    if isinstance(plain, bool):
        return plain
    raise StepError(
        f"{who} got {_short(value)}, and only a bool decides",
        hint="Give a bool; annotate the step it comes from, to see this earlier",
    )


def case_of(label: Any, labels: Sequence[Any], default: bool, who: str) -> int | None:
    """The position of a label among the cases, or None for the default.

    Raises:
        StepError: There is no such case, and no default.

    >>> case_of("b", ["a", "b"], False, "switch")
    1
    """
    wanted = _plain(label)
    for position, case in enumerate(labels):
        plain = _plain(case)
        if type(plain) is type(wanted) and plain == wanted:
            return position
    if default:
        return None
    known = ", ".join(repr(_plain(case)) for case in labels)
    raise StepError(
        f"{who} got {_short(wanted)}, which has no case; it has {known}",
        hint="Add the case, or give default=lambda: ...",
    )


def _plain(label: Any) -> Any:
    return label.value if isinstance(label, enum.Enum) else label


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."

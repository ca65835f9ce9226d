"""What the end of the user's turn says once more: how the reply begins."""

from __future__ import annotations

from ..ground.strictjson import dumps
from ..signature.field import FieldSpec


def begin_with(mark: str, field: FieldSpec) -> str:
    """The reminder at the end of a turn: how the reply begins.

    Choices are said once more: a small model that is far from where it read them makes
    up others.
    """
    start = f"Begin your reply with {mark}"
    if not field.choices:
        return start
    choices = ", ".join(c if isinstance(c, str) else dumps(c) for c in field.choices)
    return f"Choose {field.name} from: {choices}.\n{start}"

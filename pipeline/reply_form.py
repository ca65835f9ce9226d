"""Which form a reply is asked for in: a name, its edition, and what hangs on the model.

A form is written as text wherever it is data: `"chat"` is the newest edition of a form,
`"chat/1"` one edition of it, and `"chat/2:shown,stop"` a settled form, of which every
byte is known: after the colon stands what hangs on the model that is asked. `"auto"`
is the form that works at the endpoint that is asked.

What an edition sends never changes. A new idea is a new edition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .errors import ConfigError, did_you_mean

NEWEST: Final[Mapping[str, int]] = {
    "auto": 1,
    "chat": 2,
    "json": 2,
    "xml": 1,
    "plain": 1,
    "completion": 1,
}
"""The newest edition of each form; every earlier one can be asked for too."""

FLAGS: Final = ("schema", "shown", "stop")
"""What hangs on the model: whether the endpoint is to enforce a schema, whether a
made-up exchange shows the form, whether a stop sequence ends the reply."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of replies.

    Args:
        name: The adapter's name, or "auto".
        edition: Which edition of it.
        flags: Some of `FLAGS`, in their order; None where they are not settled yet.

    >>> str(Form("chat", 2, ("shown", "stop")))
    'chat/2:shown,stop'
    """

    name: str
    edition: int
    flags: tuple[str, ...] | None = None

    def has(self, flag: str) -> bool:
        """Whether a settled form has the flag."""
        return self.flags is not None and flag in self.flags

    def __str__(self) -> str:
        settled = "" if self.flags is None else ":" + ",".join(self.flags)
        return f"{self.name}/{self.edition}{settled}"


@lru_cache(maxsize=256)
def form_of(text: str) -> Form:
    """A form from its text.

    Raises:
        ConfigError: There is no such form or edition.

    >>> form_of("json"), form_of("chat/1").edition
    (Form(name='json', edition=2, flags=None), 1)
    """
    head, colon, tail = text.partition(":")
    name, slash, number = head.partition("/")
    if name not in NEWEST:
        raise ConfigError(f"no adapter {text!r}", hint=did_you_mean(name, NEWEST))
    edition = NEWEST[name]
    if slash:
        if not number.isdecimal() or not 1 <= int(number[:9]) <= edition:
            raise ConfigError(
                f"the form {name!r} has no edition {number!r}",
                hint=f"This weft knows the editions 1 to {edition}: {name}/{edition}",
            )
        edition = int(number)
    if not colon:
        return Form(name, edition)
    flags = tuple(tail.split(",")) if tail else ()
    if flags != tuple(flag for flag in FLAGS if flag in flags) or name == "auto":
        raise ConfigError(
            f"the form {text!r} is not known",
            hint=f"After the colon stand, in this order, some of {', '.join(FLAGS)}",
        )
    return Form(name, edition, flags)


def is_form(text: object) -> bool:
    """Whether a text names a form."""
    try:
        form_of(text) if isinstance(text, str) else None
    except ConfigError:
        return False
    return isinstance(text, str)

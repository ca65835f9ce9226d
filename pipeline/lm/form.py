"""Which form a reply is asked for in: a name, its edition, and what hangs on the model.

A form is written as text wherever it is data: `"chat"` is the newest edition of a form,
`"chat/1"` one edition of it, and `"chat/2:shown,stop"` a settled form, of which every
byte is known: after the colon stands what hangs on the model that is asked. `"auto"`
is the form that works at the endpoint that is asked; `"text"` is that, but no calls of
tools in the endpoint's own format.

What an edition sends never changes. A new idea is a new edition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ..errors import ConfigError, did_you_mean

NEWEST: Final[Mapping[str, int]] = {
    "auto": 1,
    "chat": 2,
    "json": 2,
    "xml": 2,
    "plain": 1,
    "completion": 3,
    "tools": 1,
    "text": 1,
}
"""The newest edition of each form; every earlier one can be asked for too."""

CHOSEN: Final = ("auto", "text")
"""What is no form itself, but the one that works: any, or one of text and no tools."""

FLAGS: Final = ("grammar", "schema", "shown", "stop")
"""What hangs on the model: whether the endpoint is to enforce a grammar of lines, or a
schema, whether a made-up exchange shows the form, whether a stop sequence ends the
reply."""


_ROOM: Final = re.compile(r"room=([1-9][0-9]{0,8})")
_EDITION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Form:
    """A form of replies.

    Args:
        name: The adapter's name, or "auto".
        edition: Which edition of it.
        flags: Some of `FLAGS`, in their order; None where they are not settled yet.
        room: The most tokens that the endpoint has for a reply, where that is known.

    >>> str(Form("chat", 2, ("shown", "stop"))), str(Form("json", 2, ("schema",), 900))
    ('chat/2:shown,stop', 'json/2:schema,room=900')
    """

    name: str
    edition: int
    flags: tuple[str, ...] | None = None
    room: int | None = None

    def has(self, flag: str) -> bool:
        """Whether a settled form has the flag."""
        return self.flags is not None and flag in self.flags

    @property
    def is_first(self) -> bool:
        """Whether it is of the forms and the edition that nothing learnt can change."""
        plainly = set(self.flags or ()) <= {"schema"}
        return plainly and self.edition == 1 and self.name in ("chat", "json", "xml")

    @property
    def is_newest(self) -> bool:
        """Whether there is no later edition of it."""
        return self.edition == NEWEST[self.name]

    @property
    def words(self) -> str:
        """The form in words.

        >>> Form("auto", 1).words, Form("json", 2, ("schema",)).words
        ('auto adapter', 'json adapter, edition 2 with schema')
        """
        said = f"{self.name} adapter"
        if self.name not in CHOSEN:
            said += f", edition {self.edition}"
        return f"{said} with {', '.join(self.flags)}" if self.flags else said

    def __str__(self) -> str:
        head = self.name if self.name in CHOSEN else f"{self.name}/{self.edition}"
        if self.flags is None:
            return head
        room = () if self.room is None else (f"room={self.room}",)
        return f"{head}:{','.join((*self.flags, *room))}"


@lru_cache(maxsize=256)
def form_of(text: str) -> Form:
    """A form from its text.

    Raises:
        ConfigError: There is no such form or edition.

    >>> form_of("json").edition, form_of("chat/1").edition, form_of("plain/1:").flags
    (2, 1, ())
    """
    head, colon, tail = text.partition(":")
    name, slash, number = head.partition("/")
    if name not in NEWEST:
        raise ConfigError(f"no adapter {text!r}", hint=did_you_mean(name, NEWEST))
    edition = NEWEST[name]
    if slash:
        if not _EDITION.fullmatch(number) or int(number) > edition:
            raise ConfigError(
                f"the form {name!r} has no edition {number!r}",
                hint=f"This weft knows the editions 1 to {edition}: {name}/{edition}",
            )
        edition = int(number)
    if not colon:
        return Form(name, edition)
    said = tail.split(",") if tail else []
    room = _ROOM.fullmatch(said[-1]) if said else None
    flags = (*said[:-1],) if room else (*said,)
    if flags != tuple(flag for flag in FLAGS if flag in flags) or name in CHOSEN:
        raise ConfigError(
            f"the form {text!r} is not known",
            hint=f"After the colon stand, in this order, some of {', '.join(FLAGS)}",
        )
    made = Form(name, edition, flags, int(room[1]) if room else None)
    # Nothing in the first edition of these hangs on a model: they are always settled.
    whole = name != "json" and made == Form(name, 1, ())
    return Form(name, edition) if made.is_first and whole else made


def is_form(text: object) -> bool:
    """Whether a text names a form."""
    try:
        form_of(text) if isinstance(text, str) else None
    except ConfigError:
        return False
    return isinstance(text, str)

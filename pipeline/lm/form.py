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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from ..errors import ConfigError, did_you_mean
from ..ground.strictjson import is_text

NEWEST: Final[Mapping[str, int]] = {
    "auto": 1,
    "chat": 2,
    "json": 2,
    "xml": 2,
    "plain": 1,
    "completion": 4,
    "tools": 1,
    "text": 1,
    "cloze": 2,
}
"""The newest edition of each form; every earlier one can be asked for too."""

CHOSEN: Final = ("auto", "text")
"""What is no form itself, but the one that works: any, or one of text and no tools."""

FLAGS: Final = ("grammar", "schema", "shown", "stop", "text")
"""What hangs on the model: whether the endpoint is to enforce a grammar of lines, or a
schema, whether a made-up exchange shows the form, whether a stop sequence ends the
reply, and whether a template is a text to be continued, and no question in a turn."""

ANSWER: Final = "z"
"""The slot of a template where the answer stands."""
INSTRUCTION: Final = "instruction"
"""The slot at the beginning of a template where the module's instruction stands."""


_ROOM: Final = re.compile(r"room=([1-9][0-9]{0,8})")
_EDITION: Final = re.compile(r"[1-9][0-9]{0,8}")
_SLOT: Final = re.compile(r"\[(\[?)([^\W\d]\w*)\]")
_TEMPLATED: Final = "cloze"
_WRITE: Final = 'Write weft.cloze("[text]\\nAll in all, it was [z].")'


class Slot(NamedTuple):
    """A place of a template that a value is put into.

    Args:
        name: `z` for the answer, `instruction`, the name of an input, or `x` for the
            only one.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form of replies.

    Args:
        name: The adapter's name, or "auto".
        edition: Which edition of it.
        flags: Some of `FLAGS`, in their order; None where they are not settled yet.
        room: The most tokens that the endpoint has for a reply, where that is known.
        template: The template that a call is written by; of the form "cloze" alone.

    >>> str(Form("chat", 2, ("shown", "stop"))), str(Form("json", 2, ("schema",), 900))
    ('chat/2:shown,stop', 'json/2:schema,room=900')
    """

    name: str
    edition: int
    flags: tuple[str, ...] | None = None
    room: int | None = None
    template: str = ""
    text: str = field(init=False, repr=False, compare=False)
    """It as data; every call notes it, so it is put together once."""

    def __post_init__(self) -> None:
        head = self.name if self.name in CHOSEN else f"{self.name}/{self.edition}"
        settled = self.settled
        tail = "" if settled is None else f":{settled}"
        object.__setattr__(self, "text", f"{head}{tail}{self._tail}")

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
    def newest(self) -> str:
        """Its newest edition, to be settled by who is asked; as text.

        >>> Form("chat", 1, ("stop",)).newest
        'chat'
        """
        return f"{self.name}{self._tail}"

    @property
    def settled(self) -> str | None:
        """What hangs on the model, as text; None where that is not settled.

        >>> Form("json", 2, ("schema",), 900).settled
        'schema,room=900'
        """
        if self.flags is None:
            return None
        room = () if self.room is None else (f"room={self.room}",)
        return ",".join((*self.flags, *room))

    @property
    def _tail(self) -> str:
        return f"|{self.template}" if self.template else ""

    @property
    def words(self) -> str:
        """The form in words.

        >>> Form("auto", 1).words, Form("json", 2, ("schema",)).words
        ('auto adapter', 'json adapter, edition 2 with schema')
        """
        said = f"{self.name} adapter"
        if self.name not in CHOSEN:
            said += f", edition {self.edition}"
        if self.template:
            said += f", {self.template!r}"
        return f"{said} with {', '.join(self.flags)}" if self.flags else said

    def __str__(self) -> str:
        return self.text


def cloze(template: str) -> str:
    r"""A form by a template of your own: a text with a gap, which the answer fills.

    `[z]` is the gap, and stands there once. `[name]` is an input; `[x]` is the only
    one. Every input stands there once, and all else is sent as it is written: PET calls
    such a template a pattern (Schick & Schuetze 2021, arXiv 2001.07676), OpenPrompt a
    manual template. `[instruction]` may stand at the beginning: there, and nowhere
    else, the module's instruction is shown. `[[name]` writes `[name]`.

    Args:
        template: The template.

    Returns:
        The form, for `adapter=`.

    Raises:
        ConfigError: A slot is missing or doubled.

    >>> import weft
    >>> asked = weft.Predict(
    ...     "review -> mood", adapter=weft.cloze("[review]\nAll in all, it was [z].")
    ... )
    >>> print(asked.prompt(review="I wept.").messages[0].content)
    I wept.
    All in all, it was [z].
    <BLANKLINE>
    Write only what stands in place of [z].
    """
    if not isinstance(template, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
        raise ConfigError(f"the template {template!r:.200} is no text", hint=_WRITE)
    pieces_of(template)
    return f"{_TEMPLATED}|{template}"


@lru_cache(maxsize=256)
def pieces_of(template: str) -> tuple[str | Slot, ...]:
    """A template's own texts and its slots, in their order.

    Raises:
        ConfigError: It has no gap, or a slot twice, or the instruction is not first.

    >>> pieces_of("[x] is [z] [[sic].")
    (Slot(name='x'), ' is ', Slot(name='z'), ' ', '[sic]', '.')
    """
    made: list[str | Slot] = []
    at = 0
    for found in _SLOT.finditer(template):
        made += [template[at : found.start()]] * (at < found.start())
        at = found.end()
        made.append(found[0][1:] if found[1] else Slot(found[2]))
    made += [template[at:]] * (at < len(template))
    names = [piece.name for piece in made if isinstance(piece, Slot)]
    doubled = next((name for name in names if names.count(name) > 1), None)
    fault = ""
    if not is_text(template):
        fault = "holds a lone surrogate"
    elif ANSWER not in names:
        fault = f"has no [{ANSWER}], where the answer stands"
    elif doubled is not None:
        fault = f"has [{doubled}] twice"
    elif "[z#" in template:
        fault = "holds '[z#', which may stand for the gap"
    if fault:
        raise ConfigError(f"the template {template!r:.200} {fault}", hint=_WRITE)
    return (*made,)


def template_of(pieces: Iterable[str | Slot]) -> str:
    """The template that has these pieces; what `pieces_of` gives, put together again.

    >>> template_of([Slot("x"), " is ", Slot("z"), " [sic]."])
    '[x] is [z] [[sic].'
    """
    return "".join(
        _SLOT.sub(r"[\g<0>", piece) if isinstance(piece, str) else f"[{piece.name}]"
        for piece in pieces
    )


@lru_cache(maxsize=256)
def form_of(text: str) -> Form:
    """A form from its text.

    Raises:
        ConfigError: There is no such form or edition.

    >>> form_of("json").edition, form_of("chat/1").edition, form_of("plain/1:").flags
    (2, 1, ())
    """
    said, bar, template = text.partition("|")
    head, colon, tail = said.partition(":")
    name, slash, number = head.partition("/")
    if name == _TEMPLATED and not template:
        raise ConfigError(f"the form {name!r} needs a template", hint=_WRITE)
    if name not in NEWEST or (bar and name != _TEMPLATED):
        raise ConfigError(f"no adapter {text!r}", hint=did_you_mean(name, NEWEST))
    edition = NEWEST[name]
    if slash:
        if not _EDITION.fullmatch(number) or int(number) > edition:
            raise ConfigError(
                f"the form {name!r} has no edition {number!r}",
                hint=f"This weft knows the editions 1 to {edition}: {name}/{edition}",
            )
        edition = int(number)
    if template:
        pieces_of(template)
    if not colon:
        return Form(name, edition, template=template)
    parts = tail.split(",") if tail else []
    room = _ROOM.fullmatch(parts[-1]) if parts else None
    flags = (*parts[:-1],) if room else (*parts,)
    if flags != tuple(flag for flag in FLAGS if flag in flags) or name in CHOSEN:
        raise ConfigError(
            f"the form {text!r} is not known",
            hint=f"After the colon stand, in this order, some of {', '.join(FLAGS)}",
        )
    made = Form(name, edition, flags, int(room[1]) if room else None, template)
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

"""Media and turns in a call: where a field stands, and in no text that could be forged.

A form writes text. So each image, sound and file stands in it as a word first, and what
the form has written is then taken apart at these words. The word holds a number that
this process drew at random, so that no value can hold it: what a text says never
becomes an image, and is never taken for the place of one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from secrets import token_hex
from typing import Any, ClassVar, Final, NamedTuple, Protocol, cast

from ..errors import ConfigError
from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..lm.request import JSON, Message
from ..media.turns import History
from ..media.values import Media, Part, media_from
from ..parameters import Demo
from ..signature.spec import Spec

_WORD: Final = f"weft:{token_hex(16)}:"
_PLACE: Final = re.compile(f"{_WORD}([0-9a-f]{{32}});")
_BETWEEN: Final = " "

Found = dict[str, Media]
"""What stands for what, by the word's own part."""


class Laying(NamedTuple):
    """How calls that differ in their inputs alone are laid out.

    Args:
        shared: The turns that stand first, and are the same for all of them.
        rest: Gives the turns behind, of a call's inputs.
    """

    shared: tuple[Message, ...]
    rest: Callable[[Mapping[str, JSON]], tuple[Message, ...]]

    def turns(self, inputs: Mapping[str, JSON]) -> tuple[Message, ...]:
        """All turns of one call."""
        return *self.shared, *self.rest(inputs)


class Form(Protocol):
    """A form that lays out text; see `base.Adapter`."""

    name: ClassVar[str]

    @property
    def continues(self) -> bool:
        """Whether a call is one text."""
        ...

    def laying(
        self,
        spec: Spec,
        instruction: str,
        demos: tuple[Demo, ...],
        fence: str,
        *,
        remind: bool,
    ) -> Laying:
        """How calls are laid out."""
        ...


def laid_out(
    form: Form,
    spec: Spec,
    instruction: str,
    demos: tuple[Demo, ...],
    inputs: Mapping[str, JSON],
    fence: str,
    *,
    remind: bool,
) -> tuple[Message, ...]:
    """The turns of a call in which inputs are images, sounds, files or turns.

    Raises:
        ConfigError: The form is one text, which holds none.
    """
    if form.continues:
        raise ConfigError(
            f"the {form.name} form is one text, and {spec.media[0].name!r} is no text",
            hint='Ask in another form, such as adapter="chat", of a model that takes '
            "turns",
        )
    own, cases = worded(spec, inputs), worded_demos(spec, demos)
    shown = spec.without_turns
    laying = form.laying(shown, instruction, cases.demos, fence, remind=remind)
    turns = laying.turns(own.values)
    if shown is not spec:
        turns = with_turns(turns, spec, [*(demo.values for demo in demos), inputs])
    return with_media(turns, {**cases.found, **own.found})


class Worded(NamedTuple):
    """Values as text can hold them, and what the words in them stand for."""

    values: Mapping[str, Any]
    found: Found


class WordedDemos(NamedTuple):
    """Demos as text can hold them, and what the words in them stand for."""

    demos: tuple[Demo, ...]
    found: Found


def worded(spec: Spec, values: Mapping[str, Any]) -> Worded:
    """The values of a call, with a word for each image, sound or file."""
    found: Found = {}
    made = dict(values)
    for field in spec.media:
        if field.name in made:
            made[field.name] = _worded(made[field.name], found)
    return Worded(made, found)


@lru_cache(maxsize=8)
def worded_demos(spec: Spec, demos: tuple[Demo, ...]) -> WordedDemos:
    """Demos, as `worded`; the same for the same ones."""
    found: Found = {}
    made: list[Demo] = []
    for demo in demos:
        known = worded(spec, demo.values)
        found |= known.found
        made.append(replace(demo, values=known.values))
    return WordedDemos(tuple(made), found)


def _worded(value: Any, found: Found) -> Any:
    """A value with words; a list of nothing but media is their words side by side."""
    if is_list(value):
        made = [_worded(one, found) for one in value]
        alone = bool(made) and all(map(_is_word, made))
        return _BETWEEN.join(made) if alone else made
    if not is_dict(value):
        return value
    media = media_from(value) if "media" in value else None
    if media is None:
        return {name: _worded(one, found) for name, one in value.items()}
    text = strictjson.canonical(media.as_data())
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    found[name] = media
    return f"{_WORD}{name};"


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _PLACE.fullmatch(value) is not None


def with_media(turns: Iterable[Message], found: Found) -> tuple[Message, ...]:
    """The turns, taken apart where a word stands: text, image, text, ..."""
    if not found:
        return tuple(turns)
    return tuple(_apart(turn, found) for turn in turns)


def _apart(turn: Message, found: Found) -> Message:
    pieces = _PLACE.split(cast(str, turn.content))
    if len(pieces) == 1:
        return turn
    # A word stands at every odd place.
    parts: list[Part] = [
        found[piece] if at % 2 else piece for at, piece in enumerate(pieces) if piece
    ]
    return replace(turn, content=tuple(parts))


def with_turns(
    messages: Sequence[Message], spec: Spec, asked: Sequence[Mapping[str, JSON]]
) -> tuple[Message, ...]:
    """The messages of a call, each history in front of the turn that goes on with it.

    Args:
        messages: The system turn; for each demo one of the user's and what answers it,
            and the user's.
        spec: The contract.
        asked: The values of each demo in order, and last the call's own.
    """
    made: list[Message] = []
    cases = iter(asked)
    none: Mapping[str, JSON] = {}
    for message in messages:
        # Each case has one turn of the user's.
        values = next(cases) if message.role == "user" else none
        for field in spec.media:
            held = values.get(field.name)
            if field.turns and is_list(held):
                made += [Message(turn.role, turn.content) for turn in History(held)]
        made.append(message)
    return tuple(made)

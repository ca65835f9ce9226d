"""A conversation so far: turns that a model is shown as turns, before what it is asked.

A turn stands in a message of its own, so that nothing in it can pass for another one;
and it is the user's or the assistant's, so that no conversation instructs the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeAlias, cast, get_args, overload

from pydantic_core import CoreSchema, core_schema

from ..errors import CallError
from ..ground.frozen import unchanging
from ..ground.hints import Advised
from ..ground.options import checked
from ..ground.shapes import is_mapping, is_sequence
from ..ground.strictjson import is_text
from ..ground.words import brief
from .fields import HISTORY

Speaker = Literal["user", "assistant"]
_SPEAKERS: Final = get_args(Speaker)
_HINT: Final = 'Write weft.History([{"role": "user", "content": "..."}, ...])'


@unchanging
@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said.

    Args:
        role: "user" or "assistant".
        content: The text.
    """

    role: Speaker
    content: str


Given: TypeAlias = "Turn | Mapping[str, str] | tuple[str, str]"
"""How a turn is written: itself, its role and content by name, or the two in order."""


class History(Advised):
    """The turns of a conversation so far, oldest first; immutable.

    A field of this type is shown as turns before the user's own, and holds text alone.
    What its turns say is data of the call, in its key and in demos.

    Args:
        turns: `Turn`s, mappings of "role" and "content", or pairs.

    Raises:
        CallError: Something is no turn of the user's or the assistant's.
        ConfigError: An option is unknown.

    >>> said = History([("user", "Is the shop open?"), ("assistant", "Until six.")])
    >>> said
    History(2 turns, the last: assistant 'Until six.')
    >>> said.asked("And on Sunday?").turns[-1].role
    'user'
    """

    _advised_as = "history"
    __slots__ = ("turns",)
    turns: tuple[Turn, ...]

    @checked
    def __init__(self, turns: Iterable[Given] = ()) -> None:
        object.__setattr__(self, "turns", tuple(map(_turn, turns)))

    def asked(self, content: str) -> History:
        """The same with one more turn of the user's."""
        return History((*self.turns, ("user", content)))

    def answered(self, content: str) -> History:
        """The same with one more turn of the assistant's."""
        return History((*self.turns, ("assistant", content)))

    def as_data(self) -> list[dict[str, str]]:
        """The turns as plain JSON data."""
        return [{"role": t.role, "content": t.content} for t in self.turns]

    __plain__ = as_data

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __len__(self) -> int:
        return len(self.turns)

    @overload
    def __getitem__(self, at: int) -> Turn: ...

    @overload
    def __getitem__(self, at: slice) -> History: ...

    def __getitem__(self, at: int | slice) -> Turn | History:
        """One turn; of a slice, as of `history[-6:]`, the conversation that it is."""
        found = self.turns[at]
        return found if isinstance(found, Turn) else History(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self.turns == other.turns

    def __hash__(self) -> int:
        return hash(self.turns)

    def __repr__(self) -> str:
        if not self.turns:
            return "History(no turns)"
        last = self.turns[-1]
        count = f"{len(self.turns)} turn{'s' * (len(self.turns) > 1)}"
        return (
            f"History({count}, the last: {last.role} {brief(repr(last.content), 60)})"
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"History never changes; {name!r} is fixed")

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return History, (self.as_data(),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(
            _read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _as_data, return_schema=core_schema.any_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        del core, handler
        return {"format": HISTORY, "type": "array"}


def conversation_rows(
    conversation: Iterable[Given],
    *,
    asked: str = "question",
    answered: str = "answer",
    history: str = "history",
) -> list[dict[str, Any]]:
    """One row for each turn of the assistant's: what was said before, and what it said.

    Turns of one side that follow one another are one turn. What the user says last, and
    nobody answers, is no row.

    Args:
        conversation: The turns, oldest first.
        asked: The input that holds what the user said.
        answered: The label that holds what the assistant answered.
        history: The input that holds all that was said before.

    Raises:
        CallError: Something is no turn.

    >>> talk = [
    ...     ("user", "Hi"),
    ...     ("assistant", "Hello!"),
    ...     ("user", "Open today?"),
    ...     ("assistant", "Until six."),
    ... ]
    >>> [(row["question"], len(row["history"])) for row in conversation_rows(talk)]
    [('Hi', 0), ('Open today?', 2)]
    """
    rows: list[dict[str, Any]] = []
    turns: list[Turn] = []
    for turn in map(_turn, conversation):
        same = bool(turns) and turns[-1].role == turn.role
        said = [turns.pop().content] if same else []
        turns.append(Turn(turn.role, "\n\n".join([*said, turn.content])))
    for at, turn in enumerate(turns):
        if turn.role == "assistant" and at and turns[at - 1].role == "user":
            before = History(turns[: at - 1])
            rows.append(
                {history: before, asked: turns[at - 1].content, answered: turn.content}
            )
    return rows


def _turn(given: object) -> Turn:
    """A turn, checked.

    Raises:
        CallError: It is none.
    """
    role: Any
    content: Any
    if isinstance(given, Turn):
        role, content = given.role, given.content
    elif is_mapping(given) and {*given} == {"role", "content"}:
        role, content = given["role"], given["content"]
    elif is_sequence(given) and len(given) == 2:
        role, content = given
    else:
        raise CallError(f"{brief(repr(given))} is no turn of a history", hint=_HINT)
    if role not in _SPEAKERS:
        raise CallError(
            f"{brief(repr(role))} says nothing in a history",
            hint="The roles are user and assistant; what a system turn would say goes "
            "into the instruction",
        )
    if not isinstance(content, str) or not is_text(content):
        raise CallError(
            f"the content of the {role}'s turn is no text that can be sent, but of "
            f"type {type(content).__name__}",
            hint="Give text: of an answer one field, such as result.answer; an image "
            "goes into a field of its own",
        )
    return Turn(role, content)


def _as_data(value: History) -> list[dict[str, str]]:
    return value.as_data()


def _read(given: object) -> History:
    if isinstance(given, History):
        return given
    if not is_sequence(given):
        raise ValueError(f"{brief(repr(given))} is no history. {_HINT}")
    try:
        return History(cast("Sequence[Given]", given))
    except CallError as error:
        raise ValueError(str(error)) from None


def text_of_turns(data: object) -> str:
    """The turns in plain data as text, for what compares texts and looks for marks."""
    if not is_sequence(data):
        return data if isinstance(data, str) else json.dumps(data)
    return "\n".join(f"{turn.role}:\n{turn.content}" for turn in _read(data))

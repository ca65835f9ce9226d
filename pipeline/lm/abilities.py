"""What an endpoint can do for one model: known, or not known, and never assumed.

Each ability is True, False, or None where nobody knows yet. Knowledge comes, the
nearest first, from what the user says (`LM(abilities={...})`), from what the endpoint
said of itself or did in answer to the user's own calls, and from its kind. Nothing here
makes a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import (
    Any,
    Final,
    Protocol,
    cast,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from ..errors import ConfigError, did_you_mean
from .lm import LanguageModel


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an endpoint can do for one model; None where it is not known.

    Args:
        schema: It enforces a JSON schema in `response_format`.
        grammar: It enforces a grammar in llama.cpp's notation.
        stop: It ends a reply at a stop sequence.
        logprobs: It gives log-probabilities.
        max_completion_tokens: It wants that name in place of `max_tokens`.
        system_role: It takes a system turn.
        tools: It takes tool definitions.
        reasoning: It shows what was thought in a field of its own.
        thinks: The model thinks in the text of its reply (`<think>`).
        seed: It takes a seed.
        stream_options: It takes `stream_options`.
        context: Tokens of prompt and reply together.
        output: The most tokens of a reply.
        without: Sampling options that it refuses for this model.
        slots: How many calls it answers at once.
        base: The model was never taught turns: it continues text.
        follows: The model follows a form of reply that is only described to it.
        form: The form that `weft probe` found best, or empty.
    """

    schema: bool | None = None
    grammar: bool | None = None
    stop: bool | None = None
    logprobs: bool | None = None
    max_completion_tokens: bool | None = None
    system_role: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    thinks: bool | None = None
    seed: bool | None = None
    stream_options: bool | None = None
    context: int | None = None
    output: int | None = None
    without: tuple[str, ...] = ()
    slots: int | None = None
    base: bool | None = None
    follows: bool | None = None
    form: str = ""

    def over(self, other: Abilities) -> Abilities:
        """What is known here; where it is not, what is known there.

        >>> Abilities(seed=False).over(Abilities(seed=True, context=4096)).context
        4096
        """
        # Asked at every call: `replace` and `fields` would take four times as long.
        pairs = zip(_values(self), _values(other), strict=True)
        made = [there if here in (None, "", ()) else here for here, there in pairs]
        refused = dict.fromkeys((*self.without, *other.without))
        made[_WITHOUT] = (*refused,)
        return Abilities(*made)


@lru_cache(maxsize=256)
def merged(said: Abilities, learnt: Abilities, kind: Abilities) -> Abilities:
    """What is known from all three, the nearest first; asked before every call."""
    return said.over(learnt).over(kind)


def _kind_of(said: Any) -> Any:
    """The type of an ability's values, where it is known."""
    if said is str or get_origin(said) is tuple:
        return get_origin(said) or str
    return said.__args__[0]


_NAMES: Final = tuple(field.name for field in fields(Abilities))
_WITHOUT: Final = _NAMES.index("without")
_values: Final = attrgetter(*_NAMES)
KINDS_OF_VALUES: Final[Mapping[str, type]] = {
    name: _kind_of(kind) for name, kind in get_type_hints(Abilities).items()
}
"""The type of each ability's value where it is known."""


def checked_abilities(given: Mapping[str, Any]) -> Abilities:
    """Abilities as a user says them.

    Raises:
        ConfigError: There is no such ability, or its value is of another type.

    >>> checked_abilities({"schema": False, "context": 4096}).context
    4096
    """
    for name, value in given.items():
        if name not in KINDS_OF_VALUES:
            raise ConfigError(
                f"there is no ability {name!r}",
                hint=did_you_mean(name, KINDS_OF_VALUES),
            )
        kind = KINDS_OF_VALUES[name]
        if value is not None and type(value) is not kind:
            raise ConfigError(
                f"the ability {name}={value!r} is no {kind.__name__}",
                hint=f"Write abilities={{{name!r}: {kind()!r}}}, or leave it out",
            )
    return Abilities(**given)


@runtime_checkable
class KnownModel(LanguageModel, Protocol):
    """A model whose endpoint's abilities are known, as far as anybody knows them.

    The fakes and the stand-in are none: they answer in the form that they are asked.
    """

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do now, as far as it is known."""
        ...


_kinds: dict[type, bool] = {}  # whether a class of models is known: asked every call


def abilities_of(lm: LanguageModel) -> Abilities | None:
    """What is known of a model's endpoint; None where it has no abilities to know."""
    kind = type(lm)
    if kind not in _kinds:
        _kinds[kind] = isinstance(lm, KnownModel)
    return cast(KnownModel, lm).abilities if _kinds[kind] else None

"""What a bare call of a model sends, `lm("text")`: no signature, nothing is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from ..errors import CallError, ConfigError
from ..ground import strictjson
from ..ground.options import check_options
from ..ground.shapes import is_mapping, is_sequence
from ..lm.abilities import abilities_of
from ..lm.lm import FORM, SAMPLING, LanguageModel, Sampling, checked_sampling
from ..lm.request import Message, Request, Role

_ROLES: Final = get_args(Role)


def request_of(
    lm: LanguageModel, prompt: object, sample: int, options: Mapping[str, Any]
) -> Request:
    """What is asked.

    Raises:
        CallError: The prompt is no text and no turns.
        ConfigError: An option is unknown, or has a value that cannot be sent.
    """
    check_options(options, SAMPLING, "a call of a model")
    if type(cast(object, sample)) is not int or sample < 0:
        raise ConfigError(f"sample={sample!r} is no sample", hint="Give 0, 1, 2, ...")
    given = checked_sampling(cast(Sampling, options), {})
    drawn = {name: given[name] for name in options}
    able = abilities_of(lm)
    return Request(
        lm.model,
        _messages(prompt),
        {**lm.sampling, **drawn},
        endpoint=lm.endpoint,
        sample=sample,
        continues=able is not None and able.base is True and isinstance(prompt, str),
    )


def _messages(prompt: object) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (_message({"role": "user", "content": prompt}),)
    if not is_sequence(prompt) or not prompt:
        what = "no turn" if is_sequence(prompt) else f"of type {type(prompt).__name__}"
        raise CallError(
            f"a model is asked a text or turns, and this is {what}", hint=FORM
        )
    return tuple(map(_message, prompt))


def _message(turn: object) -> Message:
    """A turn, checked."""
    held = turn.as_dict() if isinstance(turn, Message) else turn
    if not is_mapping(held) or {*held} != {"role", "content"}:
        raise CallError(
            f"{turn!r:.200} is no turn: a turn has a role and a content", hint=FORM
        )
    role, content = held["role"], held["content"]
    if role not in _ROLES:
        raise CallError(
            f"{role!r:.200} is no role", hint=f"The roles are {', '.join(_ROLES)}"
        )
    if not isinstance(content, str) or not strictjson.is_text(content):
        raise CallError(
            f"the content of the {role}'s turn is no text that can be sent",
            hint="Give a text without lone surrogates; media go through a @weft.step",
        )
    return Message(role, content)

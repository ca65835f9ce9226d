"""Soft words in a call: where they stand, and that no value can forge one.

A word is a text to whatever carries it and a vector to the model that has it. So a
value in which somebody wrote one gets a blank behind `<|`, as a heading in a value gets
a fence of its own. Control tokens in a text that a model goes on with are kept from
being read as such in the same way; in turns the wire does it (`lm/wire/control.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..ground.lazy import deferred
from ..lm.abilities import abilities_of
from ..lm.lm import LanguageModel
from ..lm.message import JSON
from ..lm.soft.known import has_words
from ..lm.soft.words import Soft, fenced
from ..parameters import Demo, Parameters
from .prompt import Rendered

if TYPE_CHECKING:
    from ..lm.wire import control
else:  # what few models have
    control = deferred("weft.pipeline.lm", "wire.control")


def without_words(inputs: Mapping[str, JSON]) -> dict[str, JSON]:
    """Inputs in which no soft word is left.

    >>> without_words({"text": "<|triage:0|> is mine"})
    {'text': '<| triage:0|> is mine'}
    """
    return {name: fenced(value) for name, value in inputs.items()}


def demos_fenced(
    parameters: Parameters, plain_of: Callable[[Any], Any] = fenced
) -> Parameters:
    """Parameters in whose demos no soft word is left, or what else is kept out."""
    plain = tuple(
        Demo(held, demo.source, demo.by)
        if (held := plain_of(dict(demo.values))) != demo.values
        else demo
        for demo in parameters.demos
    )
    return parameters if plain == parameters.demos else replace(parameters, demos=plain)


def values_as_text(
    inputs: Mapping[str, JSON],
    parameters: Parameters,
    lm: LanguageModel | None,
    continues: bool,
) -> tuple[Mapping[str, JSON], Parameters]:
    """Inputs and demos that a model reads as text, whoever wrote them.

    No soft word is left where the model or the call has any. Of a call that is one text
    no control token either: what its instruction and its template hold is somebody's
    own, and may well be meant, so that values are told apart here alone.
    """
    # What a model has is looked up only where a text could forge it.
    forged = bool(parameters.demos) or any(map(_may_hold, inputs.values()))
    if parameters.soft is not None or (forged and has_words(lm)):
        inputs, parameters = without_words(inputs), demos_fenced(parameters)
    if continues and _control_of(lm):
        plain_of = partial(as_text, lm=lm)
        return plain_of(dict(inputs)), demos_fenced(parameters, plain_of)
    return inputs, parameters


def _may_hold(value: JSON) -> bool:
    return not isinstance(value, str) or "<|" in value


def as_text(value: Any, lm: LanguageModel | None) -> Any:
    """A value, in whose texts no control token of a model is left."""
    known = _control_of(lm)
    return control.values_without_control(value, known) if known else value


def _control_of(lm: LanguageModel | None) -> tuple[str, ...]:
    able = None if lm is None else abilities_of(lm)
    return () if able is None else able.control


def with_words(rendered: Rendered, soft: Soft, *, in_process: bool) -> Rendered:
    """A call with soft words where their place is.

    Args:
        rendered: The call without them.
        soft: The words.
        in_process: Whether the model is in this process, which puts words of the
            place `front` before everything, and a `deep` prefix before the layers.

    Raises:
        ConfigError: They cannot stand there in such a call.

    >>> soft = Soft("a", "before", bytes(8), 2, 1, "sha256:" + "0" * 64)
    >>> from weft import Message
    >>> call = Rendered((Message("system", "Be brief."), Message("user", "Hi")))
    >>> with_words(call, soft, in_process=False).messages[0].text
    'Be brief.<|a:0|><|a:1|>'
    """
    turns = [*rendered.messages]
    if in_process and soft.place in ("front", "deep"):
        return rendered
    if soft.place in ("front", "deep") and not (
        rendered.continues and soft.place == "front"
    ):
        what = "a prefix of every layer" if soft.place == "deep" else "before all turns"
        raise ConfigError(
            f"the soft words {soft.name!r} are {what}, and a server of chats has no "
            "place for them",
            hint='Ask weft.LM("torch/...") in this process, or train words of the '
            'place "after" or "before"; weft.load(..., soft=False) has none',
        )
    at = 0 if soft.place in ("front", "before") else len(turns) - 1
    text = turns[at].content
    if not isinstance(text, str):
        raise ConfigError(
            f"the soft words {soft.name!r} stand in texts, and this call has parts",
            hint="Ask models of images and sound without soft words",
        )
    turns[at] = replace(turns[at], content=_placed(text, soft, rendered))
    return rendered._replace(messages=tuple(turns))


def _placed(text: str, soft: Soft, rendered: Rendered) -> str:
    """A turn with the words in it."""
    if not rendered.continues:
        return f"{text}{soft.text}"
    if soft.place == "front":
        return f"{soft.text}{text}"
    if rendered.around is not None:  # a template, which knows where its inputs are
        known = rendered.around
        at = known.task if soft.place == "before" else len(text) - known.cue
        line = "\n" if soft.place == "after" and text[:at].endswith("\n") else ""
        return f"{text[:at]}{soft.text}{line}{text[at:]}"
    if soft.place == "before":  # behind the task, which ends at a blank line
        head, line, rest = text.partition("\n\n")
        return f"{head}{soft.text}{line}{rest}"
    # What the model goes on with stays last: the words come before its line.
    head, line, last = text.rpartition("\n")
    return f"{head}{line}{soft.text}{line}{last}"

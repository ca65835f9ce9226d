"""The prompt before the call: what would be sent, about how long, about what price."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..adapters.settling import settled
from ..errors import ConfigError
from ..lm.lm import LanguageModel
from ..lm.prices import price_of
from ..lm.request import JSON, Message, Request, Usage
from .rendering import rendered_for, request_for
from .runtime import current

if TYPE_CHECKING:
    from ..graph.module import Module

_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, repr=False)
class Prompt:
    """A prompt that was not sent.

    Args:
        messages: The turns, oldest first.
        model: Who would be asked, or empty where no model is set.
        response_format: What the endpoint would be asked to enforce, or None.
        cost: US dollars of the input side, estimated; None where unknown.
    """

    messages: tuple[Message, ...]
    model: str = ""
    response_format: Mapping[str, JSON] | None = None
    cost: float | None = None

    @property
    def tokens(self) -> int:
        """An estimate: four characters a token, and four tokens a turn."""
        chars = sum(len(m.content) for m in self.messages)
        return -(-chars // _CHARS_PER_TOKEN) + 4 * len(self.messages)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        turns = [f"--- {m.role} ---\n{m.content}" for m in self.messages]
        price = "price unknown" if self.cost is None else f"about ${self.cost:.6f}"
        foot = f"({self.model or 'no model set'}: about {self.tokens} tokens, {price})"
        return "\n\n".join([*turns, foot])


def prompt_of(request: Request) -> Prompt:
    """The prompt of a request, with its estimated input price."""
    bare = Prompt(request.messages, request.model, request.response_format)
    cost = price_of(request.model, Usage(bare.tokens, 0), endpoint=request.endpoint)
    return Prompt(request.messages, request.model, request.response_format, cost)


def prompt_for(module: Module[..., Any], bound: Mapping[str, Any]) -> Prompt:
    """The prompt of a module's call with checked inputs; nothing is sent.

    Without a model there is no price.
    """
    return prompt_with(module, module.spec.dump_inputs(bound))


def prompt_with(module: Module[..., Any], inputs: Mapping[str, Any]) -> Prompt:
    """As `prompt_for`, with inputs as plain JSON data, which is not checked."""
    runtime, parameters = current(), module.parameters
    lm: LanguageModel | None = None
    with contextlib.suppress(ConfigError):
        lm = runtime.model_for(module.name, module.lm)
    own = parameters.adapter
    form = (
        settled(runtime.form_asked(own), None)
        if lm is None
        else runtime.form_for(own, lm, module.spec)
    )
    rendered = rendered_for(form, module.asked, parameters, inputs, lm)
    if lm is None:
        return Prompt(rendered.messages)
    return prompt_of(request_for(lm, parameters, rendered, runtime.sample))

"""What a call sends: a module's call in a settled form, as a request to its model.

The same before a run, for people: what is known stands, the rest is named.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from ..adapters import Form, adapter_of
from ..adapters.prompt import Prompt, Rendered
from ..adapters.settling import settled
from ..errors import ConfigError
from ..graph.binding import INPUT, Binding, Const, Take, resolve, show, takes_of
from ..graph.graph import CALLS
from ..graph.module import Module
from ..graph.program import Parts, Program
from ..lm.lm import LanguageModel
from ..lm.prices import price_of
from ..lm.request import JSON, Request, Usage
from ..parameters import Parameters
from ..signature.signature import Signature
from ..signature.spec import Spec
from .settings import Settings, current

_MOST_STOPS: Final = 4  # as many as every endpoint takes


def request_for(
    lm: LanguageModel, parameters: Parameters, rendered: Rendered, settings: Settings
) -> Request:
    """The request that a model is sent: module sampling wins over the model's.

    One of several tries is drawn at temperature 1, with its sample as the seed.
    """
    sample = settings.sample
    drawn = {"temperature": 1.0, "seed": sample} if settings.tried else {}
    sampling: dict[str, Any] = {**lm.sampling, **drawn, **parameters.sampling}
    if rendered.stop:
        given = sampling.get("stop") or ()
        own = (given,) if isinstance(given, str) else tuple(cast("list[str]", given))
        sampling["stop"] = list(dict.fromkeys((*own, *rendered.stop)))[:_MOST_STOPS]
    if rendered.grammar:
        sampling["grammar"] = rendered.grammar
    return Request(
        lm.model,
        rendered.messages,
        sampling,
        rendered.response_format,
        lm.endpoint,
        sample,
        rendered.continues,
    )


def rendered_for(
    form: Form,
    signature: type[Signature],
    parameters: Parameters,
    inputs: Mapping[str, JSON],
    lm: LanguageModel | None,
) -> Rendered:
    """A module's call in a settled form, as a model gets it."""
    flags = form.flags or ()
    if not flags:
        return adapter_of(form).render(signature, parameters, inputs)
    return adapter_of(form).render(
        signature,
        parameters,
        inputs,
        schema_mode="schema" in flags,
        shown="shown" in flags,
        stop="stop" in flags,
        room=room_for(form, parameters, lm),
    )


def room_for(
    form: Form, parameters: Parameters, lm: LanguageModel | None
) -> int | None:
    """How many tokens a reply may take, as far as anybody knows before the call."""
    most = {**(lm.sampling if lm else {}), **parameters.sampling}.get("max_tokens")
    known = [n for n in (most, form.room) if isinstance(n, int)]
    return min(known) if known else None


def prompt_of(request: Request) -> Prompt:
    """The prompt of a request, with its estimated input price."""
    bare = Prompt(request.messages, request.model, request.response_format)
    cost = price_of(request.model, Usage(bare.tokens, 0), endpoint=request.endpoint)
    return Prompt(request.messages, request.model, request.response_format, cost)


def _prompt_with(module: Module[..., Any], inputs: Mapping[str, Any]) -> Prompt:
    """The prompt of a module for inputs as plain JSON data, which is not checked.

    Without a model there is no price.
    """
    settings, parameters = current(), module.parameters
    lm: LanguageModel | None = None
    with contextlib.suppress(ConfigError):
        lm = settings.model_for(module.name, module.lm)
    own = parameters.adapter
    form = (
        settled(settings.form_asked(own), None)
        if lm is None
        else settings.form_for(own, lm, module.spec)
    )
    rendered = rendered_for(form, module.asked, parameters, inputs, lm)
    if lm is None:
        return Prompt(rendered.messages)
    return prompt_of(request_for(lm, parameters, rendered, settings))


@dataclass(frozen=True)
class _Later:
    """A value that only a run can tell, by where it will come from."""

    words: str

    def __str__(self) -> str:
        return f"{{{self.words}}}"


def prompts_of(
    target: Program[..., Any] | Module[..., Any], given: Mapping[str, Any]
) -> dict[str, Prompt]:
    """The prompt of each call, by the path of its node; parts by theirs.

    Args:
        target: A program, or a module.
        given: Values of some of its inputs.

    Raises:
        CallError: A value is of another type.
    """
    if isinstance(target, Module):
        return dict(_prompts(target, target.name, given))
    inputs = target.inputs
    fields = inputs.inputs.items()
    some = tuple(f for name, f in fields if name in given or not f.required)
    known = Spec(inputs.name, "", some).bind(given, inputs.name)
    filled = {n: known.get(n, _Later(n)) for n, _ in fields}
    return dict(_level(target.parts, filled, ""))


def _level(
    parts: Parts, values: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Prompt]]:
    """The calls of a program whose inputs have these values, known or later."""
    for node in parts.graph.walk():
        path = prefix + node.id
        bound = {name: _value(b, values) for name, b in node.bindings.items()}
        if node.kind in CALLS:
            yield from _prompts(parts.target(node), path, bound)


def _prompts(
    target: Any, path: str, bound: Mapping[str, Any]
) -> Iterator[tuple[str, Prompt]]:
    """The calls of one node, given what its inputs will be."""
    if target.node_kind == "program":
        fields = target.inputs.inputs.items()
        filled = {n: bound[n] if n in bound else f.fallback() for n, f in fields}
        yield from _level(target.parts, filled, f"{path}/")
    elif target.node_kind == "module" and not target.has_body:
        yield path, _prompt(target, bound)
    else:
        for name, module in target.modules.items():
            yield f"{path}/{name}", _prompt(module, {})


def _value(binding: Binding, values: Mapping[str, Any]) -> Any:
    """What a binding will be: the value where it is known now, else its words."""
    if isinstance(binding, Const):
        return binding.value
    sources = {
        take.source: values.get(take.source.removeprefix(f"{INPUT}."), _Later(""))
        if take.source.startswith(f"{INPUT}.")
        else _Later("")
        for take in takes_of(binding)
    }
    if not any(isinstance(value, _Later) for value in sources.values()):
        return resolve(binding, sources)
    outer = sources.get(binding.source) if isinstance(binding, Take) else None
    if isinstance(binding, Take) and isinstance(outer, _Later) and outer.words:
        return _Later(".".join((outer.words, *binding.path)))
    return _Later(show(binding))


def _prompt(module: Module[..., Any], bound: Mapping[str, Any]) -> Prompt:
    inputs: dict[str, Any] = {}
    for name, field in module.spec.inputs.items():
        value = bound.get(name, _Later(name) if field.required else field.fallback())
        later = isinstance(value, _Later)
        inputs[name] = str(value) if later else field.dump(field.check(value))
    return _prompt_with(module, inputs)

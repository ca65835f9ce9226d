"""What a call sends: a module's call in a settled form, as a request to its model.

The same before a run, for people: what is known stands, the rest is named.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from ..adapters import Form, adapter_of
from ..adapters.base import Layout
from ..adapters.prompt import How, Prompt, Rendered
from ..adapters.settling import settled
from ..adapters.words import values_as_text, with_words
from ..errors import ConfigError
from ..graph.binding import INPUT, Binding, Const, Take, resolve, show, takes_of
from ..graph.graph import CALLS
from ..graph.module import Module
from ..graph.program import Parts, Program
from ..ground.lazy import Memo
from ..lm.lm import LanguageModel, Unchanging
from ..lm.prices import price_of
from ..lm.request import JSON, Beginning, Message, Request, Usage, apart
from ..lm.soft.known import is_in_process, require_trained
from ..parameters import Parameters
from ..signature.signature import Signature
from ..signature.spec import Spec
from .settings import Settings, current

_log: Final = logging.getLogger("weft")
_told: set[tuple[str, str, str]] = set()

_CALLING: Final = {"parallel_tool_calls": True, "tool_choice": "required"}
"""What is said of calls where there are tools; left out where it is refused."""

_MOST_STOPS: Final = 4  # as many as every endpoint takes
_MOST_HELD: Final = 256


def request_for(
    lm: LanguageModel, parameters: Parameters, rendered: Rendered, settings: Settings
) -> Request:
    """The request that a model is sent: module sampling wins over the model's.

    With `once` a model at temperature 0 is asked for its first sample, whichever is
    wanted.

    Raises:
        ConfigError: The model does not have the soft words, or the low-rank updates;
            nothing was sent.
    """
    shared, wanted = rendered.shared, rendered.response_format
    trained = parameters.soft is not None or parameters.lora is not None
    unchanging = isinstance(lm, Unchanging)  # which writes into no request, too
    if not shared or trained or not unchanging:
        made = _request(rendered.messages, lm, parameters, rendered, settings)
        return made if unchanging else apart(made)
    # None of these ever changes, and they are held; what a repair changes is told.
    own = id(lm), id(parameters), id(shared), id(wanted), rendered.grammar
    key = *own, settings.sample, settings.tried, settings.once
    found = _begun.get(key)
    if found is None:
        begun = _request(shared, lm, parameters, rendered, settings).beginning()
        found = _begun.keep(key, ((lm, parameters, shared, wanted), begun))
    return found[1].ending(rendered.messages[len(shared) :])


_begun: Final = Memo[tuple[object, ...], tuple[object, Beginning]](_MOST_HELD)


def _request(
    messages: tuple[Message, ...],
    lm: LanguageModel,
    parameters: Parameters,
    rendered: Rendered,
    settings: Settings,
) -> Request:
    require_trained(lm, parameters.soft, parameters.lora)
    sample = settings.sample
    sampling = drawn(lm.sampling, parameters.sampling, sample, tried=settings.tried)
    if rendered.stop:
        given = sampling.get("stop") or ()
        own = (given,) if isinstance(given, str) else tuple(cast("list[str]", given))
        sampling["stop"] = list(dict.fromkeys((*own, *rendered.stop)))[:_MOST_STOPS]
    if rendered.grammar:
        sampling["grammar"] = rendered.grammar
    if rendered.tools:
        sampling |= _CALLING
    if settings.once and sampling.get("temperature") == 0:
        sample = 0
    return Request(
        lm.model,
        messages,
        sampling,
        rendered.response_format,
        lm.endpoint,
        sample,
        rendered.continues,
        rendered.tools,
        soft=parameters.soft,
        lora=parameters.lora,
    )


def drawn(
    given: Mapping[str, Any],
    own: Mapping[str, Any],
    sample: int,
    *,
    tried: bool = False,
) -> dict[str, Any]:
    """The sampling options of one of several answers to the same prompt.

    Sample 0 is what a program does in service: nothing is added. Another one has its
    number for a seed, and temperature 1 where none is set; a temperature of 0 stays,
    and there all samples are equal. One of several tries is drawn whatever the model's
    temperature is.

    Args:
        given: The model's options.
        own: Those of the module, or of the call; they win.
        sample: Which answer is wanted.
        tried: Whether it is one of several tries.

    >>> drawn({}, {}, 0), drawn({"temperature": 0}, {}, 2)
    ({}, {'temperature': 0})
    >>> drawn({"temperature": 0.7}, {}, 2)
    {'temperature': 0.7, 'seed': 2}
    """
    said = {**given, **own}
    if tried:
        return {**given, "temperature": 1.0, "seed": sample, **own}
    if sample == 0 or said.get("temperature") == 0:
        return said
    return {"temperature": 1.0, **given, "seed": sample, **own}


def rendered_for(
    form: Form,
    signature: type[Signature],
    parameters: Parameters,
    inputs: Mapping[str, JSON],
    lm: LanguageModel | None,
) -> Rendered:
    """A module's call in a settled form, as a model gets it."""
    return rendered_by(layout_of(form, signature, parameters, lm), inputs, lm)


def rendered_by(
    layout: Layout, inputs: Mapping[str, JSON], lm: LanguageModel | None
) -> Rendered:
    """A call by a layout, in which no value is taken for more than a text."""
    given = layout.parameters
    inputs, parameters = values_as_text(inputs, given, lm, layout.continues)
    if parameters is not given:
        layout = layout.having(parameters)
    rendered = layout.render(inputs)
    if parameters.soft is None:
        return rendered
    return with_words(rendered, parameters.soft, in_process=is_in_process(lm))


def layout_of(
    form: Form,
    signature: type[Signature],
    parameters: Parameters,
    lm: LanguageModel | None,
) -> Layout:
    """What the calls of a module in a settled form share, worked out once.

    By the identity of what it is made of, which never changes and is held with it: to
    compare sixteen demos at every call takes longer than all else.
    """
    bounded = form.flags and (form.has("schema") or form.has("grammar"))
    room = room_for(form, parameters, lm) if bounded else None
    key = id(form), id(signature), id(parameters), room
    found = _layouts.get(key)
    if found is None:
        how = How(form.has("schema"), form.has("shown"), form.has("stop"), room)
        made = Layout(adapter_of(form), signature, parameters, how)
        found = _layouts.keep(key, ((form, signature, parameters), made))
    return found[1]


_layouts: Final = Memo[tuple[object, ...], tuple[object, Layout]](_MOST_HELD)


def room_for(
    form: Form, parameters: Parameters, lm: LanguageModel | None
) -> int | None:
    """How many tokens a reply may take, as far as anybody knows before the call."""
    most = {**(lm.sampling if lm else {}), **parameters.sampling}.get("max_tokens")
    if not isinstance(most, int):
        return form.room
    return most if form.room is None else min(most, form.room)


def prompt_of(request: Request) -> Prompt:
    """The prompt of a request, with its estimated input price."""
    bare = Prompt(request.messages, request.model, tools=request.tools)
    cost = None
    if not bare.uncounted:
        usage = Usage(bare.tokens, 0)
        cost = price_of(request.model, usage, endpoint=request.endpoint)
    known = request.messages, request.model, apart(request).response_format
    return Prompt(*known, cost, request.tools)


@dataclass(frozen=True)
class _Later:
    """A value that only a run can tell, by where it will come from."""

    words: str

    def __str__(self) -> str:
        return f"{{{self.words}}}"


def prompts_of(
    target: Program[..., Any] | Module[..., Any], inputs: Mapping[str, Any]
) -> dict[str, Prompt]:
    """The prompt of each call, by the path of its node; parts by theirs.

    Args:
        target: A program, or a module.
        inputs: Values of some of its inputs.

    Raises:
        CallError: A value is of another type.
    """
    if isinstance(target, Module):
        return dict(_prompts(target, target.name, inputs))
    spec = target.inputs
    fields = spec.inputs.items()
    some = tuple(f for name, f in fields if name in inputs or not f.required)
    known = Spec(spec.name, "", some).bind(inputs, spec.name)
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
    """The prompt of a module; without a model there is no price."""
    inputs: dict[str, Any] = {}
    for name, field in module.spec.inputs.items():
        value = bound.get(name, _Later(name) if field.required else field.fallback())
        later = isinstance(value, _Later)
        inputs[name] = str(value) if later else field.shown(field.check(value))
    settings, parameters = current(), module.parameters
    if settings.embedder is not None and parameters.nearest and parameters.demos:
        raise ConfigError(
            f"which demos {module.name!r} shows is the embedder's choice, and a prompt "
            "that is looked at asks nobody",
            hint="Run it, and read weft.info(result).calls[-1].messages",
        )
    asked = settings.form_asked(parameters.adapter)
    try:
        lm = settings.model_of(module.name, module)
    except ConfigError:
        form = settled(asked, None)
        return Prompt(
            rendered_for(form, module.told, parameters, inputs, None).messages
        )
    form = settings.form_for(parameters.adapter, lm, module.spec)
    rendered = rendered_for(form, module.told, parameters, inputs, lm)
    return prompt_of(request_for(lm, parameters, rendered, settings))


def tell_other_model(path: str, wanted: str, model: str) -> None:
    """Warn, once for each pair, of a model other than the one compiled for.

    Instructions and demonstrations that help one model may harm another.
    """
    if wanted == model or (path, wanted, model) in _told:
        return
    _told.add((path, wanted, model))
    _log.warning(
        "%s was compiled for %s and runs with %s: measure it, or compile again",
        path,
        wanted,
        model,
    )


def tell_other_nearness(
    path: str, module: Module[..., Any], settings: Settings
) -> None:
    """Warn, once for each pair, of demos chosen by another embedder than in a compile.

    Other demos are shown than those that it was measured with.
    """
    wanted, now = module.compiled_near, settings.nearness
    if not module.parameters.nearest or wanted in (None, now):
        return
    if (path, str(wanted), now) not in _told:
        _told.add((path, str(wanted), now))
        _log.warning(
            "%s was compiled with demos chosen by %s, and here it is %s: measure it, "
            "or set weft.use(embedder=...) as it was",
            path,
            wanted or "trigrams",
            now or "trigrams",
        )

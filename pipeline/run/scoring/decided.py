"""A module's one output decided by how probable each of its choices is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...adapters import Form, adapter_of
from ...adapters.settling import settled
from ...errors import SchemaRefused
from ...events import FieldDelta
from ...graph.module import Module
from ...ground import strictjson
from ...lm.context import media_of
from ...lm.lm import LanguageModel
from ...lm.modality import refuse_media
from ...lm.request import JSON
from ...lm.scoring.likelihoods import Likelihoods
from ...signature.signature import make_value
from ...trace import attach
from ..context import Context, Recorded
from ..prompt import rendered_for, request_for, tell_other_model
from .choices import candidates_for, choices_in
from .scored import scored


class Decision(NamedTuple):
    """What was decided.

    Args:
        value: What a call of the module gives.
        found: How probable each choice is.
        prompt: A digest of all that the prompt is made of beside the inputs.
    """

    value: Any
    found: Likelihoods
    prompt: str


Choose = Callable[[Likelihoods, str], str]
"""Takes likelihoods and the digest of the prompt; gives the answer that is taken."""


async def decided(
    module: Module[..., Any],
    bound: Mapping[str, Any],
    context: Context,
    path: str,
    *,
    choose: Choose,
    by: str,
    shown: int,
) -> Decision:
    """Decide a module's output, as a node of the run.

    Args:
        module: What is asked; it has one output with few values.
        bound: Its checked inputs.
        context: Its `order` is the node's place in the run.
        path: The node's path.
        choose: Says which answer is taken.
        by: The way; "auto" takes the best that is open.
        shown: How many of the likeliest tokens are shown at each place.

    Raises:
        ConfigError: The endpoint gives no log-probabilities.
        ModelError: A call failed.
    """
    choices = choices_in(module, "a decision")
    inputs = module.spec.dump_inputs(bound)
    lm = context.settings.model_of(path, module)
    if module.compiled_for is not None:
        tell_other_model(path, module.compiled_for, lm.model)
    [field] = module.spec.outputs.values()
    with Recorded(context, path, "module", inputs) as entry:
        given = module.spec.show_inputs(bound, inputs)
        forms = context.settings.forms
        own = context.settings.form_asked(module.parameters.adapter)
        spec = module.spec
        form = settled(own, lm, spec) if forms is None else forms.of(own, lm, spec)
        while True:
            entry.asked.form = str(form)
            adapter = adapter_of(form)
            rendered = rendered_for(form, module.told, module.parameters, given, lm)
            request = request_for(lm, module.parameters, rendered, context.settings)
            if rendered.media:
                refuse_media(media_of(request), lm, path)
            candidates = candidates_for(choices, field, adapter, rendered)
            try:
                found = await scored(
                    request,
                    candidates,
                    lm,
                    context,
                    entry.asked,
                    by=by,
                    shown=shown,
                    who=path,
                )
                break
            except SchemaRefused as error:
                following = (
                    None
                    if forms is None
                    else forms.refused(own, lm, spec, form, error.message)
                )
                if following is None or following == form:
                    raise
                entry.asked.failed, form = None, following
        prompt = _prompt_of(module, lm, form)
        answer = choose(found, prompt)
        entry.outputs = {field.name: choices[answer]}
        if context.settings.sink is not None:
            context.settings.sink(FieldDelta(path, field.name, answer, context.order))
    value = field.load(choices[answer])
    if module.single is not None:
        return Decision(value, found, prompt)
    made = make_value(module.asked, {**bound, field.name: value})
    attach(made, entry.run)
    return Decision(made, found, prompt)


def _prompt_of(module: Module[..., Any], lm: LanguageModel, form: Form) -> str:
    """A digest of what a prior of the module's answers hangs on."""
    own = module.parameters
    told: dict[str, JSON] = {
        "model": lm.model,
        "form": str(form),
        "signature": module.spec.hash,
        "instruction": own.instruction,
        "descriptions": dict(own.descriptions),
        "demos": [demo.id for demo in own.demos],
        "nearest": own.nearest,
    }
    text = strictjson.canonical(told)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

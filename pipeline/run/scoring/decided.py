"""A module's outputs decided by how probable each of their choices is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ...adapters import Form, adapter_of
from ...adapters.settling import Forms
from ...errors import SchemaRefused
from ...events import FieldDelta
from ...graph.module import Module
from ...ground import strictjson
from ...lm.context import media_of
from ...lm.lm import LanguageModel
from ...lm.modality import refuse_media
from ...lm.request import JSON
from ...lm.scoring.likelihoods import Likelihoods
from ...parameters import Parameters
from ...signature.signature import Signature, class_of, make_value, spec_of
from ...trace import attach
from ..context import Asked, Context, Recorded
from ..prompt import rendered_for, request_for, tell_other_model
from .choices import candidates_for, choices_in
from .scored import scored
from .worded import Worded, asked_for_words, of_labels, showing_words


class Decided(NamedTuple):
    """What was decided.

    Args:
        value: What a call of the module gives.
        found: How probable each choice is, by output.
    """

    value: Any
    found: Mapping[str, Likelihoods]


Choose = Callable[[str, Likelihoods, str], str]
"""Takes an output's name, its likelihoods, and the digest of the prompt; gives the
answer that is taken."""


async def decided(
    module: Module[..., Any],
    bound: Mapping[str, Any],
    context: Context,
    path: str,
    *,
    choose: Choose,
    by: str,
    shown: int,
    words: Mapping[str, Worded] | None = None,
) -> Decided:
    """Decide a module's outputs, as a node of the run.

    They are decided in their order. Each is asked for by itself, and those that were
    decided before stand among its inputs.

    Args:
        module: What is asked; its outputs have few values each.
        bound: Its checked inputs.
        context: Its `order` is the node's place in the run.
        path: The node's path.
        choose: Says which answer is taken.
        by: The way; "auto" takes the best that is open.
        shown: How many of the likeliest tokens are shown at each place.
        words: The answer words of outputs that have some, by output.

    Raises:
        ConfigError: The endpoint gives no log-probabilities.
        ModelError: A call failed.
    """
    choices = choices_in(module, "a decision")
    inputs = module.spec.dump_inputs(bound)
    lm = context.settings.model_of(path, module)
    if module.compiled_for is not None:
        tell_other_model(path, module.compiled_for, lm.model)
    found: dict[str, Likelihoods] = {}
    taken: dict[str, JSON] = {}
    values: dict[str, Any] = {}
    with Recorded(context, path, "module", inputs) as entry:
        given = module.spec.show_inputs(bound, inputs)
        for field in module.spec.outputs.values():
            told = asked_alone(module.told, field.name)
            own, known = choices[field.name], module.parameters
            answers, said = own, (words or {}).get(field.name)
            if said is not None:
                told = asked_for_words(told, field.name, said.words)
                known = showing_words(known, field.name, said.words, own)
                answers = {word: word for some in said.words.values() for word in some}
            asked = _Asked(
                *(module, told, known, {**given, **taken}),
                *(lm, context, entry.asked, path),
            )
            made_of, form = await asked.scores(answers, by, shown)
            if said is not None:
                made_of = of_labels(made_of, said.words, said.pool)
            found[field.name] = made_of
            prompt = _prompt_of(module, told, lm, form)
            answer = choose(field.name, found[field.name], prompt)
            taken[field.name] = own[answer]
            values[field.name] = field.load(own[answer])
            if context.settings.sink is not None:
                delta = FieldDelta(path, field.name, answer, context.order)
                context.settings.sink(delta)
        entry.outputs = taken
    if module.single is not None:
        return Decided(values[module.single], found)
    made = make_value(module.asked, {**bound, **values})
    attach(made, entry.run)
    return Decided(made, found)


def asked_alone(told: type[Signature], output: str) -> type[Signature]:
    """A signature that asks for one output; those before it stand among the inputs."""
    spec = spec_of(told)
    outputs = [*spec.outputs]
    if len(outputs) == 1:
        return told
    before = outputs[: outputs.index(output)]
    known = [replace(spec.outputs[n], role="input") for n in before]
    fields = (*spec.inputs.values(), *known, spec.outputs[output])
    return class_of(replace(spec, fields=fields), told)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A module with inputs, and the place where it is asked."""

    module: Module[..., Any]
    told: type[Signature]
    parameters: Parameters
    inputs: Mapping[str, JSON]
    lm: LanguageModel
    context: Context
    asked: Asked
    path: str

    async def scores(
        self, choices: Mapping[str, JSON], by: str, shown: int
    ) -> tuple[Likelihoods, Form]:
        """How probable each choice is, and the form that was asked in."""
        settings, spec = self.context.settings, spec_of(self.told)
        own = settings.form_asked(self.module.parameters.adapter)
        forms = settings.forms or Forms()
        form = forms.of(own, self.lm, spec)
        while True:
            try:
                return await self._in_form(form, choices, by, shown), form
            except SchemaRefused as error:
                following = forms.refused(own, self.lm, spec, form, error.message)
                if following is None or following == form:
                    raise
                self.asked.failed, form = None, following

    async def _in_form(
        self, form: Form, choices: Mapping[str, JSON], by: str, shown: int
    ) -> Likelihoods:
        self.asked.form = str(form)
        lm = self.lm
        told = self.told, self.parameters, self.inputs
        rendered = rendered_for(form, *told, lm)
        settings = self.context.settings
        request = request_for(lm, self.parameters, rendered, settings)
        if rendered.media:
            refuse_media(media_of(request), lm, self.path)
        [field] = spec_of(self.told).outputs.values()
        candidates = candidates_for(choices, field, adapter_of(form), rendered)
        place = lm, self.context, self.asked
        how: dict[str, Any] = {"by": by, "shown": shown, "who": self.path}
        return await scored(request, candidates, *place, **how)


def _prompt_of(
    module: Module[..., Any], told: type[Signature], lm: LanguageModel, form: Form
) -> str:
    """A digest of what a prior of the module's answers hangs on."""
    own = module.parameters
    held: dict[str, JSON] = {
        "model": lm.model,
        "form": str(form),
        "signature": spec_of(told).hash,
        "instruction": own.instruction,
        "descriptions": dict(own.descriptions),
        "demos": [demo.id for demo in own.demos],
        "nearest": own.nearest,
    }
    text = strictjson.canonical(held)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

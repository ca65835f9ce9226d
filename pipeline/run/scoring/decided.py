"""A module's one output decided by how probable each of its choices is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from ...signature.signature import make_value
from ...trace import attach
from ..context import Asked, Context, Recorded
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
        asked = _Asked(module, given, lm, context, entry.asked, path)
        found, form = await asked.scores(choices, by, shown)
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A module with inputs, and the place where it is asked."""

    module: Module[..., Any]
    inputs: Mapping[str, JSON]
    lm: LanguageModel
    context: Context
    asked: Asked
    path: str

    async def scores(
        self, choices: Mapping[str, JSON], by: str, shown: int
    ) -> tuple[Likelihoods, Form]:
        """How probable each choice is, and the form that was asked in."""
        settings, spec = self.context.settings, self.module.spec
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
        module, lm = self.module, self.lm
        told = module.told, module.parameters, self.inputs
        rendered = rendered_for(form, *told, lm)
        settings = self.context.settings
        request = request_for(lm, module.parameters, rendered, settings)
        if rendered.media:
            refuse_media(media_of(request), lm, self.path)
        [field] = module.spec.outputs.values()
        candidates = candidates_for(choices, field, adapter_of(form), rendered)
        place = lm, self.context, self.asked
        how: dict[str, Any] = {"by": by, "shown": shown, "who": self.path}
        return await scored(request, candidates, *place, **how)


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
        **({"soft": own.soft.identity()} if own.soft else {}),
    }
    text = strictjson.canonical(told)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

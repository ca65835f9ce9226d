"""A module's outputs decided by how probable each of their choices is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ...adapters import Form, adapter_of, form_of
from ...adapters.settling import Forms
from ...errors import ConfigError, ContentFiltered, NotFoundError, SchemaRefused
from ...events import FieldDelta
from ...graph.module import Module
from ...ground import strictjson
from ...lm.context import media_of
from ...lm.lm import LanguageModel
from ...lm.modality import refuse_media
from ...lm.request import JSON
from ...lm.scoring.asking import facts_of
from ...lm.scoring.likelihoods import Likelihoods
from ...parameters import Parameters
from ...signature.signature import Signature, class_of, make_value, spec_of
from ...trace import attach
from ..context import Asked, Context, Recorded
from ..prompt import (
    rendered_for,
    request_for,
    tell_other_model,
    tell_other_nearness,
)
from .choices import candidates_for, choices_in
from .nearest import nearest_shown
from .questions import answered, in_order, question_request, questions_for, wire_to
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


_LED: Final = " led"
"""Forced replies of chats were once led by nothing: a prior of them is another."""

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

    An endpoint made for decisions is asked for all of them at once. Else they are
    decided in their order: each is asked for by itself, and those that were decided
    before stand among its inputs.

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
        ContentFiltered: The model declined to decide an output.
        ModelError: A call failed.
    """
    choices = choices_in(module, "a decision")
    inputs = module.spec.dump_inputs(bound)
    lm = context.settings.model_of(path, module)
    if module.compiled_for is not None:
        tell_other_model(path, module.compiled_for, lm.model)
        tell_other_nearness(path, module, context.settings)
    with Recorded(context, path, "module", inputs) as entry:
        given = module.spec.show_inputs(bound, inputs)
        here = lm, context, entry.asked, path
        place = _Place(module, choices, given, *here, choose, words or {})
        declined = await place.at_once(by)
        if declined is None:
            await place.one_by_one(by, shown)
        entry.outputs = place.taken
        if declined:
            raise ContentFiltered(
                f"{path!r}: the model declined to decide {', '.join(declined)}",
                hint="Ask otherwise, or answer by weft.Fallback",
                model=lm.model,
            )
    if module.single is not None:
        return Decided(place.values[module.single], place.found)
    made = make_value(module.asked, {**bound, **place.values})
    attach(made, entry.run)
    return Decided(made, place.found)


@lru_cache(maxsize=256)
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


@dataclass(slots=True)
class _Place:
    """A module with inputs, the place where it is asked, and what was decided there."""

    module: Module[..., Any]
    choices: Mapping[str, Mapping[str, JSON]]
    inputs: Mapping[str, JSON]
    lm: LanguageModel
    context: Context
    asked: Asked
    path: str
    choose: Choose
    words: Mapping[str, Worded]
    found: dict[str, Likelihoods] = field(default_factory=dict[str, Likelihoods])
    taken: dict[str, JSON] = field(default_factory=dict[str, JSON])
    values: dict[str, Any] = field(default_factory=dict[str, Any])

    async def at_once(self, by: str) -> list[str] | None:
        """Ask an endpoint made for decisions, where that is the way.

        Returns:
            The outputs that the model declined to decide; None for another way.

        Raises:
            ConfigError: It is asked for by name, and cannot be asked this.
        """
        wire = wire_to(by, self.lm)
        if wire is None:
            return None
        choices = self.choices
        questions = questions_for(self.module, wire, choices, self.inputs)
        media = any(one.media for one in self.module.spec.inputs.values())
        unfit = "it is asked in text, and an input is none" * media or questions.unfit
        own = self.context.settings.form_asked(self.module.parameters.adapter)
        if self.words or form_of(own).template:
            unfit = "answer words and templates are for models that reply"
        if unfit and by == "auto":
            return None
        if unfit:
            raise ConfigError(
                f"{self.path!r} cannot be decided at /{wire}: {unfit}",
                hint='Leave by= out, or score replies: by="top"',
            )
        settings = self.context.settings
        sample = 0 if settings.once else settings.sample
        told = self.module, self.lm, questions, self.inputs
        request = question_request(*told, sample)
        place = self.lm, self.context, self.asked
        try:
            found = await answered(request, *place, self.path)
        except NotFoundError:
            if by != "auto" or wire_to(by, self.lm) is not None:
                raise
            self.asked.failed = None
            return None  # there is no such path, which is known from now on
        prompt = _prompt_of(self.module, self.module.told, self.lm, f"{wire}/1")
        for name, one in found.items():
            if one is not None:
                self._take(name, in_order(one, choices[name]), prompt)
        self.asked.facts.update({"scored_by": wire})
        return [name for name, one in found.items() if one is None]

    async def one_by_one(self, by: str, shown: int) -> None:
        """Score the replies that each output's choices would be."""
        scored, taken = dict[str, JSON](), dict[str, JSON]()
        for name, own in self.choices.items():
            told, known = asked_alone(self.module.told, name), self.module.parameters
            answers, said = own, self.words.get(name)
            if said is not None:
                told = asked_for_words(told, name, said.words)
                known = showing_words(known, name, said.words, own)
                answers = {word: word for some in said.words.values() for word in some}
            asked = _Asked(
                *(self.module, told, known, {**self.inputs, **self.taken}),
                *(self.lm, self.context, self.asked, self.path),
            )
            found, how = await asked.scores(answers, by, shown)
            if said is not None:
                found = of_labels(found, said.words, said.pool)
            if len(self.choices) > 1:  # each by itself: its facts would be the next's
                scored[name] = {n: self.asked.facts.pop(n) for n in facts_of(found)}
                self.asked.facts["scored"] = scored
            prompt = _prompt_of(self.module, told, self.lm, how)
            answer = self._take(name, found, prompt)
            if said is not None:
                taken[name] = [*said.words[answer]]
                self.asked.facts["words"] = taken

    def _take(self, output: str, found: Likelihoods, prompt: str) -> str:
        """Choose, and note what was chosen."""
        answer = self.choose(output, found, prompt)
        value = self.choices[output][answer]
        self.found[output], self.taken[output] = found, value
        self.values[output] = self.module.spec.outputs[output].load(value)
        sink = self.context.settings.sink
        if sink is not None:
            sink(FieldDelta(self.path, output, answer, self.context.order))
        return answer


@dataclass(frozen=True, slots=True)
class _Asked:
    """One output of a module with inputs, and the place where it is asked."""

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
    ) -> tuple[Likelihoods, str]:
        """How probable each choice is, and what of the asking that hangs on."""
        settings, spec = self.context.settings, spec_of(self.told)
        own = settings.form_asked(self.module.parameters.adapter)
        forms = settings.forms or Forms()
        form = forms.of(own, self.lm, spec)
        while True:
            try:
                return await self._in_form(form, choices, by, shown)
            except SchemaRefused as error:
                following = forms.refused(own, self.lm, spec, form, error.message)
                if following is None or following == form:
                    raise
                self.asked.failed, form = None, following

    async def _in_form(
        self, form: Form, choices: Mapping[str, JSON], by: str, shown: int
    ) -> tuple[Likelihoods, str]:
        self.asked.form = str(form)
        lm = self.lm
        parameters = await nearest_shown(
            spec_of(self.told), self.parameters, self.inputs, self.context, self.asked
        )
        rendered = rendered_for(form, self.told, parameters, self.inputs, lm)
        settings = self.context.settings
        request = request_for(lm, self.parameters, rendered, settings)
        if rendered.media:
            refuse_media(media_of(request), lm, self.path)
        [field] = spec_of(self.told).outputs.values()
        candidates = candidates_for(choices, field, adapter_of(form), rendered)
        place = lm, self.context, self.asked
        how: dict[str, Any] = {"by": by, "shown": shown, "who": self.path}
        found = await scored(request, candidates, *place, **how)
        led = found.path == "forced" and not request.continues
        return found, f"{form}{_LED * led}"


def _prompt_of(
    module: Module[..., Any], told: type[Signature], lm: LanguageModel, form: str
) -> str:
    """A digest of what a prior of the module's answers hangs on."""
    own = module.parameters
    held: dict[str, JSON] = {
        "model": lm.model,
        "form": form,
        "signature": spec_of(told).hash,
        "instruction": own.instruction,
        "descriptions": dict(own.descriptions),
        "demos": [demo.id for demo in own.demos],
        "nearest": own.nearest,
        **({"soft": own.soft.identity()} if own.soft else {}),
        **({"lora": own.lora.identity()} if own.lora else {}),
    }
    if own.context or own.glossary or own.illustrations:
        shown: list[JSON] = [demo.id for demo in own.illustrations]
        held["below"] = [dict(own.context), dict(own.glossary), shown]
    text = strictjson.canonical(held)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

"""One question to a model: render, call, parse, and at most a few repairs.

A `ChainOfThought` asks for a `reasoning` before the answer. A model whose endpoint
shows what it thought has given its reasoning already, and often leaves the field out,
or empty: then the thought is the field's value. What is asked stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..adapters import Form, form_of, parse_either
from ..adapters.settling import Forms, may_probe, settled
from ..adapters.words import as_text
from ..errors import (
    ConfigError,
    InvalidRequest,
    ModelError,
    ParseError,
    SchemaRefused,
    ToolsRefused,
    Truncated,
    ValidationError,
)
from ..ground.loops import needs_loop
from ..lm.context import media_of
from ..lm.form import CHOSEN
from ..lm.lm import LanguageModel
from ..lm.modality import refuse_media
from ..lm.request import JSON, Response
from ..parameters import Parameters
from ..reading.arriving import FieldReader
from ..reading.fields import Parsed
from ..reading.reasoning import (
    FILLED,
    REASONING,
    fault_of_reasoning,
    has_thought,
    read_reply,
)
from ..signature.field import FieldSpec
from ..signature.signature import Signature, class_of, spec_of
from ..signature.spec import Spec
from .bridge import in_thread
from .context import Asked, Context, timed
from .prompt import layout_of, rendered_by, request_for, room_for
from .scoring.nearest import nearest_shown
from .stream import Telling

if TYPE_CHECKING:
    from ..adapters.base import Adapter
    from ..adapters.prompt import Rendered

_READ_AT_ONCE: Final = 100_000
"""Characters of a reply that are read on the loop; that takes some milliseconds."""
_PROBE: Final = "`weft probe` finds the form that this model follows"


async def ask(
    who: str,
    signature: type[Signature],
    parameters: Parameters,
    inputs: Mapping[str, JSON],
    *,
    lm: LanguageModel,
    repairs: int,
    context: Context,
    asked: Asked,
) -> dict[str, Any]:
    """Ask a model and read its answer.

    Args:
        who: The module's path, for messages.
        signature: The contract, with every output the model is to write.
        parameters: Instruction, demos, adapter and sampling.
        inputs: Checked input values as plain JSON data.
        lm: Who answers.
        repairs: How many further calls may show the model its own reply and the error.
        context: The place in the run, with cache, ledger and retries.
        asked: Filled with the calls made.

    Returns:
        Output values by field name.

    Raises:
        ParseError: No reply could be used; the error names module, adapter and field.
        ModelError: The call itself failed.
    """
    spec, settings = spec_of(signature), context.settings
    if settings.remark:
        said = f"{parameters.instruction}\n\n{settings.remark}"
        parameters = replace(parameters, instruction=said)
    if settings.embedder is not None and parameters.nearest:
        parameters = await nearest_shown(spec, parameters, inputs, context, asked)
    forms, own = settings.forms, settings.form_asked(parameters.adapter)
    form = settled(own, lm, spec) if forms is None else forms.of(own, lm, spec)
    while True:
        question = _Question(
            *(who, signature, spec, parameters, inputs, lm, context, asked, form),
            form_of(own).name in CHOSEN,
        )
        asked.form = form.text
        if forms is not None:
            asked.repairs.extend(forms.why(own, lm, spec))
        try:
            return await question.answer(repairs)
        except (SchemaRefused, ToolsRefused) as error:
            forms = forms or Forms()
            following = forms.refused(own, lm, spec, form, error.message)
            if following is None or following == form:
                raise
            asked.failed, form = None, following


@dataclass(slots=True)
class _Question:
    """One question in one form, with all that it takes to ask and to read it.

    `chosen` says whether the form was taken by itself.
    """

    who: str
    signature: type[Signature]
    spec: Spec
    parameters: Parameters
    inputs: Mapping[str, JSON]
    lm: LanguageModel
    context: Context
    asked: Asked
    form: Form
    chosen: bool

    async def answer(self, repairs: int) -> dict[str, Any]:
        """Ask, read, and where a reply cannot be used, ask again for what it lacks."""
        lm = self.lm
        layout = layout_of(self.form, self.signature, self.parameters, lm)
        adapter, rendered = layout.adapter, rendered_by(layout, self.inputs, lm)
        if rendered.around is not None and rendered.around.told:
            raise ConfigError(
                f"{self.who!r} would write [z] before it reads what stands behind it",
                hint="Put [z] behind the inputs, ask a model that takes turns, or let "
                "weft.Classify score the choices",
            )
        wanted = self.signature
        kept: dict[str, Any] = {}
        settings, telling = self.context.settings, None
        if settings.sink is not None:
            reader = self._reader(adapter, rendered, wanted)
            telling = Telling(self.who, self.context.order, settings.sink, reader)
        for attempt in range(repairs + 1):
            request = request_for(lm, self.parameters, rendered, settings)
            media = media_of(request) if rendered.media else ()
            if media:
                refuse_media(media, lm, self.who)
            try:
                response = await timed(
                    request, lm, self.context, self.asked, telling, self.who
                )
            except InvalidRequest:
                refuse_media(media, lm, self.who)  # as it has just been learnt
                raise
            response = adapter.heard(response)
            cut = response.finish_reason == "length"
            parse = self._parse(adapter, rendered, cut=cut)
            try:
                parsed = await self._read(response, wanted, adapter, parse)
            except ParseError as error:
                once_more = attempt < repairs and (not cut or adapter.asks_rest)
                if not once_more or _ended_in_all(error, wanted):
                    raise self._ended(error, response, adapter, cut=cut) from None
                self.asked.repairs.append(error.message)
                if adapter.asks_rest:
                    kept |= self._standing(error, response, wanted, adapter, parse)
                    wanted = _only(self.signature, kept)
                    if telling is not None:
                        telling.keep(kept, self._reader(adapter, rendered, wanted))
                rendered = self._repaired(adapter, rendered, response, error, wanted)
                continue
            self.asked.repairs.extend(parsed.repairs)
            outputs = self.spec.outputs
            whole = {**kept, **parsed.values}
            if telling is not None:
                texts = {n: v for n, v in whole.items() if outputs[n].annotation is str}
                telling.settle(texts)
            if kept:
                return {name: whole[name] for name in outputs}
            if REASONING in outputs and FILLED not in parsed.repairs:
                # What was thought apart led to the answer; this may not have.
                new = self._reader(adapter, rendered, wanted)
                fault = fault_of_reasoning(self.spec, parsed.values, new, response.text)
                if fault:
                    self.asked.facts["reasoning"] = fault
            return parsed.values
        raise AssertionError("the last attempt returns or raises")

    def _parse(
        self, adapter: Adapter, rendered: Rendered, *, cut: bool
    ) -> Callable[..., Parsed]:
        """What reads a text by a contract; if nobody chose the form, in either one."""
        fence, echoed = rendered.fence, rendered.echoed
        if not self.chosen:
            return partial(adapter.parse, fence=fence, echoed=echoed, cut=cut)
        either = partial(parse_either, self.form, turns=rendered.messages)
        return partial(either, fence=fence, echoed=echoed, cut=cut)

    def _reader(
        self, adapter: Adapter, rendered: Rendered, wanted: type[Signature]
    ) -> Callable[[], FieldReader]:
        """What makes a reader of replies; of all fields, since all may come again."""
        spec = spec_of(wanted) if adapter.continues else self.spec
        return partial(adapter.reader, spec, rendered.fence, rendered.echoed)

    async def _read(
        self,
        response: Response,
        wanted: type[Signature],
        adapter: Adapter,
        parse: Callable[..., Parsed],
    ) -> Parsed:
        """The values in a reply; a long one is read in a thread, beside the others."""
        again = wanted is not self.signature and not adapter.continues
        read = self._rest if again else read_reply
        if len(response.text) <= _READ_AT_ONCE:
            return read(response, wanted, parse)
        await needs_loop
        return await in_thread(read, response, wanted, parse)

    def _rest(
        self,
        response: Response,
        signature: type[Signature],
        parse: Callable[[str, type[Signature]], Parsed],
    ) -> Parsed:
        """The values that are wanted; of a reply that says all again, these alone.

        What stands already is no part of another field's text.
        """
        rest = spec_of(signature).outputs
        try:
            found = parse(response.text, self.signature).values
        except ParseError as error:
            found = {} if error.cut else error.partial
        if found.keys() > rest.keys():
            values = {name: found[name] for name in rest}
            return Parsed(values, ("of a reply that says all again, the rest",))
        return read_reply(response, signature, parse)

    def _ended(
        self, error: ParseError, response: Response, adapter: Adapter, *, cut: bool
    ) -> ModelError:
        """Why there is no answer, for who reads it."""
        if cut and (error.cut or not adapter.asks_rest):
            return truncated(self.who, response, self.lm.model)
        made = only_thought(error, response)
        chosen = self.chosen and may_probe(self.lm)
        if made is error and chosen and not isinstance(error, ValidationError):
            made.hint = ". ".join(filter(None, (made.hint, _PROBE)))
        return made.located(self.who, adapter.name)

    def _standing(
        self,
        error: ParseError,
        response: Response,
        wanted: type[Signature],
        adapter: Adapter,
        parse: Callable[..., Parsed],
    ) -> dict[str, Any]:
        """What of an unusable reply stands: whole fields, and a text that was cut.

        A cut text counts only where something else was to follow it: what was said of a
        reasoning before the limit is a reasoning, and the last field of all is not.
        """
        kept = dict(error.partial)
        spec = spec_of(wanted)
        field = spec.outputs.get(error.field) if error.cut else None
        *before, _ = spec.outputs
        if field is not None and field.annotation is str and field.name in before:
            alone = class_of(replace(spec, fields=_inputs_and(spec, [field])), wanted)
            with suppress(ParseError):
                text = parse(adapter.closed(response.text), alone, cut=False)
                kept[field.name] = text.values[field.name]
                self.asked.repairs.append(f"{field.name!r} was cut at the token limit")
        return kept

    def _repaired(
        self,
        adapter: Adapter,
        rendered: Rendered,
        response: Response,
        error: ParseError,
        wanted: type[Signature],
    ) -> Rendered:
        """The next request: the reply, why it is none, and what is asked for now."""
        spec, rest = spec_of(wanted), wanted is not self.signature
        again = adapter.again(error, spec, rendered.fence, rest=rest)
        said = response.text
        if adapter.continues:  # one text, in which a reply stands as a value does
            said, again = as_text(said, self.lm), as_text(again, self.lm)
        turns = adapter.repaired(rendered.messages, said, again, spec, rendered.fence)
        enforced, grammar = rendered.response_format, rendered.grammar
        if rest and (grammar or enforced is not None):
            room = room_for(self.form, self.parameters, self.lm)
            # What is left may be simple enough for a grammar, as the whole was not.
            grammar = adapter.grammar(spec, rendered.fence, room)
            enforced = None if grammar else adapter.response_format(spec, room)
        return rendered._replace(
            messages=turns, response_format=enforced, grammar=grammar
        )


def _ended_in_all(error: ParseError, wanted: type[Signature]) -> bool:
    """Whether the limit cut the one text that is wanted, as it would again."""
    outputs = spec_of(wanted).outputs
    begun = error.cut and bool(error.wanted) and [*outputs] == [error.field]
    return begun and outputs[error.field].annotation is str


def _inputs_and(spec: Spec, outputs: Iterable[FieldSpec]) -> tuple[FieldSpec, ...]:
    return *spec.inputs.values(), *outputs


def _only(signature: type[Signature], kept: Mapping[str, Any]) -> type[Signature]:
    """The contract of what is still missing; the whole one where nothing is kept."""
    spec = spec_of(signature)
    rest = tuple(f for name, f in spec.outputs.items() if name not in kept)
    if not kept or not rest:
        return signature
    return class_of(replace(spec, fields=_inputs_and(spec, rest)), signature)


def truncated(who: str, response: Response, model: str) -> Truncated:
    """The error of a reply that stopped at the token limit."""
    if response.text.strip() or not has_thought(response):
        return Truncated(
            f"{who}: the reply stopped at the token limit",
            hint="Raise max_tokens, or ask for less",
            model=model,
        )
    return Truncated(
        f"{who}: the reply stopped at the token limit before the answer began",
        hint="All of max_tokens went into reasoning: raise max_tokens, or lower "
        "reasoning_effort",
        model=model,
    )


def only_thought(error: ParseError, response: Response) -> ParseError:
    """The error of a reply that cannot be used; it says so where there was no answer.

    For who reads the error. A model that is to mend its reply is told as ever.
    """
    if response.text.strip() or not has_thought(response):
        return error
    return type(error)(
        "only reasoning came, and no answer",
        text=error.text,
        field=error.field,
        wanted=error.wanted,
        module=error.module,
        adapter=error.adapter,
        hint="Lower reasoning_effort, or ask with another adapter=",
    )

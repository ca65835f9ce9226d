"""One question to a model: render, call, parse, and at most a few repairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..adapters import Form, adapter_of, form_of
from ..adapters.settling import AUTO, Forms, may_probe, settled
from ..calls.call import call
from ..errors import ModelError, ParseError, SchemaRefused, ValidationError
from ..lm.lm import LanguageModel
from ..lm.request import JSON, Request, Response
from ..parameters import Parameters
from ..reading.arriving import FieldReader
from ..reading.fields import Parsed
from ..signature.field import FieldSpec
from ..signature.signature import Signature, class_of, spec_of
from ..signature.spec import Spec
from ..trace import Call
from .context import Asked, Context
from .prompt import rendered_for, request_for, room_for
from .settings import Settings
from .telling import Telling
from .thought import only_thought, read_reply, truncated
from .watch import said

if TYPE_CHECKING:
    from ..adapters.base import Adapter
    from ..adapters.prompt import Rendered


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
    forms, own = settings.forms, settings.form_asked(parameters.adapter)
    form = settled(own, lm, spec) if forms is None else forms.of(own, lm, spec)
    while True:
        question = _Question(
            who, signature, parameters, inputs, lm, context, asked, form
        )
        asked.form = str(form)
        if forms is not None:
            asked.repairs.extend(forms.why(own, lm, spec))
        try:
            return await question.answer(repairs)
        except SchemaRefused as error:
            forms = forms or Forms()
            following = forms.refused(own, lm, spec, form, error.message)
            if following is None or following == form:
                raise
            asked.failed, form = None, following


@dataclass(slots=True)
class _Question:
    """One question in one form, with all that it takes to ask and to read it."""

    who: str
    signature: type[Signature]
    parameters: Parameters
    inputs: Mapping[str, JSON]
    lm: LanguageModel
    context: Context
    asked: Asked
    form: Form

    async def answer(self, repairs: int) -> dict[str, Any]:
        """Ask, read, and where a reply cannot be used, ask again for what it lacks."""
        adapter, lm = adapter_of(self.form), self.lm
        rendered = rendered_for(
            self.form, self.signature, self.parameters, self.inputs, lm
        )
        wanted, kept = self.signature, dict[str, Any]()
        telling = self._telling(adapter, rendered)
        for attempt in range(repairs + 1):
            request = self._request(rendered)
            response = await timed(request, lm, self.context, self.asked, telling)
            cut = response.finish_reason == "length"
            fence, echoed = rendered.fence, rendered.echoed
            parse = partial(adapter.parse, fence=fence, echoed=echoed, cut=cut)
            try:
                parsed = self._read(response, wanted, adapter, parse)
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
            if not kept:
                return parsed.values
            whole = {**kept, **parsed.values}
            return {name: whole[name] for name in spec_of(self.signature).outputs}
        raise AssertionError("the last attempt returns or raises")

    def _request(self, rendered: Rendered) -> Request:
        settings = self.context.settings
        made = request_for(self.lm, self.parameters, rendered, settings)
        same = settings.once and made.sampling.get("temperature") == 0
        return replace(made, sample=0) if same and made.sample else made

    def _telling(self, adapter: Adapter, rendered: Rendered) -> Telling | None:
        sink = self.context.settings.sink
        if sink is None:
            return None
        reader = self._reader(adapter, rendered, self.signature)
        return Telling(self.who, self.context.order, sink, reader)

    def _reader(
        self, adapter: Adapter, rendered: Rendered, wanted: type[Signature]
    ) -> Callable[[], FieldReader]:
        """What makes a reader of replies; of all fields, since all may come again."""
        spec = spec_of(wanted if adapter.continues else self.signature)
        return partial(adapter.reader, spec, rendered.fence, rendered.echoed)

    def _read(
        self,
        response: Response,
        wanted: type[Signature],
        adapter: Adapter,
        parse: Callable[..., Parsed],
    ) -> Parsed:
        """The values that are wanted; of a reply that says all again, these alone.

        What stands already is no part of another field's text.
        """
        if wanted is not self.signature and not adapter.continues:
            rest = spec_of(wanted).outputs
            try:
                found = parse(response.text, self.signature).values
            except ParseError as error:
                found = {} if error.cut else error.partial
            if found.keys() > rest.keys():
                values = {name: found[name] for name in rest}
                return Parsed(values, ("of a reply that says all again, the rest",))
        return read_reply(response, wanted, parse)

    def _ended(
        self, error: ParseError, response: Response, adapter: Adapter, *, cut: bool
    ) -> ModelError:
        """Why there is no answer, for who reads it."""
        if cut and (error.cut or not adapter.asks_rest):
            return truncated(self.who, response, self.lm.model)
        made = only_thought(error, response)
        own = self.context.settings.form_asked(self.parameters.adapter)
        chosen = form_of(own).name == AUTO and may_probe(self.lm)
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
        came = response.text.encode("utf-8", "replace").decode()
        turns = adapter.repaired(rendered.messages, came, again, spec, rendered.fence)
        enforced, grammar = rendered.response_format, rendered.grammar
        if rest and (grammar or enforced is not None):
            room = room_for(self.form, self.parameters, self.lm)
            # What is left may be simple enough for a grammar, as the whole was not.
            grammar = adapter.grammar(spec, rendered.fence, room)
            enforced = None if grammar else adapter.response_format(spec, room)
        return replace(
            rendered, messages=turns, response_format=enforced, grammar=grammar
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


async def timed(
    request: Request,
    lm: LanguageModel,
    context: Context,
    asked: Asked,
    telling: Telling | None,
) -> Response:
    """Make one call, and note what came of it.

    Args:
        request: What to ask.
        lm: Who answers.
        context: Cache, ledger and retries, and who follows the run.
        asked: Gets the call.
        telling: Who is told the reply while it arrives.

    Raises:
        ModelError: The call failed.
    """
    settings, started = context.settings, time.perf_counter()
    for watcher in settings.watchers:
        watcher.call_started(request)
    if telling is not None:
        telling.restart()
    try:
        response = await call(
            request,
            lm,
            cache=settings.store,
            retry=settings.retry,
            ledger=settings.ledger,
            account=settings.account,
            listener=telling,
        )
    except BaseException as error:
        asked.failed = made = _failed(request, error, started, context)
        _tell(made, settings)
        raise
    if telling is not None:
        telling.finish()
    made = Call(
        request.messages,
        response.text,
        response.model or lm.model,
        response.usage,
        response.cost,
        response.cached,
        time.perf_counter() - started,
        request.key,
        context.since(started),
        request.endpoint,
        response.finish_reason,
        response.request_id,
        response.retries,
        reasoning=response.reasoning,
        without=response.without,
        form=asked.form,
    )
    asked.calls.append(made)
    _tell(made, settings)
    return response


def _failed(
    request: Request, error: BaseException, started: float, context: Context
) -> Call:
    """A call that brought no answer, as its trace holds it."""
    return Call(
        request.messages,
        reply="",
        model=request.model,
        usage=None,
        cost=None,
        cached=False,
        seconds=time.perf_counter() - started,
        key=request.key,
        started=context.since(started),
        endpoint=request.endpoint,
        retries=error.retries if isinstance(error, ModelError) else 0,
        error=said(error),
    )


def _tell(made: Call, settings: Settings) -> None:
    for watcher in settings.watchers[::-1]:
        watcher.call_finished(made)

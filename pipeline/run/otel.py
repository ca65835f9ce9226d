"""The one place that imports OpenTelemetry: runs, nodes and model calls as spans.

A span is current while what it stands for runs. Context variables carry it into tasks
and threads, so that whatever is traced in there, by weft or by anybody, stands below.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from ..errors import ConfigError
from ..ground.lazy import deferred
from ..lm.request import Message, Request
from ..trace import Call, NodeKind, NodeRun
from . import otel_names as names
from .trace_data import json_text, plain_data
from .watch import TracedRun, type_said

if TYPE_CHECKING:
    from opentelemetry import context, trace
else:
    context = deferred("opentelemetry", "context")
    trace = deferred("opentelemetry", "trace")

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Open:
    """A span that is current: what it stands for, and the one around it."""

    key: object
    span: trace.Span
    token: contextvars.Token[context.Context]
    around: _Open | None


_open: Final = contextvars.ContextVar[_Open | None]("weft_open_span", default=None)


@final
class OpenTelemetry:
    """A hook that makes spans: `weft.configure(hooks=[weft.OpenTelemetry()])`.

    A run is the span "invoke_workflow NAME", a node one with its path as its name, a
    model call "chat MODEL". Attributes have the names of the semantic conventions for
    generative AI. The caller's current span is the parent of the run.

    Args:
        content: Whether inputs, outputs, messages, replies and the texts of errors are
            sent; else only structure, times, tokens, prices and the types of errors.
        tracer_provider: Where spans go; None is the application's own, as it is set.

    Raises:
        ConfigError: The OpenTelemetry API is not installed.
    """

    def __init__(
        self,
        *,
        content: bool = False,
        tracer_provider: trace.TracerProvider | None = None,
    ) -> None:
        self._content = content
        try:
            self._tracer = trace.get_tracer(
                names.SCOPE,
                tracer_provider=tracer_provider,
                schema_url=names.SCHEMA_URL,
            )
        except ImportError:
            raise ConfigError(
                "the OpenTelemetry API is not installed",
                hint="Write pip install 'weft[otel]'",
            ) from None

    def run_started(self, run_id: str, program: str) -> None:
        """A program, or a module called by itself, begins."""
        self._begin(run_id, *_workflow(program, {names.RUN_ID: run_id}))

    def run_finished(self, run: TracedRun) -> None:
        """It is over, well or not."""
        found = self._end(run.trace.run_id)
        if found is None:
            return
        made: Attributes = {}
        if self._content and found.is_recording():
            made[names.RUN_INPUTS] = json_text(plain_data(run.inputs))
            made[names.RUN_VALUE] = json_text(plain_data(run.value))
        self._close(found, made, run.error)

    def node_started(self, path: str, kind: NodeKind, order: tuple[int, ...]) -> None:
        """A node of a run begins."""
        made = {
            names.NODE_PATH: path,
            names.NODE_KIND: kind,
            names.NODE_ORDER: order,
        }
        if kind == "program":
            self._begin((path, order), *_workflow(path.rpartition("/")[2], made))
        else:
            self._begin((path, order), path, made)

    def node_finished(self, run: NodeRun) -> None:
        """A node is over, well or not."""
        found = self._end((run.path, run.order))
        if found is None:
            return
        made: Attributes = {}
        if run.reused:
            made[names.NODE_REUSED] = True
        if run.repairs:
            made[names.NODE_REPAIRS] = len(run.repairs)
        if self._content and found.is_recording():
            made[names.NODE_INPUTS] = json_text(plain_data(run.inputs))
            made[names.NODE_OUTPUTS] = json_text(plain_data(run.outputs))
        self._close(found, made, run.error)

    def call_started(self, request: Request) -> None:
        """A model call begins; the cache may answer it."""
        operation = names.TEXT if request.continues else names.CHAT
        made: Attributes = {
            names.OPERATION: operation,
            names.PROVIDER: names.provider_of(request.model, request.endpoint),
            names.REQUEST_MODEL: request.model,
            **names.server_of(request.endpoint),
            **_sampling(request.sampling),
        }
        if request.response_format is not None:
            made[names.OUTPUT_TYPE] = "json"
        name = f"{operation} {request.model}"
        self._begin(request.key, name, made, trace.SpanKind.CLIENT)

    def call_finished(self, call: Call) -> None:
        """A model call is over, well or not."""
        found = self._end(call.key)
        if found is None:
            return
        made: Attributes = {names.CACHED: call.cached, names.RETRIES: call.retries}
        if not call.error:
            made |= _answered(call)
        if self._content and found.is_recording():
            made[names.INPUT_MESSAGES] = json_text(_messages(call.messages))
            if not call.error:
                said = _messages([Message("assistant", call.reply)])
                said[0]["finish_reason"] = call.finish_reason
                if call.reasoning:
                    thought = {"type": "reasoning", "content": call.reasoning}
                    said[0]["parts"].insert(0, thought)
                made[names.OUTPUT_MESSAGES] = json_text(said)
        self._close(found, made, call.error)

    def _begin(
        self,
        key: object,
        name: str,
        attributes: Attributes,
        kind: trace.SpanKind | None = None,
    ) -> None:
        kind = kind or trace.SpanKind.INTERNAL
        span = self._tracer.start_span(name, kind=kind, attributes=attributes)
        token = context.attach(trace.set_span_in_context(span))
        _open.set(_Open(key, span, token, _open.get()))

    def _end(self, key: object) -> trace.Span | None:
        """No longer have a span current; None where it is not the current one.

        So it is when an abandoned coroutine is cleared away, in somebody else's task.
        """
        found = _open.get()
        if found is None or found.key != key:
            return None
        _open.set(found.around)
        context.detach(found.token)
        return found.span

    def _close(self, span: trace.Span, attributes: Attributes, error: str) -> None:
        if error:
            kind = type_said(error)
            attributes[names.ERROR_TYPE] = kind
            told = error if self._content else kind
            span.set_status(trace.Status(trace.StatusCode.ERROR, told))
        span.set_attributes(attributes)
        span.end()


def _workflow(name: str, attributes: Attributes) -> tuple[str, Attributes]:
    """The name and the attributes of a program's span."""
    own = {names.OPERATION: names.INVOKE_WORKFLOW, names.WORKFLOW: name}
    return f"{names.INVOKE_WORKFLOW} {name}", {**own, **attributes}


def _sampling(sampling: Mapping[str, Any]) -> Attributes:
    """Sampling options as attributes; what the convention does not know is left out."""
    made: Attributes = {}
    for option, value in sampling.items():
        if option == "stop":
            made[names.STOP] = [value] if isinstance(value, str) else value
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if option in names.NUMBERS and plain:
            made[names.NUMBERS[option]] = float(value)
        elif option in names.COUNTS and plain:
            made[names.COUNTS[option]] = int(value)
    return made


def _answered(call: Call) -> Attributes:
    made: Attributes = {names.RESPONSE_MODEL: call.model}
    if call.finish_reason:
        made[names.FINISH_REASONS] = [call.finish_reason]
    if call.request_id:
        made[names.RESPONSE_ID] = call.request_id
    # An answer from the cache used nothing: sums are of what was paid for.
    if call.usage is not None and not call.cached:
        made[names.INPUT_TOKENS] = call.usage.input_tokens
        made[names.OUTPUT_TOKENS] = call.usage.output_tokens
        if call.usage.cached_input_tokens:
            made[names.CACHE_READ_TOKENS] = call.usage.cached_input_tokens
        if call.usage.reasoning_tokens:
            made[names.REASONING_TOKENS] = call.usage.reasoning_tokens
    if call.cost is not None and not call.cached:
        made[names.COST] = call.cost
    return made


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Turns in the convention's form."""
    return [
        {"role": m.role, "parts": [{"type": "text", "content": m.content}]}
        for m in messages
    ]

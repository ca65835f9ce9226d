"""The one place that imports OpenTelemetry: runs, nodes and model calls as spans.

Attributes under `gen_ai` are those of the OpenTelemetry semantic conventions for
generative AI, version 1.41 (docs/gen-ai/gen-ai-spans.md and gen-ai-agent-spans.md); the
conventions moved to github.com/open-telemetry/semantic-conventions-genai afterwards,
with the same names. Their status is "development": when they change, this file does.
`error` and `server` are stable. What begins with `weft` is our own.

A span is current while what it stands for runs. Context variables carry it into tasks
and threads, so that whatever is traced in there, by weft or by anybody, stands below.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import urlsplit

from ..pipeline.errors import ConfigError
from ..pipeline.ground.lazy import deferred
from ..pipeline.ground.strictjson import spelt
from ..pipeline.lm.request import Message, Request
from ..pipeline.run.trace_data import plain_data
from ..pipeline.run.watch import TracedRun, type_said
from ..pipeline.trace import Call, NodeKind, NodeRun

if TYPE_CHECKING:
    from opentelemetry import context, trace
else:
    context = deferred("opentelemetry", "context")
    trace = deferred("opentelemetry", "trace")

Attributes = dict[str, Any]

_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
# Sampling options as attributes: floating-point numbers, and whole ones.
_NUMBERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
_COUNTS: Final = {
    "max_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
}
# What the convention calls those that it calls otherwise than litellm.
_PROVIDERS: Final = {
    "anthropic": "anthropic",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "perplexity": "perplexity",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


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
                "weft",
                tracer_provider=tracer_provider,
                schema_url=_SCHEMA_URL,
            )
        except ImportError:
            raise ConfigError(
                "the OpenTelemetry API is not installed",
                hint="Write pip install 'opentelemetry-api>=1.30'",
            ) from None

    def run_started(self, run_id: str, program: str) -> None:
        """A program, or a module called by itself, begins."""
        self._begin(run_id, *_workflow(program, {"weft.run_id": run_id}))

    def run_finished(self, run: TracedRun) -> None:
        """It is over, well or not."""
        found = self._end(run.trace.run_id)
        if found is None:
            return
        made: Attributes = {}
        if self._content and found.is_recording():
            made["weft.run.inputs"] = spelt(plain_data(run.inputs))
            made["weft.run.value"] = spelt(plain_data(run.value))
        self._close(found, made, run.error)

    def node_started(self, path: str, kind: NodeKind, order: tuple[int, ...]) -> None:
        """A node of a run begins."""
        made = {
            "weft.node.path": path,
            "weft.node.kind": kind,
            "weft.node.order": order,
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
            made["weft.node.reused"] = True
        if run.repairs:
            made["weft.node.repairs"] = len(run.repairs)
        if self._content and found.is_recording():
            made["weft.node.inputs"] = spelt(plain_data(run.inputs))
            made["weft.node.outputs"] = spelt(plain_data(run.outputs))
            if run.facts:
                made["weft.node.facts"] = spelt(plain_data(run.facts))
        self._close(found, made, run.error)

    def call_started(self, request: Request) -> None:
        """A model call begins; the cache may answer it."""
        operation = "text_completion" if request.continues else "chat"
        made: Attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": _provider_of(request.model, request.endpoint),
            "gen_ai.request.model": request.model,
            **_server_of(request.endpoint),
            **_sampling(request.sampling),
        }
        if request.response_format is not None:
            made["gen_ai.output.type"] = "json"
        name = f"{operation} {request.model}"
        self._begin(request.key, name, made, trace.SpanKind.CLIENT)

    def call_finished(self, call: Call) -> None:
        """A model call is over, well or not."""
        found = self._end(call.key)
        if found is None:
            return
        made: Attributes = {"weft.cached": call.cached, "weft.retries": call.retries}
        if not call.error:
            made |= _answered(call)
        if self._content and found.is_recording():
            made["gen_ai.input.messages"] = spelt(_messages(call.messages))
            if not call.error:
                said = _messages([Message("assistant", call.reply, call.tool_calls)])
                said[0]["finish_reason"] = call.finish_reason
                if call.reasoning:
                    thought = {"type": "reasoning", "content": call.reasoning}
                    said[0]["parts"].insert(0, thought)
                made["gen_ai.output.messages"] = spelt(said)
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
            attributes["error.type"] = kind
            told = error if self._content else kind
            span.set_status(trace.Status(trace.StatusCode.ERROR, told))
        span.set_attributes(attributes)
        span.end()


def _workflow(name: str, attributes: Attributes) -> tuple[str, Attributes]:
    """The name and the attributes of a program's span."""
    own = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": name}
    return f"invoke_workflow {name}", {**own, **attributes}


def _sampling(sampling: Mapping[str, Any]) -> Attributes:
    """Sampling options as attributes; what the convention does not know is left out."""
    made: Attributes = {}
    for option, value in sampling.items():
        if option == "stop":
            made["gen_ai.request.stop_sequences"] = (
                [value] if isinstance(value, str) else value
            )
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if option in _NUMBERS and plain:
            made[_NUMBERS[option]] = float(value)
        elif option in _COUNTS and plain:
            made[_COUNTS[option]] = int(value)
    return made


def _answered(call: Call) -> Attributes:
    made: Attributes = {"gen_ai.response.model": call.model}
    if call.finish_reason:
        made["gen_ai.response.finish_reasons"] = [call.finish_reason]
    if call.request_id:
        made["gen_ai.response.id"] = call.request_id
    # An answer from the cache used nothing: sums are of what was paid for.
    if call.usage is not None and not call.cached:
        made["gen_ai.usage.input_tokens"] = call.usage.input_tokens
        made["gen_ai.usage.output_tokens"] = call.usage.output_tokens
        if call.usage.cached_input_tokens:
            made["gen_ai.usage.cache_read.input_tokens"] = (
                call.usage.cached_input_tokens
            )
        if call.usage.reasoning_tokens:
            made["gen_ai.usage.reasoning.output_tokens"] = call.usage.reasoning_tokens
    if call.cost is not None and not call.cached:
        made["weft.cost_usd"] = call.cost
    return made


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Turns in the convention's form."""
    return [{"role": m.role, "parts": _parts(m)} for m in messages]


def _parts(message: Message) -> list[dict[str, Any]]:
    if message.answers:
        answer = {"id": message.answers, "response": message.text}
        return [{"type": "tool_call_response", **answer}]
    parts: list[dict[str, Any]] = [{"type": "text", "content": message.text}]
    called = [
        {"type": "tool_call", "id": c.id, "name": c.name, "arguments": c.arguments}
        for c in message.tool_calls
    ]
    return [*(parts if message.text or not called else []), *called]


def _provider_of(model: str, endpoint: str) -> str:
    """The convention's name of who answers.

    It names the kind of the interface: "openai" for every server that speaks OpenAI's,
    whoever runs it; `server.address` tells them apart.

    >>> _provider_of("gpt-5-mini", "https://api.openai.com/v1")
    'openai'
    >>> _provider_of("bedrock/claude", "litellm"), _provider_of("embedded", "embedded")
    ('aws.bedrock', 'weft.embedded')
    """
    if endpoint == "litellm":
        prefix = model.partition("/")[0]
        return _PROVIDERS.get(prefix, prefix)
    if "://" in endpoint:
        prefix, slash, _ = model.partition("/")
        return _PROVIDERS.get(prefix, "openai") if slash else "openai"
    return f"weft.{endpoint.partition(':')[0]}"


def _server_of(endpoint: str) -> dict[str, str | int]:
    """Address and port of a server; nothing where the endpoint is no URL.

    >>> _server_of("https://api.openai.com/v1")
    {'server.address': 'api.openai.com', 'server.port': 443}
    >>> _server_of("embedded/2")
    {}
    """
    parts = urlsplit(endpoint)
    if not parts.hostname:
        return {}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname, "server.port": port}

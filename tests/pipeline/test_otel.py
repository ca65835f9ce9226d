"""Runs as OpenTelemetry spans: their names, their parents, and what they hold."""

from __future__ import annotations

import asyncio
import contextvars
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv import schemas
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes, server_attributes

import weft
from tests.server import Reply, Server
from tests.timing import PATIENCE

CANARY = "canary-of-the-prompt"
ROOT = Path(__file__).resolve().parents[2]
reply = weft.Predict("question -> answer", name="reply")


def echo(request: weft.Request) -> str:
    """A model that gives back what it is told."""
    said = request.messages[-1].content.split("\n", 1)[1]
    return f"[[ answer ]]\n{said}\n[[ /end ]]"


class Watched:
    """An application with its own tracer, whose spans are kept."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracer = self.provider.get_tracer("application")

    @property
    def spans(self) -> list[ReadableSpan]:
        """Every span that has ended, in the order of their starts, outer ones first."""
        spans = self._kept.get_finished_spans()
        return sorted(spans, key=lambda s: (s.start_time or 0, -(s.end_time or 0)))

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span

    def parent(self, span: ReadableSpan) -> ReadableSpan | None:
        if span.parent is None:
            return None
        by_id = {s.get_span_context().span_id: s for s in self.spans}
        return by_id[span.parent.span_id]

    def lineage(self, span: ReadableSpan) -> list[str]:
        """The names from the root down to a span."""
        above = self.parent(span)
        return [*(self.lineage(above) if above else []), span.name]


def held(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.fixture
def app() -> Iterator[Watched]:
    watched = Watched()
    hook = weft.OpenTelemetry(tracer_provider=watched.provider)
    with weft.use(lm=weft.FunctionLM(echo), cache=None, hooks=[hook]):
        yield watched
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_run_its_nodes_and_its_calls_are_spans(app: Watched) -> None:
    """The caller's own span is the parent of the run; all are of one trace."""

    @weft.step
    def shout(text: str) -> str:
        return text.upper()

    @weft.program
    def inner(question: str) -> str:
        return reply(question=shout(question)).answer

    @weft.program
    def qa(question: str) -> str:
        return inner(question=question)

    with app.tracer.start_as_current_span("request"):
        run = qa.run("hi")

    above = ["request", "invoke_workflow qa", "invoke_workflow inner"]
    assert [app.lineage(span) for span in app.spans] == [
        above[:1],
        above[:2],
        above,
        [*above, "inner/shout"],
        [*above, "inner/reply"],
        [*above, "inner/reply", "chat function"],
    ]
    assert len({span.get_span_context().trace_id for span in app.spans}) == 1
    root = held(app.one("invoke_workflow qa"))
    assert root["gen_ai.operation.name"] == "invoke_workflow"
    assert root["gen_ai.workflow.name"] == "qa"
    assert root["weft.run_id"] == run.trace.run_id
    assert held(app.one("inner/shout")) == {
        "weft.node.path": "inner/shout",
        "weft.node.kind": "step",
        "weft.node.order": (0, 0),
    }


def test_a_call_has_the_conventions_names(server: Server, app: Watched) -> None:
    """What was asked, who answered and what it took, as the convention has it."""
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
    said = Reply("[[ answer ]]\nyes\n[[ /end ]]", usage=usage)
    server.script(Reply(status=503), said)
    lm = weft.LM(
        "m",
        api_base=server.url,
        temperature=0,
        max_tokens=50,
        stop="###",
        schema_mode=False,
        extra={"top_k": 3},
    )

    with weft.use(lm=lm, retry=weft.RetryPolicy(base=0.0)):
        reply(question="hi")

    span = app.one("chat m")
    assert span.kind is trace.SpanKind.CLIENT
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_k": 3.0,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ("###",),
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": port,
        "weft.cached": False,
        "weft.retries": 1,
    }
    made = held(span)
    made.pop("gen_ai.response.id", None)
    assert made == expected


def test_what_the_cache_answers_used_nothing(app: Watched, tmp_path: Path) -> None:
    """The second call says that it was cached, and adds no tokens to any sum."""
    lm = weft.FunctionLM(echo, model="openai/gpt-5-mini")
    with weft.use(lm=lm, cache=str(tmp_path / "cache")):
        reply(question="hi")
        reply(question="hi")

    first, second = (held(span) for span in app.named("chat openai/gpt-5-mini"))
    used = "gen_ai.usage.input_tokens"
    assert (first["weft.cached"], second["weft.cached"]) == (False, True)
    assert (used in first, used in second) == (True, False)
    assert "weft.cost_usd" not in second


def test_an_unknown_price_is_left_out(app: Watched) -> None:
    """No attribute says 0 for what nobody knows; a known price is there."""

    def priced(request: weft.Request) -> weft.Response:
        return weft.Response(echo(request), cost=0.25)

    for lm in (
        weft.FunctionLM(echo, model="unpriced"),
        weft.FunctionLM(priced, model="priced"),
    ):
        with weft.use(lm=lm):
            reply(question="hi")

    assert "weft.cost_usd" not in held(app.one("chat unpriced"))
    assert held(app.one("chat priced"))["weft.cost_usd"] == 0.25


def test_own_spans_stand_below_the_step_they_are_made_in(app: Watched) -> None:
    """In threads, in tasks, side by side: each span has its own item's step above."""
    together = threading.Barrier(4, timeout=PATIENCE)

    @weft.step
    def blocking(name: str) -> str:
        together.wait()
        with app.tracer.start_as_current_span("own", attributes={"name": name}):
            return name

    @weft.step
    async def waiting(name: str) -> str:
        with app.tracer.start_as_current_span("own", attributes={"name": name}):
            await asyncio.sleep(0)
            return name

    def both(name: str) -> str:
        return pair(blocking(name), waiting(name))

    @weft.program
    def qa(names: list[str]) -> list[str]:
        return weft.each(names, both)

    qa(["a", "b", "c", "d"])

    own = app.named("own")
    assert len(own) == 8
    for span in own:
        step = app.parent(span)
        assert step is not None
        item = held(step)["weft.node.order"][1]
        assert held(span)["name"] == "abcd"[item]
        assert app.lineage(span)[:2] == ["invoke_workflow qa", "each"]
    assert {span.name for span in map(app.parent, own) if span} == {
        "blocking",
        "waiting",
    }


@weft.step
def pair(first: str, second: str) -> str:
    return first + second


def test_what_an_agent_calls_stands_below_its_own_span(app: Watched) -> None:
    """A module called in a blocking step keeps the span that is current there."""

    @weft.step(uses=[reply])
    def agent(goal: str) -> str:
        with app.tracer.start_as_current_span("thinking"):
            return reply(question=goal).answer

    @weft.program
    def qa(goal: str) -> str:
        return agent(goal)

    qa("hi")

    assert app.lineage(app.one("chat function")) == [
        *("invoke_workflow qa", "agent", "thinking", "agent/reply", "chat function"),
    ]


def test_a_streamed_run_has_the_same_spans(app: Watched) -> None:
    """Streaming changes nothing about who stands below whom."""

    @weft.program
    def qa(question: str) -> str:
        return reply(question=question).answer

    with app.tracer.start_as_current_span("request"):
        events = list(qa.stream("hi"))

    assert isinstance(events[-1], weft.events.Finished)
    assert app.lineage(app.one("chat function")) == [
        *("request", "invoke_workflow qa", "reply", "chat function"),
    ]


def test_reused_nodes_are_spans_that_say_so(app: Watched) -> None:
    """A result taken from an earlier run is a span without a call below it."""

    @weft.step(uses=[reply])
    def agent(goal: str) -> str:
        return reply(question=goal).answer

    @weft.program
    def qa(goal: str) -> str:
        return agent(goal)

    first = qa.run("hi")
    qa.run("hi", reuse=first)

    again = [span for span in app.spans if held(span).get("weft.node.reused")]
    assert [app.lineage(span) for span in again] == [
        ["invoke_workflow qa", "agent"],
        ["invoke_workflow qa", "agent", "agent/reply"],
    ]
    assert len(app.named("chat function")) == 1


def test_errors_have_their_type_and_no_text(app: Watched) -> None:
    """The type stands at the call, the node and the run; the text only when asked."""

    def refuse(_: weft.Request) -> str:
        raise weft.errors.InvalidRequest(f"no {CANARY}")

    loud = weft.OpenTelemetry(content=True, tracer_provider=app.provider)
    names = ("chat function", "reply", "invoke_workflow reply")
    with weft.use(lm=weft.FunctionLM(refuse)):
        with pytest.raises(weft.errors.InvalidRequest):
            reply(question=CANARY)
        quiet = app.spans
        with weft.use(hooks=[loud]), pytest.raises(weft.errors.InvalidRequest):
            reply(question=CANARY)

    assert sorted(span.name for span in quiet) == sorted(names)
    for span in quiet:
        assert held(span)["error.type"] == "InvalidRequest"
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.status.description == "InvalidRequest"
        assert CANARY not in span.to_json()
    told = [span.status.description for span in app.spans if span not in quiet]
    assert told == [f"InvalidRequest: no {CANARY}"] * 3


async def test_a_cancelled_run_leaves_no_span_open(app: Watched) -> None:
    """Every span ends, with `cancelled`, and the caller's is current again."""
    begun = asyncio.Event()

    @weft.step
    async def slow(text: str) -> str:
        begun.set()
        await asyncio.sleep(60)
        return text

    @weft.program
    def stuck(texts: list[str]) -> list[str]:
        return weft.each(texts, slow)

    with app.tracer.start_as_current_span("request") as request:
        task = asyncio.create_task(stuck.acall(["a", "b"]))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert trace.get_current_span() is request

    ended = [span for span in app.spans if span.name != "request"]
    assert [span.name for span in ended].count("slow") == 2
    assert len(ended) == 4
    assert {held(span)["error.type"] for span in ended} == {"cancelled"}


async def test_an_abandoned_run_ends_nobody_elses_span(app: Watched) -> None:
    """A coroutine that is closed in another run's node takes nothing from there."""

    async def slow(_: weft.Request) -> str:
        await asyncio.sleep(60)
        return ""

    @weft.step
    async def closes(text: str) -> bool:
        own = trace.get_current_span()
        abandoned.close()
        return trace.get_current_span() is own and own.is_recording()

    @weft.program
    def other(text: str) -> bool:
        return closes(text)

    with weft.use(lm=weft.FunctionLM(slow)):
        abandoned = reply.acall(question="hi")
        contextvars.copy_context().run(abandoned.send, None)

    assert await other.acall("x")
    assert [span.name for span in app.spans] == ["invoke_workflow other", "closes"]


def test_content_is_sent_only_when_asked(app: Watched) -> None:
    """Nothing of a prompt, a value or a reply by default; all of it with content."""

    @weft.program
    def qa(question: str) -> str:
        return reply(question=question).answer

    qa(CANARY)
    quiet = app.spans
    loud = weft.OpenTelemetry(content=True, tracer_provider=app.provider)
    with weft.use(hooks=[loud]):
        qa(CANARY)

    assert all(CANARY not in span.to_json() for span in quiet)
    root, node, call = (span for span in app.spans if span not in quiet)
    asked = json.loads(held(call)["gen_ai.input.messages"])
    said = json.loads(held(call)["gen_ai.output.messages"])
    assert [message["role"] for message in asked] == ["system", "user"]
    text = f"[[ question ]]\n{CANARY}"
    assert asked[1]["parts"] == [{"type": "text", "content": text}]
    assert [message["role"] for message in said] == ["assistant"]
    assert said[0]["finish_reason"] == "stop"
    assert json.loads(held(node)["weft.node.inputs"]) == {"question": CANARY}
    assert json.loads(held(root)["weft.run.value"]) == CANARY


def test_a_thought_is_told_as_one(app: Watched) -> None:
    """Its tokens are always there, and its text with content, before the answer's."""
    said = weft.Response(
        "[[ answer ]]\n4\n[[ /end ]]",
        weft.Usage(3, 9, 0, 5),
        model="m",
        reasoning=CANARY,
    )
    lm = weft.FunctionLM(lambda _: said)

    with weft.use(lm=lm, cache=None):
        reply(question="2 + 2")
        [quiet] = app.named("chat function")
        with weft.use(
            hooks=[weft.OpenTelemetry(content=True, tracer_provider=app.provider)]
        ):
            reply(question="2 + 2")

    [loud] = [span for span in app.named("chat function") if span is not quiet]
    parts = json.loads(held(loud)["gen_ai.output.messages"])[0]["parts"]
    assert held(quiet)["gen_ai.usage.reasoning.output_tokens"] == 5
    assert CANARY not in quiet.to_json()
    assert parts == [
        {"type": "reasoning", "content": CANARY},
        {"type": "text", "content": said.text},
    ]


def test_a_text_that_is_continued_is_no_chat(app: Watched, server: Server) -> None:
    """The operation has a name of its own."""
    lm = weft.LM("m", api_base=server.url, base=True)

    with weft.use(cache=None):
        lm("Once upon a time")

    span = app.one("text_completion m")
    assert held(span)["gen_ai.operation.name"] == "text_completion"


def test_the_log_and_the_spans_know_each_other(app: Watched, tmp_path: Path) -> None:
    """Both at once: a run has one id in its line and in its span."""
    path = tmp_path / "traces.jsonl"
    with weft.use(trace_log=path):
        reply.batch([{"question": str(n)} for n in range(20)])

    logged = {run.trace.run_id for run in weft.read_traces(path)}
    spans = app.named("invoke_workflow reply")
    assert len(logged) == 20
    assert {held(span)["weft.run_id"] for span in spans} == logged


def test_hooks_of_both_kinds_stand_beside_one_another(app: Watched) -> None:
    """A function in the list is still told of each node."""
    seen: list[str] = []
    hook = weft.OpenTelemetry(tracer_provider=app.provider)
    with weft.use(hooks=[lambda node: seen.append(node.path), hook]):
        reply(question="hi")

    assert seen == ["reply"]
    assert len(app.named("chat function")) == 1


def test_names_are_those_of_the_convention() -> None:
    """Each name under gen_ai, error or server is one that the registry knows."""
    known = {
        value
        for module in (gen_ai_attributes, error_attributes, server_attributes)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    source = (ROOT / "weft" / "extras" / "otel.py").read_text("utf-8")
    foreign = set(re.findall(r'"((?:gen_ai|error|server)\.[a-z_.]+)"', source))

    assert len(foreign) >= 20
    assert foreign <= known
    assert f'"{schemas.Schemas.V1_41_0.value}"' in source


def test_the_names_stand_in_one_file() -> None:
    """No other file of the library spells one out."""
    folders = ("pipeline", "modules", "compilers", "weft/commands", "weft/extras")
    files = [f for folder in folders for f in (ROOT / folder).rglob("*.py")]

    spelt = [f.name for f in files if '"gen_ai.' in f.read_text("utf-8")]

    assert spelt == ["otel.py"]


def test_without_the_api_the_remedy_is_named(tmp_path: Path) -> None:
    """The hook says what to install; everything else works without it."""
    script = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "import weft\n"
        "weft.configure(lm='embedded', cache=None, trace_log='traces.jsonl')\n"
        "weft.Predict('question -> answer')(question='hi')\n"
        "try:\n"
        "    weft.OpenTelemetry()\n"
        "except weft.errors.ConfigError as error:\n"
        "    print(error)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        text=True,
    )

    assert "the OpenTelemetry API is not installed" in done.stdout
    assert "pip install 'opentelemetry-api>=1.30'" in done.stdout

"""Traces in a log: what a line holds of a run, and what it never holds."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import enum
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pydantic
import pytest

import weft
from tests.server import Reply, Server
from weft.pipeline.lm.wire.credentials import authorised
from weft.pipeline.run.context import Context
from weft.pipeline.run.settings import current
from weft.pipeline.trace import Branch

reply = weft.Predict("question -> answer", name="reply")


def echo(request: weft.Request) -> str:
    """A model that gives back what it is told."""
    said = request.messages[-1].content.split("\n", 1)[1]
    return f"[[ answer ]]\n{said}\n[[ /end ]]"


@weft.step
def shout(text: str) -> str:
    return text.upper()


@weft.program
def inner(question: str) -> str:
    return reply(question=shout(question)).answer


@weft.program
def outer(questions: list[str]) -> list[str]:
    return weft.each(questions, inner)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A trace log that is on, with a model that echoes and has a price of 0."""
    path = tmp_path / "runs" / "traces.jsonl"
    lm = weft.FunctionLM(echo)
    with weft.use(lm=lm, cache=None, trace_log=path):
        yield path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def drawn(branches: tuple[Branch, ...], depth: int = 0) -> list[str]:
    """A tree as indented lines."""
    found: list[str] = []
    for branch in branches:
        head = f"{branch.turn + ' ' if branch.turn else ''}{branch.run.path}"
        found += ["  " * depth + head, *drawn(branch.children, depth + 1)]
    return found


def test_a_run_is_one_line(log: Path) -> None:
    """The line says what ran, when, with what, and each call with all that it took."""
    before = datetime.now(UTC)

    made = inner.run("hi")

    [line] = lines(log)
    [step, module] = line["nodes"]
    [call] = module["calls"]
    assert (line["schema"], line["run"]) == ("weft.trace/1", made.trace.run_id)
    assert (line["program"], line["state"], line["error"]) == ("inner", "done", "")
    assert (line["inputs"], line["value"]) == ({"question": "hi"}, "HI")
    begun = datetime.fromisoformat(line["started"])
    assert before <= begun <= datetime.now(UTC)
    assert begun.utcoffset() == timedelta(0)
    assert (step["kind"], step["outputs"]) == ("step", {"result": "HI"})
    assert module["inputs"] == {"question": "HI"}
    assert call["messages"][-1] == ["user", "[[ question ]]\nHI"]
    assert call["reply"] == "[[ answer ]]\nHI\n[[ /end ]]"
    assert call["input_tokens"] > call["output_tokens"] > 0
    assert (call["cached"], call["retries"], call["error"]) == (False, 0, "")
    assert call["finish_reason"] == "stop"


def test_times_are_those_of_one_clock(log: Path) -> None:
    """Nodes and calls start after the run began, and end before it is over."""
    made = outer.run(["a", "b", "c"]).trace

    calls = [call for node in made.nodes for call in node.calls]
    assert len(calls) == 3
    for timed in (*made.nodes, *calls):
        assert timed.started >= 0
        assert timed.started + timed.seconds <= made.seconds
    inside = made.tree[0].children[0]
    assert inside.run.started <= inside.children[0].run.started
    assert log.exists()


def test_the_tree_holds_items_programs_and_agents(log: Path) -> None:
    """Iterations and nested programs are places in the tree, read back as well."""

    @weft.step(uses=[inner, reply])
    def agent(goal: str) -> str:
        first = reply(question=goal).answer
        return inner.batch([{"question": first}, {"question": "x"}])[0]

    @weft.program
    def many(goals: list[str]) -> str:
        results = weft.each(goals, agent)
        return weft.loop(joined(results), shout, until=loud, at_most=3)

    made = many.run(["a", "b"])

    [read] = weft.read_traces(log)
    assert drawn(read.trace.tree) == drawn(made.trace.tree)
    one = ["agent", "agent/reply", *(["agent/inner", "shout", "reply"] * 2)]
    assert [line.strip() for line in drawn(made.trace.tree)][1:9] == [
        f"item 0 {one[0]}",
        one[1],
        *["agent/inner", "agent/inner/shout", "agent/inner/reply"] * 2,
    ]
    assert [line.strip() for line in drawn(made.trace.tree)][-3:] == [
        "until 0 loud",
        "turn 0 shout",
        "until 1 loud",
    ]


@weft.step
def joined(texts: list[str]) -> str:
    return " ".join(text.lower() for text in texts)


@weft.step
def loud(text: str) -> bool:
    return text.isupper()


def test_what_is_called_inside_a_run_is_no_run(log: Path) -> None:
    """A module alone, its run, and a batch's rows are runs; nested programs are not."""
    reply(question="alone")
    reply.run(question="by run")
    inner.batch([{"question": "row 1"}, {"question": "row 2"}])
    outer(["x"])

    found = [(run.program, len(run.trace.nodes)) for run in weft.read_traces(log)]

    assert sorted(found) == [
        ("inner", 2),
        ("inner", 2),
        ("outer", 4),
        ("reply", 1),
        ("reply", 1),
    ]


def test_evaluations_and_streams_are_logged(log: Path) -> None:
    """Every way of running a program leaves its line; ids are all different."""
    rows = [{"question": "a", "answer": "A"}, {"question": "b", "answer": "B"}]
    weft.evaluate(inner, rows, metric=lambda _, found: found == found.upper())
    for _ in inner.stream("c"):
        pass
    inner("d")

    runs = list(weft.read_traces(log))

    assert sorted(run.value for run in runs) == ["A", "B", "C", "D"]
    assert len({run.trace.run_id for run in runs}) == 4


def test_a_failed_run_has_its_line(log: Path) -> None:
    """The error stands at the run, at the node and at the call that it ended."""

    def refuse(_: weft.Request) -> str:
        raise weft.errors.RateLimited("slow down")

    no_retries = weft.RetryPolicy(retries=0)
    with (
        weft.use(lm=weft.FunctionLM(refuse), retry=no_retries),
        pytest.raises(weft.errors.RateLimited),
    ):
        inner("hi")

    [run] = weft.read_traces(log)
    node = run.trace.nodes[-1]
    assert (run.state, run.error) == ("failed", "RateLimited: slow down")
    assert (node.path, node.error, node.calls) == ("reply", run.error, ())
    assert node.failed is not None
    assert node.failed.error == run.error
    assert node.failed.messages[-1].content == "[[ question ]]\nHI"
    assert (node.failed.usage, node.failed.cost) == (None, None)


def test_an_unusable_reply_is_kept_with_its_repairs(log: Path) -> None:
    """The raw replies are there, and what was wrong with each."""
    with (
        weft.use(lm=weft.ScriptedLM(["nonsense", "more nonsense"])),
        pytest.raises(weft.errors.ParseError),
    ):
        reply(question="hi")

    [run] = weft.read_traces(log)
    [node] = run.trace.nodes
    assert [call.reply for call in node.calls] == ["nonsense", "more nonsense"]
    assert len(node.repairs) == 1
    assert run.error.startswith("ParseError: reply (chat adapter): ")
    assert node.failed is None


async def test_a_cancelled_run_has_its_line(log: Path) -> None:
    """Cancelling leaves a line, with the nodes that had begun."""
    begun = asyncio.Event()

    @weft.step
    async def slow(text: str) -> str:
        begun.set()
        await asyncio.sleep(60)
        return text

    @weft.program
    def stuck(texts: list[str]) -> list[str]:
        return weft.each(texts, slow)

    task = asyncio.create_task(stuck.acall(["a", "b"]))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    [run] = weft.read_traces(log)
    assert run.state == "cancelled"
    assert [node.error for node in run.trace.nodes] == ["cancelled"] * 3


async def test_an_abandoned_run_has_its_line(log: Path) -> None:
    """A coroutine that is closed midway cannot wait; its line is written even so."""

    async def slow(_: weft.Request) -> str:
        await asyncio.sleep(60)
        return ""

    with weft.use(lm=weft.FunctionLM(slow)):
        abandoned = reply.acall(question="hi")
        contextvars.copy_context().run(abandoned.send, None)
        abandoned.close()
    await inner.acall("next")

    first, second = weft.read_traces(log)
    assert (first.state, first.error) == ("failed", "GeneratorExit")
    assert (second.state, second.program) == ("done", "inner")


def test_the_cache_retries_and_unknown_prices_are_told(
    server: Server, tmp_path: Path
) -> None:
    """Retries are counted, a cached answer says so, and no price is null, never 0."""
    server.answer = lambda _: "[[ answer ]]\nyes\n[[ /end ]]"
    server.script(Reply(status=503), Reply(status=503))
    path = tmp_path / "traces.jsonl"
    retry = weft.RetryPolicy(base=0.0)
    lm = weft.LM("nobody-knows-my-price", api_base=server.url)

    with weft.use(lm=lm, cache=str(tmp_path / "c"), retry=retry, trace_log=path):
        inner.batch([{"question": "hi"}])
        inner.batch([{"question": "hi"}])

    first, second = (line["nodes"][1]["calls"][0] for line in lines(path))
    assert (first["retries"], first["cached"]) == (2, False)
    assert (second["retries"], second["cached"]) == (0, True)
    assert (first["cost"], second["cost"]) == (None, None)
    assert first["endpoint"] == server.url
    assert [run.cost for run in weft.read_traces(path)] == [None, None]


def test_tokens_that_nobody_counted_are_null(server: Server, tmp_path: Path) -> None:
    """A server that sends no usage leaves null, and it is read back as None."""
    server.script(Reply("[[ answer ]]\nyes\n[[ /end ]]", usage={}))
    path = tmp_path / "traces.jsonl"

    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None, trace_log=path):
        reply(question="hi")

    [call] = lines(path)[0]["nodes"][0]["calls"]
    [run] = weft.read_traces(path)
    assert (call["input_tokens"], call["output_tokens"]) == (None, None)
    assert run.trace.calls[0].usage is None


class Vault:
    """An object that shows its key to whoever prints it."""

    def __repr__(self) -> str:
        return "Vault(key='sk-canary')"


@dataclasses.dataclass
class Client:
    """Data, but for a field that its own repr hides."""

    host: str
    key: str = dataclasses.field(repr=False)


def test_keys_stay_out(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key gets into a line: not the model's, not one in an object or an error."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-environment")
    path = tmp_path / "traces.jsonl"
    login = server.url.replace("http://", "http://user:sk-canary-login@")
    models = [
        weft.LM("openai/m", api_base=server.url),
        weft.LM("m", api_base=server.url, api_key="sk-canary-given"),
        weft.LM("m", api_base=login),
        weft.LM("m", api_base=server.url, headers={"X-Key": "sk-canary-header"}),
    ]

    @weft.step
    def connect(host: str) -> dict[str, Any]:
        secret = pydantic.SecretStr("sk-canary-secret")
        client = Client(host, "sk-canary")
        return {"lm": current().lm, "vault": Vault(), "client": client, "by": secret}

    @weft.step
    def use(kept: dict[str, Any]) -> str:
        return str(kept["client"].host)

    @weft.program
    def qa(host: str) -> str:
        return reply(question=use(connect(host))).answer

    for lm in models:
        sent = authorised(lm._route, lm.name, lm._api_key, lm._headers)
        key = sent.get("Authorization", "sk-canary-header")
        server.script(
            Reply("[[ answer ]]\nyes\n[[ /end ]]"),
            Reply(status=401, body=f'{{"error": "bad key {key}"}}'.encode()),
        )
        with weft.use(lm=lm, cache=None, trace_log=path):
            qa("h")
            with pytest.raises(weft.errors.AuthError):
                qa("h")

    assert len(lines(path)) == 8
    assert "canary" not in path.read_text("utf-8")
    kept = lines(path)[0]["nodes"][1]["inputs"]["kept"]
    assert kept["client"] == {"host": "h"}
    assert kept["vault"].endswith("test_traces.Vault>")


def test_content_can_be_left_out(tmp_path: Path) -> None:
    """Structure, times, tokens and types of errors remain; nobody's text does."""

    def reply_to(request: weft.Request) -> str:
        if any("FAIL" in message.content for message in request.messages):
            return "canary is no reply"
        return "[[ answer ]]\ncanary\n[[ /end ]]"

    path = tmp_path / "traces.jsonl"
    log = weft.TraceLog(path, content=False)
    with weft.use(lm=weft.FunctionLM(reply_to), cache=None, trace_log=log):
        inner("canary")
        with pytest.raises(weft.errors.ParseError):
            inner("canary fail")

    good, bad = weft.read_traces(path)
    assert "canary" not in path.read_text("utf-8").lower()
    assert (good.content, good.inputs, good.value) == (False, {}, None)
    assert (bad.state, bad.error) == ("failed", "ParseError")
    assert good.trace.usage.output_tokens > 0
    assert drawn(good.trace.tree) == ["shout", "reply"]
    assert len(bad.trace.nodes[1].repairs) == 1


class Colour(enum.Enum):
    RED = "red"


class Point(pydantic.BaseModel):
    x: float


def test_values_become_data(log: Path) -> None:
    """Models, dataclasses, enums, sets and dates are data; the rest has its type."""
    looped: list[Any] = [1]
    looped.append(looped)
    values = {
        "model": Point(x=1.5),
        "enum": Colour.RED,
        "set": {"b", "a"},
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "far": [float("inf"), float("nan")],
        "bytes": b"abc",
        "keys": {1: "one", ("a", 2): "pair"},
        "large": 2**100_000,
        "loop": looped,
        "odd": "half a pair \ud83e",
        "path": Path("a/b"),
    }

    @weft.step
    def given(n: int) -> dict[str, Any]:
        return values

    @weft.program
    def qa(n: int) -> dict[str, Any]:
        return given(n)

    qa(1)

    [run] = weft.read_traces(log)
    assert run.value == run.trace.nodes[0].outputs["result"]
    assert run.value == {
        "model": {"x": 1.5},
        "enum": "red",
        "set": ["a", "b"],
        "when": "2026-01-02 00:00:00+00:00",
        "far": ["inf", "nan"],
        "bytes": "<3 bytes>",
        "keys": {"1": "one", '["a", 2]': "pair"},
        "large": "<int of 100001 bits>",
        "loop": [1, "<list>"],
        "odd": "half a pair \ud83e",
        "path": "a/b",
    }


def test_off_means_nothing_is_done(tmp_path: Path) -> None:
    """Without a log runs have no id, and a scope can switch it off."""
    path = tmp_path / "traces.jsonl"
    with weft.use(lm=weft.FunctionLM(echo), cache=None):
        quiet = inner.run("hi")
        with weft.use(trace_log=path), weft.use(trace_log=None):
            silenced = inner.run("hi")
            assert not Context(current()).followed

    assert (quiet.trace.run_id, silenced.trace.run_id) == ("", "")
    assert path.read_text("utf-8") == ""


def test_the_variable_sets_it_from_outside(tmp_path: Path) -> None:
    """WEFT_TRACE_LOG logs a script that knows nothing of it; None still wins."""
    script = (
        "import weft\n"
        "weft.configure(lm='embedded', cache=None)\n"
        "reply = weft.Predict('question -> answer', name='reply')\n"
        "reply(question='one')\n"
        "with weft.use(trace_log=None):\n"
        "    reply(question='two')\n"
    )
    path = tmp_path / "deep" / "traces.jsonl"

    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        cwd=tmp_path,
        env={"PATH": "", "WEFT_TRACE_LOG": str(path)},
    )

    assert [run.inputs for run in weft.read_traces(path)] == [{"question": "one"}]


@pytest.mark.parametrize("value", [3, True, ["a"]])
def test_what_is_no_log_is_refused(value: Any) -> None:
    """Only a path, a TraceLog or None will do."""
    with pytest.raises(weft.errors.ConfigError, match="is no trace log"):
        weft.configure(trace_log=value)


def test_a_log_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    """A folder in its place is found out before anything runs."""
    with pytest.raises(weft.errors.ConfigError, match="cannot be written"):
        weft.configure(trace_log=tmp_path)

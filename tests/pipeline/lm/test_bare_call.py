"""A model is called like a function, and the call goes the way of all calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import lm_for
from tests.server import Reply, Server
from weft.errors import (
    BudgetExceeded,
    CallError,
    ConfigError,
    GraphError,
    RateLimited,
    StepError,
)
from weft.pipeline.lm.fakes import ReplayLM

ANY: Any = None


class Following:
    """A watcher that keeps what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def run_started(self, run_id: str, program: str) -> None:
        self.told.append(f"run {program}")

    def run_finished(self, run: weft.TracedRun) -> None:
        self.told.append(f"ran {run.program} {run.state}")

    def node_started(self, path: str, kind: str, order: tuple[int, ...]) -> None:
        self.told.append(f"node {path}")

    def node_finished(self, run: Any) -> None:
        self.told.append(f"done {run.path} {len(run.calls)}")

    def call_started(self, request: weft.Request) -> None:
        self.told.append("call")

    def call_finished(self, call: Any) -> None:
        self.told.append(f"called {call.reply}")


# What is asked, and what comes


def test_a_text_is_what_a_user_says(server: Server) -> None:
    """One turn goes out; text, usage, cost and thought come back."""
    server.script(Reply("4", reasoning="2 and 2"))
    lm = lm_for(server, temperature=0)

    with weft.use(cache=None):
        response = lm("2 + 2")

    assert server.seen[0].body["messages"] == [{"role": "user", "content": "2 + 2"}]
    assert (response.text, response.reasoning) == ("4", "2 and 2")
    assert (response.usage, response.cost) == (weft.Usage(3, 1), None)


@pytest.mark.parametrize("made", [dict, weft.Message])
def test_turns(made: Callable[..., Any]) -> None:
    """Mappings and messages are the same conversation."""
    lm = weft.ScriptedLM(["ok"])
    turns = [made(role="system", content="Be brief."), made(role="user", content="Hi")]

    with weft.use(cache=None):
        lm(turns)

    assert lm.requests[0].messages == (
        weft.Message("system", "Be brief."),
        weft.Message("user", "Hi"),
    )


async def test_awaited() -> None:
    """`acall` is the same without blocking; many run side by side."""
    lm = weft.FunctionLM(lambda request: request.messages[0].content.upper())

    with weft.use(cache=None):
        responses = await asyncio.gather(lm.acall("a"), lm.acall("b"))

    assert [response.text for response in responses] == ["A", "B"]


def test_options_of_one_call() -> None:
    """They stand over the model's own, for this call alone."""
    lm = weft.LM("embedded", temperature=0, max_tokens=50)
    seen: list[weft.Request] = []
    follow = Following()
    follow.call_started = seen.append  # type: ignore[method-assign] # keeps the request

    with weft.use(cache=None, hooks=[follow]):
        lm("Say hi.", temperature=0.7, stop="\n")
        lm("Say hi.")

    assert [dict(request.sampling) for request in seen] == [
        {"max_tokens": 50, "temperature": 0.7, "stop": "\n"},
        {"max_tokens": 50, "temperature": 0},
    ]


def test_samples() -> None:
    """Another sample is another call; without one it is the scope's."""
    lm = weft.ScriptedLM(["a", "b", "c"])

    with weft.use(cache=True):
        texts = [lm("x").text, lm("x", sample=1).text, lm("x").text]
        with weft.use(sample=2):
            texts.append(lm("x").text)

    assert texts == ["a", "b", "a", "c"]
    assert [request.sample for request in lm.requests] == [0, 1, 2]


def test_a_base_model_continues_a_text(server: Server) -> None:
    """A model that was never taught turns is given none."""
    server.script(Reply(" upon a time"))
    lm = lm_for(server, base=True)

    with weft.use(cache=None):
        response = lm("Once")

    assert server.seen[0].path == "/v1/completions"
    assert (server.seen[0].body["prompt"], response.text) == ("Once", " upon a time")


def test_every_kind_of_model(tmp_path: Path) -> None:
    """Fakes, recordings, batches and the stand-in are called alike."""

    async def submit(requests: Any) -> list[weft.Response]:
        return [weft.Response("batched") for _ in requests]

    path = tmp_path / "recorded.jsonl"
    with weft.use(cache=None):
        texts = [
            weft.ScriptedLM(["scripted"])("x").text,
            weft.FunctionLM(lambda _: "function")("x").text,
            ReplayLM(path, record=weft.ScriptedLM(["recorded"]))("x").text,
            ReplayLM(path)("x").text,
            weft.BatchLM(submit, weft.RefusingLM(), wait=0.01)("x").text,
        ]
        with pytest.raises(ConfigError, match="where none should be"):
            weft.RefusingLM()("x")

    assert texts == ["scripted", "function", "recorded", "recorded", "batched"]
    assert weft.LM("embedded")("Say hi.").text


# The way of all calls


def test_asked_once(server: Server) -> None:
    """The cache answers the second time, and says so."""
    lm = lm_for(server)

    first, second = lm("x"), lm("x")

    assert (first.cached, second.cached, server.count) == (False, True, 1)
    assert first.text == second.text


def test_tried_again(server: Server) -> None:
    """Faults that pass are tried again, as the scope's policy says."""
    server.script(Reply(status=503), Reply("ok"))
    again = weft.RetryPolicy(retries=1, base=0, cap=0)

    with weft.use(cache=None, retry=again):
        response = lm_for(server)("x")

    assert (response.text, response.retries) == ("ok", 1)


def test_within_the_budget(server: Server) -> None:
    """The ledger is asked before, and what does not fit is not sent."""
    ledger = weft.Ledger(weft.Budget(calls=1))

    with weft.use(cache=None, budget=ledger):
        lm_for(server)("x")
        with pytest.raises(BudgetExceeded):
            lm_for(server)("y")

    assert server.count == 1
    assert ledger.snapshot()["run"]["calls"] == 1


def test_typed_errors(server: Server) -> None:
    """What fails is the error that a module's call would raise."""
    server.script(Reply(status=429))
    never = weft.RetryPolicy(retries=0)

    with weft.use(cache=None, retry=never), pytest.raises(RateLimited):
        lm_for(server)("x")


# In traces


def test_a_run_of_its_own(tmp_path: Path) -> None:
    """Where somebody follows runs, the call is a run of one node."""
    follow, log = Following(), weft.TraceLog(tmp_path / "log")

    with weft.use(cache=None, hooks=[follow], trace_log=log):
        weft.ScriptedLM(["4"])("2 + 2")
    (run,) = weft.read_traces(log.path)

    assert follow.told == [
        *("run lm", "node lm", "call", "called 4", "done lm 1", "ran lm done")
    ]
    assert [call.reply for call in run.trace.calls] == ["4"]
    assert run.inputs == {"messages": [{"role": "user", "content": "2 + 2"}]}


def test_a_failed_run_of_its_own(tmp_path: Path) -> None:
    """A failed call is in the log too."""
    log = weft.TraceLog(tmp_path / "log")

    with weft.use(cache=None, trace_log=log), pytest.raises(ValueError, match="boom"):
        weft.ScriptedLM([ValueError("boom")])("2 + 2")
    (run,) = weft.read_traces(log.path)

    assert run.state == "failed"
    failed = run.trace.nodes[0].failed
    assert failed is not None
    assert failed.error == "ValueError: boom"


ANSWERS = weft.FunctionLM(
    lambda request: weft.Response(
        f"<{request.messages[-1].content}>",
        weft.Usage(10, 5, 0, 2),
        model="m",
        cost=0.25,
    ),
    model="answers",
)


@weft.step
def twice(text: str) -> str:
    """Asks a model itself, twice."""
    return ANSWERS(ANSWERS(text).text).text


@weft.step
async def beside(text: str) -> list[str]:
    """Asks a model itself, side by side."""
    made = await asyncio.gather(ANSWERS.acall(text), ANSWERS.acall(text, sample=1))
    return [response.text for response in made]


respond = weft.Predict("question -> answer", name="respond")


@weft.program
def asks(text: str) -> dict[str, Any]:
    """Two steps that ask models."""
    return {"one": twice(text), "two": beside(text)}


def test_calls_in_a_step_are_the_steps() -> None:
    """They stand on its node, and the run's tokens and dollars hold them."""
    with weft.use(cache=None):
        run = asks.run("x")

    assert run.value == {"one": "<<x>>", "two": ["<x>", "<x>"]}
    calls = {node.path: [c.reply for c in node.calls] for node in run.trace.nodes}
    assert calls == {"twice": ["<x>", "<<x>>"], "beside": ["<x>", "<x>"]}
    assert run.trace.usage == weft.Usage(40, 20, 0, 8)
    assert run.cost == 1.0


def test_calls_in_a_step_go_into_the_log(tmp_path: Path) -> None:
    """What the log holds adds up to the same."""
    log = weft.TraceLog(tmp_path / "log")

    with weft.use(cache=None, trace_log=log):
        asks("x")
    (run,) = weft.read_traces(log.path)

    assert len(run.trace.calls) == 4
    assert run.cost == 1.0


def test_a_step_that_is_called_alone() -> None:
    """Outside a run there is no node, and the call is made all the same."""
    with weft.use(cache=None):
        assert twice("x") == "<<x>>"


@weft.step
def fails(text: str) -> str:
    """Ends in the error of the model that it asks."""
    return weft.ScriptedLM([RateLimited("slow down")])(text).text


@weft.step
def recovers(text: str) -> str:
    """Does without the model that it asks."""
    try:
        return fails.function(text)
    except RateLimited:
        return "recovered"


@weft.step
def stumbles(text: str) -> str:
    """Fails for a reason of its own, after a model did."""
    recovers.function(text)
    raise KeyError(text)


@pytest.mark.parametrize(
    ("step", "error", "failed"),
    [(fails, RateLimited, True), (stumbles, StepError, False)],
)
def test_the_call_that_ended_a_step(
    step: Any, error: type[Exception], failed: bool
) -> None:
    """It is told apart from one that the step got over."""
    nodes: list[Any] = []

    @weft.program
    def one(text: str) -> str:
        return step(text)

    never = weft.RetryPolicy(retries=0)
    with weft.use(cache=None, retry=never, hooks=[nodes.append]), pytest.raises(error):
        one("x")

    assert (nodes[-1].failed is not None) == failed


def test_a_call_that_a_step_got_over() -> None:
    """The node is well, and holds no call without an answer."""

    @weft.program
    def one(text: str) -> str:
        return recovers(text)

    with weft.use(cache=None, retry=weft.RetryPolicy(retries=0)):
        run = one.run("x")

    (node,) = run.trace.nodes
    assert (run.value, node.calls, node.failed) == ("recovered", (), None)


# What is refused


def test_not_while_a_program_is_built() -> None:
    """There are no values yet; the remedy is a module or a step."""
    lm = weft.ScriptedLM(["x"])

    with pytest.raises(GraphError, match=r"cannot be asked while.*weft.Predict"):

        @weft.program
        def wrong(text: str) -> str:
            return lm(text).text

    with pytest.raises(GraphError, match=r"cannot be asked while.*@weft.step"):

        @weft.program
        def wrong_too(text: str) -> Any:
            return lm.acall(text)

    assert lm.calls == 0


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (3, "of type int"),
        (None, "of type NoneType"),
        (b"x", "of type bytes"),
        ([], "no turn"),
        (["x"], "'x' is no turn"),
        ([{"role": "user"}], "is no turn"),
        ([{"role": "user", "content": "x", "name": "y"}], "is no turn"),
        ([{"role": "tool", "content": "x"}], "'tool' is no role"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "no text that can"),
        ("\ud800", "no text that can be sent"),
        ([weft.Message("user", "\ud800")], "no text that can be sent"),
    ],
)
def test_what_is_no_prompt(prompt: Any, said: str) -> None:
    """The error says what came, and how a prompt is written; nothing is asked."""
    lm = weft.ScriptedLM(["x"])

    with pytest.raises(CallError, match=said) as caught:
        lm(prompt)

    assert caught.value.hint
    assert lm.calls == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temprature": 0}, "Did you mean 'temperature'"),
        ({"n": 3}, "no option 'n'"),
        ({"temperature": "hot"}, "is no number"),
        ({"max_tokens": 0}, "no positive whole number"),
        ({"stop": {1}}, "JSON cannot carry"),
        ({"sample": -1}, "no sample"),
        ({"sample": True}, "no sample"),
    ],
)
def test_what_is_no_option(options: dict[str, Any], said: str) -> None:
    """Options are checked as those of a model are; nothing is asked."""
    lm: Any = weft.ScriptedLM(["x"])

    with pytest.raises(ConfigError, match=said):
        lm("x", **options)

    assert lm.calls == 0


async def test_what_cannot_be_asked_is_refused_before_it_is_awaited() -> None:
    """The line with the mistake is the one that is shown."""
    with pytest.raises(CallError):
        weft.ScriptedLM(["x"]).acall(ANY)


async def test_inside_a_running_loop() -> None:
    """The plain form works in a notebook, whose loop runs already."""
    with weft.use(cache=None):
        assert weft.ScriptedLM(["4"])("2 + 2").text == "4"

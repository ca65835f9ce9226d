"""Runs that wait for a person: suspended as data, and gone on with elsewhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import weft
from tests.timing import PATIENCE
from weft.errors import ConfigError, DataError

RAN: list[str] = []
SCRIPT = [
    ("look", {"n": 1}),
    ("pay", {"n": 2}),
    ("pay", {"n": 3}),
    ("submit", {"answer": 4}),
]


@weft.tool
def look(n: int) -> int:
    """Look at a number."""
    RAN.append(f"look {n}")
    return n


def pay(n: int) -> str:
    """Pay so much."""
    RAN.append(f"pay {n}")
    return f"paid {n}"


@weft.step
def text(n: int) -> str:
    """A number as text."""
    return str(n)


def agent_of(*, approval: bool = True, name: str = "agent") -> Any:
    """An agent that looks, and pays where it may."""
    tools = [look, weft.tool(approval=approval)(pay)]
    return weft.ReAct("question -> answer: int", tools=tools, name=name)


def chosen(request: weft.Request) -> str:
    """The next step of the script, by how many the prompt shows."""
    tool, arguments = SCRIPT[request.messages[-1].content.count('"thought"')]
    said = {"thought": "So.", "tool": tool, "arguments": json.dumps(arguments)}
    return "\n".join(f"[[ {name} ]]\n{value}" for name, value in said.items())


@pytest.fixture
def lm() -> Any:
    """The model of the script; nothing is cached."""
    RAN.clear()
    model = weft.FunctionLM(chosen)
    with weft.use(lm=model, cache=None):
        yield model


def suspended(run: Callable[..., Any], **inputs: Any) -> weft.Suspended:
    """The error with which a run ends that waits."""
    with pytest.raises(weft.Suspended, match="waits for approval") as caught:
        run(**inputs)
    return caught.value


CALLED: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "called": lambda agent: agent,
    "run": lambda agent: agent.run,
    "streamed": lambda agent: lambda **given: list(agent.stream(**given)),
    "batched": lambda agent: lambda **given: agent.batch([given]),
}


@pytest.mark.parametrize("how", CALLED)
def test_a_run_goes_on_where_it_stopped(how: str, lm: weft.FunctionLM) -> None:
    """No tool runs twice, and what is sent is what an approved run sends at once."""
    error = suspended(CALLED[how](agent_of()), question="q")
    assert error.pending["tool"] == "pay"
    assert error.pending["arguments"] == {"n": 2}
    assert RAN == ["look 1"]

    again = suspended(
        lambda data: weft.resume(agent_of(), data, approved=True),
        data=json.dumps(error.data),
    )
    assert RAN == ["look 1", "pay 2"]
    run = weft.resume(agent_of(), again.data, approved=True)
    assert (run.value.answer, RAN) == (4, ["look 1", "pay 2", "pay 3"])
    sent = [request.key for request in lm.requests]

    lm.requests.clear()
    at_once = agent_of(approval=False)(question="q")
    assert [request.key for request in lm.requests] == sent
    assert at_once.trajectory == run.value.trajectory


def test_a_refusal_is_told(lm: weft.FunctionLM) -> None:
    """The model reads why not, and goes on without."""
    error = suspended(agent_of(), question="q")
    error = suspended(
        lambda data: weft.resume(agent_of(), data, approved="Too dear."),
        data=error.data,
    )
    run = weft.resume(agent_of(), error.data, approved=False)

    assert RAN == ["look 1"]
    assert [step.error for step in run.value.trajectory] == [
        "",
        "Too dear.",
        "A person refused this call.",
        "",
    ]
    assert "Too dear." in lm.requests[-1].messages[-1].content


def test_agents_of_one_program_keep_what_they_did(lm: weft.FunctionLM) -> None:
    """One that is done, and one that a tool of another calls, do nothing twice."""
    first, inner = agent_of(approval=False, name="first"), agent_of(name="inner")

    @weft.tool(uses=[inner])
    async def ask(n: int) -> int:
        """Ask the inner agent."""
        return (await inner.acall(question=str(n))).answer

    outer = weft.ReAct(
        "question -> answer: int",
        tools=[weft.Tool(ask.step, "look"), pay],
        name="outer",
    )

    @weft.program
    def both(question: str) -> int:
        done = first(question=question)
        return outer(question=text(done.answer)).answer

    error = suspended(both.run, question="q")
    before = ["look 1", "pay 2", "pay 3", "look 1"]
    assert before == RAN
    while True:
        try:
            assert weft.resume(both, error.data, approved=True).value == 4
            break
        except weft.Suspended as once_more:
            error = once_more
    assert [*before, "pay 2", "pay 3", "pay 2", "pay 3"] == RAN


def at_last(program: Any, error: weft.Suspended, most: int) -> Any:
    """What a run gives that is agreed to as often as it asks, at most so often."""
    for _ in range(most):
        try:
            return weft.resume(program, json.dumps(error.data), approved=True).value
        except weft.Suspended as once_more:
            error = once_more
    raise AssertionError(f"it asks without end: {RAN}")


SAMPLED: dict[str, Callable[[Any], Any]] = {
    "Vote": lambda agent: weft.Vote(agent, n=3, name="it"),
    "BestOfN": lambda agent: weft.BestOfN(agent, judged, n=3, name="it"),
    "a vote of votes": lambda agent: weft.Vote(weft.Vote(agent, n=1), n=3, name="it"),
}


def judged(inputs: Mapping[str, Any], made: Any) -> float:
    """A reward."""
    return float(made.answer)


@pytest.mark.parametrize("kind", SAMPLED)
def test_tries_side_by_side_wait_each_for_itself(kind: str) -> None:
    """What was agreed to runs once, also where another try waits meanwhile."""
    RAN.clear()

    def sampled(request: weft.Request) -> str:
        if '"thought"' in request.messages[-1].content:
            return step_of("submit", answer=request.sample)
        return step_of("pay", n=request.sample)

    tools = [weft.tool(approval=True)(pay)]
    agent = weft.ReAct("question -> answer: int", tools=tools, name="agent")
    program = SAMPLED[kind](agent)
    with weft.use(lm=weft.FunctionLM(sampled), cache=None):
        made = at_last(program, suspended(program.run, question="q"), 6)

    assert made.answer in range(10_000)
    assert len(RAN) == len(set(RAN)) == 3


def step_of(tool: str, **arguments: Any) -> str:
    """A step as a model writes it."""
    said = {"thought": "So.", "tool": tool, "arguments": json.dumps(arguments)}
    return "\n".join(f"[[ {name} ]]\n{value}" for name, value in said.items())


@pytest.mark.parametrize("blocking", [True, False])
def test_the_rest_of_a_turn_runs_once_where_an_agent_inside_waits(
    blocking: bool,
) -> None:
    """Calls beside it are kept, and it is found again at its own place."""
    RAN.clear()

    def inner_says(request: weft.Request) -> str:
        seen = '"thought"' in request.messages[-1].content
        return step_of("submit", answer=1) if seen else step_of("pay", n=7)

    tools = [weft.tool(approval=True)(pay)]
    inner = weft.ReAct(
        "question -> answer: int",
        tools=tools,
        name="inner",
        lm=weft.FunctionLM(inner_says),
    )

    def ask(n: int) -> int:
        return inner(question=str(n)).answer

    async def aask(n: int) -> int:
        return (await inner.acall(question=str(n))).answer

    asks: Any = weft.tool(name="ask", uses=[inner])(ask if blocking else aask)
    calls = [("look", 1), ("ask", 2), ("look", 3), ("nothing", 0)]
    turns = [
        [weft.ToolCall.of(name, n=n) for name, n in calls],
        [weft.ToolCall.of("submit", answer=2)],
    ]
    outer = weft.ReAct(
        "question -> answer: int",
        tools=[look, asks],
        calls="native",
        name="outer",
        lm=weft.ScriptedLM(turns),
    )
    with weft.use(cache=None):
        error = suspended(outer.run, question="q")
        assert sorted(RAN) == ["look 1", "look 3"]
        made = at_last(outer, error, 1)

    assert sorted(RAN) == ["look 1", "look 3", "pay 7"]
    assert [s.observation for s in made.trajectory] == ["1", "1", "3", "", ""]


def test_a_tool_under_way_elsewhere_is_waited_for() -> None:
    """An agent beside the one that waits ends its call, which is kept."""
    RAN.clear()
    begun = asyncio.Event()

    @weft.tool
    async def long(n: int) -> int:
        """Take long."""
        RAN.append(f"long {n}")
        begun.set()
        for _ in range(200):
            await asyncio.sleep(0)
        RAN.append("ended")
        return n

    async def first(request: weft.Request) -> str:
        if '"thought"' in request.messages[-1].content:
            return step_of("submit", answer=1)
        await begun.wait()
        return step_of("pay", n=1)

    def second(request: weft.Request) -> str:
        seen = '"thought"' in request.messages[-1].content
        return step_of("submit", answer=2) if seen else step_of("long", n=2)

    asked = "question -> answer: int"
    tools = [weft.tool(approval=True)(pay)]
    one = weft.ReAct(asked, tools=tools, name="one", lm=weft.FunctionLM(first))
    two = weft.ReAct(asked, tools=[long], name="two", lm=weft.FunctionLM(second))

    @weft.step
    def both(a: int, b: int) -> int:
        return a + b

    @weft.program
    def side_by_side(question: str) -> int:
        return both(one(question=question).answer, two(question=question).answer)

    async def main() -> int:
        with weft.use(cache=None):
            with pytest.raises(weft.Suspended) as caught:
                await side_by_side.arun(question="q")
            assert RAN == ["long 2", "ended"]
            data = json.dumps(caught.value.data)
            run = await weft.aresume(side_by_side, data, approved=True)
            return run.value

    assert asyncio.run(main()) == 3
    assert RAN == ["long 2", "ended", "pay 1"]


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another format": lambda data: data.update(format="weft.suspended/9"),
    "another program": lambda data: data.update(program="sha256:0"),
    "no journal": lambda data: data.pop("journal"),
    "one key more": lambda data: data.update(lm="x"),
    "a place that is none": lambda data: data["pending"].update(place="x"),
    "a number that is none": lambda data: data["pending"].update(number=9),
    "no number": lambda data: data["pending"].update(number=True),
    "an entry that is none": lambda data: data["journal"].update(x=[1]),
    "a step that is none": lambda data: data["journal"]["agent:0"][0].pop("tool"),
    "an unknown tool": lambda data: data["journal"]["agent:0"][1].update(tool="rm"),
}


@pytest.mark.parametrize("change", HOSTILE)
def test_changed_data_is_refused(change: str, lm: weft.FunctionLM) -> None:
    """Whatever the data says, it is a run of this program, or a typed error."""
    data = json.loads(json.dumps(suspended(agent_of(), question="q").data))
    HOSTILE[change](data)

    with pytest.raises(DataError):
        weft.resume(agent_of(), data, approved=True)
    assert RAN == ["look 1"]
    with pytest.raises(DataError, match="no suspended run"):
        weft.resume(agent_of(), "{", approved=True)
    with pytest.raises(ConfigError, match="approved=None"):
        weft.resume(agent_of(), data, approved=None)  # type: ignore[arg-type]


CHILD = """
import json, os, sys
import weft
from tests.modules.test_suspended import RAN, agent_of, chosen
lm, data = weft.FunctionLM(chosen), sys.stdin.read()
with weft.use(lm=lm, cache=None):
    try:
        if data:
            run = weft.resume(agent_of(), data, approved=True)
            said = {"answer": run.value.answer}
        else:
            agent_of()(question="q")
    except weft.Suspended as error:
        said = {"data": error.data}
said |= {"ran": RAN, "sent": [request.key for request in lm.requests]}
print(json.dumps(said), flush=True)
os.kill(os.getpid(), 9)
"""


def test_another_process_goes_on(lm: weft.FunctionLM) -> None:
    """Each process is killed as it waits: its data is all that the next one needs.

    All of them together run each tool once, and send what one process sends that needs
    to ask nobody, byte for byte.
    """
    told: dict[str, Any] = {"data": None}
    ran, sent = list[str](), list[str]()
    while "data" in told:
        child = subprocess.run(
            [sys.executable, "-c", CHILD],
            input=json.dumps(told["data"]) if told["data"] else "",
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert child.returncode == -9, child.stderr
        told = json.loads(child.stdout)
        ran, sent = ran + told["ran"], sent + told["sent"]

    agent_of(approval=False)(question="q")
    assert (told["answer"], ran) == (4, ["look 1", "pay 2", "pay 3"]) == (4, RAN)
    assert sent == [request.key for request in lm.requests]


@pytest.mark.parametrize("words", ["", " \n"])
def test_a_refusal_without_words_is_told_all_the_same(lm: Any, words: str) -> None:
    """A blank reason is no empty observation: the model reads that it was refused."""
    data = suspended(agent_of(), question="?").data

    data = suspended(lambda: weft.resume(agent_of(), data, approved=words)).data

    told = [step["error"] for kept in data["journal"].values() for step in kept]
    assert "A person refused this call." in told
    assert RAN == ["look 1"]


@pytest.mark.parametrize("given", [None, 7, [], b"{}", {"place": []}])
def test_what_is_no_data_is_told_in_words(lm: Any, given: Any) -> None:
    """A number, or data that somebody damaged: refused, and not in Python's words."""
    data = suspended(agent_of(), question="?").data
    if isinstance(given, dict):
        given = {**data, "pending": {**data["pending"], **given}}

    with pytest.raises(DataError, match="no suspended run") as caught:
        weft.resume(agent_of(), given, approved=True)
    assert "iterable" not in str(caught.value)

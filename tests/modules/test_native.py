"""Agents that call tools in the endpoint's own format, several in one turn."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import weft
from tests.pipeline.lm.support import KEY, completion, fault
from tests.server import Server
from weft.errors import BudgetExceeded, ConfigError, ParseError, ToolsRefused
from weft.pipeline.adapters import adapter_of
from weft.pipeline.events import FieldDelta
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Response, ToolCall
from weft.pipeline.parameters import Demo

of = ToolCall.of


@weft.tool
async def add(a: int, b: int = 1) -> int:
    """The sum.

    Args:
        a: The first.
    """
    await asyncio.sleep(0)
    return a + b


@weft.tool
def boom() -> str:
    """Raises."""
    raise KeyError("no")


@weft.tool(approval=True)
def pay(n: int) -> str:
    """Pay."""
    return f"paid {n}"


def agent_of(*tools: Any, calls: Any = "native", **more: Any) -> Any:
    """An agent on tools."""
    given = tools or (add,)
    return weft.ReAct(
        "question -> answer: int", tools=given, name="agent", calls=calls, **more
    )


def ran(agent: Any, said: list[Any], **more: Any) -> tuple[Any, weft.ScriptedLM]:
    """The run of an agent on a script, and the model."""
    lm = weft.ScriptedLM(said)
    with weft.use(lm=lm, cache=None, **more):
        return agent.run(question="q"), lm


def test_a_turn_calls_several_tools_side_by_side() -> None:
    """Results in the order of the calls; the next turn shows them as what they are."""
    turn = [of("add", a=1), of("add", a="2", b=2), of("boom")]
    run, lm = ran(agent_of(add, boom), [turn, [of("submit", answer=4)]])

    assert run.value.answer == 4
    assert [(s.observation or s.error, s.alongside) for s in run.value.trajectory] == [
        ("2", False),
        ("4", True),
        ("KeyError: 'no'", True),
        ("", False),
    ]
    first, second = lm.requests
    assert [tool.name for tool in first.tools] == ["add", "boom", "submit"]
    assert first.tools[0].parameters["properties"]["a"]["description"] == "The first."
    assert [m.role for m in second.messages] == [
        *("system", "user", "assistant", "tool", "tool", "tool")
    ]
    called, *came = second.messages[2:]
    assert [call.id for call in called.tool_calls] == [m.answers for m in came]
    assert [m.content for m in came] == ["2", "4", "Error: KeyError: 'no'"]
    paths = [node.path.removeprefix("agent/") for node in run.trace.nodes]
    assert paths == ["agent", "act", "add", "add", "boom", "act"]
    assert len(run.trace.calls[0].tool_calls) == 3


MOVES: dict[str, tuple[list[Any], list[tuple[str, str]]]] = {
    "arguments mended": ([ToolCall("add", "{'a': 1,}")], [("add", "2")]),
    "arguments in a text": ([ToolCall("add", '"{\\"a\\": 1}"')], [("add", "2")]),
    "no arguments": ([ToolCall("add", "")], [("add", "add needs 'a'")]),
    "no object": ([ToolCall("add", "[1]")], [("add", "the arguments are no JSON")]),
    "no text": ([ToolCall("add", '{"a": "\\ud800"}')], [("add", "the arguments are")]),
    "no such tool": (
        [of("ad"), of("add", a=1)],
        [("ad", "there is no such tool; there are add, submit"), ("add", "2")],
    ),
    "another spelling": ([of("Add", a=1)], [("add", "2")]),
    "hostile names": (
        [ToolCall("\x1b[2J" * 99, "{}"), ToolCall("", "{}"), of("add", a=1)],
        [("\x1b[2J", "there is no"), ("?", "there is no"), ("add", "2")],
    ),
}


@pytest.mark.parametrize("kind", MOVES)
def test_what_a_model_calls_wrongly_is_told(kind: str) -> None:
    """Broken arguments are mended or an observation; unknown tools are one too."""
    turn, came = MOVES[kind]
    run, _ = ran(agent_of(), [turn, [of("submit", answer=1)]])

    steps = run.value.trajectory[:-1]
    assert len(steps) == len(came)
    for step, (name, said) in zip(steps, came, strict=True):
        assert step.tool.startswith(name)
        assert (step.error or step.observation).startswith(said)


WRITTEN = {
    "Hermes": 'I.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
    "unclosed": '<tool_call>{"name": "add", "arguments": {"a": 1}}',
    "Llama": 'I add. {"name": "add", "parameters": {"a": 1}}',
    "fenced": 'I add.\n```json\n{"tool": "add", "arguments": {"a": 1}}\n```',
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_call_that_is_written_out_is_one(kind: str) -> None:
    """As where the server does not know the template of its model."""
    run, lm = ran(agent_of(), [WRITTEN[kind], [of("submit", answer=2)]])

    assert run.value.trajectory[0].observation == "2"
    assert lm.calls == 2


def test_several_calls_that_are_written_out_are_a_turn() -> None:
    """Each in its tag; one that the question quotes is none of them."""
    mark = '<tool_call>{"name": "add", "arguments": {"a": %d}}</tool_call>'
    lm = weft.ScriptedLM([mark % 9 + mark % 1 + mark % 2, [of("submit", answer=2)]])
    with weft.use(lm=lm, cache=None):
        made = agent_of()(question=f"What does {mark % 9} say?")

    assert [s.arguments for s in made.trajectory[:-1]] == [{"a": 1}, {"a": 2}]


def test_an_answer_without_a_call_is_asked_again() -> None:
    """Once; two objects among words, and what the question quotes, are no call."""
    two = '{"name": "add", "arguments": {"a": 1}} or {"name": "add", "arguments": {}}'
    run, lm = ran(agent_of(), ["It is 5.", [of("submit", answer=5)]])
    assert run.value.answer == 5
    assert "no tool was called" in lm.requests[1].messages[-1].content
    with pytest.raises(ParseError, match="no tool was called"):
        ran(agent_of(), [two, "Well."])
    asked = '{"name": "add", "arguments": {"a": 1}}'
    lm = weft.ScriptedLM([asked, asked])
    with weft.use(lm=lm, cache=None), pytest.raises(ParseError):
        agent_of()(question=f"What does {asked} mean?")


def test_submit_ends_a_turn() -> None:
    """What stands behind it is not run; what fails beside it keeps the agent going."""
    turn = [of("add", a=1), of("submit", answer=2), of("add", a=9)]
    run, _ = ran(agent_of(), [turn])
    assert run.value.answer == 2
    assert [s.tool for s in run.value.trajectory] == ["add", "submit"]
    assert "1 call left out" in run.trace.nodes[0].repairs[0]

    beside = [of("boom"), of("submit", answer=2)]
    run, _ = ran(agent_of(boom), [beside, [of("submit", answer=3)]])
    assert run.value.answer == 3
    assert "boom, which was called beside it" in run.value.trajectory[1].error


def test_steps_are_counted_by_call() -> None:
    """A turn makes no more calls than there are steps left."""
    said = [[of("add", a=n) for n in range(9)], "[[ reasoning ]]\nr\n[[ answer ]]\n7"]
    run, _ = ran(agent_of(max_steps=3), said)

    assert run.value.answer == 7
    assert [s.arguments["a"] for s in run.value.trajectory] == [0, 1, 2]


def test_the_same_bytes_at_any_concurrency() -> None:
    """Whatever of a turn is done first."""
    order: list[int] = []

    @weft.tool
    async def wait(n: int) -> int:
        """Wait; the first longest."""
        for _ in range(10 - n):
            await asyncio.sleep(0)
        order.append(n)
        return n

    def answer(request: Any) -> Any:
        done = any(m.role == "tool" for m in request.messages)
        return [of("submit", answer=1)] if done else [of("wait", n=n) for n in range(5)]

    sent: list[list[str]] = []
    for many in (1, 8):
        lm = weft.FunctionLM(answer)
        with weft.use(lm=lm, cache=None):
            agent = agent_of(wait)
            agent.batch([{"question": str(n)} for n in range(8)], concurrency=many)
        sent.append(sorted(request.key for request in lm.requests))

    assert sent[0] == sent[1]
    assert order[:5] == [4, 3, 2, 1, 0]


def demos_by(calls: str, said: list[Any]) -> list[Demo]:
    """The demos that a run lends, as a compile makes them of its trace."""
    run, _ = ran(agent_of(calls=calls), said)
    nodes = [node for node in run.trace.nodes if node.path == "agent/act"]
    return [Demo({**node.inputs, **node.outputs}, by="bootstrap") for node in nodes]


def move(tool: str, **arguments: Any) -> str:
    """A step as text."""
    fields = {"thought": "So.", "tool": tool, "arguments": json.dumps(arguments)}
    return "\n".join(f"[[ {name} ]]\n{text}" for name, text in fields.items())


def test_demos_of_one_format_are_shown_in_the_other() -> None:
    """As turns that call, and as headings."""
    native = demos_by(
        "native", [[of("add", a=1), of("add", a=2)], [of("submit", answer=3)]]
    )
    texts = demos_by("text", [move("add", a=1), move("submit", answer=2)])

    for demos in (native, texts):
        for calls in ("native", "text"):
            agent = agent_of(calls=calls)
            agent = agent.with_modules({"act": agent.modules["act"].with_(demos=demos)})
            said = (
                [of("submit", answer=7)]
                if calls == "native"
                else move("submit", answer=7)
            )
            run, lm = ran(agent, [said])
            assert run.value.answer == 7
            roles = [message.role for message in lm.requests[0].messages]
            assert ("tool" in roles) == (calls == "native")
    shown = adapter_of("tools").render(
        agent_of().modules["act"].signature,
        agent_of().modules["act"].with_(demos=native).parameters,
        {"question": "q", "trajectory": []},
    )
    calls = [m.tool_calls for m in shown.messages if m.tool_calls]
    assert [len(turn) for turn in calls] == [1, 2, 1]
    answered = [m.answers for m in shown.messages if m.role == "tool"]
    assert answered == [call.id for turn in calls for call in turn]


def test_tuned_words_are_the_definitions() -> None:
    """What a compiler says of a tool and of its arguments is what is sent."""
    words = {"tool.add": "Sum up.", "tool.add.b": "The second.", "tool.submit": "End."}
    agent = agent_of()
    act = agent.modules["act"].with_(descriptions=words, instruction="Do.")
    _, lm = ran(agent.with_modules({"act": act}), [[of("submit", answer=1)]])

    add_, submit = lm.requests[0].tools
    assert (add_.description, submit.description) == ("Sum up.", "End.")
    assert add_.parameters["properties"]["b"]["description"] == "The second."
    assert lm.requests[0].messages[0].content.endswith("Your task:\nDo.")


def test_what_two_schemas_call_by_one_name_stays_apart() -> None:
    """Each definition holds what it leads to, and no other tool's."""

    def taking(name: str, kind: str) -> weft.Tool[..., Any]:
        inner = {"In": {"type": kind}, "It": {"$ref": "#/$defs/In"}}
        parts = {"it": {"$ref": "#/$defs/It"}}
        return weft.Tool.from_schema(
            name, "", {"properties": parts, "$defs": inner}, dict
        )

    agent = agent_of(add, taking("f", "integer"), taking("g", "string"))
    _, lm = ran(agent, [[of("submit", answer=1)]])

    told = {one.name: one.parameters for one in lm.requests[0].tools}
    assert "$defs" not in told["add"]
    assert told["f"]["$defs"] == {
        "In": {"type": "integer"},
        "It": {"$ref": "#/$defs/In"},
    }
    for name, good in (("f", 3), ("g", "x")):
        check = jsonschema.Draft202012Validator(told[name])
        assert check.is_valid({"it": good})
        assert not check.is_valid({"it": []})


def test_an_agent_is_saved_with_its_format(tmp_path: Path) -> None:
    """And one that names none is the file that it was."""
    path = weft.save(agent_of(), tmp_path / "a.weft.json")
    loaded = weft.load(path, steps=[add])
    run, _ = ran(loaded, [[of("add", a=1)], [of("submit", answer=2)]])
    assert run.value.answer == 2

    plain = weft.save(agent_of(calls="auto"), tmp_path / "b.weft.json").read_text()
    assert "calls" not in plain
    assert '"adapter": "auto"' in plain
    digests = {
        c: program_digest(as_program(agent_of(calls=c))) for c in ("auto", "text")
    }
    assert digests["auto"] != digests["text"]
    with pytest.raises(ConfigError, match="calls='both'"):
        agent_of(calls="both")


def lm_for(server: Server, name: str = "m", **abilities: Any) -> LM:
    """A model at the server."""
    url, known = server.url, abilities
    return LM(name, api_base=url, api_key=KEY, timeout=60, abilities=known)


def wired(*calls: ToolCall, text: str | None = None) -> Any:
    """An answer that calls tools, as a server writes it."""
    made = [
        {"id": f"x{n}", "function": {"name": c.name, "arguments": c.arguments}}
        for n, c in enumerate(calls)
    ]
    return completion({"content": text, "tool_calls": made})


def test_auto_is_native_where_the_endpoint_has_tools(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And text where it has none, or nobody knows."""
    monkeypatch.delenv("WEFT_ADAPTER")
    server.script(
        wired(of("submit", answer=1)), completion({"content": move("submit", answer=2)})
    )
    agent = agent_of(calls="auto")

    with weft.use(cache=None):
        with weft.use(lm=lm_for(server, tools=True, schema=False)):
            assert agent(question="q").answer == 1
        with weft.use(lm=lm_for(server, "other", schema=False)):
            assert agent(question="q").answer == 2

    assert ["tools" in seen.body for seen in server.seen] == [True, False]


@pytest.mark.parametrize("said", [True, False], ids=["said", "learnt"])
def test_a_refusal_of_tools_loses_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, said: bool
) -> None:
    """The same step is asked in text, and the run goes on so; or it was insisted."""
    monkeypatch.delenv("WEFT_ADAPTER")
    no = fault(400, "m does not support tools")
    texts = [move("add", a=1), move("submit", answer=2)]
    server.script(no, *(completion({"content": text}) for text in texts), no)
    lm = lm_for(server, schema=False, **({"tools": True} if said else {}))
    weft.pipeline.lm.known.learn(lm.endpoint, lm.model, tools=True)

    with weft.use(lm=lm, cache=None):
        run = agent_of(calls="auto").run(question="q")
        assert run.value.answer == 2
        assert ["tools" in seen.body for seen in server.seen] == [True, False, False]
        assert "asked in another form" in run.trace.nodes[1].repairs[0]
        with pytest.raises(ToolsRefused, match='calls="text"'):
            agent_of(calls="native")(question="q")


def test_what_was_thought_is_no_field(server: Server) -> None:
    """Native reasoning is in the trace and in `weft.info`, and goes nowhere else."""
    call = {"id": "x", "function": {"name": "submit", "arguments": '{"answer": 3}'}}
    message = {"content": None, "reasoning_content": "hm hm", "tool_calls": [call]}
    server.script(completion(message))
    with weft.use(lm=lm_for(server), cache=None):
        run = agent_of().run(question="q")

    assert run.trace.calls[0].reasoning == "hm hm"
    assert "hm hm" not in str(run.value)
    assert run.trace.nodes[0].outputs["trajectory"][0]["thought"] == ""


@pytest.mark.parametrize(
    ("text", "called", "thought"),
    [
        ("I add.", True, "I add."),
        ("a < b, {1}.", True, "a < b, {1}."),
        (WRITTEN["Hermes"], False, "I."),
        (WRITTEN["fenced"], False, "I add."),
        (WRITTEN["unclosed"], False, ""),
    ],
)
async def test_a_native_run_is_streamed(text: str, called: bool, thought: str) -> None:
    """What is said beside the calls is the thought, as it comes."""
    calls = (of("add", a=1),) if called else ()
    script = [Response(text, tool_calls=calls), [of("submit", answer=2)]]
    with weft.use(lm=weft.ScriptedLM(script), cache=None):
        told = [event async for event in agent_of().astream(question="q")]

    texts = [e.text for e in told if isinstance(e, FieldDelta) and e.field == "thought"]
    assert "".join(texts) == thought
    assert told[-1].value.trajectory[0].thought == thought  # type: ignore[union-attr]


def test_a_person_agrees_to_one_call_of_a_turn() -> None:
    """The others run first, and once; each that waits is asked for."""
    ran_: list[str] = []

    @weft.tool
    def look(n: int) -> str:
        """Look."""
        ran_.append(f"look {n}")
        return str(n)

    @weft.tool(approval=True, name="pay")
    def paying(n: int) -> str:
        """Pay."""
        ran_.append(f"pay {n}")
        return "paid"

    turn = [of("pay", n=1), of("look", n=2), of("pay", n=3)]
    lm = weft.ScriptedLM([turn, [of("submit", answer=4)]])
    agent = agent_of(look, paying)
    with weft.use(lm=lm, cache=None):
        with pytest.raises(weft.Suspended) as first:
            agent(question="q")
        assert (ran_, first.value.pending["arguments"]) == (["look 2"], {"n": 1})
        assert [s.tool for s in weft.trajectory_of(first.value)] == ["look"]
        with pytest.raises(weft.Suspended) as second:
            weft.resume(agent, json.dumps(first.value.data), approved=True)
        assert second.value.pending["arguments"] == {"n": 3}
        run = weft.resume(agent, json.dumps(second.value.data), approved="No.")

    assert run.value.answer == 4
    assert ran_ == ["look 2", "pay 1"]
    steps = run.value.trajectory
    assert [s.observation or s.error for s in steps] == ["paid", "2", "No.", ""]
    assert [s.alongside for s in steps] == [False, True, True, False]
    assert lm.calls == 2


@pytest.mark.parametrize("calls", ["native", "text"])
def test_a_budget_that_ends_loses_no_step(calls: str) -> None:
    """The error has the steps until there."""
    step = [of("add", a=1)] if calls == "native" else move("add", a=1)
    with pytest.raises(BudgetExceeded) as caught:
        ran(agent_of(calls=calls), [step] * 3, budget="2 calls")

    steps = weft.trajectory_of(caught.value)
    assert [(s.tool, s.observation) for s in steps] == [("add", "2")] * 2
    assert caught.value.trajectory == (*steps,)


@pytest.mark.parametrize("blocking", [False, True], ids=["async", "blocking"])
async def test_cancelled_in_the_middle_of_a_turn(blocking: bool) -> None:
    """An async tool is told; a blocking one runs on to its end, and nobody waits."""
    begun, ended = asyncio.Event(), list[str]()
    loop, free = asyncio.get_running_loop(), threading.Event()

    @weft.tool
    async def slow(n: int) -> int:
        """Takes long."""
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(f"slow {n}")
        return n

    @weft.tool(name="slow")
    def held(n: int) -> int:
        """Blocks."""
        loop.call_soon_threadsafe(begun.set)
        free.wait(60)
        return n

    lm = weft.ScriptedLM([[of("slow", n=1), of("slow", n=2)]])
    nodes: list[Any] = []
    with weft.use(lm=lm, cache=None, hooks=[nodes.append]):
        task = asyncio.create_task(
            agent_of(held if blocking else slow).acall(question="q")
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    free.set()

    assert sorted(ended) == ([] if blocking else ["slow 1", "slow 2"])
    said = {node.path: node.error for node in nodes if node.path != "agent/act"}
    assert said == {"agent/slow": "cancelled", "agent": "cancelled"}


def test_the_form_is_for_steps_alone() -> None:
    """Anything else that asks in it is told what to write."""
    other = weft.Predict("a -> b", adapter="tools", lm=weft.ScriptedLM(["x"]))
    with pytest.raises(ConfigError, match="for the steps of agents"):
        other(a="x")

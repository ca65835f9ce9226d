"""ProgramOfThought, CodeAct and Recursive: what they ask, run, and give back."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pydantic
import pytest

import weft
from tests.timing import PATIENCE
from weft.errors import (
    ArtifactError,
    AuthError,
    BudgetExceeded,
    ConfigError,
    ContextLengthError,
    DataError,
    ParseError,
)
from weft.pipeline.graph.digest import digest_of

pytest.importorskip("pydantic_monty")

ASK = "question -> answer: int"
PRICES = {"tea": 2, "bread": 4}


def price(item: str) -> int:
    """The price of an item.

    Args:
        item: In lower case.
    """
    return PRICES[item]


def code(*lines: str, thought: str = "So.") -> str:
    """A step as a model writes it."""
    body = "\n".join(lines)
    return f"[[ thought ]]\n{thought}\n[[ code ]]\n```python\n{body}\n```"


def ran(module: Any, said: Sequence[Any], **inputs: Any) -> tuple[Any, weft.ScriptedLM]:
    """The run of a module on a script, and the model."""
    lm = weft.ScriptedLM(said)
    with weft.use(lm=lm, cache=None):
        return module.run(**(inputs or {"question": "q"})), lm


def asked(run: Any) -> list[str]:
    """The paths of what was asked and called, in their order."""
    return [node.path for node in run.trace.nodes if "/" in node.path]


def test_a_program_that_submits_is_one_call() -> None:
    """What it submits is checked by the types of the outputs."""
    run, lm = ran(
        weft.ProgramOfThought(ASK, name="it"), [code("submit(answer='4' + '2')")]
    )

    assert run.value.answer == 42
    assert asked(run) == ["it/write"]
    assert lm.calls == 1
    (step,) = run.value.trajectory
    assert step.code == "submit(answer='4' + '2')"
    assert weft.code_steps_of(run.value) == [step]
    assert run.trace.nodes[0].outputs["trajectory"][0]["code"] == step.code


def test_a_program_is_mended_and_read() -> None:
    """The error is shown with its line; what is printed becomes the answer."""
    said = [code("x = 0", "1 / x"), code("print(6 * 7)"), "[[ answer ]]\n42"]
    run, lm = ran(weft.ProgramOfThought(ASK, name="it"), said)

    assert run.value.answer == 42
    assert asked(run) == ["it/write", "it/mend", "it/answer"]
    shown = lm.requests[1].messages[-1].content
    assert '"error": "ZeroDivisionError: division by zero (line 2)"' in shown
    assert '"printed": "42\\n"' in lm.requests[2].messages[-1].content


def test_no_program_ran() -> None:
    """At most so many are tried; the answer is read all the same, and it is said."""
    said = [code("1 / 0"), code("y"), "[[ answer ]]\n0"]
    run, _ = ran(weft.ProgramOfThought(ASK, tries=2, name="it"), said)

    assert [bool(step.error) for step in run.value.trajectory] == [True, True]
    assert "none of 2 programs ran to its end" in str(run.trace.nodes[0].repairs)


class Order(pydantic.BaseModel):
    """A nested type."""

    item: str
    count: int = 1


class Total(weft.Signature):
    """Say what an order costs."""

    order: list[Order] = weft.Input()
    budget: dict[str, float] = weft.Input()
    kind: Literal["cheap", "dear"] = weft.Output()
    totals: dict[str, int] = weft.Output()
    note: str | None = weft.Output(default=None)


@pytest.mark.parametrize(
    "last",
    [
        "submit(kind='dear', totals=made)",
        "submit('dear', made)",
        "submit({'kind': 'dear', 'totals': made})",
        "SUBMIT(kind='dear', totals=made, note=None)",
        "submit('dear', totals=str(made).replace(chr(39), chr(34)))",
    ],
)
def test_inputs_are_variables_and_outputs_are_typed(last: str) -> None:
    """Nested inputs arrive as plain data; outputs are checked, whatever their form."""
    agent = weft.CodeAct(Total, tools=[price], name="it")
    said = [
        code("made = {o['item']: price(o['item']) * o['count'] for o in order}", last)
    ]
    order = [Order(item="tea", count=3), Order(item="bread")]
    run, _ = ran(agent, said, order=order, budget={"x": 1.5})

    assert (run.value.kind, run.value.totals) == ("dear", {"tea": 6, "bread": 4})
    assert run.value.note is None
    assert run.value.order == order


def test_no_code_is_an_error() -> None:
    """A reply without code is told, and a program of thought mends it."""
    empty = "[[ thought ]]\nt\n[[ code ]]\n```python\n```"
    for none in ("[[ thought ]]\nt\n[[ code ]]\n\n[[ /end ]]", empty):
        run, _ = ran(weft.ProgramOfThought(ASK), [none, code("submit(1)")])
        assert run.value.answer == 1


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("submit()", "TypeError: submit needs 'kind'"),
        ("submit('odd', {})", "TypeError: submit got a wrong 'kind'"),
        ("submit('dear', {}, None, 1)", "TypeError: submit got 4 arguments"),
        ("submit('dear', {'a': 'x'})", "TypeError: submit got a wrong 'totals'"),
        ("submit({'kind': 'odd', 'totals': {}})", "TypeError: submit got a wrong"),
        ("submit(b'dear')", "TypeError: submit: a value of type bytes is no data"),
        ("price('milk')", "KeyError: milk"),
        ("price(items='tea')", "TypeError: price has no argument 'items'"),
        ("llm_query('x')", "NameError: name 'llm_query' is not defined"),
    ],
)
def test_what_does_not_fit_is_told(line: str, error: str) -> None:
    """Wrong answers and wrong calls are errors of the step, and the run goes on."""
    agent = weft.CodeAct(Total, tools=[price], name="it")
    said = [code(line), code("submit('cheap', {})")]
    run, lm = ran(agent, said, order=[], budget={})

    assert run.value.trajectory[0].error.startswith(error)
    assert error in lm.requests[1].messages[-1].content
    assert run.value.kind == "cheap"


def test_an_agent_keeps_its_variables() -> None:
    """Steps share them; tools are nodes of the trace; the last line is seen."""
    said = [
        code("found = [price(i) for i in ('tea', 'bread')]", "found"),
        code("submit(sum(found))"),
    ]
    run, lm = ran(weft.CodeAct(ASK, tools=[price], name="it"), said)

    assert run.value.answer == 6
    assert asked(run) == ["it/act", "it/price", "it/price", "it/act"]
    assert '"value": "[2, 4]"' in lm.requests[1].messages[-1].content
    told = lm.requests[0].messages[0].content
    assert "price(item: text): The price of an item." in told
    assert "item: In lower case." in told
    assert "submit(answer: a whole number)" in told


def test_a_name_for_submit_is_lent_for_a_step() -> None:
    """Code that defines it for itself has it again in the next step."""
    said = [code("def submit(x): print('mine', x)", "submit(1)"), code("submit(2)")]
    run, _ = ran(weft.CodeAct(ASK, tools=[price], name="it"), said)

    assert (run.value.answer, run.value.trajectory[0].printed) == (2, "mine 1\n")


class Silent(Exception):
    """What fails where its words are asked for."""

    def __str__(self) -> str:
        raise TypeError


def test_an_error_without_words_is_an_error_of_the_code() -> None:
    """Who writes `__str__` badly ends no run."""

    def odd() -> int:
        """Raise."""
        raise Silent

    said = [code("odd()"), code("submit(1)")]
    run, _ = ran(weft.CodeAct(ASK, tools=[odd], name="it"), said)

    assert run.value.trajectory[0].error == "RuntimeError: Silent (line 1)"


def test_an_agent_that_does_not_end() -> None:
    """After the last step the answer is read off, in one call."""
    said = [code("print(1)"), code("print(2)"), "[[ reasoning ]]\nr\n[[ answer ]]\n7"]
    run, _ = ran(weft.CodeAct(ASK, tools=[price], max_steps=2, name="it"), said)

    assert run.value.answer == 7
    assert asked(run) == ["it/act", "it/act", "it/extract"]
    assert "no answer was submitted in 2 steps" in str(run.trace.nodes[0].repairs)


CODERS: dict[str, Callable[[], Any]] = {
    "CodeAct": lambda: weft.CodeAct(ASK, tools=[price], name="it"),
    "Recursive": lambda: weft.Recursive(ASK, name="it"),
    "ProgramOfThought": lambda: weft.ProgramOfThought(ASK, name="it"),
}


@pytest.mark.parametrize("kind", CODERS)
def test_a_further_step_that_cannot_be_read_ends_in_the_answer(kind: str) -> None:
    """What was printed before is not lost: the answer is read off it."""
    said = [code("print(7)", "1 / 0"), "?", "?", "[[ reasoning ]]\nr\n[[ answer ]]\n7"]
    run, lm = ran(CODERS[kind](), said)

    assert (run.value.answer, lm.calls) == (7, 4)
    assert [step.printed for step in run.value.trajectory] == ["7\n"]
    assert "step 2 is none: it/" in run.trace.nodes[0].repairs[0]
    with pytest.raises(ParseError):
        ran(CODERS[kind](), ["?", "?"])


def test_old_output_is_cut_for_a_short_context() -> None:
    """By the agent's own limit, and by the model's."""

    def short(request: weft.Request) -> str:
        shown = request.messages[-1].content
        if len(shown) > 9_000:
            raise ContextLengthError("too long")
        return (
            code("submit(1)") if shown.count('"thought"') == 3 else code("'x' * 4000")
        )

    for context in (60_000, 8_000):
        agent = weft.CodeAct(ASK, tools=[price], context=context, name="it")
        with weft.use(lm=weft.FunctionLM(short), cache=None):
            run = agent.run(question="q")
        assert run.value.answer == 1
        assert "old output" in str(run.trace.nodes[0].repairs)


def test_what_no_code_mends_ends_the_run() -> None:
    """A refused key, a spent budget: raised as they are, whatever the code catches."""

    def locked() -> int:
        """Fail."""
        raise AuthError("no key")

    agent = weft.CodeAct(ASK, tools=[locked], name="it")
    said = [code("try: locked()", "except BaseException: pass"), code("submit(1)")]
    with pytest.raises(AuthError):
        ran(agent, said)


LONG = "\n".join(f"line {n}: nothing" for n in range(100_000))


def chunks_of(request: weft.Request) -> str:
    """Act: ask about three pieces at once, then one by one; ask: count."""
    shown = request.messages[-1].content
    if "[[ prompt ]]" not in shown:
        if shown.count('"thought"') == 0:
            return code(
                "size = len(log) // 3 + 1",
                "parts = [log[i:i + size] for i in range(0, len(log), size)]",
                "found = llm_query_batched(['count ' + p for p in parts])",
                "print(len(found), found)",
            )
        return code("submit(sum(int(n) for n in found if n))")
    return f"[[ reply ]]\n{shown.count('KEY')}"


def test_a_long_text_never_stands_in_a_prompt_of_act() -> None:
    """It is a variable; sub-calls see the pieces, and are nodes of the trace."""
    log = LONG + "KEY" + LONG
    reader = weft.Recursive("log, question -> answer: int", name="it", preview=500)
    lm = weft.FunctionLM(chunks_of)
    with weft.use(lm=lm, cache=None):
        run = reader.run(log=log, question="How many keys?")

    assert run.value.answer == 1
    assert asked(run) == ["it/act", *["it/ask"] * 3, "it/act"]
    acting = [r for r in lm.requests if "[[ code ]]" in r.messages[0].content]
    assert all(len(r.messages[-1].content) < 2_500 for r in acting)
    assert "At most 50 calls in all." in acting[0].messages[0].text
    assert f'"length": {len(log)}' in acting[0].messages[-1].content
    assert '"value": "How many keys?"' in acting[0].messages[-1].content


@pytest.mark.parametrize(
    ("most", "budget", "asks"),
    [(3, None, 3), (2, None, 0), (50, "3 calls", 2), (0, None, 0)],
)
def test_sub_calls_pass_no_limit(most: int, budget: str | None, asks: int) -> None:
    """`max_calls` is told to the code; the ledger ends the run; neither is passed."""
    reader = weft.Recursive(
        "log, question -> answer: int", max_calls=most, max_steps=1, name="it"
    )

    def said(request: weft.Request) -> str:
        if "[[ reasoning ]]" in request.messages[0].content:
            return "[[ reasoning ]]\nr\n[[ answer ]]\n0"
        return chunks_of(request)

    lm = weft.FunctionLM(said)
    with weft.use(lm=lm, cache=None):
        if budget:
            with weft.use(budget=budget), pytest.raises(BudgetExceeded):
                reader.run(log=LONG, question="q")
        else:
            run = reader.run(log=LONG, question="q")
            (step,) = run.value.trajectory
            assert bool(step.error) == (most < 3)
            assert most >= 3 or f"{most} of {most} left" in step.error
    prompts = [r for r in lm.requests if "[[ prompt ]]" in r.messages[-1].content]
    assert len(prompts) == asks


def test_a_sub_call_that_fails() -> None:
    """Alone it is an exception in the code; among others it is None, and noted."""

    def said(request: weft.Request) -> str:
        shown = request.messages[-1].content
        if "[[ prompt ]]" not in shown:
            if shown.count('"thought"'):
                return code("submit(1)")
            return code(
                "print(llm_query_batched(['a', 'bad', 'c']))",
                "try: llm_query('bad')",
                "except ValueError as e: print(e)",
                "llm_query_batched([])",
            )
        if "bad" in shown:
            raise ContextLengthError("the prompt is too long")
        return "[[ reply ]]\nok"

    with weft.use(lm=weft.FunctionLM(said), cache=None):
        run = weft.Recursive(ASK, name="it").run(question="q")

    (first, _) = run.value.trajectory
    assert first.printed == "['ok', None, 'ok']\nthe prompt is too long\n"
    assert first.value == "[]"
    assert "prompt 1: the prompt is too long" in str(run.trace.nodes[0].repairs)


def test_a_text_beyond_the_memory_is_told_before_any_call() -> None:
    """Nothing is paid for a sandbox that could never hold its inputs."""
    box = weft.Sandbox(memory=1_000_000)
    reader = weft.Recursive("log -> answer: int", sandbox=box, name="it")
    lm = weft.FunctionLM(lambda _: code("submit(1)"))
    with weft.use(lm=lm, cache=None), pytest.raises(ConfigError, match="too small"):
        reader(log="a" * 3_000_000)

    assert lm.calls == 0


def test_names_that_only_a_prompt_would_need_are_free() -> None:
    """What is a variable there may be called as any field of the steps."""
    reader = weft.Recursive("code, variables -> thought: int", name="it")
    run, _ = ran(
        reader, [code("submit(len(code + variables))")], code="a", variables=""
    )

    assert run.value.thought == 1


def test_sub_calls_have_a_model_of_their_own() -> None:
    """`sub_lm` answers them."""
    below = weft.FunctionLM(lambda _: "[[ reply ]]\n5")
    reader = weft.Recursive(ASK, sub_lm=below, name="it")
    run, lm = ran(reader, [code("submit(int(llm_query('x')))")])

    assert (run.value.answer, lm.calls, below.calls) == (5, 1, 1)


@pytest.mark.parametrize("kind", ["ProgramOfThought", "CodeAct", "Recursive"])
def test_many_rows_at_once(kind: str) -> None:
    """The same requests and answers, one by one and sixty-four at once."""
    rows = [{"question": str(n)} for n in range(64)]

    def said(request: weft.Request) -> str:
        return code(
            "import random", "submit(int(question) * 2 + random.randrange(1, 2))"
        )

    def made(concurrency: int) -> tuple[list[Any], list[str]]:
        more: Any = {"tools": [price]} if kind == "CodeAct" else {}
        module = getattr(weft, kind)(ASK, name="it", **more)
        lm = weft.FunctionLM(said)
        with weft.use(lm=lm, cache=None):
            came = module.batch(rows, concurrency=concurrency)
        return [one.answer for one in came], sorted(r.key for r in lm.requests)

    one = made(1)
    assert one[0] == [2 * n + 1 for n in range(64)]
    assert made(64) == one


@pytest.mark.parametrize("line", ["began()\nwhile True: pass", "waits()"])
def test_cancelled_in_the_middle(line: str, caplog: pytest.LogCaptureFixture) -> None:
    """While code computes, and while a tool runs; nothing is left behind."""

    async def cancelled() -> None:
        begins = asyncio.Event()

        async def began() -> None:
            """Say so."""
            begins.set()

        async def waits() -> None:
            """Wait for ever."""
            begins.set()
            await asyncio.Event().wait()

        box = weft.Sandbox(seconds=3_600)
        agent = weft.CodeAct(ASK, tools=[began, waits], sandbox=box, name="it")
        with weft.use(lm=weft.FunctionLM(lambda _: code(line)), cache=None):
            task = asyncio.create_task(agent.acall(question="q"))
            await begins.wait()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with caplog.at_level(logging.ERROR):
        asyncio.run(cancelled())
    assert not caplog.records


PAID: list[int] = []


def pay(amount: int) -> str:
    """Pay so much."""
    PAID.append(amount)
    return f"paid {amount}"


@weft.tool
def look(n: int) -> int:
    """Look at a number."""
    PAID.append(-n)
    return n


def clerk(*, approval: bool = True) -> Any:
    """An agent that looks and pays."""
    tools = [weft.tool(approval=approval)(pay), look]
    return weft.CodeAct(ASK, tools=tools, name="it")


BILLS = [
    code("a = look(1)", "b = [pay(10), pay(20)]", "print(b)"),
    code("submit(a)"),
]


def suspended(call: Callable[[], Any]) -> Any:
    """The data of a run that waits, as it would be kept."""
    with pytest.raises(weft.Suspended, match="'pay' waits") as caught:
        call()
    return json.loads(json.dumps(caught.value.data))


def test_a_person_agrees_in_the_middle_of_code() -> None:
    """The code runs again, what was done is not, and the answer is the same."""
    PAID.clear()
    lm = weft.ScriptedLM(BILLS)
    with weft.use(lm=lm, cache=None):
        first = suspended(lambda: clerk()(question="q"))
        assert first["pending"]["arguments"] == {"amount": 10}
        assert (PAID, lm.calls) == ([-1], 1)
        second = suspended(lambda: weft.resume(clerk(), first, approved=True))
        assert (PAID, lm.calls) == ([-1, 10], 1)
        run = weft.resume(clerk(), second, approved="Not today.")

    assert PAID == [-1, 10]
    (step, *_) = run.value.trajectory
    assert step.error == "PermissionError: Not today. (line 2)"
    assert (run.value.answer, lm.calls) == (1, 2)


def test_the_same_bytes_as_without_a_person() -> None:
    """A run that waited twice asked what one that never waits asks."""
    sent: list[list[str]] = []
    for approval in (True, False):
        PAID.clear()
        lm = weft.ScriptedLM(BILLS)
        with weft.use(lm=lm, cache=None):
            if approval:
                data = suspended(lambda: clerk()(question="q"))
                data = suspended(lambda d=data: weft.resume(clerk(), d, approved=True))
                run = weft.resume(clerk(), data, approved=True)
            else:
                run = clerk(approval=False).run(question="q")
        assert PAID == [-1, 10, 20]
        sent.append([*(r.key for r in lm.requests), repr(run.value)])

    assert sent[0] == sent[1]


def test_changed_data_is_refused() -> None:
    """Code that calls something else than before goes on with nothing."""
    PAID.clear()
    with weft.use(lm=weft.ScriptedLM(BILLS), cache=None):
        data = suspended(lambda: clerk()(question="q"))
        (place,) = data["journal"]
        data["journal"][place][1]["arguments"] = {"n": 2}
        with pytest.raises(DataError, match="called 'look' before"):
            weft.resume(clerk(), data, approved=True)


SPENT = [
    code("look(1)", "print('so far')", "while True: pass"),
    code("pay(2)", "submit(3)"),
]


def test_a_step_that_ended_at_a_limit_is_not_run_again() -> None:
    """Whether it reaches its limit again hangs on the machine; its outcome stays."""
    PAID.clear()
    box = weft.Sandbox(seconds=0.2)
    tools = [weft.tool(approval=True)(pay), look]
    agent = weft.CodeAct(ASK, tools=tools, sandbox=box, name="it")
    with weft.use(lm=weft.ScriptedLM(SPENT), cache=None):
        data = suspended(lambda: agent(question="q"))
        (place,) = data["journal"]
        data["journal"][place][0]["code"] = "look(5)"  # as if it were fast today
        run = weft.resume(agent, data, approved=True)

    assert PAID == [-1, 2]
    assert (run.value.answer, run.value.trajectory[0].printed) == (3, "so far\n")
    data["journal"][place][2]["ran"] = {"code": 1}
    with weft.use(lm=weft.ScriptedLM([]), cache=None), pytest.raises(DataError):
        weft.resume(agent, data, approved=True)


CHILD = """
import json, os
import weft
from tests.modules.code.test_coding import BILLS, clerk
try:
    with weft.use(lm=weft.ScriptedLM(BILLS), cache=None):
        clerk()(question="q")
except weft.Suspended as error:
    print(json.dumps(error.data), flush=True)
os.kill(os.getpid(), 9)
"""


def test_another_process_goes_on() -> None:
    """The process that began is killed: its data is all that is needed."""
    PAID.clear()
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert child.returncode == -9, child.stderr

    lm = weft.ScriptedLM(BILLS[1:])
    with weft.use(lm=lm, cache=None):
        data = suspended(
            lambda: weft.resume(clerk(), json.loads(child.stdout), approved=True)
        )
        run = weft.resume(clerk(), data, approved=True)
    assert (PAID, run.value.answer, lm.calls) == ([10, 20], 1, 1)


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no such limit": lambda s: s["settings"].update(sandbox={"lm": "openai/x"}),
    "no limit": lambda s: s["settings"]["sandbox"].update(memory=10**15),
    "no sandbox": lambda s: s["settings"].update(sandbox=[1]),
    "no number": lambda s: s["settings"].update(max_steps="9"),
    "another tool": lambda s: s["settings"]["tools"]["price"].update(required=[]),
    "a setting of ours": lambda s: s["settings"].update(sub_lm="openai/x"),
}


@pytest.mark.parametrize("change", [None, *HOSTILE])
def test_saved_and_loaded(change: str | None, tmp_path: Path) -> None:
    """A file holds limits and schemas, and what it may not say is refused."""
    box = weft.Sandbox(seconds=2, printed=500)
    agent = weft.CodeAct(ASK, tools=[price], sandbox=box, max_steps=3, name="it")
    path = weft.save(agent, tmp_path / "it.weft.json")
    data = json.loads(path.read_text("utf-8"))
    state = data["program"]["modules"]["it"]
    if change is None:
        loaded = weft.load(path, steps=[price])
        assert state["settings"]["sandbox"]["seconds"] == 2
        assert loaded.settings() == agent.settings()
        run, _ = ran(loaded, [code("submit(price('tea'))")])
        assert run.value.answer == 2
        return
    HOSTILE[change](state)
    data["digest"] = digest_of(data["program"])
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(ArtifactError):
        weft.load(path, steps=[price])


COMPILED = {
    "ProgramOfThought": (weft.compilers.BootstrapFewShot(), "write", {"tries": 1}),
    "Recursive": (
        weft.compilers.BootstrapFewShot(),
        "act",
        {"max_steps": 1, "max_calls": 0},
    ),
    "CodeAct": (
        weft.compilers.BootstrapFewShot(),
        "act",
        {"max_steps": 1, "tools": [price]},
    ),
    "CodeAct by GEPA": (
        weft.compilers.GEPA(),
        "act",
        {"max_steps": 1, "tools": [price]},
    ),
    "CodeAct by Auto": (
        weft.compilers.Auto(),
        "act",
        {"max_steps": 1, "tools": [price]},
    ),
}


@pytest.mark.parametrize("kind", COMPILED)
def test_compiled(kind: str) -> None:
    """Compilers reach what writes code, as a part; a run that passes lends demos."""
    compiler, part, more = COMPILED[kind]
    rows = [{"question": str(n), "answer": 2 * n} for n in range(9)]

    def learns(request: weft.Request) -> str:
        if "[[ code ]]" not in request.messages[0].text:
            return "\n".join(
                f"[[ {name} ]]\nDouble the number."
                for name in re.findall(r"\[\[ (\w+) \]\]\n<", request.messages[0].text)
            )
        taught = len(request.messages) > 2 or "Double" in str(request.messages)
        return code(
            f"submit(int(question) * 2 + {0 if taught else 'int(question) % 2'})"
        )

    lm = weft.FunctionLM(learns)
    with weft.use(lm=lm, cache=None):
        made = weft.compile(
            getattr(weft, kind.partition(" ")[0])(ASK, name="it", **more),
            rows,
            metric=weft.metrics.exact("answer"),
            compiler=compiler,
            budget="40 calls",
        )

    assert lm.calls <= 40
    assert made.report.improved is not None
    if "by" not in kind:
        (demo, *_) = made.program.modules[part].parameters.demos
        assert "submit(int(question) * 2 + " in str(demo)

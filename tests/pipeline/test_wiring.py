"""Programs: traced once, checked at once, run as dataflow."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.timing import PATIENCE
from weft.errors import GraphError

HERE = Path(__file__).name


class Triage(weft.Signature):
    """Route a message."""

    message: str = weft.Input()
    team: Literal["cards", "accounts"] = weft.Output()
    sure: float = weft.Output(ge=0, le=1)


ask = weft.Predict("question -> answer: str")
many = weft.Predict("questions: list[str] -> answer: str")
triage = weft.Predict(Triage)
holder: dict[str, Any] = {"nameless": weft.Predict("question -> answer: str")}
asked_again = weft.Predict("question -> answer: str", name="ask")


@weft.step
def search(query: str, k: int = 3) -> list[str]:
    """A step."""
    return [query] * k


def answers(request: weft.Request) -> str:
    """A model that answers whatever is asked of it."""
    wanted = re.findall(r"^<(\w+)>$", request.messages[0].content, re.MULTILINE)
    given = {"team": "cards", "sure": "0.5"}
    return "\n".join(f"[[ {name} ]]\n{given.get(name, 'ok')}" for name in wanted)


def misspelt_input(question: str) -> str:
    return ask(qestion=question).answer


def missing_input(question: str) -> str:
    return triage().team


def output_as_input(question: str) -> str:
    return triage(message=question, team="cards").team


def positional(question: str) -> str:
    return ask(question).answer  # type: ignore[arg-type]


def unknown_output(question: str) -> str:
    return ask(question=question).anwser


def wrong_type(question: str) -> str:
    return many(questions=question).answer


def wrong_type_from_a_step(question: str) -> str:
    return ask(question=search(question)).answer


def wrong_constant(question: str) -> str:
    return many(questions=["a", 3]).answer


def if_on_a_value(question: str) -> str:
    return question if ask(question=question).answer else "no"


def loop_over_a_value(question: str) -> str:
    return next(ask(question=q).answer for q in search(question))


def length(question: str) -> int:
    return len(search(question))


def equality(question: str) -> bool:
    return bool(ask(question=question).answer == "yes")


def addition(question: str) -> str:
    return ask(question=question + "?").answer


def f_string(question: str) -> str:
    return ask(question=f"{question}?").answer


def item(question: str) -> str:
    return search(question)[0]


def membership(question: str) -> bool:
    return "a" in search(question)


def method(question: str) -> str:
    return question.upper()


def hashing(question: str) -> dict[str, str]:
    return {question: "a"}


def unused_call(question: str) -> str:
    ask(question=question)
    return triage(message=question).team


def two_of_one_name(question: str) -> str:
    return asked_again(question=ask(question=question).answer).answer


def nameless(question: str) -> str:
    return holder["nameless"](question=question).answer


def constant_result(question: str) -> str:
    return "always"


def nothing_returned(question: str) -> None:
    ask(question=question)


def wrong_promise(question: str) -> int:
    return ask(question=question).answer  # type: ignore[no-any-return]


def step_misspelt(question: str) -> list[str]:
    return search(qery=question)  # type: ignore[call-arg]


def step_wrong_type(question: str) -> list[str]:
    return search(search(question))  # type: ignore[arg-type]


def set_attribute(question: str) -> str:
    ask(question=question).answer = "x"
    return question


def many_arguments(*questions: str) -> str:
    return questions[0]


async def coroutine(question: str) -> str:
    return ask(question=question).answer


MISTAKES: list[tuple[Callable[..., Any], str]] = [
    (misspelt_input, "'ask' has no input 'qestion'.*Did you mean 'question'"),
    (missing_input, "'triage' needs 'message'"),
    (output_as_input, "'team' is an output of 'triage', not an input"),
    (positional, "'ask' takes its inputs by name"),
    (unknown_output, "ask has no output 'anwser'.*Did you mean 'answer'"),
    (wrong_type, r"question is str, but many.questions wants list\[str\]"),
    (wrong_type_from_a_step, r"search is list\[str\], but ask.question wants str"),
    (wrong_constant, r"many.questions wants list\[str\].*1: 3 is not text"),
    (if_on_a_value, "ask.answer has no value yet.*cannot test it"),
    (loop_over_a_value, "search has no value yet.*cannot go over it"),
    (length, "search has no length yet"),
    (equality, "ask.answer has no value yet, so `==`"),
    (addition, r"question has no value yet, so `\+`"),
    (f_string, "question is no text yet.*f-strings"),
    (item, r"search has no value yet, so `\[...\]`"),
    (membership, "search has no value yet, so `in`"),
    (method, "question is str; its attribute 'upper'"),
    (hashing, "question has no value yet: it cannot be a key"),
    (unused_call, "the result of 'ask' is never used"),
    (two_of_one_name, "two different things are named 'ask'"),
    (nameless, "has no name here"),
    (constant_result, "returns 'always', which no node and no input gives"),
    (nothing_returned, "returns None, which no node"),
    (wrong_promise, "returns str but promises int"),
    (step_misspelt, "step 'search' has no parameter 'qery'.*'query'"),
    (step_wrong_type, r"search is list\[str\], but search.query wants str"),
    (set_attribute, "cannot be set"),
    (many_arguments, r"takes \*questions"),
    (coroutine, "is `async def`"),
]


@pytest.mark.parametrize(
    ("function", "told"), MISTAKES, ids=[f.__name__ for f, _ in MISTAKES]
)
def test_mistakes_are_refused_with_place_and_remedy(
    function: Callable[..., Any], told: str
) -> None:
    """Each mistake of wiring is an error at decoration, with file, line and remedy."""
    lm = weft.RefusingLM()

    with weft.use(lm=lm), pytest.raises(GraphError, match=f"(?s){told}") as caught:
        weft.program(function)

    first = function.__code__.co_firstlineno
    place = re.match(rf".*{HERE}:(\d+): ", str(caught.value))
    assert place is not None
    assert first <= int(place[1]) <= first + 3
    assert caught.value.hint
    assert lm.calls == 0


def test_one_module_called_twice_is_two_nodes_and_one_parameter_set() -> None:
    """Calling a module twice gives two nodes that are tuned together."""

    @weft.program
    def twice(question: str) -> str:
        return ask(question=ask(question=question).answer).answer

    tuned = twice.with_parameters({"ask/instruction": "Be brief."})

    assert [node.id for node in twice.structure.nodes] == ["ask", "ask#2"]
    assert list(twice.modules) == ["ask"]
    assert tuned.modules["ask"].parameters.instruction == "Be brief."
    assert twice.modules["ask"].parameters.instruction != "Be brief."


def test_branches_run_side_by_side() -> None:
    """The two arms of a diamond run at once: each waits until the other has begun."""
    begun = {"left": threading.Event(), "right": threading.Event()}

    @weft.step
    def left(text: str) -> str:
        begun["left"].set()
        assert begun["right"].wait(PATIENCE)
        return text

    @weft.step
    def right(text: str) -> str:
        begun["right"].set()
        assert begun["left"].wait(PATIENCE)
        return text

    @weft.step
    def join(one: str, other: str) -> str:
        return one + other

    @weft.program
    def diamond(text: str) -> str:
        first = ask(question=text).answer
        return join(left(first), right(first))

    with weft.use(lm=weft.FunctionLM(answers), cache=None):
        assert diamond(text="a") == "okok"


def test_a_failure_cancels_what_runs_beside_it() -> None:
    """When a node fails its siblings stop, and the error names step and place."""
    begun, ends = asyncio.Event(), list[str]()

    @weft.step
    async def fails(text: str) -> str:
        await begun.wait()
        raise ValueError("no")

    @weft.step
    async def goes_on(text: str) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return text

    @weft.step
    def join(left: str, right: str) -> str:
        return left + right

    @weft.program
    def both(text: str) -> str:
        return join(fails(text), goes_on(text))

    with pytest.raises(weft.errors.StepError, match="step 'fails' raised ValueError"):
        both(text="a")

    assert ends == ["cancelled"]


def test_programs_nest() -> None:
    """A program called in a program is a node, its parameters reachable by path."""

    @weft.program
    def inner(question: str) -> str:
        return ask(question=question).answer

    @weft.program
    def outer(question: str) -> str:
        return inner(question=inner(question=question))

    with weft.use(lm=weft.FunctionLM(answers), cache=None):
        run = outer.run(question="a")
    tuned = outer.with_parameters({"inner/ask/instruction": "Be brief."})

    assert run.value == "ok"
    assert [n.path for n in run.trace.nodes if n.kind == "module"] == ["inner/ask"] * 2
    assert tuned.parameters["inner/ask/instruction"] == "Be brief."


def test_values_in_containers_are_followed() -> None:
    """References inside lists and dicts are wired like any other."""

    @weft.program
    def several(a: str, b: str) -> dict[str, str]:
        return {
            "one": many(questions=[a, b, "c"]).answer,
            "two": ask(question=a).answer,
        }

    with weft.use(lm=weft.FunctionLM(answers), cache=None):
        assert several(a="x", b="y") == {"one": "ok", "two": "ok"}
    assert several.graph.has_edge("b", "many")
    assert "flowchart TD" in several.mermaid()


def test_nested_blocking_steps_do_not_deadlock() -> None:
    """Many blocking steps that each wait for further steps all come to an end."""
    waiting, begun = threading.Event(), itertools.count(1)

    @weft.step
    def leaf(n: int) -> int:
        assert waiting.wait(PATIENCE)
        return n

    @weft.program
    def small(n: int) -> int:
        return leaf(n)

    @weft.step
    def branch(n: int) -> int:
        if next(begun) == 32:
            waiting.set()
        return small(n=n)

    @weft.program
    def big(n: int) -> int:
        return branch(n)

    rows = [{"n": n} for n in range(300)]

    assert big.batch(rows, concurrency=300) == list(range(300))


async def test_plain_calls_work_inside_a_running_loop() -> None:
    """A synchronous call works in a notebook, where a loop is already running."""

    @weft.program
    def qa(question: str) -> str:
        return ask(question=question).answer

    with weft.use(lm=weft.FunctionLM(answers), cache=None):
        assert qa(question="a") == "ok"
        assert await qa.acall(question="a") == "ok"


def test_calls_are_checked_before_anything_runs() -> None:
    """A misspelt input of a program is refused, and nothing is paid for."""

    @weft.program
    def qa(question: str) -> str:
        return ask(question=question).answer

    lm = weft.RefusingLM()
    with (
        weft.use(lm=lm),
        pytest.raises(weft.errors.CallError, match="Did you mean 'question'"),
    ):
        qa(qestion="a")  # type: ignore[call-arg]

    assert lm.calls == 0

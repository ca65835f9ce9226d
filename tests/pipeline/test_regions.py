"""Control flow as data: each, branch, switch, loop, after, and agent steps."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.pipeline.answers import echo, model
from tests.timing import PATIENCE, settled
from weft.compilers.search.counting import (
    EACH_ITEMS,
    calls_bound,
    calls_plain,
    is_bounded,
)
from weft.errors import ArtifactError, CallError, ConfigError, ModelError, StepError
from weft.pipeline.signature.types import type_name

Team = Literal["cards", "loans"]


class Mood(Enum):
    """An enum."""

    GLAD = "glad"
    SAD = "sad"


@dataclass(frozen=True)
class Draft:
    """What a loop carries on."""

    text: str
    done: bool = False


summarize = weft.Predict("question, passage -> summary: str")
answer = weft.Predict("question, notes: list[str] -> answer: str")
critic = weft.Predict("draft -> advice: str")
route = weft.Predict("message -> team: Team", types={"Team": Team})


@weft.step
def search(query: str, k: int = 3) -> list[str]:
    return [f"{query}{n}" for n in range(k)]


@weft.step
def is_long(text: str) -> bool:
    return len(text) > 8


@weft.step
def grow(text: str) -> str:
    return text + "!"


@weft.step
def mood_of(text: str) -> Mood:
    return Mood.SAD if "sad" in text else Mood.GLAD


@weft.step
def improve(draft: Draft) -> Draft:
    longer = draft.text + "+"
    return Draft(longer, len(longer) > 3)


def mapped(question: str) -> list[str]:
    return weft.each(
        search(question), lambda p: summarize(question=question, passage=p).summary
    )


def branched(question: str) -> str:
    return weft.branch(
        is_long(question),
        lambda: critic(draft=question).advice,
        lambda: answer(question=question, notes=[question]).answer,
    )


def switched(message: str) -> str:
    return weft.switch(
        mood_of(message),
        {Mood.SAD: lambda: critic(draft=message).advice, Mood.GLAD: lambda: "fine"},
    )


def looped(text: str) -> str:
    return weft.loop(text, grow, until=is_long, at_most=20)


def nested(question: str) -> list[str]:
    def work(passage: str) -> str:
        return weft.branch(
            is_long(passage),
            lambda: passage,
            lambda: weft.loop(
                passage,
                lambda text: grow(f_of(text, question)),
                until=is_long,
                at_most=2,
            ),
        )

    return weft.each(search(question, 2), work)


@weft.step
def f_of(text: str, question: str) -> str:
    return f"{text}/{question}"


FUNCTIONS = [mapped, branched, switched, looped, nested]
INPUTS = ["hi", "a long question", "sad"]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("text", INPUTS)
def test_a_region_means_the_same_in_a_program_and_outside(
    function: Any, text: str
) -> None:
    """The same function gives the same value at once, traced, and saved and loaded."""
    program = weft.program(function)
    with weft.use(lm=model(echo), cache=None):
        eager = function(text)
        traced = program(text)

    assert eager == traced


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_region_survives_save_and_load(function: Any, tmp_path: Path) -> None:
    """Regions are data in the artifact: same hash, same values, same counts."""
    program = weft.program(function)
    path = weft.save(program, tmp_path / "made.weft.json")
    steps = [search, is_long, grow, mood_of, f_of]

    loaded = weft.load(path, steps=steps)
    live = weft.load(path, program=program)

    assert loaded.structure.hash == program.structure.hash == live.structure.hash
    assert calls_bound(loaded) == calls_bound(program)
    with weft.use(lm=model(echo), cache=None):
        for text in INPUTS:
            assert loaded(text) == program(text)


def test_types_of_regions_are_known_before_anything_runs() -> None:
    """each gives a list, branch a union, a loop the type it starts with."""

    @weft.program
    def kinds(question: str) -> Any:
        pages = weft.each(search(question), is_long)
        either = weft.branch(is_long(question), lambda: question, lambda: search("x"))
        maybe = weft.switch(
            mood_of(question), {Mood.SAD: lambda: None}, default=lambda: question
        )
        draft = weft.loop(start(question), improve, until=lambda d: d.done, at_most=9)
        return [pages, either, maybe, draft, draft.text]

    found = [
        type_name(kind) for kind in (node.result for node in kinds.structure.nodes)
    ]

    assert found[1] == "list[bool]"
    assert "str | list[str]" in found
    assert "None | str" in found
    assert "Draft" in found


@weft.step
def start(text: str) -> Draft:
    return Draft(text)


def test_only_the_arm_that_is_taken_costs_anything() -> None:
    """A branch calls the model of one arm, once."""
    program = weft.program(branched)
    lm = model(echo)
    with weft.use(lm=lm, cache=None):
        run = program.run("a long question")

    assert lm.calls == 1
    assert [node.path for node in run.trace.nodes] == ["is_long", "branch", "critic"]


def test_a_loop_stops_where_it_should() -> None:
    """`until` is asked before every round; `at_most` bounds the rounds."""
    program = weft.program(looped)

    assert program("123456789") == "123456789"
    assert program("1") == "1!!!!!!!!"

    @weft.program
    def bounded(text: str) -> str:
        return weft.loop(text, grow, at_most=3)

    assert bounded("1") == "1!!!"


def test_each_keeps_the_order_and_runs_side_by_side() -> None:
    """Results come in the order of the items, though later items end first."""
    running, most = 0, 0
    beside = asyncio.Barrier(40)

    @weft.step
    async def slow(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        async with asyncio.timeout(PATIENCE):
            await beside.wait()
        for _ in range(40 - n):
            await asyncio.sleep(0)
        running -= 1
        return n * n

    @weft.program
    def squares(numbers: list[int]) -> list[int]:
        return weft.each(numbers, slow)

    @weft.program
    def squares_by_two(numbers: list[int]) -> list[int]:
        return weft.each(numbers, slow, at_once=2)

    assert squares(list(range(40))) == [n * n for n in range(40)]
    assert most == 40
    most, beside = 0, asyncio.Barrier(2)
    assert squares_by_two(list(range(8))) == [n * n for n in range(8)]
    assert most == 2


def test_each_over_nothing_gives_nothing() -> None:
    """An empty list is a list."""
    program = weft.program(mapped)
    with weft.use(lm=model(echo)):
        assert weft.each([], grow) == []
        assert weft.program(lambda_free)([]) == []
    assert program.structure.nodes[1].kind == "each"


def lambda_free(texts: list[str]) -> list[str]:
    return weft.each(texts, grow)


def test_the_earliest_item_s_error_is_raised_and_the_others_stop() -> None:
    """A failing item cancels the others; nothing of them goes on afterwards."""
    begun, cancelled = asyncio.Semaphore(0), list[int]()

    @weft.step
    async def work(n: int) -> int:
        if n == 3:
            for _ in range(7):
                await begun.acquire()
            raise ValueError("three")
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(n)
        return n

    @weft.program
    def all_of(numbers: list[int]) -> list[int]:
        return weft.each(numbers, work)

    with pytest.raises(StepError, match="ValueError: three"):
        all_of(list(range(8)))

    assert sorted(cancelled) == [0, 1, 2, 4, 5, 6, 7]


def test_values_that_cannot_decide_are_errors_not_guesses() -> None:
    """An unannotated step may give anything; no truthiness is guessed from it."""

    @weft.step
    def loose(text):  # type: ignore[no-untyped-def]
        return text

    @weft.program
    def by_truth(text: str) -> str:
        return weft.branch(loose(text), lambda: grow(text), lambda: text)

    @weft.program
    def by_label(text: str) -> str:
        return weft.switch(
            route(message=text).team,
            {"cards": lambda: grow(text), "loans": lambda: text},
        )

    @weft.program
    def over(text: str) -> list[str]:
        return weft.each(loose(text), grow)

    with pytest.raises(StepError, match="got 'no', and only a bool decides"):
        by_truth("no")
    with pytest.raises(StepError, match="only a list can be gone over"):
        over("no")
    with weft.use(lm=model(lambda *_: "loans"), cache=None):
        assert by_label("x") == "x"
    with pytest.raises(StepError, match="has no case; it has 'a'"):
        weft.switch("b", {"a": lambda: 1})
    with pytest.raises(StepError, match="only a bool decides"):
        weft.branch("yes", lambda: 1, lambda: 2)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at_once=0"):
        weft.each([1], lambda n: n, at_once=0)


TWO: Any = {"two": lambda one, two: one, "none": lambda: True, "number": 3}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: weft.each([1, 2], TWO["two"]),
            "each: 'body' is given a function that",
        ),
        (lambda: weft.each([1], TWO["number"]), "each: 'body' is no function. Write a"),
        (lambda: weft.each(TWO["number"], str), "each: 3 cannot be gone over. Give a"),
        (lambda: weft.branch(True, TWO["two"], str), "branch: 'then' is given"),
        (lambda: weft.branch(False, str, TWO["two"]), "called with 0 arguments. Write"),
        (lambda: weft.switch("a", {"a": TWO["two"]}), "switch: 'a' is given"),
        (lambda: weft.switch("b", {}, default=TWO["two"]), "switch: 'default' is"),
        (lambda: weft.loop(1, TWO["none"], at_most=2), "loop: 'body' is given"),
        (lambda: weft.loop(1, abs, until=TWO["none"], at_most=2), "loop: 'until' is"),
    ],
)
def test_a_function_that_takes_something_else_is_told(
    call: Callable[[], Any], said: str
) -> None:
    """Outside a program as in one; what a function itself raises stays."""
    with pytest.raises(CallError, match=re.escape(said)):
        call()
    with pytest.raises(TypeError, match="has no len"):
        weft.each([TWO["number"]], len)


def test_a_body_may_use_values_around_it_however_deep() -> None:
    """Closures reach inputs, outer nodes and outer parameters; edges say so."""
    program = weft.program(nested)

    run = program.run("q")

    assert run.value == ["q0/q!/q!", "q1/q!/q!"]
    each = program.structure.nodes[1]
    assert each.needs == ("search",)
    assert "$input.question" in each.sources
    orders = [node.order for node in run.trace.nodes]
    assert orders == sorted(orders)
    assert sum(node.path == "loop" for node in run.trace.nodes) == 2


def test_one_module_in_and_out_of_a_region_shares_its_parameters() -> None:
    """Bodies call the program's own modules: one name, one parameter set."""

    @weft.program
    def twice(question: str) -> str:
        first = critic(draft=question).advice
        return weft.loop(first, lambda t: critic(draft=t).advice, at_most=1)

    lm = model(echo)
    tuned = twice.with_parameters({"critic/instruction": "Be kind."})

    with weft.use(lm=lm, cache=None):
        tuned("x")
    assert list(twice.modules) == ["critic"]
    assert [r.messages[0].content.endswith("Be kind.") for r in lm.requests] == [
        True
    ] * 2


def test_calls_are_counted_through_regions() -> None:
    """A branch counts its dearest arm, a loop all rounds, an each a stated guess."""

    @weft.program
    def rounds(question: str) -> str:
        return weft.loop(question, lambda t: critic(draft=t).advice, at_most=5)

    assert calls_bound(rounds) == 5 * 2
    assert calls_plain(rounds) == 1
    assert calls_bound(weft.program(branched)) == 2
    assert calls_plain(weft.program(mapped)) == EACH_ITEMS
    assert is_bounded(rounds)
    assert not is_bounded(weft.program(mapped))


def test_programs_nest_in_regions() -> None:
    """A program may be the body of a region; its modules keep their paths."""
    one = weft.program(branched)

    @weft.program
    def many(questions: list[str]) -> list[str]:
        return weft.each(questions, one)

    with weft.use(lm=model(echo), cache=None):
        run = many.run(["hi", "a long question"])

    assert run.value == ['answer(hi|["hi"])', "advice(a long question)"]
    assert list(many.modules) == ["branched/critic", "branched/answer"]
    paths = [node.path for node in run.trace.nodes if node.kind == "module"]
    assert paths == ["branched/answer", "branched/critic"]


def test_after_orders_steps_that_share_no_value() -> None:
    """`after=` makes a step wait, in the graph, in the picture and in the file."""
    done: list[str] = []

    @weft.step
    async def save(text: str) -> None:
        await settled()  # whatever does not wait for it gets ahead of it
        done.append("saved")

    @weft.step
    async def notify(text: str) -> None:
        done.append("notified")

    @weft.program
    def ordered(text: str) -> str:
        saved = save(text)
        notify(text, after=saved)
        return text

    ordered("x")

    assert done == ["saved", "notified"]
    assert ordered.structure.nodes[1].needs == ("save",)
    assert "after=save" in repr(ordered)
    assert '"after"' in str(ordered.structure.describe()).replace("'", '"')


class TestAgents:
    """@step(uses=[...]): Python loops whose modules stay visible and tunable."""

    def program(self) -> Any:
        @weft.step(name="look_up")
        def tool(word: str) -> str:
            return word.upper()

        @weft.step(uses=[critic, tool])
        def agent(goal: str, rounds: int = 2) -> str:
            text = goal
            for _ in range(rounds):
                text = tool(critic(draft=text).advice)
            return text

        @weft.program
        def solve(goal: str) -> str:
            return agent(goal)

        return solve

    def test_its_modules_are_parameters_by_path(self) -> None:
        """The modules a step uses are the program's, below the step's name."""
        solve = self.program()

        assert list(solve.modules) == ["agent/critic"]
        assert "agent/critic/instruction" in solve.parameters

    def test_the_tuned_module_is_the_one_that_runs(self) -> None:
        """The function still says `critic`; what runs is the tuned version."""
        solve = self.program()
        tuned = solve.with_parameters({"agent/critic/instruction": "Be brief."})
        lm = model(echo)

        with weft.use(lm=lm, cache=None):
            tuned("x")
            solve("x")

        ends = [r.messages[0].content.endswith("Be brief.") for r in lm.requests]
        assert ends == [True, True, False, False]

    def test_it_is_traced_below_the_step(self) -> None:
        """Calls stand below the step, in the order in which they were made."""
        with weft.use(lm=model(echo), cache=None):
            trace = self.program().run("x").trace

        assert [(node.path, node.order) for node in trace.nodes] == [
            ("agent", (0,)),
            ("agent/critic", (0, 0)),
            ("agent/look_up", (0, 1)),
            ("agent/critic", (0, 2)),
            ("agent/look_up", (0, 3)),
        ]

    async def test_it_may_be_async_and_use_programs(self) -> None:
        """An async agent awaits; a program it uses is tuned and traced as well."""
        inner = weft.program(branched)

        @weft.step(uses=[inner])
        async def agent(goal: str) -> str:
            return await inner.acall(goal)

        @weft.program
        def solve(goal: str) -> str:
            return agent(goal)

        path = "agent/branched/answer"
        tuned = solve.with_parameters({f"{path}/instruction": "Be brief."})
        lm = model(echo)
        with weft.use(lm=lm, cache=None):
            run = await tuned.arun("hi")

        assert run.trace.nodes[-1].path == path
        assert lm.requests[0].messages[0].content.endswith("Be brief.")

    def test_it_survives_save_and_load(self, tmp_path: Path) -> None:
        """Tuned parameters of used modules are in the file and come back out."""
        solve = self.program()
        tuned = solve.with_parameters({"agent/critic/instruction": "Be brief."})
        path = weft.save(tuned, tmp_path / "solve.weft.json")
        lm = model(echo)

        loaded = weft.load(path, steps=[solve.steps["agent"]])
        again = weft.load(path, program=solve)

        assert loaded.parameters["agent/critic/instruction"] == "Be brief."
        assert again.parameters["agent/critic/instruction"] == "Be brief."
        with weft.use(lm=lm, cache=None):
            loaded("x")
        assert lm.requests[0].messages[0].content.endswith("Be brief.")
        other = weft.step(name="agent")(lambda goal, rounds: goal)
        with pytest.raises(ArtifactError, match="lacks the module 'critic'"):
            weft.load(path, steps=[other])

    def test_two_runs_at_once_do_not_mix(self) -> None:
        """Which version runs hangs on the run, not on the process."""
        solve = self.program()
        lm = model(echo, seconds=0.02)
        texts = [f"Variant {n}." for n in range(6)]
        programs = [
            solve.with_parameters({"agent/critic/instruction": t}) for t in texts
        ]

        def run(position: int) -> None:
            with weft.use(lm=lm, cache=None):
                programs[position](f"goal{position}")

        threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for request in lm.requests:
            position = texts.index(request.messages[0].content.rsplit("\n", 1)[-1])
            asked = request.messages[-1].content.lower()
            assert f"goal{position}" in asked


def test_a_failing_model_in_a_body_is_the_run_s_error() -> None:
    """Errors keep their type and name the module through any region."""

    def failing(given: Mapping[str, str], field: str) -> str:
        raise ModelError("down", model="fake")

    program = weft.program(mapped)

    with (
        weft.use(lm=model(failing), cache=None),
        pytest.raises(ModelError, match="down"),
    ):
        program("x")

"""Each call around a compile has an asynchronous form, which does the same."""

from __future__ import annotations

import asyncio
import inspect
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import pytest

import weft
from weft.pipeline.run import bridge

TWINS = (
    *("draft", "revise", "technique_from_text", "critique", "cold_read", "interview"),
    *("synthesize", "faithfulness", "agreement", "gate", "perturb", "red_team"),
    "side_by_side",
)
ROWS = [
    {"id": f"r{n}", "text": f"case {n} is {'glad' if n % 2 else 'sad'}", "mood": mood}
    for n, mood in enumerate(["sad", "glad", "sad", "glad"])
]
Mood = Literal["glad", "sad"]
FEEL = weft.Predict(
    "text -> mood: Mood",
    "Say of the `text` what it is.",
    name="feel",
    types={"Mood": Mood},
)


def answers(request: weft.Request) -> str:
    """A model for all of them: it fills each field that is asked for."""
    system, text = request.messages[0].content, request.messages[-1].content
    values = {
        "instruction": "Read the `text`, and say its mood.",
        "mood": "glad" if "glad" in text else "sad",
        "unclear": '[{"span": "what it is", "question": "Of two?"}]',
        "missing": '["Who wrote it."]',
        "question": "",
        "cases": '[{"text": "quite another thing"}]',
        "written": "CASE",
        "reasoning": "One. Two.",
        "technique": "Think in steps.",
    }
    found = [re.search(rf"\[\[ {name}(#\d+)? \]\]", system) for name in values]
    said = [
        f"{hit[0]}\n{values[n]}" for n, hit in zip(values, found, strict=True) if hit
    ]
    return "\n".join([*said, "[[ /end ]]"])


def exact(example: Any, given: Any) -> bool:
    """The label."""
    return bool(given == example.mood or getattr(given, "mood", None) == example.mood)


@weft.program
def program(text: str) -> str:
    """What the module says."""
    return FEEL(text=text).mood


THINKS = weft.ChainOfThought("text -> mood", name="thinks")
CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "draft": (("Tell moods.", FEEL), {}),
    "revise": ((FEEL, "Say it shorter."), {}),
    "critique": ((FEEL,), {}),
    "cold_read": ((FEEL, ROWS), {"k": 2}),
    "interview": ((FEEL, lambda question: "Both count."), {"most": 1}),
    "faithfulness": ((THINKS, ROWS), {}),
    "agreement": ((program, ROWS), {"repeats": 2}),
    "gate": ((program, ROWS, exact), {"suites": ["noise", "red-team"]}),
    "perturb": ((ROWS, ["lower"]), {"inputs": ["text"]}),
    "red_team": ((program, ROWS), {"families": ["many-shot"]}),
    "side_by_side": (([program], ROWS, exact), {}),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_takes_what_the_call_takes(name: str) -> None:
    """The same arguments by name, order and default, and what it gives is awaited."""
    one, other = (getattr(weft, each) for each in (name, f"a{name}"))

    assert inspect.iscoroutinefunction(inspect.unwrap(other))
    given, awaited = inspect.signature(one), inspect.signature(other)
    assert [*given.parameters] == [*awaited.parameters]
    for mine, theirs in zip(
        given.parameters.values(), awaited.parameters.values(), strict=True
    ):
        assert (mine.kind, mine.default) == (theirs.kind, theirs.default)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_twin_gives_the_same(name: str) -> None:
    """Of the same model, whichever is asked."""
    positional, named = CALLS[name]

    def scope() -> Any:
        return weft.use(lm=weft.FunctionLM(answers, model="twin"), cache=None)

    async def awaited() -> Any:
        return await getattr(weft, f"a{name}")(*positional, **named)

    with scope():
        one = getattr(weft, name)(*positional, **named)
    with scope():
        other = asyncio.run(awaited())

    assert str(one) == str(other)
    assert type(one) is type(other)


def test_several_run_at_once_on_one_loop() -> None:
    """Two drafts wait for each other's request, which on a blocked loop never comes."""

    async def both() -> list[Any]:
        met = asyncio.Barrier(2)

        async def meets(request: weft.Request) -> str:
            await met.wait()
            return answers(request)

        with weft.use(lm=weft.FunctionLM(meets, model="twin"), cache=None):
            drafts = (weft.adraft(f"Tell moods, {n}.", FEEL) for n in range(2))
            return await asyncio.gather(*drafts)

    made = asyncio.run(both())

    assert [one.message for one in made] == ["Tell moods, 0.", "Tell moods, 1."]


def test_a_person_may_be_awaited_in_an_interview() -> None:
    """On the caller's loop; the answers stand in the instruction."""
    homes: list[bool] = []

    async def run() -> weft.Interview:
        home = asyncio.get_running_loop()

        async def answer(question: str) -> str:
            await asyncio.sleep(0)
            homes.append(asyncio.get_running_loop() is home)
            return f"As I said of {len(question)}."

        return await weft.ainterview(FEEL, answer, most=1)

    with weft.use(lm=weft.FunctionLM(answers, model="twin"), cache=None):
        made = asyncio.run(run())

    assert homes == [True]
    assert made.asked[0].answer.startswith("As I said of")


def test_a_change_that_asks_a_model_holds_up_no_loop() -> None:
    """It runs in a thread, where a synchronous call may wait."""
    rewrite = weft.Predict("text -> written", name="rewrite")
    here: list[bool] = []

    def change(text: str, rng: random.Random) -> str:
        del rng
        here.append(bridge.on_loop())
        return str(rewrite(text=text).written)

    async def run() -> list[weft.Example]:
        return await weft.aperturb(ROWS, {"own": change}, inputs=["text"])

    with weft.use(lm=weft.FunctionLM(answers, model="twin"), cache=None):
        made = asyncio.run(run())

    assert {row.text for row in made} == {"CASE"}
    assert here == [False] * len(ROWS)


def test_what_is_wrong_is_told_as_by_the_call() -> None:
    """Before a model is asked."""

    async def awaited(call: Callable[[], Awaitable[Any]]) -> Any:
        return await call()

    with weft.use(lm=weft.RefusingLM()):
        for call in (
            lambda: weft.adraft(" ", FEEL),
            lambda: weft.agate(program, ROWS, exact, suites=["nois"]),
            lambda: weft.aperturb(ROWS, ["lowr"], inputs=["text"]),
            lambda: weft.asynthesize(FEEL, 0),
        ):
            with pytest.raises(weft.errors.ConfigError):
                asyncio.run(awaited(call))

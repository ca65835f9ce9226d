"""Equal calls in one body are one request; who may want several answers is told."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import weft
from weft.pipeline.graph.module import Call, Module
from weft.pipeline.run import context

SAID = "was asked the same twice in one body"
ask = weft.Predict("question -> answer", name="ask", temperature=0.8)
plain = weft.Predict("question -> answer", name="plain")
cold = weft.Predict("question -> answer", name="cold", temperature=0)
best = weft.Vote(ask, n=2, name="best")


@weft.program
def qa(question: str) -> str:
    """A program that a step calls."""
    return ask(question=question).answer  # type: ignore[no-any-return]


class Thrice(Module[..., Any]):
    """A body that asks its part three times."""

    kind = "test.Thrice"

    def __init__(self, part: Any, tries: bool, name: str | None = None) -> None:
        self._like(part, name)
        self._part, self._tries = part, tries

    def parts(self) -> Mapping[str, Any]:
        """The part."""
        return {"part": self._part}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask three times, as three tries or not."""
        made = [
            await call(self._part, inputs, sample=n if self._tries else None)
            for n in range(3)
        ]
        return made[-1]


same = Thrice(ask, tries=False, name="same")
tries = Thrice(ask, tries=True, name="tries")


def sampled(q: str) -> list[Any]:
    """Several samples, as the remedy says."""
    made: list[Any] = []
    for number in range(3):
        with weft.use(sample=number):
            made.append(ask(question=q))
    return made


async def gathered(q: str) -> Any:
    """Side by side."""
    return await asyncio.gather(*(ask.acall(question=q) for _ in range(3)))


def bare(q: str) -> list[Any]:
    """A model without a module."""
    lm = weft.LM("embedded", temperature=0.5)
    return [lm(q) for _ in range(3)]


def bare_sampled(q: str) -> list[Any]:
    """The same, each another sample."""
    lm = weft.LM("embedded", temperature=0.5)
    return [lm(q, sample=n) for n in range(3)]


TOLD: dict[str, Callable[[str], Any]] = {
    "a loop": lambda q: [ask(question=q) for _ in range(3)],
    "side by side": gathered,
    "no temperature is said": lambda q: [plain(question=q) for _ in range(2)],
    "a copy": lambda q: [ask.with_(repairs=0)(question=q) for _ in range(2)],
    "a program": lambda q: [qa(q) for _ in range(2)],
    "a module of tries": lambda q: [best(question=q) for _ in range(2)],
    "a body": lambda q: same(question=q),
    "a bare model": bare,
}
FINE: dict[str, Callable[[str], Any]] = {
    "once": lambda q: ask(question=q),
    "other questions": lambda q: [ask(question=f"{q} {n}") for n in range(3)],
    "temperature 0": lambda q: [cold(question=q) for _ in range(3)],
    "samples": sampled,
    "tries": lambda q: tries(question=q),
    "a vote": lambda q: best(question=q),
    "samples of a bare model": bare_sampled,
}


def agent(body: Callable[[str], Any], **options: Any) -> Any:
    """A program of one step, and that is the body."""
    used: list[Any] = [ask, plain, cold, best, qa, same, tries]
    if inspect.iscoroutinefunction(body):

        async def later(question: str) -> int:
            await body(question)
            return 1

        step: Any = weft.step(name="agent", uses=used, **options)(later)
    else:

        def now(question: str) -> int:
            body(question)
            return 1

        step = weft.step(name="agent", uses=used, **options)(now)

    @weft.program
    def answered(question: str) -> int:
        return step(question)  # type: ignore[no-any-return]

    return answered


@pytest.fixture(autouse=True)
def lm(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A model whose answers differ; nobody was told of anything yet."""
    monkeypatch.setattr(context, "_told", set[str]())
    count, sent = itertools.count(), list[int]()

    def answer(request: Any) -> str:
        del request
        sent.append(next(count))
        return f"[[ answer ]]\n{sent[-1]}"

    with weft.use(lm=weft.FunctionLM(answer), cache=weft.MemoryCache()):
        yield sent


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of equal calls."""
    return [r.getMessage() for r in caplog.records if SAID in r.getMessage()]


@pytest.mark.parametrize("body", TOLD)
def test_equal_calls_are_told_of_once(
    body: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the remedy, however often the program runs."""
    caplog.set_level(logging.WARNING, "weft")
    program = agent(TOLD[body])

    program("first")
    program("second")

    said = told(caplog)
    assert len(said) == 1
    assert "sample=1" in said[0]


@pytest.mark.parametrize("body", FINE)
def test_what_asks_otherwise_is_not_told(
    body: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Samples, other inputs, and temperature 0, where nobody wants another answer."""
    program = agent(FINE[body])

    program("first")
    program("first")

    assert told(caplog) == []


def test_two_nodes_of_a_program(caplog: pytest.LogCaptureFixture) -> None:
    """Two calls in a program's function with the same arguments are one request."""

    @weft.program
    def twice(question: str) -> list[str]:
        return [ask(question=question).answer, ask(question=question).answer]

    @weft.program
    def other(question: str) -> list[str]:
        first = plain(question=question).answer
        return [first, plain(question=first).answer]

    first, second = twice("q")
    other("q")

    assert first == second
    assert len(told(caplog)) == 1
    assert told(caplog)[0].startswith("ask ")


def test_items_that_come_twice_are_no_slip(caplog: pytest.LogCaptureFixture) -> None:
    """`each` goes over data, and data repeats itself; rows do too."""

    @weft.program
    def every(questions: list[str]) -> list[str]:
        return weft.each(questions, lambda q: ask(question=q).answer)

    every(["a", "a", "b"])
    ask.batch([{"question": "a"}] * 3)

    assert told(caplog) == []


def test_another_attempt_of_a_step_may_ask_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """That is what a retry is for."""
    failures = iter([True, False])

    def body(q: str) -> None:
        ask(question=q)
        if next(failures):
            raise ValueError("not yet")

    agent(body, retries=1)("q")

    assert told(caplog) == []


def test_without_a_cache_equal_calls_are_several(
    caplog: pytest.LogCaptureFixture, lm: list[int]
) -> None:
    """One after the other each is sent, and nothing is told."""
    with weft.use(cache=None):
        agent(lambda q: [ask(question=q) for _ in range(3)])("q")

    assert len(lm) == 3
    assert told(caplog) == []

"""A budget that ends in the middle: what is in flight is paid for, and is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.server import Reply, Server
from weft.errors import BudgetExceeded

answer = weft.Predict("question -> answer: str", name="answer")
other = weft.Predict("question -> answer: str", "Otherwise.", name="other")
third = weft.Predict("question -> answer: str", "At last.", name="third")
ROWS = [{"question": f"q{n}", "answer": "yes"} for n in range(12)]
BOUGHT = 4

RUNS: dict[str, Callable[[Path], Any]] = {
    "evaluate": lambda _: weft.evaluate(
        answer, ROWS, weft.metrics.exact("answer"), concurrency=12
    ),
    "batch": lambda _: answer.batch(ROWS, concurrency=12),
    "keep": lambda _: answer.batch(ROWS, concurrency=12, on_error="keep"),
    "file": lambda folder: weft.batch_to(
        answer, ROWS, folder / "out.jsonl", concurrency=12
    ),
}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that is still at work when the budget has ended."""
    refused, real = threading.Event(), BudgetExceeded.__init__

    def made(self: BudgetExceeded, *args: Any, **named: Any) -> None:
        real(self, *args, **named)
        refused.set()

    monkeypatch.setattr(BudgetExceeded, "__init__", made)
    reply = Reply("[[ answer ]]\nyes", until=refused.is_set)
    with Server(lambda _: reply) as server:
        yield server


@pytest.mark.parametrize("name", RUNS)
def test_what_is_in_flight_ends_and_is_kept(
    name: str, slow: Server, tmp_path: Path
) -> None:
    """The next run asks for what is missing, and for nothing else."""
    cache = weft.Cache(tmp_path / "cache")
    lm = weft.LM("openai/m", api_base=slow.url, api_key="none")
    with weft.use(lm=lm, cache=cache, budget=BOUGHT), pytest.raises(BudgetExceeded):
        RUNS[name](tmp_path)
    assert slow.count == cache.stats().disk_entries == BOUGHT

    with weft.use(lm=lm, cache=cache):
        RUNS[name](tmp_path)
    assert slow.count == len(ROWS)


def test_branches_that_are_in_flight_end_too(slow: Server, tmp_path: Path) -> None:
    """Of three modules side by side the third is refused; the two bring answers."""

    @weft.step
    def joined(one: str, two: str, three: str) -> str:
        return one + two + three

    @weft.program
    def wide(question: str) -> str:
        one, two = answer(question=question), other(question=question)
        return joined(one.answer, two.answer, third(question=question).answer)

    cache = weft.Cache(tmp_path)
    lm = weft.LM("openai/m", api_base=slow.url, api_key="none")
    with weft.use(lm=lm, cache=cache):
        with weft.use(budget=2), pytest.raises(BudgetExceeded):
            wide("q")
        assert slow.count == cache.stats().disk_entries == 2
        assert wide("q") == "yesyesyes"
    assert slow.count == 3


def test_lines_that_are_there_are_written_before_a_budget_ends(tmp_path: Path) -> None:
    """Without a cache the file is all that keeps them."""
    path = tmp_path / "out.jsonl"
    with Server(lambda _: Reply("[[ answer ]]\nyes")) as server:
        lm = weft.LM("openai/m", api_base=server.url, api_key="none")
        with weft.use(lm=lm, cache=None):
            with weft.use(budget=BOUGHT), pytest.raises(BudgetExceeded):
                weft.batch_to(answer, ROWS, path, concurrency=1)
            assert len(path.read_text().splitlines()) == BOUGHT
            done = weft.batch_to(answer, ROWS, path)

        assert server.count == len(ROWS) == done.rows

"""A budget does not care what happens to the cache, or to the processes beside it.

What is charged is worked out anew, by a few lines of arithmetic, for any sequence of
calls, cancellations, new runs, killed processes and spoilt entries.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.pipeline.lm.dying import Elsewhere, question, reply
from tests.pipeline.lm.support import sql
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.call import call
from weft.pipeline.errors import BudgetExceeded
from weft.pipeline.lm.context import token_bounds
from weft.pipeline.lm.fakes import FunctionLM
from weft.pipeline.lm.request import Request, Response

NUMBERS = st.integers(0, 11)


@dataclass
class Book:
    """What a ledger must say: limits, what is spent, and what was charged before."""

    calls: int
    tokens: int
    spent: tuple[int, int] = (0, 0)
    charged: set[int] = field(default_factory=set[int])

    def admits(self, number: int, *, kept: bool) -> bool:
        """Whether a request is let in, and then what it costs."""
        asked = question(number)
        calls, tokens = self.spent
        if number in self.charged and kept:
            return True
        if calls + 1 > self.calls or tokens + sum(token_bounds(asked)) > self.tokens:
            return False
        usage = reply(asked).usage
        assert usage is not None
        self.spent = calls + 1, tokens + usage.input_tokens + usage.output_tokens
        self.charged.add(number)
        return True

    def loses(self, number: int) -> bool:
        """Whether a request is sent, when its answer will never be known."""
        calls, tokens = self.spent
        most = sum(token_bounds(question(number)))
        if calls + 1 > self.calls or tokens + most > self.tokens:
            return False
        self.spent = calls + 1, tokens + most
        self.charged.discard(number)
        return True


class BudgetMachine(RuleBasedStateMachine):
    """Ledgers over one cache against the arithmetic of `Book`."""

    elsewhere: Elsewhere

    @initialize(calls=st.integers(0, 12), tokens=st.integers(0, 900))
    def start(self, calls: int, tokens: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.cache = Cache(self.folder.name)
        self.limits = calls, tokens
        self.kept: set[int] = set()
        self.sent: list[int] = []
        self.lm = FunctionLM(self.answered)
        self.new_run()

    def answered(self, request: Request) -> Response:
        self.sent.append(int(request.messages[-1].content))
        return reply(request)

    async def one(self, number: int, lm: FunctionLM) -> bool:
        """Whether the budget let a call through."""
        try:
            await call(question(number), lm, cache=self.cache, ledger=self.ledger)
        except BudgetExceeded:
            return False
        return True

    @rule()
    def new_run(self) -> None:
        """A run that ended, however it did: the next one has a budget of its own."""
        calls, tokens = self.limits
        self.ledger = Ledger(Budget(calls=calls, tokens=tokens))
        self.book = Book(calls, tokens)

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=8, unique=True))
    def ask(self, numbers: list[int]) -> None:
        """Side by side: it costs, and lets in, what one after the other would."""

        async def all_of() -> list[bool]:
            return await asyncio.gather(*(self.one(n, self.lm) for n in numbers))

        before = len(self.sent)
        found = asyncio.run(all_of())

        let = [self.book.admits(n, kept=n in self.kept) for n in numbers]
        assert found == let
        through = {n for n, ok in zip(numbers, let, strict=True) if ok}
        assert set(self.sent[before:]) == through - self.kept
        assert len(self.sent[before:]) == len(through - self.kept)
        self.kept |= through

    @rule(number=NUMBERS)
    def cancel(self, number: int) -> None:
        """A call is cancelled in flight: it counts in full, and may be asked again."""
        if number in self.kept:
            return
        under_way = asyncio.Event()

        class Hanging(FunctionLM):
            async def complete(self, request: Request) -> Response:
                under_way.set()
                return await asyncio.Event().wait() or Response("never")

        async def cancelled() -> bool:
            lm = Hanging(lambda _: "never")
            task = asyncio.create_task(self.one(number, lm))
            sent = asyncio.create_task(under_way.wait())
            await asyncio.wait({task, sent}, return_when=asyncio.FIRST_COMPLETED)
            sent.cancel()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return under_way.is_set()

        assert asyncio.run(cancelled()) == self.book.loses(number)

    @rule(
        numbers=st.lists(NUMBERS, min_size=1, max_size=8),
        microseconds=st.none() | st.integers(1, 8_000),
    )
    def ask_elsewhere(self, numbers: list[int], microseconds: int | None) -> None:
        """Another process with a budget like ours asks, and may be killed meanwhile."""
        calls, tokens = self.limits
        said, ended = self.elsewhere.do(
            self.folder.name,
            microseconds,
            kind="ask",
            numbers=numbers,
            calls=calls,
            tokens=tokens,
        )

        book, before = Book(calls, tokens), set(self.kept)
        expected: list[list[str]] = []
        for number in numbers:
            kept = number in self.kept
            let = book.admits(number, kept=kept)
            if let and not kept:
                expected.append(["sent", str(number)])
                self.kept.add(number)
            expected.append(["done" if let else "refused", str(number)])
        expected.append(["spent", *map(str, book.spent)])
        assert said == expected[: len(said)]
        assert len(said) == len(expected) or not ended
        if not ended:
            answered = {int(words[1]) for words in said if words[0] == "done"}
            self.look(before | answered)

    @rule(number=NUMBERS)
    def spoil(self, number: int) -> None:
        """An entry on disk is damaged: its call is made, and counted, once more."""
        if number in self.kept:
            self.reopen()
            statement = "UPDATE Cache SET value = 'spoilt' WHERE key = ?"
            sql(Path(self.folder.name), statement, question(number).key)
            self.kept.remove(number)

    @rule()
    def reopen(self) -> None:
        self.cache.close()
        self.cache = Cache(self.folder.name)

    def look(self, surely: set[int]) -> None:
        """Learn what a killed process left behind: all that it had answered."""
        kept = {n for n in range(12) if self.cache.get(question(n).key) is not None}
        assert surely <= kept <= self.kept
        self.kept = kept

    @invariant()
    def nothing_is_overshot(self) -> None:
        spent = self.ledger.spent()
        assert (spent.calls, spent.tokens) == self.book.spent
        assert spent.calls <= self.limits[0]
        assert spent.tokens <= self.limits[1]

    def teardown(self) -> None:
        self.cache.close()
        self.folder.cleanup()


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(max_examples=25, stateful_step_count=20)


@pytest.fixture(scope="module", autouse=True)
def _elsewhere() -> Generator[None]:
    """One process that forks the others."""
    with Elsewhere() as BudgetMachine.elsewhere:
        yield

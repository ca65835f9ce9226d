"""Goals 12 and 17, and the limit that adapts: waits, caps and load."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, planted_rows
from tests.compilers.worlds import model as learner
from tests.goals.conftest import Figure
from tests.goals.size import size
from tests.pipeline.lm.support import asking, quick
from tests.server import Reply, Server
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.call import call
from weft.pipeline.calls.limits import Limiter
from weft.pipeline.calls.retry import RetryPolicy, RetryQuota
from weft.pipeline.errors import BudgetExceeded
from weft.pipeline.lm.fakes import FunctionLM
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Request, Response, Usage


async def test_a_wait_is_kept(server: Server, figure: Figure) -> None:
    """As the server sees it, nobody comes back before the time that it asked for."""
    server.script(Reply(status=429, body=b"{}", headers={"Retry-After": "0.2"}))
    lm = LM("m", api_base=server.url)

    await call(asking(lm), lm, limiter=Limiter(4))

    waited = server.seen[1].at - server.seen[0].at
    figure(f"goal 12: Retry-After 0.2: back after {waited:.3f} s")
    assert waited >= 0.2


def spender(seed: int) -> FunctionLM:
    """A model whose answers cost this much or that, or who knows."""

    def reply(request: Request) -> Response:
        rng = random.Random(f"{seed} {request.messages[-1].content}")
        counts = Usage(rng.randrange(16), rng.randrange(64))
        return Response("ok", rng.choice([None, counts]))

    return FunctionLM(reply, model="gpt-5-mini")


async def buy(
    number: int, lm: FunctionLM, ledger: Ledger, room: asyncio.Semaphore
) -> None:
    """Make one call, unless the budget says no."""
    async with room:
        with contextlib.suppress(BudgetExceeded):
            request = asking(lm, str(number))
            await call(request, lm, ledger=ledger, retry=quick(), limiter=Limiter(64))


async def test_random_caps(figure: Figure) -> None:
    """No cap on calls, tokens or money is ever passed, whatever the answers cost."""
    rng, over, caps = random.Random(17), 0, size(150, 1000)
    for _ in range(caps):
        budget = Budget(
            calls=rng.choice([None, rng.randrange(30)]),
            tokens=rng.choice([None, rng.randrange(20_000)]),
            usd=rng.choice([None, rng.randrange(100) / 10_000]),
        )
        lm = spender(rng.randrange(10**6))
        ledger, room = Ledger(budget), asyncio.Semaphore(rng.choice([1, 4, 32]))
        asked = (buy(number, lm, ledger, room) for number in range(40))
        await asyncio.gather(*asked)
        spent = ledger.spent()
        over += budget.calls is not None and max(spent.calls, lm.calls) > budget.calls
        over += budget.tokens is not None and spent.tokens > budget.tokens
        over += budget.usd is not None and spent.usd > budget.usd + 1e-12

    figure(f"goal 17: {caps} random caps, {over} overshot")
    assert over == 0


def test_one_budget_for_everything(figure: Figure) -> None:
    """Runs, streams, batches, evaluations and a compile share one budget."""
    lm, rows, most = learner(), planted_rows(40), 150
    ask, exact = classifier(), weft.metrics.exact("label")
    inputs = [{"text": row["text"]} for row in rows]
    ways: dict[str, Callable[[], object]] = {
        "run": lambda: ask.run(**inputs[0]),
        "stream": lambda: list(ask.stream(**inputs[1])),
        "batch": lambda: ask.batch(inputs[:10]),
        "evaluate": lambda: weft.evaluate(ask, rows[:20], exact),
        "compile": lambda: weft.compile(ask, rows, metric=exact),
    }
    ledger, made = weft.Ledger(weft.Budget(calls=most)), dict[str, int]()

    with weft.use(lm=lm, cache=None, budget=ledger):
        for way, work in ways.items():
            before = lm.calls
            with contextlib.suppress(BudgetExceeded):
                work()
            made[way] = lm.calls - before
        number = 0
        while ledger.remaining().calls:
            ask(text=f"another {(number := number + 1)}")
        for way in ("run", "stream", "batch", "evaluate"):
            fresh = [{"text": f"{way} {n}", "label": "K0"} for n in range(3)]
            inputs[:] = [{"text": row["text"]} for row in fresh]
            rows[:] = fresh
            with pytest.raises(BudgetExceeded):
                ways[way]()

    figure(f"goal 17: one budget of {most} calls: {made}, {lm.calls} calls in all")
    assert lm.calls == ledger.spent().calls == most
    assert all(made.values())


async def test_the_limit_adapts(server: Server, figure: Figure) -> None:
    """429s shrink what an endpoint gets at once; its recovery lets it grow again."""
    room, calls = 8, 300
    refused = taken = 0

    def crowded(_: dict[str, Any]) -> Reply:
        nonlocal refused, taken
        if server.in_flight > room:
            refused += 1
            return Reply(status=429, body=b"{}")
        taken += 1
        came = refused
        # It holds what it has taken until it is crowded, the limit is low enough, or
        # so few are left that nobody can crowd it any more.
        return Reply(
            until=lambda: (
                taken > calls - room or refused > came or limiter.limit <= room
            )
        )

    server.answer = crowded
    lm = LM("m", api_base=server.url)
    # Its time is the number of refusals: eight of them are one wave.
    limiter = Limiter(64, window=8, clock=lambda: float(refused))
    policy = RetryPolicy(10**6, base=0.01, cap=0.05, quota=RetryQuota(10**9))

    async def wave(name: str, count: int) -> None:
        calls = (asking(lm, f"{name} {number}") for number in range(count))
        await asyncio.gather(
            *(call(request, lm, retry=policy, limiter=limiter) for request in calls)
        )

    await wave("crowded", calls)
    shrunk = limiter.limit
    server.answer = lambda _: Reply()
    await wave("free", 2500)

    figure(
        f"adaptive limit: room for {room} of 64: limit {shrunk} after {calls} calls "
        f"with {refused} refused, {limiter.limit} after recovery"
    )
    assert refused
    assert shrunk <= 4 * room
    assert limiter.limit > 2 * shrunk
    assert limiter.limit >= 32

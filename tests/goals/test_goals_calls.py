"""Goals 11, 13, 16 and 18: retries, storms, repairs, and honest scores."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import random
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, planted_rows
from tests.faults import FAULTS, attempts
from tests.goals.conftest import Figure
from tests.goals.size import FULL, size
from tests.pipeline.lm.support import KEY, asking, quick
from tests.server import Reply, Server
from tests.timing import PATIENCE
from weft.pipeline.calls.call import call
from weft.pipeline.calls.limits import Limiter
from weft.pipeline.calls.retry import RetryPolicy, RetryQuota
from weft.pipeline.errors import (
    AuthError,
    CompileError,
    MetricError,
    ModelError,
    RateLimited,
    ServerError,
    WeftError,
)
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Request

RETRIES = 3
GOOD = "[[ answer ]]\nyes\n[[ /end ]]"


async def test_attempts(server: Server, figure: Figure) -> None:
    """A refusal for good is one request, a fault that may pass one and R more."""
    made: dict[str, int] = {}
    lm = LM("m", api_base=server.url, timeout=PATIENCE)

    async def rest(_: float) -> None:
        """Whatever a server asks to wait takes no time here."""

    for name, (fault, _) in FAULTS.items():
        before = server.count
        server.answer = lambda _, fault=fault: fault
        policy = RetryPolicy(RETRIES, quota=RetryQuota(), sleep=rest)
        with pytest.raises(ModelError):
            await call(asking(lm), lm, retry=policy, limiter=Limiter(8))
        made[name] = server.count - before

    figure(f"goal 11: requests by fault with R = {RETRIES}: {made}")
    assert made == {name: attempts(kind, RETRIES) for name, (_, kind) in FAULTS.items()}


async def test_a_storm_ends(server: Server, figure: Figure) -> None:
    """Where everything fails, retries dry up; where a fifth does, all get through."""
    server.answer = lambda _: Reply(status=429, body=b"{}")
    lm = LM("m", api_base=server.url)
    policy = RetryPolicy(RETRIES, base=0.01, cap=0.05, quota=RetryQuota(refill=0))
    calls = size(600, 5000)

    async def one(number: int) -> bool:
        try:
            await call(asking(lm, f"{number}"), lm, retry=policy, limiter=Limiter(64))
        except ModelError:
            return False
        return True

    await asyncio.gather(*(one(number) for number in range(100)))
    start = server.count
    await asyncio.gather(*(one(number) for number in range(100, calls)))
    amplified = (server.count - start) / (calls - 100)

    rng = random.Random(0)
    server.answer = lambda _: Reply(status=503 if rng.random() < 0.2 else 200)
    policy = RetryPolicy(8, base=0.01, cap=0.05, quota=RetryQuota())
    before = server.count
    passed = sum(await asyncio.gather(*(one(calls + n) for n in range(200))))
    share = (server.count - before) / 200

    figure(
        f"goal 13: always failing {amplified:.2f} requests a call after the first 100; "
        f"20 % failing {share:.2f}, {passed} of 200 answered"
    )
    assert amplified <= 1.5
    assert passed == 200
    assert share <= 1.5


CLIENTS = 32


def busiest(times: list[float]) -> int:
    """The most that come within 100 ms."""
    return max(sum(at <= other < at + 0.1 for other in times) for at in times)


def test_waves_are_spread(figure: Figure) -> None:
    """The retries of 32 clients that are refused together do not come together."""
    runs, crowded, most = size(40, 1000), 0, 0

    async def fail() -> Any:
        raise RateLimited("x")

    async def client(rng: random.Random) -> list[float]:
        waits: list[float] = []

        async def keep(seconds: float) -> None:
            waits.append(seconds)

        policy = RetryPolicy(RETRIES, sleep=keep, rng=rng.random)
        with pytest.raises(RateLimited):
            await policy.run(fail, RetryQuota())
        return list(itertools.accumulate(waits))

    async def run(seed: int) -> list[list[float]]:
        rng = random.Random(seed)
        return [await client(rng) for _ in range(CLIENTS)]

    for seed in range(runs):
        for wave in zip(*asyncio.run(run(seed)), strict=True):
            most = max(most, busiest(list(wave)))
            crowded += busiest(list(wave)) > CLIENTS / 4

    figure(
        f"goal 13: {runs} x {RETRIES} waves of {CLIENTS} clients: {crowded} with more "
        f"than a quarter within 100 ms, at most {most}"
    )
    assert crowded <= 0.01 * RETRIES * runs


@pytest.mark.skipif(not FULL, reason="a full-size run: WEFT_GOALS=full")
async def test_waves_at_a_server(server: Server, figure: Figure) -> None:
    """The same, as a server that always refuses sees it."""
    server.answer = lambda _: Reply(status=429, body=b"{}")
    lm = LM("m", api_base=server.url)
    policy = RetryPolicy(RETRIES, quota=RetryQuota())

    async def one(number: int) -> None:
        with pytest.raises(RateLimited):
            await call(asking(lm, f"{number}"), lm, retry=policy, limiter=Limiter(64))

    await asyncio.gather(*(one(number) for number in range(CLIENTS)))

    came: dict[str, list[float]] = {}
    for seen in server.seen:
        came.setdefault(seen.body["messages"][0]["content"], []).append(seen.at)
    waves = [list(wave) for wave in zip(*came.values(), strict=True)][1:]
    found = [busiest(wave) for wave in waves]
    figure(f"goal 13: at a server, {found} of {CLIENTS} in each wave's busiest 100 ms")
    assert len(waves) == RETRIES


BROKEN = ["", "no", "[[ answer ]]", "[[ other ]]\nx", '{"answer": ', GOOD * 2, "\0"]
LONG = b'{"error": {"code": "context_length_exceeded"}}'
OTHER = {
    "refused": Reply(status=400, body=b"{}"),
    "too long": Reply(status=400, body=LONG),
    "reset": Reply(reset=True),
    "overloaded": Reply(status=503, body=b"{}"),
}


@pytest.mark.parametrize("repairs", [1, 0])
async def test_repairs_are_bounded(
    server: Server, figure: Figure, repairs: int
) -> None:
    """A malformed reply costs one more call, a failed call none, and all are booked."""
    rng, rows = random.Random(5), size(150, 500)
    kinds = {f"reply {n}": Reply(text) for n, text in enumerate([*BROKEN, GOOD])}
    kinds |= OTHER
    lm = LM("m", api_base=server.url, timeout=PATIENCE)
    ask = weft.Predict("question -> answer: bool", repairs=repairs, lm=lm)
    ledger, most = weft.Ledger(), dict.fromkeys((*kinds, "none"), 0)
    with weft.use(cache=None, budget=ledger, retry=quick(0)):
        for number in range(rows):
            kind = rng.choice(list(kinds))
            server.answer = lambda _, kind=kind: kinds[kind]
            before = server.count
            with contextlib.suppress(WeftError):
                await ask.acall(question=f"question {number}")
            most[kind] = max(most[kind], server.count - before)

    booked = sum(int(book["calls"]) for book in ledger.snapshot().values())
    figure(
        f"goal 16: repairs={repairs}: {rows} rows, {server.count} requests, {booked} "
        f"booked, at most {max(most.values())} a row, "
        f"{max(most[kind] for kind in OTHER)} where the call failed"
    )
    assert booked == server.count
    assert max(most.values()) == 1 + repairs
    assert all(most[kind] == 1 for kind in OTHER)


def test_a_refused_key_stops_at_once(server: Server, figure: Figure) -> None:
    """401 ends an evaluation after at most the calls in flight."""
    in_flight = 16
    server.answer = lambda _: Reply(
        status=401, body=b"{}", until=lambda: server.count == in_flight
    )
    lm = LM("m", api_base=server.url, api_key=KEY)
    ask = weft.Predict("question -> answer", lm=lm)
    rows = [{"question": str(n), "answer": "yes"} for n in range(500)]

    with weft.use(cache=None), pytest.raises(AuthError):
        weft.evaluate(ask, rows, weft.metrics.exact("answer"), concurrency=in_flight)

    figure(f"goal 18: all 401, {in_flight} in flight, {server.count} calls of 500")
    assert server.count == in_flight


def test_failures_are_not_scores(server: Server, figure: Figure) -> None:
    """Rows that fail for the server's sake are listed; the mean is of the rest."""

    def reply(body: dict[str, Any]) -> Reply:
        number = int(body["messages"][-1]["content"].split()[-1])
        return Reply(GOOD) if number % 2 else Reply(status=503, body=b"{}")

    server.answer = reply
    ask = weft.Predict("question -> answer", lm=LM("m", api_base=server.url))
    rows = [{"question": f"row {n}", "answer": "yes"} for n in range(60)]

    with weft.use(cache=None, retry=quick(1)):
        found = weft.evaluate(ask, rows, weft.metrics.exact("answer"), concurrency=8)

    figure(
        f"goal 18: 50 % 503: mean {found.mean}, {len(found.failures)} failures listed, "
        f"{len(found.values)} rows scored"
    )
    assert (found.mean, len(found.failures), len(found.values)) == (1.0, 30, 30)


def failing(how: str, server: Server) -> dict[str, Any]:
    """The arguments of a compile in which something fails."""
    shown = {"label": "K0"}

    def metric(example: weft.Example, prediction: Any) -> float:
        if how == "metric" and prediction.label != example.label:
            raise KeyError("a bug")
        return float(prediction.label == example.label)

    def reply(body: dict[str, Any]) -> Reply:
        text = body["messages"][-1]["content"]
        if how == "all 401":
            return Reply(status=401, body=b"{}")
        if how == "half 503" and hashlib.sha256(text.encode()).digest()[0] % 2:
            return Reply(status=503, body=b"{}")
        return Reply(f"[[ label ]]\n{shown['label']}\n[[ /end ]]")

    def down(_: Request) -> str:
        raise ServerError("the teacher is down")

    server.answer = reply
    given: dict[str, Any] = {"metric": metric}
    if how == "teacher":
        given["teacher"] = weft.FunctionLM(down, model="teacher")
    return given


@pytest.mark.parametrize(
    ("how", "expected", "cause"),
    [
        ("all 401", AuthError, "the server answered 401"),
        ("half 503", CompileError, "Overloaded: the server answered 503"),
        ("metric", MetricError, "raised KeyError: 'a bug'"),
        ("teacher", CompileError, "ServerError: the teacher is down"),
    ],
)
def test_a_compile_ends_with_its_cause(
    server: Server, figure: Figure, how: str, expected: type[WeftError], cause: str
) -> None:
    """What is no model's fault ends a compile, with its cause; it is never a zero."""
    given = failing(how, server)
    lm = LM("m", api_base=server.url)
    teaching = weft.compilers.BootstrapFewShot()

    with weft.use(lm=lm, cache=None, retry=quick(1)), pytest.raises(expected) as caught:
        weft.compile(
            classifier(), planted_rows(40), compiler=teaching, concurrency=8, **given
        )

    figure(
        f"goal 18: compile, {how}: {type(caught.value).__name__} after "
        f"{server.count} calls"
    )
    assert cause in str(caught.value)
    if how == "all 401":
        assert server.count <= 8

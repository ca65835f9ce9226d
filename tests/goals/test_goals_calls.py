"""Goals 7, 11, 13, 15, 16 and 18: keys, retries, storms, repairs, and honest scores."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from typing import Any

import pytest

import weft
from tests.goals.conftest import Figure
from tests.goals.size import size
from tests.pipeline.lm.support import KEY, asking, quick
from tests.server import Reply, Server
from weft.pipeline.errors import AuthError, ModelError, WeftError
from weft.pipeline.lm.caller import call
from weft.pipeline.lm.limits import Limiter
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.retry import RetryPolicy, RetryQuota

RETRIES = 3
PERMANENT = (400, 401, 402, 403, 404, 413, 422)
TRANSIENT = (408, 409, 429, 500, 502, 503, 529)
GOOD = "[[ answer ]]\nyes\n[[ /end ]]"


def some_request(rng: random.Random) -> Request:
    """A request of random parts, drawn from few values so that near ones are common."""
    messages = tuple(
        Message(rng.choice(("user", "assistant")), rng.choice(("a", "ab", "é", "")))
        for _ in range(rng.randrange(3))
    )
    values: list[Any] = [0, 0.0, -0.0, 1, True, None, "1", "", [1], {"a": 1}, {}]
    sampling = {rng.choice("abc"): rng.choice(values) for _ in range(rng.randrange(4))}
    form = rng.choice([None, {}, {"type": "json_object"}])
    where = rng.choice(("", "http://a", "http://b"))
    return Request(rng.choice("mn"), messages, sampling, form, where, rng.randrange(2))


def said(request: Request) -> str:
    """What a request says, written another way than its key is."""
    tree = [
        [request.model, request.endpoint, request.sample],
        [[m.role, m.content] for m in request.messages],
        [request.response_format, request.sampling],
    ]
    return json.dumps(tree, sort_keys=True)


def test_keys(figure: Figure) -> None:
    """Among all pairs of requests, equal keys mean equal content, and the reverse."""
    rng, count = random.Random(7), size(20_000, 200_000)
    by_key: dict[str, str] = {}
    by_content: dict[str, str] = {}

    for _ in range(count):
        request = some_request(rng)
        items = list(request.sampling.items())
        rng.shuffle(items)
        turned = Request(
            request.model,
            request.messages,
            dict(items),
            request.response_format,
            request.endpoint,
            request.sample,
        )
        assert turned.key == request.key
        assert by_key.setdefault(request.key, said(request)) == said(request)
        assert by_content.setdefault(said(request), request.key) == request.key

    figure(f"goal 7: {count} requests, {len(by_key)} distinct, 0 false hits or misses")


async def test_attempts(server: Server, figure: Figure) -> None:
    """A permanent refusal is one request, a transient fault exactly one and R more."""
    made: dict[str, int] = {}
    faults = {str(code): Reply(status=code, body=b"{}") for code in PERMANENT}
    faults |= {str(code): Reply(status=code, body=b"{}") for code in TRANSIENT}
    faults |= {"reset": Reply(reset=True), "timeout": Reply(hang=True)}

    for name, fault in faults.items():
        before = server.count
        server.answer = lambda _, fault=fault: fault
        lm = LM("m", api_base=server.url, timeout=0.2)
        with pytest.raises(ModelError):
            await call(asking(lm), lm, retry=quick(RETRIES), limiter=Limiter(8))
        made[name] = server.count - before

    figure(f"goal 11: requests by fault with R = {RETRIES}: {made}")
    assert [made[str(code)] for code in PERMANENT] == [1] * len(PERMANENT)
    transient = [*map(str, TRANSIENT), "reset", "timeout"]
    assert [made[name] for name in transient] == [RETRIES + 1] * len(transient)


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


def test_waves_are_spread(figure: Figure) -> None:
    """The first retries of 32 clients do not come together."""
    waits: list[float] = []
    rng = random.Random(3)

    async def keep(seconds: float) -> None:
        waits.append(seconds)

    async def fail() -> Any:
        raise weft.errors.RateLimited("x")

    async def one() -> None:
        policy = RetryPolicy(1, sleep=keep, rng=rng.random)
        with pytest.raises(weft.errors.RateLimited):
            await policy.run(fail, RetryQuota())

    for _ in range(32):
        asyncio.run(one())

    most = max(sum(w <= at < w + 0.1 for at in waits) for w in waits)
    figure(f"goal 13: {most} of 32 retries in the busiest 100 ms")
    assert most / 32 <= 0.25


async def test_repairs_are_bounded(server: Server, figure: Figure) -> None:
    """A malformed reply costs one more call, a failed call none, and all are booked."""
    rng, rows = random.Random(5), size(150, 500)
    broken = ["", "no", "[[ answer ]]", "[[ other ]]\nx", '{"answer": ', GOOD * 2, "\0"]

    def reply(_: dict[str, Any]) -> Reply:
        if rng.random() < 0.1:
            return Reply(status=400, body=b"{}")
        return Reply(rng.choice([*broken, GOOD]))

    server.answer = reply
    ask = weft.Predict("question -> answer: bool", lm=LM("m", api_base=server.url))
    ledger = weft.Ledger()
    with weft.use(cache=None, budget=ledger, retry=quick()):
        most = 0
        for number in range(rows):
            before = server.count
            with contextlib.suppress(WeftError):
                await ask.acall(question=f"question {number}")
            most = max(most, server.count - before)

    booked = sum(int(book["calls"]) for book in ledger.snapshot().values())
    figure(
        f"goal 16: {rows} rows, {server.count} requests, {booked} booked, most {most}"
    )
    assert booked == server.count
    assert most == 2


def test_a_refused_key_stops_at_once(server: Server, figure: Figure) -> None:
    """401 ends an evaluation after at most the calls in flight."""
    server.answer = lambda _: Reply(status=401, body=b"{}", delay=0.02)
    lm = LM("m", api_base=server.url, api_key=KEY)
    ask = weft.Predict("question -> answer", lm=lm)
    rows = [{"question": str(n), "answer": "yes"} for n in range(500)]

    with weft.use(cache=None), pytest.raises(AuthError):
        weft.evaluate(ask, rows, weft.metrics.exact("answer"), concurrency=16)

    figure(f"goal 18: all 401, 16 in flight, {server.count} calls for 500 rows")
    assert server.count <= 16


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

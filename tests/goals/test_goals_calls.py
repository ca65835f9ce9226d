"""Goals 7, 11, 13, 15, 16 and 18: keys, retries, storms, repairs, and honest scores."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import os
import random
import subprocess
import sys
from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, planted_rows
from tests.goals.conftest import Figure
from tests.goals.size import FULL, size
from tests.pipeline.lm.support import KEY, asking, quick
from tests.server import Reply, Server
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
from weft.pipeline.lm.request import Message, Request

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


KEYS = """
import hashlib, random, sys
from tests.goals.test_goals_calls import some_request
rng = random.Random(11)
keys = "".join(some_request(rng).key for _ in range(int(sys.argv[1])))
print(hashlib.sha256(keys.encode()).hexdigest())
"""


def test_keys_in_other_processes(figure: Figure) -> None:
    """No hash seed of Python's changes a key."""
    count, seeds = size(500, 20_000), ("0", "1", "2", "3", "random")
    children = [
        subprocess.Popen(
            [sys.executable, "-c", KEYS, str(count)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in seeds[: size(2, 5)]
    ]
    said = {child.communicate(timeout=300)[0] for child in children}

    figure(f"goal 7: {count} keys under {len(children)} hash seeds: {len(said)} result")
    assert len(said) == 1
    assert len(said.pop().strip()) == 64


async def test_attempts(server: Server, figure: Figure) -> None:
    """A permanent refusal is one request, a transient fault exactly one and R more."""
    made: dict[str, int] = {}
    faults = {str(code): Reply(status=code, body=b"{}") for code in PERMANENT}
    faults |= {str(code): Reply(status=code, body=b"{}") for code in TRANSIENT}
    faults |= {"reset": Reply(reset=True), "timeout": Reply(hang=True)}

    for name, fault in faults.items():
        before = server.count
        server.answer = lambda _, fault=fault: fault
        # A machine that stalls must not turn the other faults into time-outs.
        lm = LM("m", api_base=server.url, timeout=0.2 if name == "timeout" else 60)
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


@pytest.mark.skipif(not FULL, reason="waits for real; the suite does not")
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
    lm = LM("m", api_base=server.url, timeout=60)
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
            return Reply(status=401, body=b"{}", delay=0.02)
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

"""The one path of a call: paid once, sent once at a time, and always accounted for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

from tests.pipeline.lm.support import asking, quick
from tests.server import Reply, Server
from tests.timing import PATIENCE
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.cache import Cache, MemoryCache
from weft.pipeline.calls.call import call
from weft.pipeline.calls.limits import Limiter
from weft.pipeline.calls.retry import RetryPolicy, RetryQuota
from weft.pipeline.errors import (
    AuthError,
    BudgetExceeded,
    ConfigError,
    ConnectError,
    ContentFiltered,
    DeadlineExceeded,
    ModelError,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
)
from weft.pipeline.lm.fakes import FunctionLM, RefusingLM, ScriptedLM
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.prices import Price, estimate
from weft.pipeline.lm.request import Message, Request, Response, Usage
from weft.pipeline.lm.wire.faults import Unreached


async def test_paid_once(tmp_path: Path) -> None:
    """A second call is answered from memory, a later process from disk; both say so."""
    lm = ScriptedLM([Response("x", Usage(3, 2), model="scripted", cost=0.5)])
    request = asking(lm)

    first = await call(request, lm, cache=Cache(tmp_path))
    second = await call(request, RefusingLM(), cache=Cache(tmp_path))

    assert not first.cached
    assert second == Response("x", Usage(3, 2), model="scripted", cost=0.5, cached=True)


async def test_samples_are_different_calls() -> None:
    """The sample index asks again where the cache holds another sample."""
    lm = ScriptedLM(["a", "b"])
    cache = MemoryCache()

    texts = [
        (await call(asking(lm, sample=sample), lm, cache=cache)).text
        for sample in (0, 1, 0, 1)
    ]

    assert texts == ["a", "b", "a", "b"]


async def test_truncated_answers_are_kept() -> None:
    """An answer cut at the token limit is not bought again unchanged."""
    lm = ScriptedLM([Response("half", finish_reason="length")])
    cache = MemoryCache()

    await call(asking(lm), lm, cache=cache)
    again = await call(asking(lm), lm, cache=cache)

    assert (again.finish_reason, again.cached) == ("length", True)


async def test_errors_are_not_kept() -> None:
    """A failure is not an answer: the next call asks again."""
    lm = ScriptedLM([AuthError("no"), "yes"])
    cache = MemoryCache()

    with pytest.raises(AuthError):
        await call(asking(lm), lm, cache=cache)

    assert (await call(asking(lm), lm, cache=cache)).text == "yes"


async def test_price() -> None:
    """An answer has its price, which a table overrides, or None where it is unknown."""
    answer = Response("x", Usage(1_000_000, 0))
    known = FunctionLM(lambda _: answer, model="gpt-4o-mini")
    unknown = FunctionLM(lambda _: answer, model="nobody")
    table = {"nobody": Price(3.0, 3.0)}

    assert (await call(asking(known), known)).cost == pytest.approx(0.15)
    assert (await call(asking(unknown), unknown)).cost is None
    assert (await call(asking(unknown), unknown, prices=table)).cost == 3.0


def test_estimate() -> None:
    """The estimate is a bound: bytes of the prompt, max_tokens, and their price."""
    request = Request("gpt-4o-mini", (Message("user", "x" * 84),), {"max_tokens": 100})

    bound = estimate(request)

    assert (bound.input_tokens, bound.output_tokens) == (100, 100)
    assert bound.usd == pytest.approx((100 * 0.15 + 100 * 0.6) / 1e6)
    assert estimate(Request("nobody", ())).usd is None


async def test_the_budget_comes_first() -> None:
    """A call that does not fit is neither sent nor looked up."""
    lm, cache = ScriptedLM(["a"]), MemoryCache()
    ledger = Ledger(Budget(calls=1))
    await call(asking(lm, "one"), lm, cache=cache, ledger=ledger)

    with pytest.raises(BudgetExceeded, match="2 calls of 1"):
        await call(asking(lm, "two"), lm, cache=cache, ledger=ledger)

    assert lm.calls == 1
    assert cache.stats().misses == 1


async def test_a_price_is_needed_for_dollars() -> None:
    """A budget in dollars with a model of unknown price sends nothing."""
    lm = FunctionLM(lambda _: "x", model="nobody")

    with pytest.raises(ConfigError, match="price is unknown"):
        await call(asking(lm), lm, ledger=Ledger(Budget(usd=1)))

    assert lm.calls == 0


async def test_each_attempt_is_booked() -> None:
    """Retries take calls from the budget, and one that does not fit is not made."""
    lm = ScriptedLM([ServerError("x")] * 9)
    ledger = Ledger(Budget(calls=3))

    with pytest.raises(BudgetExceeded):
        await call(asking(lm), lm, ledger=ledger, retry=quick(5))

    assert lm.calls == ledger.snapshot()["run"]["calls"] == 3


@pytest.mark.parametrize(
    ("error", "billed"),
    [
        (ServerError("x"), False),
        (RateLimited("x"), False),
        (AuthError("x"), False),
        (Unreached("x"), False),
        (ConnectError("x"), True),
        (DeadlineExceeded("x"), True),
        (ProtocolError("x"), True),
    ],
)
async def test_what_a_failed_attempt_costs(error: ModelError, billed: bool) -> None:
    """A refusal costs no tokens; what the server may have billed costs its bound."""
    lm = FunctionLM(lambda _: _raise(error), model="gpt-4o-mini")
    ledger = Ledger(Budget(tokens=10_000, usd=1.0))
    request = asking(lm)

    with pytest.raises(type(error)):
        await call(request, lm, ledger=ledger, retry=quick(0))

    bound = estimate(request)
    assert ledger.spent().tokens == (bound.tokens if billed else 0)
    assert ledger.spent().usd == pytest.approx(bound.usd if billed else 0.0)


def _raise(error: Exception) -> str:
    raise error


async def test_warm_and_cold_look_alike_to_the_budget() -> None:
    """The same run over a full cache takes the same decisions as over an empty one."""

    async def run(cache: MemoryCache) -> tuple[list[bool], int, float]:
        lm = FunctionLM(lambda r: "w " * len(r.messages[0].content), model="gpt-4o")
        ledger = Ledger(Budget(tokens=20_000))

        async def one(number: int) -> bool:
            try:
                request = asking(lm, "x " * (number % 7))
                await call(request, lm, cache=cache, ledger=ledger)
            except BudgetExceeded:
                return False
            return True

        made = await asyncio.gather(*(one(number) for number in range(20)))
        return made, ledger.spent().tokens, ledger.spent().usd

    cache = MemoryCache()

    assert await run(cache) == await run(cache)


async def test_the_limit_is_on_attempts() -> None:
    """Waiting before a retry holds no slot, so others go on meanwhile."""
    resting, go = asyncio.Event(), asyncio.Event()
    limiter = Limiter(1)

    async def rest(_: float) -> None:
        resting.set()
        await go.wait()

    failing = ScriptedLM([ServerError("x"), "later"])
    policy = RetryPolicy(sleep=rest, quota=RetryQuota())
    first = asyncio.create_task(
        call(asking(failing), failing, retry=policy, limiter=limiter)
    )
    await resting.wait()

    other = FunctionLM(lambda _: "now")
    assert (await call(asking(other), other, limiter=limiter)).text == "now"
    go.set()
    assert (await first).text == "later"


async def test_refusals_for_load_lower_the_limit() -> None:
    """A 429 or a 503 halves what the endpoint gets at once."""
    lm, limiter = ScriptedLM([Overloaded("x"), "ok"]), Limiter(8)

    await call(asking(lm), lm, retry=quick(), limiter=limiter)

    assert limiter.limit == 4


async def test_slots_and_budget_do_not_block_each_other() -> None:
    """Many retrying calls, one slot and a tight budget still come to an end."""

    def flaky(request: Request) -> str:
        seen[request.key] = seen.get(request.key, 0) + 1
        return "ok" if seen[request.key] > 1 else _raise(ConnectError("x"))

    seen = dict[str, int]()
    lm = FunctionLM(flaky)
    ledger = Ledger(Budget(tokens=45_000))

    async with asyncio.timeout(PATIENCE):
        ends = await asyncio.gather(
            *(
                call(
                    asking(lm, f"q{i}"),
                    lm,
                    ledger=ledger,
                    retry=quick(),
                    limiter=Limiter(1),
                )
                for i in range(30)
            ),
            return_exceptions=True,
        )

    assert all(isinstance(end, Response | BudgetExceeded) for end in ends)
    assert ledger.spent().tokens <= 45_000


async def test_a_model_that_cannot_be_hashed() -> None:
    """A model class of the user's with an __eq__ of its own works as any other."""

    class Own:  # noqa: PLW1641 - that is the case
        model = endpoint = "own"
        sampling = MappingProxyType[str, object]({})
        schema_mode = False

        def __eq__(self, other: object) -> bool:
            return True

        async def complete(self, request: Request) -> Response:
            return Response("fine")

    lm = Own()

    assert (await call(Request("own", ()), lm)).text == "fine"  # type: ignore[arg-type] # class attributes are no properties


async def test_overshoot_over_http(server: Server) -> None:
    """Against a server that counts, no budget of calls is ever passed."""
    server.answer = lambda body: Reply(
        "ok", status=503 if len(body["messages"][0]["content"]) % 3 == 0 else 200
    )
    lm = LM("m", api_base=server.url)
    ledger = Ledger(Budget(calls=40))

    await asyncio.gather(
        *(
            call(asking(lm, "x" * i), lm, ledger=ledger, retry=quick(1))
            for i in range(1, 100)
        ),
        return_exceptions=True,
    )

    assert server.count == ledger.snapshot()["run"]["calls"] == 40


@pytest.mark.parametrize(("pieces", "booked"), [(0, False), (2, True)])
async def test_half_an_answer_may_be_billed(pieces: int, *, booked: bool) -> None:
    """A stream that ends in an error is a refusal where nothing had come before it."""
    piece = '{"choices": [{"index": 0, "delta": {"content": "so "}}]}'
    fault = '{"error": {"message": "overheated", "code": 500}}'
    body = "".join(f"data: {data}\n\n" for data in [*[piece] * pieces, fault])
    headers = {"Content-Type": "text/event-stream"}
    listener = SimpleNamespace(show=lambda _: None, restart=lambda: None)
    ledger = Ledger(Budget(calls=5))
    with Server(lambda _: Reply(body=body.encode(), headers=headers)) as server:
        lm = LM("openai/m", api_base=server.url, api_key="none")
        with pytest.raises(ModelError) as found:
            await call(asking(lm), lm, ledger=ledger, listener=listener, retry=quick(0))

    assert found.value.begun is booked
    assert bool(ledger.spent().tokens) is booked


class Slow:
    """A store that is never done."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def get(self, key: str) -> Response | None:
        """Nothing."""
        del key

    async def put(self, key: str, response: Response) -> None:
        """Begin, and never end."""
        del key, response
        self.asked.set()
        await asyncio.Event().wait()


async def test_an_answer_is_booked_though_nobody_waits_for_its_keeping() -> None:
    """It was paid for: whoever is cancelled while it is written down has spent it."""
    ledger, store = Ledger(Budget(tokens=5000)), Slow()
    lm = FunctionLM(lambda _: Response("x", Usage(10, 20)))
    task = asyncio.create_task(call(asking(lm), lm, cache=store, ledger=ledger))
    await store.asked.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ledger.spent().tokens == 30


async def test_no_time_is_waited_that_a_budget_does_not_have() -> None:
    """A retry that could only come when the time is up is not waited for."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    lm = ScriptedLM([ServerError("no"), RateLimited("later", retry_after=20.0)])
    policy = RetryPolicy(base=1.0, sleep=sleep, rng=lambda: 0.5, quota=RetryQuota(1e9))
    ledger = Ledger(Budget(seconds=10), clock=lambda: 0.0)

    with pytest.raises(BudgetExceeded, match="time of the budget is up"):
        await call(asking(lm), lm, retry=policy, ledger=ledger)

    assert slept == [0.5]
    assert ledger.spent().calls == lm.calls == 2


async def test_nothing_leaves_the_limiters_queue_when_the_time_is_up() -> None:
    """What was let in by the budget and then waits for its turn is never sent."""
    now, going, gate = 0.0, asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> str:
        going.set()
        await gate.wait()
        return "yes"

    lm = FunctionLM(slow)
    ledger, limiter = Ledger(Budget(seconds=10), clock=lambda: now), Limiter(1)
    calls = [
        asyncio.create_task(
            call(asking(lm, sample=n), lm, ledger=ledger, limiter=limiter)
        )
        for n in range(3)
    ]
    await going.wait()
    now = 10.0
    gate.set()
    first, *others = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(first, Response)
    assert [type(error) for error in others] == [BudgetExceeded] * 2
    assert lm.calls == ledger.spent().calls == 1
    assert limiter.in_flight == 0


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("eos", "stop"),
        ("", "stop"),
        ("MAX_TOKENS", "length"),
        ("tool_calls", "tool_calls"),
        ("error", ProtocolError),
        ("\x1b[2Jcancelled", ProtocolError),
        ("content_filter", ContentFiltered),
    ],
)
async def test_whoever_answers_an_answer_ends(
    reason: str, expected: str | type[ModelError]
) -> None:
    """A batch, a recording or a model of one's own hands on no failure as an answer."""
    cache = MemoryCache()
    lm = FunctionLM(lambda _: Response("half", finish_reason=reason))
    request = Request("m", (Message("user", "hi"),))

    if isinstance(expected, str):
        response = await call(request, lm, cache=cache, retry=quick(0))
        assert response.finish_reason == expected
        return
    with pytest.raises(expected) as caught:
        await call(request, lm, cache=cache, retry=quick(0))
    assert "\x1b" not in str(caught.value)
    assert cache.get(request.key) is None


async def test_whoever_answers_its_strings_can_be_kept() -> None:
    """Names become lines of text, and a text that is none is an error."""
    odd = Response("ok", model="m\ud800\x1b", request_id="\x00i", reasoning="\udfff")
    texts = iter([odd, Response("\ud800")])
    lm = FunctionLM(lambda _: next(texts))
    cache = MemoryCache()

    response = await call(Request("m", (Message("user", "a"),)), lm, cache=cache)
    with pytest.raises(ProtocolError, match="lone surrogate"):
        await call(Request("m", (Message("user", "b"),)), lm, retry=quick(0))

    assert (response.text, response.model, response.request_id) == ("ok", "m?", "i")
    assert response.reasoning == "?"

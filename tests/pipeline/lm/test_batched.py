"""Requests that are asked at the same time reach a provider's batch API together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

import weft
from weft.errors import ConfigError, InvalidRequest, ModelError, ServerError
from weft.pipeline.lm.batched import BatchLM
from weft.pipeline.lm.request import Message, Request, Response, Usage

REAL = weft.LM("gpt-5-mini", api_base="http://127.0.0.1:1/v1", temperature=1)
ROWS = [{"question": f"row {n}", "answer": "yes"} for n in range(30)]


class Provider:
    """Answers batches, and keeps them."""

    def __init__(self, *faults: Exception) -> None:
        self.batches: list[list[Request]] = []
        self.faults = list(faults)

    async def __call__(
        self, requests: Sequence[Request]
    ) -> Sequence[Response | ModelError]:
        self.batches.append(list(requests))
        if self.faults:
            raise self.faults.pop(0)
        text = "[[ answer ]]\nyes\n[[ /end ]]"
        return [Response(text, Usage(10, 5)) for _ in requests]

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


def request(number: int) -> Request:
    return Request(REAL.model, (Message("user", f"{number}"),))


def evaluated(lm: BatchLM, **given: object) -> weft.Evaluation:
    ask = weft.Predict("question -> answer", lm=lm)
    quick = weft.RetryPolicy(base=0.001, cap=0.001)
    with weft.use(retry=quick, **({"cache": None} | given)):
        return weft.evaluate(ask, ROWS, weft.metrics.exact("answer"), concurrency=30)


def test_rows_go_out_together_and_are_kept_like_any_other(tmp_path: object) -> None:
    """Full batches go at once, the rest after a while; the plain model shares them."""
    provider = Provider()

    found = evaluated(BatchLM(provider, REAL, size=12, wait=0.5), cache=str(tmp_path))

    assert found.mean == 1.0
    assert provider.sizes == [12, 12, 6]
    ask = weft.Predict("question -> answer", lm=REAL)  # nobody listens there
    with weft.use(cache=str(tmp_path)):
        again = weft.evaluate(ask, ROWS, weft.metrics.exact("answer"))
    assert again.mean == 1.0
    assert len(provider.sizes) == 3


def test_a_budget_holds_and_a_given_cost_counts() -> None:
    """Batches cost less than the price table says: what a response states is booked."""

    async def half(requests: Sequence[Request]) -> Sequence[Response]:
        text = "[[ answer ]]\nyes\n[[ /end ]]"
        return [Response(text, Usage(10, 5), cost=0.001) for _ in requests]

    ledger = weft.Ledger(weft.Budget(usd=1))

    evaluated(BatchLM(half, REAL, wait=0.01), budget=ledger)

    assert ledger.spent().usd == pytest.approx(0.03)


def test_a_batch_that_fails_is_sent_again() -> None:
    """A transient error fails each of its requests, and each is tried once more."""
    provider = Provider(ServerError("down"))

    found = evaluated(BatchLM(provider, REAL, size=30, wait=60))

    assert found.mean == 1.0
    assert provider.sizes == [30, 30]


async def test_one_that_fails_fails_alone() -> None:
    """An error in an answer's place is that request's own."""

    async def submit(requests: Sequence[Request]) -> Sequence[Response | ModelError]:
        fault = InvalidRequest("too odd")
        return [
            fault if asked.messages[0].content == "1" else Response("ok")
            for asked in requests
        ]

    lm = BatchLM(submit, REAL, wait=0.01)
    asked = (lm.complete(request(n)) for n in range(3))
    found = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(one) for one in found] == [Response, InvalidRequest, Response]


async def test_another_number_of_answers_is_refused() -> None:
    """No answer is given to a request that it may not belong to."""

    async def submit(requests: Sequence[Request]) -> Sequence[Response]:
        return [Response("ok") for _ in requests[1:]]

    lm = BatchLM(submit, REAL, wait=0.01)

    with pytest.raises(ConfigError, match="2 requests got 1 answer"):
        await asyncio.gather(*(lm.complete(request(n)) for n in range(2)))


@pytest.mark.parametrize(
    ("given", "told"),
    [(None, "a value of type NoneType"), (["yes"], "one of type str")],
)
async def test_what_is_no_answer_is_told(given: Any, told: str) -> None:
    """A submission that gives something else keeps nobody waiting."""

    async def submit(requests: Sequence[Request]) -> Any:
        return given

    with pytest.raises(ConfigError, match=f"1 request got {told}. Give one Response"):
        await BatchLM(submit, REAL, wait=0).complete(request(1))


async def test_a_submission_that_cancels_itself_is_told() -> None:
    """Its requests fail; they do not wait for ever."""

    async def submit(requests: Sequence[Request]) -> Sequence[Response]:
        raise asyncio.CancelledError

    with pytest.raises(ModelError, match="cancelled by its own submission"):
        await BatchLM(submit, REAL, wait=0).complete(request(1))


async def test_who_waits_no_more_is_left_out() -> None:
    """A cancelled request is not sent; a batch that nobody waits for is cancelled."""
    sent = list[int]()
    out, ended = asyncio.Event(), asyncio.Event()

    async def submit(requests: Sequence[Request]) -> Sequence[Response]:
        sent.append(len(requests))
        out.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return []

    lm = BatchLM(submit, REAL, wait=0.02)
    tasks = [asyncio.create_task(lm.complete(request(n))) for n in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await out.wait()
    tasks[1].cancel()
    await asyncio.sleep(0)
    assert not ended.is_set()
    tasks[2].cancel()
    await ended.wait()

    await asyncio.gather(*tasks, return_exceptions=True)
    assert sent == [2]


@pytest.mark.parametrize("options", [{"size": 0}, {"wait": -1}, {"wait": float("nan")}])
def test_no_batch_at_all(options: dict[str, float]) -> None:
    """Sizes that hold nothing are refused where they are written."""
    with pytest.raises(ConfigError, match="cannot be gathered"):
        BatchLM(Provider(), REAL, **options)  # type: ignore[arg-type] # that is the point

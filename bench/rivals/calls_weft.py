"""weft's calls, timed."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable

import weft
from bench.rivals.forked import MODEL, Job, Result, answer_jobs
from bench.rivals.timing import (
    ASKED,
    WARM,
    flight,
    growth,
    one_by_one,
    streamed,
    text_of,
)

answer = weft.Predict("question -> answer: str", ASKED, name="answer")


async def call(text: str) -> object:
    """One question, answered."""
    return await answer.acall(question=text)


async def pieces(text: str) -> AsyncIterator[object]:
    """One question, answered piece by piece."""
    async for event in answer.astream(question=text):
        if isinstance(event, weft.events.FieldDelta):
            yield event


def evaluated(job: Job) -> Result:
    """An evaluation, as a user would run it."""
    rows = [{"question": text_of(n), "answer": "yes"} for n in range(job["rows"])]
    metric, at_once = weft.metrics.exact("answer"), job["at_once"]
    warm = [{**rows[0], "question": text_of(-n)} for n in range(1, 1 + WARM)]
    weft.evaluate(answer, warm, metric, concurrency=at_once)
    used, started = time.process_time(), time.perf_counter()
    result = weft.evaluate(answer, rows, metric, concurrency=at_once)
    seconds = time.perf_counter() - started
    assert result.mean == 1.0, result.mean
    return {"seconds": seconds, "cpu": time.process_time() - used}


def cached(job: Job) -> Result:
    """Calls answered from memory or from disk, asynchronous or not."""
    texts = [text_of(n) for n in range(job["rows"])]
    with tempfile.TemporaryDirectory() as folder:
        # Once to fill it; where the disk is asked for, what is in memory is forgotten.
        cache = weft.Cache(folder)
        with weft.use(cache=cache):
            asyncio.run(one_by_one(call, texts))
        if job["kind"] == "disk":
            cache.close()
            cache = weft.Cache(folder, memory_bytes=0)
        with weft.use(cache=cache):
            if job.get("sync"):
                result = _blocking(texts)
            else:
                result = asyncio.run(one_by_one(call, texts))
        cache.close()
    return result


def _blocking(texts: list[str]) -> Result:
    taken: list[float] = []
    for text in (*texts, *texts):
        started = time.perf_counter()
        answer(question=text)
        taken.append(time.perf_counter() - started)
    return {"seconds": statistics.median(taken[len(texts) :])}


def work(job: Job) -> Result:
    """Do one job."""
    kinds: dict[str, Callable[[], Result]] = {
        "evaluate": lambda: evaluated(job),
        "cached": lambda: cached(job),
        "uncached": lambda: asyncio.run(
            one_by_one(call, [text_of(n) for n in range(job["rows"])])
        ),
        "flight": lambda: asyncio.run(flight(call, job["rows"], job["at_once"])),
        "stream": lambda: asyncio.run(streamed(pieces, job["rows"])),
    }
    lm = weft.LM(MODEL, api_base=f"{job['url']}/v1", api_key="none", temperature=0)
    with weft.use(lm=lm, cache=None):
        if job["what"] != "memory":
            return kinds[job["what"]]()
        with tempfile.TemporaryDirectory() as folder, weft.use(cache=folder):
            return asyncio.run(growth(call, job["rows"], job["most"]))


if __name__ == "__main__":
    answer_jobs(work)

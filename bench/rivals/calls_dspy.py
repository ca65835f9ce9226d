"""DSPy's calls, timed: asynchronous throughout, which is its fastest way."""

from __future__ import annotations

import asyncio
import importlib
import logging
import tempfile
from collections.abc import AsyncIterator
from typing import Any

from bench.rivals.forked import MODEL, Job, Result, answer_jobs
from bench.rivals.timing import (
    ASKED,
    flight,
    growth,
    one_by_one,
    streamed,
    text_of,
)

dspy: Any = importlib.import_module("dspy")
answer = dspy.Predict(dspy.Signature("question -> answer: str", ASKED))


async def call(text: str) -> object:
    """One question, answered."""
    return await answer.acall(question=text)


async def right(text: str) -> None:
    """One row of an evaluation."""
    prediction = await answer.acall(question=text)
    assert prediction.answer == "yes", prediction


async def pieces(text: str) -> AsyncIterator[object]:
    """One question, answered piece by piece."""
    listener = dspy.streaming.StreamListener(signature_field_name="answer")
    stream = dspy.streamify(answer, stream_listeners=[listener], is_async_program=True)
    async for event in stream(question=text):
        if isinstance(event, dspy.streaming.StreamResponse):
            yield event


async def twice(texts: list[str]) -> Result:
    """The second time round, from the cache."""
    await one_by_one(call, texts)
    return await one_by_one(call, texts)


def work(job: Job) -> Result:
    """Do one job."""
    texts = [text_of(n) for n in range(job["rows"])]
    kept = job["what"] in {"cached", "memory"}
    with tempfile.TemporaryDirectory() as folder:
        dspy.configure_cache(
            enable_disk_cache=kept and job.get("kind") != "memory",
            enable_memory_cache=kept and job.get("kind") != "disk",
            disk_cache_dir=folder,
        )
        url = f"{job['url']}/v1"
        lm = dspy.LM(MODEL, api_base=url, api_key="none", temperature=0, cache=kept)
        dspy.configure(lm=lm)
        if job["what"] == "memory":
            return asyncio.run(growth(call, job["rows"], job["most"]))
        if job["what"] == "cached":
            return asyncio.run(twice(texts))
        if job["what"] == "stream":
            return asyncio.run(streamed(pieces, job["rows"]))
        if job["what"] == "uncached":
            return asyncio.run(one_by_one(call, texts))
        return asyncio.run(flight(right, job["rows"], job["at_once"]))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer_jobs(work)

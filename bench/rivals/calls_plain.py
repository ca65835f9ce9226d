"""Clients without a framework: bare aiohttp, litellm and the openai package."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from bench.rivals.forked import MODEL, Job, Result, answer_jobs
from bench.rivals.timing import (
    ASKED,
    Call,
    Pieces,
    flight,
    one_by_one,
    streamed,
    text_of,
)

client: Any = importlib.import_module(sys.argv[1])


def messages(text: str) -> list[dict[str, str]]:
    """The shortest prompt that asks."""
    return [{"role": "system", "content": ASKED}, {"role": "user", "content": text}]


@contextlib.asynccontextmanager
async def bare(url: str) -> AsyncGenerator[tuple[Call, Pieces]]:
    """One session, no limit on connections, and the body read as JSON."""
    connector = client.TCPConnector(limit=0)
    where = f"{url}/v1/chat/completions"
    async with client.ClientSession(connector=connector) as session:

        async def call(text: str) -> object:
            body = {"model": "any", "messages": messages(text), "temperature": 0}
            async with session.post(where, json=body) as reply:
                return (await reply.json())["choices"][0]["message"]["content"]

        async def pieces(text: str) -> AsyncIterator[object]:
            body = {"model": "any", "messages": messages(text), "stream": True}
            async with session.post(where, json=body) as reply:
                async for line in reply.content:
                    if line.startswith(b"data: {"):
                        delta = json.loads(line[6:])["choices"][0]["delta"]
                        if delta.get("content"):
                            yield delta["content"]

        yield call, pieces


@contextlib.asynccontextmanager
async def litellm(url: str) -> AsyncGenerator[tuple[Call, Pieces]]:
    """`acompletion`, with its retries off."""
    options = {
        "model": MODEL,
        "api_base": f"{url}/v1",
        "api_key": "none",
        "temperature": 0,
        "num_retries": 0,
    }

    async def call(text: str) -> object:
        reply = await client.acompletion(messages=messages(text), **options)
        return reply.choices[0].message.content

    async def pieces(text: str) -> AsyncIterator[object]:
        asked = client.acompletion(messages=messages(text), stream=True, **options)
        async for chunk in await asked:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    yield call, pieces


@contextlib.asynccontextmanager
async def openai(url: str) -> AsyncGenerator[tuple[Call, Pieces]]:
    """`AsyncOpenAI`, with its retries off."""
    async with client.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="none", max_retries=0
    ) as opened:
        create = opened.chat.completions.create

        async def call(text: str) -> object:
            reply = await create(model="any", messages=messages(text), temperature=0)
            return reply.choices[0].message.content

        async def pieces(text: str) -> AsyncIterator[object]:
            asked = create(model="any", messages=messages(text), stream=True)
            async for chunk in await asked:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

        yield call, pieces


Client = Callable[[str], contextlib.AbstractAsyncContextManager[tuple[Call, Pieces]]]
CLIENTS: dict[str, Client] = {"aiohttp": bare, "litellm": litellm, "openai": openai}


async def timed(job: Job) -> Result:
    """Do one job with the client named on the command line."""
    async with CLIENTS[sys.argv[1]](job["url"]) as (call, pieces):
        if job["what"] == "stream":
            return await streamed(pieces, job["rows"])
        if job["what"] == "uncached":
            return await one_by_one(call, [text_of(n) for n in range(job["rows"])])
        spread = "spread" in sys.argv
        return await flight(call, job["rows"], job["at_once"], spread=spread)


def work(job: Job) -> Result:
    """Do one job."""
    return asyncio.run(timed(job))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer_jobs(work)

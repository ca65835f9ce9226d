"""Clients without a framework: bare aiohttp, litellm and the openai package."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import sys
from collections.abc import AsyncGenerator
from typing import Any

from bench.rivals.forked import MODEL, Job, Result, answer_jobs
from bench.rivals.timing import ASKED, Call, flight, one_by_one, text_of

client: Any = importlib.import_module(sys.argv[1])


def messages(text: str) -> list[dict[str, str]]:
    """The shortest prompt that asks."""
    return [{"role": "system", "content": ASKED}, {"role": "user", "content": text}]


@contextlib.asynccontextmanager
async def bare(url: str) -> AsyncGenerator[Call]:
    """One session, no limit on connections, and the body read as JSON."""
    connector = client.TCPConnector(limit=0)
    async with client.ClientSession(connector=connector) as session:

        async def call(text: str) -> object:
            body = {"model": "any", "messages": messages(text), "temperature": 0}
            async with session.post(f"{url}/v1/chat/completions", json=body) as reply:
                return (await reply.json())["choices"][0]["message"]["content"]

        yield call


@contextlib.asynccontextmanager
async def litellm(url: str) -> AsyncGenerator[Call]:
    """`acompletion`, with its retries off."""

    async def call(text: str) -> object:
        reply = await client.acompletion(
            model=MODEL,
            messages=messages(text),
            api_base=f"{url}/v1",
            api_key="none",
            temperature=0,
            num_retries=0,
        )
        return reply.choices[0].message.content

    yield call


@contextlib.asynccontextmanager
async def openai(url: str) -> AsyncGenerator[Call]:
    """`AsyncOpenAI`, with its retries off."""
    async with client.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="none", max_retries=0
    ) as opened:

        async def call(text: str) -> object:
            reply = await opened.chat.completions.create(
                model="any", messages=messages(text), temperature=0
            )
            return reply.choices[0].message.content

        yield call


CLIENTS = {"aiohttp": bare, "litellm": litellm, "openai": openai}


async def timed(job: Job) -> Result:
    """Do one job with the client named on the command line."""
    async with CLIENTS[sys.argv[1]](job["url"]) as call:
        if job["what"] == "uncached":
            return await one_by_one(call, [text_of(n) for n in range(job["rows"])])
        return await flight(call, job["rows"], job["at_once"])


def work(job: Job) -> Result:
    """Do one job."""
    return asyncio.run(timed(job))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    answer_jobs(work)

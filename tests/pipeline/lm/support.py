"""What the tests of calling models share."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.server import Reply, Server
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.retry import RetryPolicy, RetryQuota
from weft.pipeline.lm.lm import LanguageModel
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request, Response, Usage

KEY = "sk-CANARY-0123456789"


def asking(lm: LanguageModel, text: str = "hello you", **fields: Any) -> Request:
    """A request as the runtime makes it."""
    messages = (Message("user", text),)
    return Request(lm.model, messages, lm.sampling, endpoint=lm.endpoint, **fields)


def lm_for(server: Server, name: str = "m", **options: Any) -> LM:
    """A model at the server."""
    return LM(name, api_base=server.url, **{"api_key": KEY, "timeout": 60, **options})


def fault(status: int, message: str = "no", **error: Any) -> Reply:
    """A refusal with a body of OpenAI's kind."""
    body = json.dumps({"error": {"message": message, **error}}).encode()
    return Reply(status=status, body=body, headers={"Retry-After": "7"})


def completion(message: Any, **choice: Any) -> Reply:
    """A completion with any message, even none."""
    choices = [{"index": 0, "finish_reason": "stop", "message": message, **choice}]
    return Reply(
        body=json.dumps({"id": "1", "model": "m", "choices": choices}).encode()
    )


def quick(retries: int = 3) -> RetryPolicy:
    """Retries that do not wait, with a quota of their own."""
    return RetryPolicy(retries=retries, base=0, cap=0, quota=RetryQuota())


def key_of(number: int) -> str:
    """A key as requests have them."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def answer_of(number: int, size: int = 200) -> Response:
    """An answer that no other number has."""
    text = f"{number} é\u2028 ".ljust(size, "x")
    return Response(text, Usage(number, 2, 1), model="m", cost=number / 7, cached=True)


def fill(path: Path, numbers: range, size: int = 200) -> None:
    """Put answers into a cache and close it; all of them are in the database itself.

    A thread that has ended may still hold a connection, and with it a log of writes
    that would hide a damage to the database.
    """

    async def put() -> None:
        cache = Cache(path)
        await asyncio.gather(
            *(cache.put(key_of(i), answer_of(i, size)) for i in numbers)
        )
        cache.close()

    asyncio.run(put())
    with closing(sqlite3.connect(path / "cache.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copied(pristine: Path, folder: Path) -> None:
    """Copy a folder that `fill` made.

    SQLite's side files hold nothing then, and may go while they are copied: they do
    so with the connection of a thread that has ended.
    """
    shutil.copytree(pristine, folder, ignore=shutil.ignore_patterns("*-wal", "*-shm"))


def sql(path: Path, statement: str, *values: object) -> None:
    """Change a cache's database behind its back."""
    with closing(sqlite3.connect(path / "cache.db")) as connection, connection:
        connection.execute(statement, values)

"""A reverse proxy on loopback that counts what a model server is asked.

An account stands first in the path: `/ACCOUNT/v1/chat/completions` is a call of that
account, passed on as `/v1/chat/completions`. So every contender is counted by the same
hand, at the same place, whatever its library counts by itself. Whatever else a client
asks the server is passed on and not counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
from aiohttp import web

from ..records import keep

__all__ = ["CountingProxy", "Counts"]

_KEPT_HEADERS = ("Authorization", "Content-Type", "Accept")
_LARGEST = 64 * 2**20


@dataclass
class Counts:
    """What an account asked for, and what it got.

    Attributes:
        calls: Requests for a completion, refused ones among them.
        refused: Those that the server answered with an error.
        input_tokens: Of the prompts that were answered.
        cached_tokens: Those of them that the server's prefix cache held.
        output_tokens: Of the replies.
        cut: Replies that end at the token limit.
    """

    calls: int = 0
    refused: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cut: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        mine, theirs = self.data(), other.data()
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    def data(self) -> dict[str, int]:
        """The numbers by name."""
        return asdict(self)


class CountingProxy:
    """The proxy, in a thread of its own; a context manager.

    Args:
        upstream: The server's address, without `/v1`.
        log: A folder for what passes by, one JSONL file an account; None keeps none.

    >>> with CountingProxy("http://127.0.0.1:9") as proxy:
    ...     proxy.url("a").endswith("/a/v1"), proxy.counts("a").calls
    (True, 0)
    """

    def __init__(self, upstream: str, log: Path | None = None) -> None:
        self._upstream = upstream.removesuffix("/").removesuffix("/v1")
        self._log = log
        self._accounts: dict[str, Counts] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, account: str) -> str:
        """The base address for an account, with `/v1`."""
        return f"http://127.0.0.1:{self._port}/{account}/v1"

    def counts(self, account: str) -> Counts:
        """What one account had, up to now."""
        return self._accounts.setdefault(account, Counts())

    def forget(self, account: str) -> None:
        """Drop what the log holds of an account: of a run that was stopped, say."""
        if self._log is not None:
            (self._log / f"{account}.jsonl").unlink(missing_ok=True)

    async def _start(self) -> None:
        limit = aiohttp.TCPConnector(limit=0)
        forever = aiohttp.ClientTimeout(total=None)
        self._client = aiohttp.ClientSession(connector=limit, timeout=forever)
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{account}/{rest:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._client.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        account, rest = request.match_info["account"], request.match_info["rest"]
        body = await request.read()
        known = request.headers
        headers = {name: known[name] for name in _KEPT_HEADERS if name in known}
        counted = request.method == "POST" and rest.endswith("completions")
        counts = self.counts(account)
        counts.calls += counted
        async with self._client.request(
            request.method, f"{self._upstream}/{rest}", data=body, headers=headers
        ) as reply:
            answer, status = await reply.read(), reply.status
            kind = reply.headers.get("Content-Type", "application/json")
        if counted:
            self._count(account, counts, body, answer, status)
        return web.Response(body=answer, status=status, headers={"Content-Type": kind})

    def _count(
        self, account: str, counts: Counts, asked: bytes, answer: bytes, status: int
    ) -> None:
        data = _object(answer)
        usage: dict[str, Any] = data.get("usage") or {}
        details: dict[str, Any] = usage.get("prompt_tokens_details") or {}
        ends = [choice.get("finish_reason") for choice in data.get("choices", [])]
        counts.refused += status != 200
        counts.input_tokens += usage.get("prompt_tokens", 0)
        counts.cached_tokens += details.get("cached_tokens", 0)
        counts.output_tokens += usage.get("completion_tokens", 0)
        counts.cut += "length" in ends
        if self._log is not None:
            line = {"account": account, "status": status, "asked": _object(asked)}
            # A cell's rows share one file: an account may end in its row's number.
            path = self._log / f"{account.partition('~')[0]}.jsonl"
            keep(path, {**line, "answer": data})


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else."""
    found: Any = None
    with contextlib.suppress(ValueError):
        found = json.loads(text)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

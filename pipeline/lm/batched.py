"""A model behind a batch API: requests gather, go out together, and come back.

Providers take files of requests at about half the price and answer within hours. How a
file is made, sent and waited for differs, and is a function of the user's; the rest is
here. The cache, the budget and the retries hold as for any other model.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, cast, final
from weakref import WeakKeyDictionary

from ..errors import ConfigError, ModelError
from ..ground.words import counted
from .direct import Direct
from .lm import Behind, LanguageModel
from .request import Request, Response

Submit: TypeAlias = Callable[
    [Sequence[Request]], Awaitable[Sequence[Response | ModelError]]
]
"""From requests to their answers or errors: as many, in the same order."""


@final
class BatchLM(Behind[LanguageModel], Direct):
    """Gathers requests and hands them to a function of yours, many at a time.

    A batch goes out when it is full, or when no longer than `wait` has passed since its
    first request. So ask for many rows at once: `evaluate(..., concurrency=1000)`. No
    deadline but that of the retry policy ends the wait for the answers.

    Args:
        submit: A coroutine function from requests to as many answers, in order. What
            failed is a `ModelError` in its place; what it raises fails all of them.
        lm: The model that answers: its name, endpoint and sampling are the requests'
            own, so that both ways of asking share the cache.
        size: The most requests of a batch.
        wait: Seconds that the first request waits for others.

    Raises:
        ConfigError: `size` or `wait` holds nothing.

    >>> async def submit(requests):
    ...     return [Response(f"{len(requests)} at once") for _ in requests]
    >>> from weft.pipeline.lm.fakes import RefusingLM
    >>> lm = BatchLM(submit, RefusingLM(), wait=0.01)
    >>> async def two():
    ...     asked = (Request(lm.model, (), sample=n) for n in range(2))
    ...     return await asyncio.gather(*map(lm.complete, asked))
    >>> [answer.text for answer in asyncio.run(two())]
    ['2 at once', '2 at once']
    """

    def __init__(
        self,
        submit: Submit,
        lm: LanguageModel,
        *,
        size: int = 1000,
        wait: float = 1.0,
    ) -> None:
        if isinstance(size, bool) or size < 1 or not 0 <= wait < math.inf:
            message = f"a batch of size={size!r} and wait={wait!r} cannot be gathered"
            raise ConfigError(message, hint="Give size=1000, wait=1.0, or the like")
        super().__init__(lm)
        self._submit = submit
        self._size = size
        self._wait = wait
        # A batch belongs to the event loop that its requests wait in.
        self._open = WeakKeyDictionary[asyncio.AbstractEventLoop, _Batch]()

    async def complete(self, request: Request) -> Response:
        """Answer one request, together with those that come at the same time.

        Raises:
            ModelError: The request failed, or its batch did.
            ConfigError: `submit` gave no answer or error for each request.
        """
        loop = asyncio.get_running_loop()
        batch = self._open.get(loop)
        if batch is None:
            batch = self._open[loop] = _Batch(self._submit)
            loop.call_later(self._wait, self._send, loop, batch)
        answer = batch.take(request, loop)
        if len(batch.asked) >= self._size:
            self._send(loop, batch)
        try:
            return await answer
        except asyncio.CancelledError:
            batch.abandon()
            raise

    def _send(self, loop: asyncio.AbstractEventLoop, batch: _Batch) -> None:
        if self._open.get(loop) is batch:
            del self._open[loop]
            batch.send(loop)


class _Batch:
    """Requests that wait together, and the task that has them answered."""

    __slots__ = ("_submit", "_task", "asked")

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._task: asyncio.Task[None] | None = None
        self.asked: list[tuple[Request, asyncio.Future[Response]]] = []

    def take(
        self, request: Request, loop: asyncio.AbstractEventLoop
    ) -> asyncio.Future[Response]:
        """A place for the request's answer."""
        answer: asyncio.Future[Response] = loop.create_future()
        self.asked.append((request, answer))
        return answer

    def send(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have those answered that still wait."""
        self.asked = [(asked, place) for asked, place in self.asked if not place.done()]
        if self.asked:
            self._task = loop.create_task(self._answer())

    def abandon(self) -> None:
        """Somebody waits no more; when nobody does, the submission is cancelled."""
        if self._task is not None and all(place.done() for _, place in self.asked):
            self._task.cancel()

    async def _answer(self) -> None:
        requests = [request for request, _ in self.asked]
        found: Sequence[Response | Exception]
        try:
            found = _checked(await self._submit(requests), len(requests))
        except Exception as error:  # noqa: BLE001 - raised again, at each that waits
            found = [error] * len(requests)
        except asyncio.CancelledError:
            if all(place.done() for _, place in self.asked):  # nobody waits any more
                raise
            gone = ModelError("the batch was cancelled by its own submission")
            found = [gone] * len(requests)
        for (_, place), one in zip(self.asked, found, strict=True):
            if place.done():
                continue
            if isinstance(one, Exception):
                place.set_exception(one)
            else:
                place.set_result(one)


def _checked(given: object, wanted: int) -> Sequence[Response | ModelError]:
    """What a submission gave, where that is an answer or an error for each request.

    Raises:
        ConfigError: It is something else.
    """
    told = f"a value of type {type(given).__name__}"
    if isinstance(given, Sequence):
        answers = cast("Sequence[object]", given)
        odd = [one for one in answers if not isinstance(one, Response | ModelError)]
        if len(answers) == wanted and not odd:
            return cast("Sequence[Response | ModelError]", given)
        told = counted(len(answers), "answer")
        if odd:
            told = f"one of type {type(odd[0]).__name__}"
    raise ConfigError(
        f"the batch of {counted(wanted, 'request')} got {told}",
        hint="Give one Response for each request, in order; a ModelError for none",
    )

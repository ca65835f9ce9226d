"""One turn of an agent: the calls that a model made at once, and what came of each."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...pipeline.errors import WeftError
from ...pipeline.graph.module import Call
from ...pipeline.lm.request import JSON
from .trajectory import AgentStep

T = TypeVar("T")
SUBMIT = "submit"
"""What the model chooses in place of a tool once it knows the answer."""


@dataclass
class Turn:
    """The steps of one turn, in the order of the calls.

    Args:
        steps: What was chosen; with what came of it where that is done.
        done: Of each, whether its tool has run.
        approved: Of each, what a person said: True, or why not; None where nobody did.
        since: How many calls the agent had made before the turn's own; None before it
            begins.
    """

    steps: list[AgentStep]
    done: list[bool] = field(default_factory=list[bool])
    approved: list[JSON] = field(default_factory=list[JSON])
    since: int | None = None

    def __post_init__(self) -> None:
        self.done = self.done or [False] * len(self.steps)
        self.approved = self.approved or [None] * len(self.steps)

    @property
    def called(self) -> list[int]:
        """Which of the steps call a tool: each has its place, done or not."""
        return [n for n, step in enumerate(self.steps) if step.tool != SUBMIT]

    @property
    def todo(self) -> list[int]:
        """Which of the steps are still to be taken; to submit is none."""
        return [number for number in self.called if not self.done[number]]

    @property
    def taken(self) -> list[AgentStep]:
        """The steps that are done."""
        return [step for step, done in zip(self.steps, self.done, strict=True) if done]

    def keep(self, call: Call, start: int) -> None:
        """Keep the steps for a run that is suspended, the first of them as `start`."""
        for number, step in enumerate(self.steps):
            kept: dict[str, Any] = step.model_dump()
            if self.done[number]:
                kept["done"] = True
            call.keep(start + number, kept, since=self.since)


async def side_by_side(
    works: Sequence[Coroutine[Any, Any, T]],
) -> list[T | WeftError]:
    """What came of each piece of work, in their order; a failure ends none of them.

    So what is done, and which failure counts, hangs on no timing. Where the whole is
    cancelled, each of them is.
    """
    came: dict[int, T | WeftError] = {}

    async def one(number: int, work: Coroutine[Any, Any, T]) -> None:
        try:
            came[number] = await work
        except WeftError as error:
            came[number] = error

    if len(works) == 1:
        await one(0, works[0])
        return [came[0]]
    try:
        async with asyncio.TaskGroup() as group:
            for number, work in enumerate(works):
                group.create_task(one(number, work))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [came[number] for number in range(len(works))]

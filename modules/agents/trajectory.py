"""What an agent did so far: its steps, and as much of them as a prompt has room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, final

import pydantic
from pydantic.json_schema import SkipJsonSchema

from ...pipeline.adapters.tools import ALONGSIDE
from ...pipeline.errors import ContextLengthError, DataError, ParseError, WeftError
from ...pipeline.graph.module import Call, Module
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_list
from ...pipeline.ground.words import brief, counted
from ...pipeline.lm.request import JSON

_SAID: Final = 200  # characters of why a step is none
_FEWEST: Final = 2_000  # characters of a trajectory that is cut for a short context


@final
class AgentStep(pydantic.BaseModel):
    """One step of an agent."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    thought: str
    """Why the model chose what it did."""
    tool: str
    """The tool, or "submit"."""
    arguments: dict[str, Any]
    """What the model gave it, as plain JSON data."""
    observation: str = ""
    """What the tool gave, as the model was shown it."""
    error: str = ""
    """What went wrong instead, or empty."""
    alongside: SkipJsonSchema[bool] = False
    """Whether it was called in the same turn as the step before it."""

    @pydantic.model_serializer(mode="wrap")
    def _plainly(self, write: pydantic.SerializerFunctionWrapHandler) -> Any:
        """Without what only some steps have."""
        made: dict[str, Any] = write(self)
        if not self.alongside:
            made.pop(ALONGSIDE, None)
        return made

    def seen(self) -> dict[str, Any]:
        """The step as the model is shown it in the next one."""
        made: dict[str, Any] = {
            "thought": self.thought,
            "tool": self.tool,
            "arguments": self.arguments,
        }
        if self.alongside:
            made[ALONGSIDE] = True
        if self.error:
            return {**made, "error": self.error}
        return {**made, "observation": self.observation}


def trajectory_of(result: object) -> list[AgentStep]:
    """The steps that an agent took to its result, for type checkers too.

    A result is of the caller's signature, which has no field for them; at run time they
    are its attribute `trajectory`. An error that ended an agent's run has the steps
    until there, none where it ended before the first.

    Raises:
        TypeError: The result is of no agent.
    """
    if isinstance(result, WeftError):
        return [step for step in result.trajectory if isinstance(step, AgentStep)]
    steps = getattr(result, "__dict__", {}).get("trajectory")
    if not is_list(steps):
        raise TypeError(f"{type(result).__name__} was not made by an agent")
    return [step for step in steps if isinstance(step, AgentStep)]


def step_of(kept: Mapping[str, JSON], tools: Iterable[str]) -> AgentStep:
    """A step that a suspended run kept.

    Raises:
        DataError: It is none.
    """
    fields = {name: kept[name] for name in AgentStep.model_fields if name in kept}
    try:
        step = AgentStep.model_validate(fields, strict=True)
    except pydantic.ValidationError as error:
        raise DataError(f"a step of a suspended run is none: {error}") from None
    if step.tool not in tools and not step.error:
        raise DataError(f"a suspended run names {step.tool!r:.200}, which is no tool")
    return step


class Shown(Protocol):
    """A step of whatever kind."""

    def seen(self) -> dict[str, Any]:
        """The step as the model is shown it in the next one."""
        ...


async def asked_in_steps(
    call: Call,
    part: Module[..., Any],
    inputs: Mapping[str, Any],
    steps: Sequence[Shown],
    room: int,
    gave: Sequence[str] = ("observation",),
    what: str = "observation",
) -> Any:
    """Ask a part, with as much of the trajectory as there is room for.

    Args:
        call: Asks it.
        part: Its input `trajectory` is the steps; one without is not shown them.
        inputs: Its other inputs.
        steps: In the order in which they were taken.
        room: Characters of the trajectory; fewer where the model takes no more.
        gave: The fields of a step that may be cut.
        what: The word for what is cut, for the trace.

    Raises:
        ContextLengthError: The model does not take a short trajectory either.
    """
    shows = "trajectory" in part.spec.inputs
    while True:
        seen, cut = within(steps, room, gave)
        if cut:
            call.note(f"step {len(steps) + 1}: {counted(cut, f'old {what}')} cut")
        more = {"trajectory": seen} if shows else {}
        try:
            return await call(part, {**inputs, **more})
        except ContextLengthError:
            room = min(room, len(strictjson.dumps(seen))) // 2
            if room < _FEWEST or not shows:
                raise


async def next_step(
    call: Call,
    part: Module[..., Any],
    inputs: Mapping[str, Any],
    steps: Sequence[Shown],
    room: int,
    gave: Sequence[str] = ("observation",),
    what: str = "observation",
) -> Any | None:
    """Ask a part for a further step; None where no step can be read off its reply.

    What was seen so far is not lost then: whoever asks goes on to read the answer off
    it. The trace says why. Where there is no step yet, there is nothing to read.

    Args:
        call: Asks it.
        part: As in `asked_in_steps`, with all that follows.
        inputs: Its other inputs.
        steps: In the order in which they were taken.
        room: Characters of the trajectory.
        gave: The fields of a step that may be cut.
        what: The word for what is cut, for the trace.

    Raises:
        ParseError: The first reply is none, even mended.
        ContextLengthError: The model does not take a short trajectory either.
    """
    try:
        return await asked_in_steps(call, part, inputs, steps, room, gave, what)
    except ParseError as error:
        if not steps:
            raise
        call.note(f"step {len(steps) + 1} is none: {brief(error.message, _SAID)}")
        return None


def within(
    steps: Sequence[Shown], most: int, gave: Sequence[str] = ("observation",)
) -> tuple[list[dict[str, Any]], int]:
    """Steps as a model is shown them, in so many characters where that can be.

    Args:
        steps: In the order in which they were taken.
        most: Characters of JSON.
        gave: The fields that may be cut; a mark stands in the first for all of them.

    Returns:
        The steps, and of how many what they gave was cut, the oldest first.

    >>> steps = [
    ...     AgentStep(thought="", tool="f", arguments={}, observation="x" * 99)
    ...     for _ in range(2)
    ... ]
    >>> seen, cut = within(steps, 260)
    >>> seen[0]["observation"], len(seen[1]["observation"]), cut
    ('(cut: 99 characters)', 99, 1)
    """
    seen = [step.seen() for step in steps]
    size, cut = len(strictjson.dumps(seen)), 0
    for entry in seen:
        if size <= most:
            break
        length = sum(len(entry.get(name, "")) for name in gave)
        mark = f"(cut: {counted(length, 'character')})"
        if length > len(mark):
            before = len(strictjson.dumps(entry))
            entry[gave[0]] = mark
            for name in gave[1:]:
                entry.pop(name, None)
            size -= before - len(strictjson.dumps(entry))
            cut += 1
    return seen, cut

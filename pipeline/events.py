"""What a streamed run tells while it goes on: one typed event after the other.

One module may write several replies at once, in an `each` or where it is called twice:
events of one reply have one path and one `order`, the place of the node in the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .ground.hints import Advised
from .trace import NodeRun, Trace


@dataclass(frozen=True, slots=True)
class NodeStarted(Advised):
    """A module, a step, a region or a program inside the program begins."""

    _advised_as = "event"
    path: str
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldDelta(Advised):
    """A piece of an output field, as the model writes it.

    Args:
        path: The module's path.
        field: The output field.
        text: The piece; the pieces of a text field add up to its value.
        order: The node's place in the run.
    """

    _advised_as = "event"
    path: str
    field: str
    text: str
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Partial(Advised):
    """The fields a module has written so far, as text; comes as each field ends."""

    _advised_as = "event"
    path: str
    fields: Mapping[str, str]
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Restarted(Advised):
    """A module is asked again, after a lost connection or an unusable reply.

    What it had written so far does not count.
    """

    _advised_as = "event"
    path: str
    order: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeFinished(Advised):
    """A node is done, well or not; `run` is its part of the trace."""

    _advised_as = "event"
    path: str
    run: NodeRun

    @property
    def order(self) -> tuple[int, ...]:
        """The node's place in the run."""
        return self.run.order


@dataclass(frozen=True, slots=True)
class Finished(Advised):
    """The program's value and its whole trace; always the last event."""

    _advised_as = "event"
    value: Any
    trace: Trace


Event = NodeStarted | FieldDelta | Partial | Restarted | NodeFinished | Finished
Sink = Callable[[Event], None]

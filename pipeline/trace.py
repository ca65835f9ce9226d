"""What happened in a run: every node, every model call, every token and dollar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from .lm.request import Message, Usage
from .signature import Signature

R = TypeVar("R")
NodeKind = Literal["module", "step", "program", "each", "branch", "switch", "loop"]
_RUN = "__weft_run__"


@dataclass(frozen=True, slots=True)
class Call:
    """One model call.

    Args:
        messages: The turns sent.
        reply: The text that came back.
        model: The model that answered.
        usage: Tokens, or None where the server sent none.
        cost: US dollars, or None where the price is unknown.
        cached: Whether the answer came from the cache.
        seconds: Wall time.
        key: The request's key.
    """

    messages: tuple[Message, ...]
    reply: str
    model: str
    usage: Usage | None
    cost: float | None
    cached: bool
    seconds: float
    key: str


@dataclass(frozen=True)
class NodeRun:
    """One node's run.

    Args:
        path: The module's, step's or program's path in the program.
        kind: What the node is.
        inputs: Values by name; plain JSON data for modules.
        outputs: Values by name; plain JSON data for modules.
        calls: Model calls, repairs included, in order.
        repairs: What had to be mended to read the replies.
        seconds: Wall time.
        error: What went wrong, or empty.
        order: Position in the program, outermost first; runs are sorted by it.
        reused: Whether the result was taken from an earlier run; it made no calls.
    """

    path: str
    kind: NodeKind
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    calls: tuple[Call, ...] = ()
    repairs: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    order: tuple[int, ...] = ()
    reused: bool = False


@dataclass(frozen=True)
class Trace:
    """A run's nodes in the order of the program, and how long the run took.

    Args:
        nodes: The runs of nodes.
        seconds: Wall time.
        origin: What made it, for `run(..., reuse=trace)`; only in this process.
    """

    nodes: tuple[NodeRun, ...]
    seconds: float = 0.0
    origin: Any = field(default=None, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """What made it stays in its process."""
        return type(self), (self.nodes, self.seconds)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every model call of the run."""
        return tuple(call for node in self.nodes for call in node.calls)

    @property
    def usage(self) -> Usage:
        """Tokens of all calls whose server counted them."""
        known = [call.usage for call in self.calls if call.usage is not None]
        return Usage(
            sum(u.input_tokens for u in known),
            sum(u.output_tokens for u in known),
            sum(u.cached_input_tokens for u in known),
        )

    @property
    def cost(self) -> float | None:
        """US dollars of all calls as if none were cached; None where one is unknown."""
        return total_cost(call.cost for call in self.calls)

    def __str__(self) -> str:
        lines: list[str] = []
        for node in self.nodes:
            tokens = sum(
                c.usage.input_tokens + c.usage.output_tokens
                for c in node.calls
                if c.usage is not None
            )
            what = f"{len(node.calls)} calls, {tokens} tokens" if node.calls else ""
            what = "reused" if node.reused else what
            parts = [node.kind, what, f"{node.seconds * 1000:.1f} ms", node.error]
            lines.append(f"{node.path}: {', '.join(p for p in parts if p)}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Run(Generic[R]):
    """A program's value and how it came about."""

    value: R
    trace: Trace

    @property
    def cost(self) -> float | None:
        """US dollars, or None where a price is unknown."""
        return self.trace.cost

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.trace.seconds


def total_cost(costs: Iterable[float | None]) -> float | None:
    """The sum of costs, or None when one of them is unknown.

    >>> total_cost([0.5, 0.25]), total_cost([0.5, None])
    (0.75, None)
    """
    total = 0.0
    for cost in costs:
        if cost is None:
            return None
        total += cost
    return total


def attach(value: Signature, run: NodeRun) -> None:
    """Let a module's result remember the run that made it."""
    vars(value)[_RUN] = run


def info(value: object) -> NodeRun:
    """How a module's result came about: its calls, tokens, cost and reasoning.

    Raises:
        TypeError: The value was not made by a module.
    """
    found = value.__dict__.get(_RUN) if isinstance(value, Signature) else None
    if not isinstance(found, NodeRun):
        raise TypeError(
            f"{type(value).__name__} was not made by a module; for a program use "
            "program.run(...).trace"
        )
    return found

"""What happened in a run: every node, every model call, every token and dollar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from .errors import ConfigError
from .ground.hints import Advised, AdvisedParts
from .ground.words import counted
from .lm.request import Message, ToolCall, Usage
from .lm.scoring.decision import Decision, decisions_in
from .lm.scoring.tokens import TokenLogprob

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
        seconds: Wall time, retries included.
        key: The request's key.
        started: Seconds after the run began; 0 outside a run.
        endpoint: Who answered: a base URL without credentials, or a back end's name.
        finish_reason: The wire's own word for why the reply ended.
        request_id: The provider's id, where it gave one.
        retries: Further attempts that it took.
        error: What went wrong, as `Type: message`, or empty.
        reasoning: What the model thought first, where its endpoint shows that.
        without: Sampling options that were asked for and not sent, because the endpoint
            refuses them for this model.
        form: The settled form of reply that was asked for, such as "json/2:schema".
        tool_calls: What the model asked to be called, in order, in the endpoint's own
            format.
        logprobs: How probable each token of the reply was, where that was asked for.
    """

    messages: tuple[Message, ...]
    reply: str
    model: str
    usage: Usage | None
    cost: float | None
    cached: bool
    seconds: float
    key: str
    started: float = 0.0
    endpoint: str = ""
    finish_reason: str = ""
    request_id: str = ""
    retries: int = 0
    error: str = ""
    reasoning: str = ""
    without: tuple[str, ...] = ()
    form: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, repr=False)
class NodeRun(Advised):
    """One node's run.

    Args:
        path: The module's, step's or program's path in the program.
        kind: What the node is.
        inputs: Values by name; plain JSON data for modules.
        outputs: Values by name; plain JSON data for modules.
        calls: Model calls, repairs included, in order.
        repairs: What had to be mended to read the replies.
        seconds: Wall time.
        error: What went wrong, as `Type: message`, or "cancelled", or empty.
        order: Position in the program, outermost first; runs are sorted by it.
        reused: Whether the result was taken from an earlier run; it made no calls.
        started: Seconds after the run began; 0 outside a run.
        failed: The call that brought no answer and so ended the node; none of `calls`.
        facts: What the module says of how its answer came about, as plain data:
            `agreement` of a vote, `answered_by` of a fallback.
    """

    _advised_as = "node"
    path: str
    kind: NodeKind
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=lambda: {})
    calls: tuple[Call, ...] = ()
    repairs: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    order: tuple[int, ...] = ()
    reused: bool = False
    started: float = 0.0
    failed: Call | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: {})

    def decision(self, output: str | None = None) -> Decision:
        """How an output was decided by `weft.Classify`.

        Args:
            output: Which one; may be left out where one was decided.

        Raises:
            ConfigError: No such output was decided by its choices' probabilities.
        """
        made = decisions_in(self.facts)
        name = next(iter(made)) if output is None and len(made) == 1 else output
        if name in made:
            return made[name]
        what = ", ".join(made) or "nothing"
        raise ConfigError(
            f"{self.path!r} decided {what} by probabilities, and {output!r} is none",
            hint=f"Name one of: {what}" if made else "Ask by weft.Classify(module)",
        )

    def __str__(self) -> str:
        used = ["reused"] if self.reused else _used(self.calls)
        parts = [self.kind, *used, _lasted(self.seconds), self.error]
        return f"{self.path}: {', '.join(part for part in parts if part)}"

    def __repr__(self) -> str:
        return f"NodeRun({self})"


@dataclass(frozen=True)
class Branch:
    """A node's run and what ran inside it.

    Args:
        run: The node's run.
        turn: Which item of an `each` or turn of a `loop` it belongs to, such as
            "item 0", "turn 1" or "until 1"; else empty.
        children: What ran inside it, in the order of the program.
    """

    run: NodeRun
    turn: str = ""
    children: tuple[Branch, ...] = ()


@dataclass(frozen=True, repr=False)
class Trace(AdvisedParts):
    """A run's nodes in the order of the program, and how long the run took.

    Args:
        nodes: The runs of nodes.
        seconds: Wall time.
        origin: What made it, for `run(..., reuse=trace)`; only in this process.
        run_id: Its id in the trace log and in spans; empty where nobody follows runs.
    """

    _read_by = "Read .nodes: each has a path, inputs, a value and calls"

    nodes: tuple[NodeRun, ...]
    seconds: float = 0.0
    origin: Any = field(default=None, repr=False, compare=False)
    run_id: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """What made it stays in its process."""
        return type(self), (self.nodes, self.seconds, None, self.run_id)

    @cached_property
    def tree(self) -> tuple[Branch, ...]:
        """The nodes, those inside another below it."""
        return _branches(sorted(self.nodes, key=lambda node: node.order))

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every model call of the run."""
        return tuple(call for node in self.nodes for call in node.calls)

    @cached_property
    def critical_path(self) -> tuple[NodeRun, ...]:
        """The nodes that the run waited for, first to last, by when they ran.

        The last is the one that ended last; before each stands whatever ended last
        before it began. A run is no shorter than these together: only they are worth
        making faster. Nodes inside others are not looked at.
        """
        left = [branch.run for branch in self.tree]
        path: list[NodeRun] = []
        until = math.inf
        while found := [run for run in left if run.started + run.seconds <= until]:
            last = max(found, key=lambda run: run.started + run.seconds)
            left.remove(last)
            path.insert(0, last)
            until = last.started
        return tuple(path)

    @property
    def usage(self) -> Usage:
        """Tokens of all calls whose server counted them."""
        known = [call.usage for call in self.calls if call.usage is not None]
        return Usage(
            sum(u.input_tokens for u in known),
            sum(u.output_tokens for u in known),
            sum(u.cached_input_tokens for u in known),
            sum(u.reasoning_tokens for u in known),
        )

    @property
    def cost(self) -> float | None:
        """US dollars of all calls as if none were cached; None where one is unknown."""
        return total_cost(call.cost for call in self.calls)

    def __str__(self) -> str:
        return "\n".join(str(node) for node in self.nodes)

    def __repr__(self) -> str:
        told = [counted(len(self.nodes), "node"), *_used(self.calls)]
        return f"Trace({', '.join([*told, _lasted(self.seconds)])})"


@dataclass(frozen=True, repr=False)
class Run(AdvisedParts, Generic[R]):
    """A program's value and how it came about."""

    _read_by = "Read .value, what the program gave, and .trace"

    value: R
    trace: Trace

    def __repr__(self) -> str:
        return f"Run({self.value!r}, {self.trace!r})"

    @property
    def cost(self) -> float | None:
        """US dollars, or None where a price is unknown."""
        return self.trace.cost

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.trace.seconds


def _used(calls: Sequence[Call]) -> list[str]:
    """Calls and tokens in words; nothing where there were none."""
    known = [call.usage for call in calls if call.usage is not None]
    tokens = sum(u.input_tokens + u.output_tokens for u in known)
    return [counted(len(calls), "call"), counted(tokens, "token")] if calls else []


def _lasted(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _branches(
    nodes: Sequence[NodeRun], outer: NodeRun | None = None
) -> tuple[Branch, ...]:
    """Nodes in the program's order as a tree; one is inside what its order begins."""
    found: list[Branch] = []
    at = 0
    while at < len(nodes):
        node, end = nodes[at], at + 1
        while end < len(nodes) and _within(nodes[end], node):
            end += 1
        inner = _branches(nodes[at + 1 : end], node)
        found.append(Branch(node, _turn(node, outer), inner))
        at = end
    return tuple(found)


def _within(node: NodeRun, outer: NodeRun) -> bool:
    length = len(outer.order)
    return len(node.order) > length and node.order[:length] == outer.order


def _turn(node: NodeRun, outer: NodeRun | None) -> str:
    """Which time a region's body ran; its number follows the region's own order."""
    if outer is None or outer.kind not in ("each", "loop"):
        return ""
    number, *rest = node.order[len(outer.order) :]
    if outer.kind == "each":
        return f"item {number}"
    return f"until {number}" if rest[:1] == [0] else f"turn {number}"


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


def attach(value: object, run: NodeRun) -> None:
    """Let a module's result remember the run that made it."""
    vars(value)[_RUN] = run


def was_run(value: object) -> bool:
    """Whether a result remembers the run that made it."""
    return _RUN in vars(value)


def info(value: object) -> NodeRun:
    """How a module's result came about: its calls, tokens, cost and reasoning.

    Raises:
        TypeError: The value was not made by a module.
    """
    found = getattr(value, "__dict__", {}).get(_RUN)
    if not isinstance(found, NodeRun):
        raise TypeError(
            f"{type(value).__name__} was not made by a module; for a program use "
            "program.run(...).trace"
        )
    return found

"""How many model calls one run of a program makes, known before it runs.

Of a `branch` or a `switch` the dearest arm counts, of a `loop` every round it may take.
Two things have no bound that is known beforehand: the length of the list that an `each`
goes over, and how often a step calls what it `uses`. There the counts assume
`EACH_ITEMS` items, and one call of each used module: they are estimates, and
`is_bounded` says so. A budget is kept by the ledger whatever the counts say, because
every single call is reserved before it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...pipeline.graph import Flow, Node
from ...pipeline.module import Module
from ...pipeline.program import Program

EACH_ITEMS = 8


def calls_bound(program: Program[..., Any]) -> int:
    """The most model calls that one run can make, repairs included."""
    count = _Counting(program, lambda module: 1 + module.repairs, longest=True)
    return count.flow(program.structure)


def calls_plain(program: Program[..., Any]) -> int:
    """Model calls of one run in which no reply needs a repair; of a loop one round."""
    count = _Counting(program, lambda _: 1, longest=False)
    return count.flow(program.structure)


def is_bounded(program: Program[..., Any]) -> bool:
    """Whether `calls_bound` is a bound and no estimate.

    It is, unless an `each` or a step with `uses=` calls a model.
    """
    count = _Counting(program, lambda _: 1, longest=True)
    open_ended = any(
        node.kind in ("each", "step") and count.node(node) > 0
        for node in program.structure.walk()
    )
    return not open_ended and all(map(is_bounded, program.parts.programs.values()))


@dataclass(frozen=True)
class _Counting:
    """Counts the calls of one program's levels.

    Args:
        program: Whose levels.
        price: Calls that one run of a module counts for.
        longest: Whether loops take all their rounds.
    """

    program: Program[..., Any]
    price: Callable[[Module[..., Any]], int]
    longest: bool

    def flow(self, flow: Flow) -> int:
        """Calls of one run of a level."""
        return sum(self.node(node) for node in flow.nodes)

    def node(self, node: Node) -> int:
        """Calls of one run of a node."""
        parts = self.program.parts
        if node.kind == "module":
            return self.price(parts.modules[node.target])
        if node.kind == "step":
            return sum(map(self.price, parts.steps[node.target].modules.values()))
        if node.kind == "program":
            inner = parts.programs[node.target]
            return _Counting(inner, self.price, self.longest).flow(inner.structure)
        bodies = {name: self.flow(body) for name, body in node.bodies.items()}
        if node.kind == "each":
            return EACH_ITEMS * bodies["body"]
        if node.kind == "loop":
            turns: int = node.options["at_most"] if self.longest else 1
            return turns * sum(bodies.values())
        return max(bodies.values())

"""How many model calls one run of a program makes, known before it runs.

Of a `branch` or a `switch` the dearest arm counts, of a `loop` every round it may take.
An `each` over a list that the rows hold counts that list's items. Two things have no
bound that is known beforehand: the length of a list that is only made by a run, and how
often a step calls what it `uses`. There the counts assume `EACH_ITEMS` items, and one
call of each used module: they are estimates, and `is_bounded` says so. A budget is kept
by the ledger whatever the counts say, because every single call is reserved before it
is made.

An embedder's calls are calls: one for each search of an index with vectors, and one for
each call of a module that shows the nearest of its demos, where the scope has an
embedder. A step of a user's own that asks one is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from ...pipeline.data.example import Example
from ...pipeline.graph.binding import INPUT, Take
from ...pipeline.graph.graph import CALLS, Flow, Node
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Parts, Program
from ...pipeline.graph.step import Step
from ...pipeline.graph.uses import deciders_of
from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import plain
from ...pipeline.lm.embedding.model import EmbeddingModel
from ...pipeline.run.settings import current

EACH_ITEMS = 8


def calls_bound(program: Program[..., Any], rows: Sequence[Example] = ()) -> int:
    """The most model calls that one run can make, repairs included."""
    count = _Counting(program, _Inputs.of(program, rows), _most, longest=True)
    return math.ceil(count.flow(program.structure))


def calls_plain(program: Program[..., Any], rows: Sequence[Example] = ()) -> int:
    """Model calls of one run in which no reply needs a repair; of a loop one round."""
    count = _Counting(program, _Inputs.of(program, rows), _one)
    return math.ceil(count.flow(program.structure))


def calls_likely(program: Program[..., Any], rows: Sequence[Example] = ()) -> float:
    """As `calls_plain`, but each arm of a branch is as likely as the others."""
    count = _Counting(program, _Inputs.of(program, rows), _one, arms=fmean)
    return count.flow(program.structure)


def calls_least(program: Program[..., Any], rows: Sequence[Example]) -> int:
    """The fewest different model calls that one run on each of some rows can make.

    Only modules that are surely called and read the rows themselves count, once for
    each value: a call that reads what another one wrote may be the same for all rows,
    an `each` may have no item, a `loop` no round, and a step may call nothing.
    """
    inputs = _Inputs.of(program, rows)
    return sum(inputs.values(read) for read in dict(_reads(program, inputs)).values())


def behind_decisions(
    program: Program[..., Any], rows: Sequence[Example] = (), *, longest: bool = False
) -> float:
    """Model calls of one run that may change where a decision is another one.

    Those of nodes that are handed what hangs on a `Classify`, and of what is beside one
    inside a module, a step or a region.

    Args:
        program: What is run.
        rows: What it is run on.
        longest: Whether repairs count, and loops take all their rounds.
    """
    price = _most if longest else _one
    inputs = _Inputs.of(program, rows)
    return _behind(_Counting(program, inputs, price, longest=longest))


def _behind(count: _Counting) -> float:
    parts, total, hanging = count.program.parts, 0.0, set[str]()
    for node in count.program.structure.nodes:
        later = bool(hanging.intersection(node.needs))
        deciders = [] if later else _deciders(parts, node)
        if not later and not deciders:
            continue
        hanging.add(node.id)
        if deciders and node.kind == "program":
            total += _behind(count.inside(node, parts.programs[node.target]))
        else:
            # Of a region all counts: a turn may hang on what the one before decided.
            stays = 0.0 if node.bodies else sum(map(count.part, deciders))
            total += count.node(node) - stays
    return total


def _deciders(parts: Parts, node: Node) -> list[Any]:
    """The modules in a node whose rules may be changed."""
    if node.bodies:
        inner = (one for body in node.bodies.values() for one in body.nodes)
        return [module for one in inner for module in _deciders(parts, one)]
    if node.kind not in CALLS:
        return []
    return [*deciders_of({node.target: parts.target(node)}).values()]


def is_bounded(program: Program[..., Any], rows: Sequence[Example] = ()) -> bool:
    """Whether `calls_bound` is a bound and no estimate.

    It is, unless a step with `uses=` calls a model, or an `each` over a list that no
    row holds.
    """
    count = _Counting(program, _Inputs.of(program, rows), _one, longest=True)
    return count.bounded(program.structure)


def tried_paths(program: Program[..., Any]) -> list[str]:
    """The paths of modules that another module asks several times for one answer."""
    found = dict[str, None]()
    for node in program.structure.walk():
        if node.kind in CALLS:
            target = program.parts.target(node)
            found.update(dict.fromkeys(_tried(target, node.target, several=False)))
    return [*found]


def _tried(part: Any, path: str, *, several: bool) -> Iterator[str]:
    if part.node_kind == "program":
        yield from (f"{path}/{inner}" for inner in tried_paths(part))
        return
    is_module = part.node_kind == "module"
    if is_module and not part.has_body:
        yield from [path] if several else []
        return
    times: dict[str, int] = part.times() if is_module else {}
    for name, inner in part.uses.running.items():
        again = several or times.get(name, 1) > 1
        yield from _tried(inner, f"{path}/{name}", several=again)


def pool_calls(demos: int) -> int:
    """The calls of the scope's embedder that make a pool of demos comparable.

    A pool is embedded once for each budget; none where the scope has no embedder.
    """
    embedder = current().embedder
    return 0 if embedder is None else math.ceil(demos / embedder.batch)


def _one(module: Module[..., Any]) -> int:
    return 1 + _embeds(module)


def _most(module: Module[..., Any]) -> int:
    return 1 + module.repairs + _embeds(module)


def _embeds(module: Module[..., Any]) -> int:
    """Whether a call asks for its input's vector, to choose the nearest demos by it."""
    return int(module.parameters.nearest > 0 and current().embedder is not None)


def _searches(step: Step[..., Any]) -> int:
    """Whether a step asks for its query's vector, as an index that has vectors does."""
    index: object = getattr(step.function, "__self__", None)
    return int(isinstance(getattr(index, "embedder", None), EmbeddingModel))


@dataclass(frozen=True)
class _Inputs:
    """What rows say about the inputs of a program, or of one that it calls.

    Args:
        rows: What the outermost program is run on.
        names: Its inputs, by the sources that stand for them where nodes are counted.
    """

    rows: Sequence[Example] = ()
    names: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, program: Program[..., Any], rows: Sequence[Example]) -> _Inputs:
        names = {f"{INPUT}.{one.name}": one.name for one in program.structure.inputs}
        return cls(rows, names)

    def within(self, node: Node) -> _Inputs:
        """The same for the program that a node calls."""
        handed = {f"{INPUT}.{own}": name for own, name in self._handed(node).items()}
        return _Inputs(self.rows, handed)

    def _handed(self, node: Node) -> dict[str, str]:
        """The inputs that a node is handed as they are, by its own names for them."""
        return {
            name: self.names[binding.source]
            for name, binding in node.bindings.items()
            if isinstance(binding, Take)
            and not binding.path
            and binding.source in self.names
        }

    def given(self, node: Node) -> list[dict[str, Any]]:
        """What a node is handed on each row, as far as rows hold it."""
        names = self._handed(node).items()
        return [{own: row.inputs.get(name) for own, name in names} for row in self.rows]

    def read_by(self, node: Node) -> tuple[str, ...]:
        """The inputs that a node is handed as they are."""
        return tuple(sorted(self.within(node).names.values()))

    def lengths(self, node: Node) -> list[int]:
        """How long the lists are that an `each` goes over, as far as rows hold them."""
        found = [
            row.inputs.get(name) for name in self.read_by(node) for row in self.rows
        ]
        return [len(items) for items in found if isinstance(items, Sized)]

    def values(self, names: Iterable[str]) -> int:
        """How many different values these inputs have together."""
        told = ([plain(row.inputs.get(name)) for name in names] for row in self.rows)
        return len({strictjson.canonical(values) for values in told})


def _reads(
    program: Program[..., Any], inputs: _Inputs
) -> Iterator[tuple[Module[..., Any], tuple[str, ...]]]:
    """Each module that is surely called on a row's own values, and which it reads."""
    parts = program.parts
    for node in program.structure.nodes:
        if node.kind == "program":
            yield from _reads(parts.programs[node.target], inputs.within(node))
        elif node.kind == "module" and inputs.read_by(node):
            module = parts.modules[node.target]
            if not module.has_body:  # of one with a body nobody knows what it leaves
                yield module, inputs.read_by(node)


@dataclass(frozen=True)
class _Counting:
    """Counts the calls of one program's levels.

    Args:
        program: Whose levels.
        inputs: What the rows say about its inputs.
        price: Calls that one run of a module counts for.
        longest: Whether loops take all their rounds, and lists are the longest.
        arms: What the arms of a branch count for together.
    """

    program: Program[..., Any]
    inputs: _Inputs
    price: Callable[[Module[..., Any]], int]
    longest: bool = False
    arms: Callable[[Iterable[float]], float] = max

    def flow(self, flow: Flow) -> float:
        """Calls of one run of a level."""
        return sum(self.node(node) for node in flow.nodes)

    def node(self, node: Node) -> float:
        """Calls of one run of a node."""
        parts = self.program.parts
        if node.kind in ("module", "step"):
            return self.part(parts.target(node), self.inputs.given(node))
        if node.kind == "program":
            return self._inner(node).flow(parts.programs[node.target].structure)
        bodies = {name: self.flow(body) for name, body in node.bodies.items()}
        if node.kind == "each":
            return self._items(node) * bodies["body"]
        if node.kind == "loop":
            turns: int = node.options["at_most"] if self.longest else 1
            return turns * sum(bodies.values())
        return self.arms(bodies.values())

    def part(self, part: Any, rows: Sequence[Mapping[str, Any]] = ()) -> float:
        """Calls of one run of something by itself, and of what it calls.

        Args:
            part: It.
            rows: What it is handed, where that is known.
        """
        if part.node_kind == "program":
            return self._whole(part).flow(part.structure)
        if part.node_kind == "module" and not part.has_body:
            return self.price(part)
        is_module = part.node_kind == "module"
        own = 0 if is_module else _searches(part)
        known = [part.times_on(row) for row in rows] if is_module else []
        times = known or ([part.times()] if is_module else [{}])
        over: Callable[[Iterable[float]], float] = max if self.longest else fmean
        return own + sum(
            over([one.get(name, 1) for one in times]) * self.part(inner)
            for name, inner in part.uses.running.items()
        )

    def _whole(self, program: Program[..., Any]) -> _Counting:
        """The count of a program that is a part of a module."""
        return replace(self, program=program, inputs=_Inputs.of(program, ()))

    def inside(self, node: Node, program: Program[..., Any]) -> _Counting:
        """The count of a program that a node calls."""
        handed = self.inputs.within(node)
        return _Counting(program, handed, self.price, self.longest, self.arms)

    def bounded(self, flow: Flow) -> bool:
        """Whether the calls of a level are no estimate."""
        return all(map(self._bounded, flow.nodes))

    def _bounded(self, node: Node) -> bool:
        if node.kind == "program":
            inner = self.program.parts.programs[node.target]
            return self._inner(node).bounded(inner.structure)
        if node.kind == "each" and not self.inputs.lengths(node):
            return self.node(node) == 0
        if node.kind in ("module", "step"):
            return self._part_bounded(self.program.parts.target(node))
        return all(map(self.bounded, node.bodies.values()))

    def _part_bounded(self, part: Any) -> bool:
        """Whether the calls of something by itself are no estimate."""
        if part.node_kind == "program":
            return self._whole(part).bounded(part.structure)
        if part.node_kind == "step":
            return self.part(part) == _searches(part)
        return all(map(self._part_bounded, part.uses.running.values()))

    def _inner(self, node: Node) -> _Counting:
        return self.inside(node, self.program.parts.programs[node.target])

    def _items(self, node: Node) -> float:
        lengths = self.inputs.lengths(node)
        if not lengths:
            return EACH_ITEMS
        return max(lengths) if self.longest else fmean(lengths)

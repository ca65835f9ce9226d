"""A graph as people see it: networkx, mermaid, an SVG from above, a diff in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..ground.pages import drawn
from ..ground.words import counted
from ..signature.types import type_name
from .binding import INPUT, is_node, show, source_name, takes_of
from .graph import REGIONS, Body, Flow, Graph, Node, call_text
from .uses import Inside

if TYPE_CHECKING:
    import networkx

    DiGraph = networkx.DiGraph[str]


class Picture(NamedTuple):
    """What a picture shows: a graph, and the parts of the modules that it calls."""

    graph: Graph
    inside: Mapping[str, Inside]


class Drawn(ABC):
    """Something with a graph, and so with pictures."""

    @property
    @abstractmethod
    def structure(self) -> Graph:
        """The graph as immutable data."""

    @property
    @abstractmethod
    def picture(self) -> Picture:
        """What pictures show."""

    @property
    def graph(self) -> DiGraph:
        """The graph for networkx: nodes carry kind and target, edges their fields."""
        return as_networkx(self.structure)

    def mermaid(self) -> str:
        """The graph as a mermaid flowchart; regions are subgraphs."""
        return as_mermaid(self.picture)

    def svg(self) -> str:
        """The graph as one SVG element: no scripts, no fonts, nothing fetched."""
        return drawn("graph", self.picture)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.svg()

    def __repr__(self) -> str:
        return f"Program:\n{self.structure!r}"


def as_networkx(graph: Graph) -> DiGraph:
    """The graph as a `networkx.DiGraph`.

    Nodes are inputs, calls and the `output`, with `kind`, `target` and `type`; an edge
    carries `fields`, a list of (attribute path, argument). The nodes of a region's
    body carry the region's id and the body's name as `inside`.
    """
    import networkx  # noqa: PLC0415 - 120 ms that only drawing needs

    made: DiGraph = networkx.DiGraph(name=graph.name)
    for field in graph.inputs:
        made.add_node(field.name, kind="input", type=type_name(field.annotation))
    for node, inside in _placed(graph, ""):
        more = {"inside": inside} if inside else {}
        kind = type_name(node.result)
        made.add_node(node.id, kind=node.kind, target=node.target, type=kind, **more)
    made.add_node("output", kind="output", type=type_name(graph.result))
    for source, target, path, argument in edges_of(graph):
        if not made.has_edge(source, target):
            made.add_edge(source, target, fields=[])
        made.edges[source, target]["fields"].append((path, argument))
    return made


def _placed(flow: Flow, inside: str) -> Iterator[tuple[Node, str]]:
    """Every node with where it stands: empty, or `region/body`."""
    for node in flow.nodes:
        yield node, inside
        for name, body in node.bodies.items():
            yield from _placed(body, f"{node.id}/{name}")


class Edge(NamedTuple):
    """A value's way: from where, to which node, its attribute path, and as what."""

    source: str
    target: str
    path: str
    argument: str


def edges_of(graph: Graph) -> list[Edge]:
    """Every edge, those from the inputs and to the output included.

    What a node in a body takes comes from the node that gives it, wherever that
    stands; a parameter of a body comes from its region.
    """
    found = _edges(graph, "output", bodies=False)
    return [edge._replace(source=_from(edge.source)) for edge in found]


def _from(source: str) -> str:
    """The node that a source is: a parameter is its region."""
    if is_node(source) or source.startswith(INPUT + "."):
        return source_name(source)
    return source[1:].partition(".")[0]


def _edges(flow: Flow, end: str, *, bodies: bool) -> Iterator[Edge]:
    """Edges of a level and of the bodies in it, with raw sources.

    Args:
        flow: The level.
        end: What its output goes to; empty for nothing.
        bodies: Whether bodies have an output of their own, `region/body`.
    """
    for node in flow.nodes:
        for argument, binding in node.bindings.items():
            for take in takes_of(binding):
                yield Edge(take.source, node.id, ".".join(take.path), argument)
        for source in node.after:
            yield Edge(source, node.id, "", "after")
        for name, body in node.bodies.items():
            inner = f"{node.id}/{name}" if bodies else ""
            yield from _edges(body, inner, bodies=bodies)
    for take in takes_of(flow.output) if end else ():
        yield Edge(take.source, end, ".".join(take.path), "")


def as_mermaid(picture: Picture) -> str:
    """The graph as a mermaid flowchart.

    Modules are boxes, steps are rounded, programs have two borders. A module with parts
    is a subgraph of them, and a region one with a subgraph for each body.
    """
    return "\n".join(_Mermaid(picture).lines())


_SHAPES = {"module": '["{}"]', "step": '("{}")', "program": '[["{}"]]'}


class _Mermaid:
    """Writes one flowchart; names of the graph become ids that mermaid accepts."""

    def __init__(self, picture: Picture) -> None:
        self._graph, self._inside = picture
        self._ids: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        graph = self._graph
        yield "flowchart TD"
        for field in graph.inputs:
            yield f"    {self._pill(f'{INPUT}.{field.name}', field.name)}"
        for node in graph.nodes:
            yield from self._node(node, "    ")
        yield f"    {self._pill('output', type_name(graph.result))}"
        for source, target, path, argument in _edges(graph, "output", bodies=True):
            ends = self._id(source), self._id(target)
            label = " → ".join(filter(None, (path, argument)))
            arrow = f'-- "{_label(label)}" -->' if label else "-->"
            if argument == "after" and not path:
                arrow = "-. after .->"
            yield f"    {ends[0]} {arrow} {ends[1]}"

    def _id(self, name: str) -> str:
        return self._ids.setdefault(name, f"n{len(self._ids)}")

    def _pill(self, name: str, text: str) -> str:
        return f'{self._id(name)}(["{_label(text)}"])'

    def _node(self, node: Node, indent: str) -> Iterator[str]:
        if node.kind not in REGIONS:
            inside = self._inside.get(node.target, Inside("module", {}))
            yield from self._call(node.id, node.id, node.kind, inside.parts, indent)
            return
        title = _label(region_title(node))
        yield f'{indent}subgraph {self._id(node.id)}["{title}"]'
        for name, body in node.bodies.items():
            yield from self._body(f"{node.id}/{name}", name, body, indent + "    ")
        yield f"{indent}end"

    def _call(
        self, key: str, name: str, kind: str, parts: Mapping[str, Inside], indent: str
    ) -> Iterator[str]:
        if not parts:
            yield f"{indent}{self._id(key)}{_SHAPES[kind].format(_label(name))}"
            return
        yield f'{indent}subgraph {self._id(key)}["{_label(name)}"]'
        for part, told in parts.items():
            inner = f"{key}/{part}"
            yield from self._call(inner, part, told.kind, told.parts, indent + "    ")
        yield f"{indent}end"

    def _body(self, key: str, name: str, body: Body, indent: str) -> Iterator[str]:
        yield f'{indent}subgraph {self._id(key + "/")}["{_label(name)}"]'
        for param in body.params:
            text = source_name(param.source)
            yield f"{indent}    {self._pill(param.source, text)}"
        for node in body.nodes:
            yield from self._node(node, indent + "    ")
        yield f"{indent}    {self._pill(key, show(body.output))}"
        yield f"{indent}end"


def region_title(node: Node) -> str:
    """A region's heading: what it is, over what, and its bounds."""
    value = show(next(iter(node.bindings.values())))
    most = node.options.get("at_most")
    words = {"each": "each of", "branch": "branch on", "switch": "switch on"}
    title = f"{words.get(node.kind, 'loop from')} {value}"
    return f"{title}, at most {counted(most, 'round')}" if most else title


def _label(text: str) -> str:
    """A text that mermaid shows as it is."""
    marks = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"}
    plain = " ".join(text.replace("#", "#35;").split())
    return "".join(marks.get(char, char) for char in plain)


def graph_diff(old: Drawn, new: Drawn) -> list[str]:
    """What changed from one program's structure to another's; empty for nothing.

    Nodes are matched by id. Parameters are no part of it: they are diffed elsewhere.
    """
    return list(_graph_lines(old.structure, new.structure))


def _graph_lines(old: Graph, new: Graph) -> Iterator[str]:
    before = {f.name: type_name(f.annotation) for f in old.inputs}
    after = {f.name: type_name(f.annotation) for f in new.inputs}
    yield from (f"input {n} was removed" for n in before if n not in after)
    yield from (f"input {n}: {after[n]} was added" for n in after if n not in before)
    for name in (n for n in before if n in after and before[n] != after[n]):
        yield f"input {name} was {before[name]}, now {after[name]}"
    first = {node.id: (node, where) for node, where in _placed(old, "")}
    second = {node.id: (node, where) for node, where in _placed(new, "")}
    for identity, (node, _) in first.items():
        if identity not in second:
            yield f"{identity} was removed: {call_text(node)}"
    for identity, (node, where) in second.items():
        if identity not in first:
            inside = f" in {where}" if where else ""
            yield f"{identity} was added{inside}: {call_text(node)}"
        else:
            yield from _node_lines(*first[identity], node, where)
    yield from _output_lines("", old, new)


def _node_lines(old: Node, was: str, new: Node, now: str) -> Iterator[str]:
    if was != now:
        yield f"{new.id} moved from {was or 'the program'} to {now or 'the program'}"
    if (old.kind, old.target) != (new.kind, new.target):
        yield f"{new.id} calls {new.kind} {new.target}, not {old.kind} {old.target}"
    before = {k: show(b) for k, b in old.bindings.items()}
    after = {k: show(b) for k, b in new.bindings.items()}
    yield from _changes(new.id, before, after)
    if old.after != new.after:
        yield f"{new.id} waits for {', '.join(new.after) or 'nothing'} first"
    settings = {k: str(v) for k, v in old.options.items()}
    yield from _changes(new.id, settings, {k: str(v) for k, v in new.options.items()})
    for name, body in new.bodies.items():
        if name in old.bodies:
            yield from _output_lines(f"{new.id}/{name}", old.bodies[name], body)
        else:
            yield f"{new.id} has a new body {name}"
    yield from (
        f"{new.id} lost its body {name}"
        for name in old.bodies
        if name not in new.bodies
    )


def _changes(
    name: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[str]:
    for key in {**before, **after}:
        if key not in after:
            yield f"{name}.{key} is not given any more (was {before[key]})"
        elif key not in before:
            yield f"{name}.{key} is now {after[key]} (was not given)"
        elif before[key] != after[key]:
            yield f"{name}.{key} is now {after[key]} (was {before[key]})"


def _output_lines(where: str, old: Flow, new: Flow) -> Iterator[str]:
    name = f"the output of {where}" if where else "the output"
    if old.output != new.output:
        yield f"{name} is now {show(new.output)} (was {show(old.output)})"

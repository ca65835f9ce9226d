"""Graphs out of plain data: the inverse of `Graph.describe`, for artifacts.

Data comes from a file that nobody vouches for, so every part is checked: names, order,
which bodies a region has, and that each value comes from something that runs before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from ..ground.shapes import is_dict, is_list
from ..trace import NodeKind
from .binding import Binding, Const, bound_from, takes_of
from .graph import REGIONS, Body, Node, Param
from .kinds import kind_of_binding, kind_of_parameter, kind_of_region
from .regions import DEFAULT
from .targets import result_of

_ALWAYS = {"id", "kind", "target", "in"}
_SOMETIMES = {"after", "bodies", "options"}
_BODY = {"name", "params", "nodes", "output"}
_NAMES = {
    "each": ({"body"},),
    "branch": ({"then", "orelse"},),
    "loop": ({"body"}, {"body", "until"}),
}
_OPTIONS = {"each": {"at_once"}, "branch": set[str](), "loop": {"at_most"}}


@dataclass(frozen=True)
class GraphReader:
    """Reads the nodes of one program.

    Args:
        targets: What nodes may call, by kind and name.
        ids: Every id read so far; the program's inputs are none.
    """

    targets: Mapping[str, Mapping[str, Any]]
    ids: set[str] = field(default_factory=set[str])

    def nodes(self, data: Any, known: dict[str, Any]) -> tuple[Node, ...]:
        """The nodes of one level.

        Args:
            data: Their descriptions in order.
            known: Types of the sources that the level may use; its own are added as
                they come.

        Raises:
            ValueError: One is no node, or uses what no earlier node gives.
        """
        made: list[Node] = []
        for entry in _list(data, "nodes"):
            node = self._node(_dict(entry, "a node"), known)
            known[node.id] = node.result
            made.append(node)
        return tuple(made)

    def binding(self, data: Any, known: dict[str, Any]) -> Binding:
        """A binding whose sources are known.

        Raises:
            ValueError: It is none, or one of them is not.
        """
        made = bound_from(_dict(data, "a binding"))
        for take in takes_of(made):
            if take.source not in known:
                raise ValueError(
                    f"it needs {take.source!r}, which no earlier node gives"
                )
        return made

    def _node(self, entry: Mapping[str, Any], known: dict[str, Any]) -> Node:
        kind, identity = self._head(entry)
        given = _dict(entry["in"], "in")
        bindings = {str(k): self.binding(b, known) for k, b in given.items()}
        after = tuple(_texts(entry.get("after", [])))
        for source in after:
            self.binding({"take": [source]}, known)
        options = _dict(entry.get("options", {}), "options")
        value = kind_of_binding(next(iter(bindings.values()), Const(None)), known)
        inside = kind_of_parameter(kind, value)
        bodies = {
            str(body["name"]): self._body(body, identity, known, inside)
            for body in _list(entry.get("bodies", []), "bodies")
        }
        if kind in REGIONS:
            _check_region(kind, bindings, list(bodies), options)
            result = kind_of_region(kind, value, bodies)
        elif bodies or options:
            raise ValueError(f"{identity!r} is a {kind} and holds no bodies")
        else:
            result = result_of(kind, self.targets[kind][entry["target"]])
        node_kind = cast(NodeKind, kind)
        return Node(
            identity,
            node_kind,
            entry["target"],
            bindings,
            result,
            after=after,
            bodies=bodies,
            options=options,
        )

    def _head(self, entry: Mapping[str, Any]) -> tuple[str, str]:
        keys = set(entry)
        if not keys >= _ALWAYS or not keys <= _ALWAYS | _SOMETIMES:
            raise ValueError(f"a node has not the keys {sorted(keys)}")
        kind, target, identity = entry["kind"], entry["target"], entry["id"]
        if kind not in get_args(NodeKind):
            raise ValueError(f"there is no kind {kind!r}")
        called = [kind] if kind in REGIONS else self.targets[kind]
        if target not in called:
            raise ValueError(f"there is no {kind} {target!r}")
        if not isinstance(identity, str) or identity[:1] in ("$", ""):
            raise ValueError(f"{identity!r} is no id")
        if identity in self.ids:
            raise ValueError(f"two nodes are called {identity!r}")
        self.ids.add(identity)
        return kind, identity

    def _body(
        self, entry: Any, region: str, known: dict[str, Any], inside: Any
    ) -> Body:
        data = _dict(entry, "a body")
        if set(data) != _BODY:
            raise ValueError(f"a body has not the keys {sorted(data)}")
        params = tuple(Param(source, inside) for source in _texts(data["params"]))
        if any(not p.source.startswith(f"${region}.") for p in params):
            raise ValueError(f"a parameter of {region!r} has another name")
        inner = known | {p.source: p.kind for p in params}
        nodes = self.nodes(data["nodes"], inner)
        output = self.binding(data["output"], inner)
        return Body(params, nodes, output, kind_of_binding(output, inner))


def _check_region(
    kind: str,
    bindings: Mapping[str, Binding],
    bodies: Sequence[str],
    options: Mapping[str, Any],
) -> None:
    if len(bindings) != 1:
        raise ValueError(f"{kind} goes by one value, not {len(bindings)}")
    if kind == "switch":
        labels = _list(options.get("labels"), "labels")
        others = len(bodies) - len(labels)
        if set(options) != {"labels"} or not labels or others not in (0, 1):
            raise ValueError("a switch has one body a label, and perhaps a default")
        if (others == 1) != (bodies[-1] == DEFAULT):
            raise ValueError("the default of a switch comes last")
        return
    if set(bodies) not in _NAMES[kind]:
        raise ValueError(f"{kind} has not the bodies {', '.join(bodies) or 'none'}")
    if not set(options) <= _OPTIONS[kind]:
        raise ValueError(f"{kind} has not the options {sorted(options)}")
    for name in _OPTIONS[kind]:
        bound = options.get(name, None if name == "at_most" else 1)
        if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
            raise ValueError(f"{name}={bound!r} bounds nothing")


def _dict(data: Any, what: str) -> dict[str, Any]:
    if not is_dict(data):
        raise ValueError(f"{what} is no mapping")
    return data


def _list(data: Any, what: str) -> list[Any]:
    if not is_list(data):
        raise ValueError(f"{what} is no list")
    return data


def _texts(data: Any) -> list[str]:
    given = _list(data, "names")
    if not all(isinstance(name, str) for name in given):
        raise ValueError("a name is a text")
    return given

"""A graph as one SVG element: no scripts, no fonts, nothing fetched, texts escaped.

Modules, steps and programs are boxes of their own colours, inputs and results are
pills, and a region is a frame that holds its bodies. Values flow downwards; boxes are
placed as in Sugiyama, Tagawa and Toda 1981 (Methods for Visual Understanding of
Hierarchical System Structures): longest-path layers, invisible boxes where a line
passes a layer, ordering by barycentre; each layer is centred.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from ..pipeline.graph.binding import INPUT, show, source_name, takes_of
from ..pipeline.graph.drawing import Picture, region_title
from ..pipeline.graph.graph import REGIONS, Body, Flow, Node
from ..pipeline.graph.uses import Inside
from ..pipeline.signature.types import type_name

_PAD, _HEAD, _BOX, _PILL, _GAP = 12.0, 24.0, 34.0, 24.0, 26.0
_DOWN = 46.0  # between two layers
_LETTER = 6.7
_LONGEST = 44
_SWEEPS = 6
_MOST_PASSED = 20_000  # layers that lines pass in all; of more, lines go straight
_COLOURS = {
    "module": ("#e3edfd", "#2b62b8"),
    "step": ("#e6f4e6", "#3c7a3f"),
    "program": ("#efe6fa", "#7040a8"),
    "pill": ("#f4f4f4", "#777777"),
    "outer": ("#ffffff", "#aaaaaa"),
    "region": ("#fffaeb", "#b98a1d"),
    "body": ("#ffffff", "#d9c48c"),
}


def as_svg(picture: Picture) -> str:
    """The graph as an SVG element that can stand in a page or in a file."""
    graph, inside = picture
    first = {f"{INPUT}.{f.name}": f.name for f in graph.inputs}
    level = _level(graph, first, type_name(graph.result), inside)
    width, height = level.size.width + 2 * _PAD, level.size.height + 2 * _PAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12" text-anchor="middle">'
        f"<title>{escape(graph.name)}</title>"
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#ffffff"/>'
        f"{''.join(level.draw(Spot(_PAD, _PAD)))}</svg>"
    )


# Where boxes stand --------------------------------------------------------------------


class Size(NamedTuple):
    """How large a box is."""

    width: float
    height: float


class Spot(NamedTuple):
    """A point; of a box its left upper corner."""

    x: float
    y: float

    def by(self, x: float, y: float) -> Spot:
        """The point at a distance."""
        return Spot(self.x + x, self.y + y)


class Placed(NamedTuple):
    """Boxes of one level by name, from (0, 0) on; lines by their ends, downwards."""

    spots: Mapping[str, Spot]
    lines: Mapping[tuple[str, str], Sequence[Spot]]
    size: Size


def place(sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]]) -> Placed:
    """Place boxes in layers.

    Args:
        sizes: The boxes; each comes after every box that has a line to it.
        edges: Lines as (source, target), without doubles.

    >>> made = place({"a": Size(10, 5), "b": Size(10, 5)}, [("a", "b")])
    >>> made.spots["b"].y > made.spots["a"].y
    True
    """
    layer = _layers(sizes, edges)
    boxes = dict(sizes)
    ways: dict[tuple[str, str], list[str]] = {}
    passed = sum(layer[target] - layer[source] - 1 for source, target in edges)
    for source, target in edges:
        between = range(layer[source] + 1, layer[target])
        if passed > _MOST_PASSED:
            between = range(0)
        passing = {f"{source}>{target}>{at}": at for at in between}
        boxes |= dict.fromkeys(passing, Size(0, 0))
        layer |= passing
        ways[source, target] = [source, *passing, target]
    rows: list[list[str]] = [[] for _ in range(1 + max(layer.values(), default=0))]
    for name in boxes:
        rows[layer[name]].append(name)
    _order(rows, [pair for way in ways.values() for pair in itertools.pairwise(way)])
    widths = [sum(boxes[n].width + _GAP for n in row) - _GAP for row in rows]
    heights = [max((boxes[n].height for n in row), default=0.0) for row in rows]
    wide, y = max(widths, default=0.0), 0.0
    spots: dict[str, Spot] = {}
    for row, width, height in zip(rows, widths, heights, strict=True):
        x = (wide - width) / 2
        for name in row:
            spots[name] = Spot(x, y + (height - boxes[name].height) / 2)
            x += boxes[name].width + _GAP
        y += height + _DOWN

    def points(way: Sequence[str]) -> Iterator[Spot]:
        for name in way:
            spot, size = spots[name].by(boxes[name].width / 2, 0), boxes[name]
            if name not in sizes:
                # Straight through the layer, past the tallest box that stands there.
                size = Size(0, heights[layer[name]])
                spot = spot.by(0, -size.height / 2)
            if name != way[0]:
                yield spot
            if name != way[-1]:
                yield spot.by(0, size.height)

    lines = {edge: tuple(points(way)) for edge, way in ways.items()}
    return Placed(spots, lines, Size(wide, max(0.0, y - _DOWN)))


def _layers(
    sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]]
) -> dict[str, int]:
    layer = dict.fromkeys(sizes, 0)
    above: dict[str, list[str]] = {name: [] for name in sizes}
    below: dict[str, list[str]] = {name: [] for name in sizes}
    for source, target in edges:
        above[target].append(source)
        below[source].append(target)
    for name in sizes:
        layer[name] = max((layer[source] + 1 for source in above[name]), default=0)
    for name in reversed([*sizes]):
        # A source stands right above the first box that needs it.
        if below[name] and not above[name]:
            layer[name] = min(layer[target] for target in below[name]) - 1
    return layer


def _order(rows: list[list[str]], steps: Sequence[tuple[str, str]]) -> None:
    """Order each layer by where its neighbours stand, down and up again."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        beside: dict[str, list[str]] = {}
        for upper, lower in steps:
            one, other = (lower, upper) if down else (upper, lower)
            beside.setdefault(one, []).append(other)
        at = {name: n / len(row) for row in rows for n, name in enumerate(row)}
        for row in rows if down else reversed(rows):
            keys = {name: [at[n] for n in beside.get(name, [name])] for name in row}
            row.sort(key=lambda name: sum(keys[name]) / len(keys[name]))
            at |= {name: n / len(row) for n, name in enumerate(row)}


# What is drawn ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shape:
    """A box, a pill, or a frame with levels inside, side by side under their names."""

    kind: str
    text: str
    size: Size
    tip: str
    inside: tuple[tuple[str, _Level], ...] = ()

    def draw(self, at: Spot) -> Iterator[str]:
        width, height = self.size
        pill = self.kind in ("pill", "outer")
        dashes = ' stroke-dasharray="4 3"' if self.kind in ("outer", "region") else ""
        yield f"<g><title>{escape(self.tip)}</title>"
        corner = height / 2 if pill or self.kind == "step" else 5
        yield _rect(self.kind, at, self.size, corner, dashes)
        if self.kind == "program":
            yield _rect(self.kind, at.by(3, 3), Size(width - 6, height - 6), 3)
        heading = _HEAD / 2 + 2 if self.inside else height / 2
        weight = ' font-weight="600"' if self.inside else ""
        yield _text(self.text, at.by(width / 2, heading), weight) + "</g>"
        x = _PAD
        for name, level in self.inside:
            frame, corner_at = _framed(level, name), at.by(x, _HEAD)
            yield _rect("body", corner_at, frame, 5)
            yield _text(name, corner_at.by(frame.width / 2, _HEAD / 2))
            shift = (frame.width - level.size.width) / 2
            yield from level.draw(corner_at.by(shift, _HEAD))
            x += frame.width + _PAD


@dataclass(frozen=True)
class _Level:
    """The shapes of one level, placed, with the labels of its lines."""

    shapes: Mapping[str, _Shape]
    placed: Placed
    labels: Mapping[tuple[str, str], str]

    @property
    def size(self) -> Size:
        return self.placed.size

    def draw(self, at: Spot) -> Iterator[str]:
        """Lines first, then shapes over them, then the lines' labels."""
        labels: list[str] = []
        for edge, points in self.placed.lines.items():
            label = self.labels[edge]
            moved = [at.by(*point) for point in points]
            yield _curve(moved, dashed=label == "after")
            if label:
                start, end = moved[-2:]
                # Labels of lines that meet stand at two heights, or they would touch.
                share = 0.62 if len(labels) % 2 else 0.38
                x = start.x + (end.x - start.x) * (3 - 2 * share) * share**2
                spot = Spot(x, start.y + (end.y - start.y) * share)
                rim = ' font-size="10" stroke="#fff" stroke-width="3"'
                labels.append(_text(label, spot, rim + ' paint-order="stroke"'))
        for name, shape in self.shapes.items():
            yield from shape.draw(at.by(*self.placed.spots[name]))
        yield from labels


def _level(
    flow: Flow, first: Mapping[str, str], result: str, parts: Mapping[str, Inside]
) -> _Level:
    """Lay out one level.

    Args:
        flow: Its nodes and its output.
        first: What it starts from: inputs, or parameters and outer values, by source.
        result: The words on its last pill.
        parts: What modules are made of, by name.
    """
    outer = set(flow.captures) if isinstance(flow, Body) else set[str]()
    shapes = {
        source: _pill("outer" if source in outer else "pill", text)
        for source, text in first.items()
    }
    shapes |= {node.id: _shape(node, parts) for node in flow.nodes}
    shapes["$output"] = _pill("pill", result)
    labels: dict[tuple[str, str], list[str]] = {}
    for node in flow.nodes:
        for source in node.sources:
            labels.setdefault((source, node.id), [])
        for argument, binding in node.bindings.items():
            for take in takes_of(binding):
                path = ".".join(take.path)
                words = dict.fromkeys(filter(None, (path, argument)))
                if source_name(take.source) != argument:
                    labels[take.source, node.id].append(" → ".join(words))
        for source in node.after:
            labels[source, node.id].append("after")
    for take in takes_of(flow.output):
        labels.setdefault((take.source, "$output"), []).append(".".join(take.path))
    texts = {edge: ", ".join(filter(None, found)) for edge, found in labels.items()}
    placed = place({name: shape.size for name, shape in shapes.items()}, list(texts))
    return _Level(shapes, placed, texts)


def _call(name: str, kind: str, tip: str, parts: Mapping[str, Inside]) -> _Shape:
    """The box of what is called; of a module with parts a frame that holds theirs."""
    if not parts:
        return _Shape(kind, name, Size(_width(name) + 2 * _PAD, _BOX), tip)
    shapes = {
        part: _call(part, told.kind, f"{told.kind} {part}", told.parts)
        for part, told in parts.items()
    }
    placed = place({part: shape.size for part, shape in shapes.items()}, [])
    level = _Level(shapes, placed, {})
    frame = _framed(level, "")
    size = Size(max(frame.width, _width(name)) + 2 * _PAD, frame.height + _HEAD + _PAD)
    return _Shape(kind, name, size, tip, (("", level),))


def _shape(node: Node, parts: Mapping[str, Inside]) -> _Shape:
    if node.kind not in REGIONS:
        known = parts.get(node.target)
        made_of = known.parts if known is not None else dict[str, Inside]()
        return _call(node.id, node.kind, f"{node.kind} {node.target}", made_of)
    inside: list[tuple[str, _Level]] = []
    for name, body in node.bodies.items():
        sources = [*(p.source for p in body.params), *body.captures]
        first = {source: source_name(source) for source in sources}
        inside.append((name, _level(body, first, show(body.output), parts)))
    title = region_title(node)
    frames = [_framed(level, name) for name, level in inside]
    width = sum(f.width for f in frames) + _PAD * (len(frames) + 1)
    height = _HEAD + max(f.height for f in frames) + _PAD
    size = Size(max(width, 1.1 * _width(title) + 2 * _PAD), height)
    return _Shape("region", title, size, f"{node.id}: {title}", tuple(inside))


def _framed(level: _Level, name: str) -> Size:
    width = max(level.size.width, _width(name)) + 2 * _PAD
    return Size(width, level.size.height + _HEAD + _PAD)


def _pill(kind: str, text: str) -> _Shape:
    return _Shape(kind, text, Size(_width(text) + 22, _PILL), text)


def _rect(kind: str, at: Spot, size: Size, corner: float, more: str = "") -> str:
    fill, stroke = _COLOURS[kind]
    return (
        f'<rect x="{at.x:.1f}" y="{at.y:.1f}" width="{size.width:.1f}" '
        f'height="{size.height:.1f}" rx="{corner:.1f}" fill="{fill}" '
        f'stroke="{stroke}"{more}/>'
    )


def _text(text: str, middle: Spot, more: str = "") -> str:
    return (
        f'<text x="{middle.x:.1f}" y="{middle.y:.1f}" fill="#1f1f1f" '
        f'dominant-baseline="central"{more}>{escape(_short(text))}</text>'
    )


def _curve(points: Sequence[Spot], *, dashed: bool) -> str:
    path = f"M{points[0].x:.1f} {points[0].y:.1f}"
    for here, there in itertools.pairwise(points):
        half = (here.y + there.y) / 2
        path += f"C{here.x:.1f} {half:.1f} {there.x:.1f} {half:.1f} "
        path += f"{there.x:.1f} {there.y:.1f}"
    dashes = ' stroke-dasharray="3 3"' if dashed else ""
    arrow = f"M{points[-1].x:.1f} {points[-1].y:.1f}l-4 -8h8z"
    return (
        f'<path d="{path}" fill="none" stroke="#6a6a6a" stroke-width="1.2"{dashes}/>'
        f'<path d="{arrow}" fill="#6a6a6a"/>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _width(text: str) -> float:
    """About how wide a text is: East Asian letters are twice as wide."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in _short(text))
    return _LETTER * (len(_short(text)) + wide)

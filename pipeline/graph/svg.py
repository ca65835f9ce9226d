"""A graph as one SVG element: no scripts, no fonts, nothing fetched, texts escaped.

Modules, steps and programs are boxes of their own colours, inputs and results are
pills, and a region is a frame that holds its bodies.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from ..ground.words import counted
from ..signature.types import type_name
from .binding import INPUT, show, source_name, takes_of
from .graph import REGIONS, Body, Flow, Graph, Node
from .placing import Placed, Size, Spot, place

_PAD = 12.0
_HEAD = 24.0
_BOX = 34.0
_PILL = 24.0
_LETTER = 6.7
_LONGEST = 44
_COLOURS = {
    "module": ("#e3edfd", "#2b62b8"),
    "step": ("#e6f4e6", "#3c7a3f"),
    "program": ("#efe6fa", "#7040a8"),
    "pill": ("#f4f4f4", "#777777"),
    "outer": ("#ffffff", "#aaaaaa"),
    "region": ("#fffaeb", "#b98a1d"),
    "body": ("#ffffff", "#d9c48c"),
}
_TEXT = "#1f1f1f"
_LINE = "#6a6a6a"


def as_svg(graph: Graph) -> str:
    """The graph as an SVG element that can stand in a page or in a file."""
    first = {f"{INPUT}.{f.name}": f.name for f in graph.inputs}
    level = _level(graph, first, type_name(graph.result))
    width, height = level.size.width + 2 * _PAD, level.size.height + 2 * _PAD
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
            f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            'font-family="system-ui, sans-serif" font-size="12">'
        ),
        f"<title>{escape(graph.name)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#ffffff"/>',
        *level.draw(Spot(_PAD, _PAD)),
        "</svg>",
    ]
    return "".join(parts)


@dataclass(frozen=True)
class _Shape:
    """A box, or a pill, or a frame with levels inside.

    Args:
        kind: Decides the colours.
        text: What stands in it.
        size: How large it is.
        tip: What a reader sees who points at it.
        inside: Levels of a region with their headings, side by side.
    """

    kind: str
    text: str
    size: Size
    tip: str = ""
    inside: tuple[tuple[str, _Level], ...] = ()

    def draw(self, at: Spot) -> Iterator[str]:
        """The shape at a place."""
        yield f"<g><title>{escape(self.tip or self.text)}</title>"
        pill = self.kind in ("pill", "outer")
        dashes = ' stroke-dasharray="4 3"' if self.kind in ("outer", "region") else ""
        round_ = self.size.height / 2 if pill or self.kind == "step" else 5
        yield _rect(self.kind, at, self.size, round_, dashes)
        if self.kind == "program":
            inner = Size(self.size.width - 6, self.size.height - 6)
            yield _rect(self.kind, Spot(at.x + 3, at.y + 3), inner, 3, "")
        if not self.inside:
            middle = Spot(at.x + self.size.width / 2, at.y + self.size.height / 2)
            yield _text(self.text, middle) + "</g>"
            return
        heading = Spot(at.x + self.size.width / 2, at.y + _HEAD / 2 + 2)
        yield _text(self.text, heading, weight="600") + "</g>"
        x = at.x + _PAD
        for name, level in self.inside:
            outer = _framed(level, name)
            corner = Spot(x, at.y + _HEAD)
            yield _rect("body", corner, outer, 5, "")
            yield _text(name, Spot(x + outer.width / 2, corner.y + _HEAD / 2))
            shift = (outer.width - level.size.width) / 2
            yield from level.draw(Spot(x + shift, corner.y + _HEAD))
            x += outer.width + _PAD


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
        arrived: Counter[str] = Counter()
        for line in self.placed.lines:
            points = [Spot(p.x + at.x, p.y + at.y) for p in line.points]
            label = self.labels[line.source, line.target]
            yield _curve(points, dashed=label == "after")
            if label:
                # Labels of lines that meet stand at two heights, or they would touch.
                share = 0.62 if arrived[line.target] % 2 else 0.38
                arrived[line.target] += 1
                labels.append(_label(label, _along(points[-2], points[-1], share)))
        for name, shape in self.shapes.items():
            spot = self.placed.spots[name]
            yield from shape.draw(Spot(spot.x + at.x, spot.y + at.y))
        yield from labels


def _level(flow: Flow, first: Mapping[str, str], result: str) -> _Level:
    """Lay out one level.

    Args:
        flow: Its nodes and its output.
        first: What it starts from: inputs, or parameters and outer values, by source.
        result: The words on its last pill.
    """
    outer = set(flow.captures) if isinstance(flow, Body) else set[str]()
    shapes = {
        source: _pill("outer" if source in outer else "pill", text)
        for source, text in first.items()
    }
    shapes |= {node.id: _shape(node) for node in flow.nodes}
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


def _shape(node: Node) -> _Shape:
    if node.kind not in REGIONS:
        size = Size(_width(node.id) + 2 * _PAD, _BOX)
        return _Shape(node.kind, node.id, size, f"{node.kind} {node.target}")
    inside: list[tuple[str, _Level]] = []
    for name, body in node.bodies.items():
        first = {p.source: source_name(p.source) for p in body.params}
        first |= {source: source_name(source) for source in body.captures}
        inside.append((name, _level(body, first, show(body.output))))
    title = region_title(node)
    frames = [_framed(level, name) for name, level in inside]
    width = sum(f.width for f in frames) + _PAD * (len(frames) + 1)
    height = _HEAD + max(f.height for f in frames) + _PAD
    size = Size(max(width, _width(title, 7.4) + 2 * _PAD), height)
    return _Shape("region", title, size, f"{node.id}: {title}", tuple(inside))


def region_title(node: Node) -> str:
    """A region's heading: what it is, over what, and its bounds."""
    value = show(next(iter(node.bindings.values())))
    most = node.options.get("at_most")
    words = {"each": "each of", "branch": "branch on", "switch": "switch on"}
    title = f"{words.get(node.kind, 'loop from')} {value}"
    return f"{title}, at most {counted(most, 'round')}" if most else title


def _framed(level: _Level, name: str) -> Size:
    width = max(level.size.width, _width(name)) + 2 * _PAD
    return Size(width, level.size.height + _HEAD + _PAD)


def _pill(kind: str, text: str) -> _Shape:
    return _Shape(kind, _short(text), Size(_width(_short(text)) + 22, _PILL), text)


def _rect(kind: str, at: Spot, size: Size, round_: float, more: str) -> str:
    fill, stroke = _COLOURS[kind]
    return (
        f'<rect x="{at.x:.1f}" y="{at.y:.1f}" width="{size.width:.1f}" '
        f'height="{size.height:.1f}" rx="{round_:.1f}" fill="{fill}" '
        f'stroke="{stroke}"{more}/>'
    )


def _text(text: str, middle: Spot, *, weight: str = "400") -> str:
    return (
        f'<text x="{middle.x:.1f}" y="{middle.y:.1f}" text-anchor="middle" '
        f'dominant-baseline="central" font-weight="{weight}" fill="{_TEXT}">'
        f"{escape(_short(text))}</text>"
    )


def _label(text: str, middle: Spot) -> str:
    """A line's label, with a rim of the ground's colour so that it can be read."""
    return (
        f'<text x="{middle.x:.1f}" y="{middle.y:.1f}" text-anchor="middle" '
        'dominant-baseline="central" font-size="10" fill="#444444" stroke="#ffffff" '
        f'stroke-width="3" paint-order="stroke">{escape(_short(text))}</text>'
    )


def _curve(points: list[Spot], *, dashed: bool) -> str:
    start, end = points[0], points[-1]
    path = f"M{start.x:.1f} {start.y:.1f}"
    for here, there in itertools.pairwise(points):
        half = (here.y + there.y) / 2
        path += (
            f"C{here.x:.1f} {half:.1f} {there.x:.1f} {half:.1f} "
            f"{there.x:.1f} {there.y:.1f}"
        )
    dashes = ' stroke-dasharray="3 3"' if dashed else ""
    arrow = f"M{end.x:.1f} {end.y:.1f}l-4 -8h8z"
    return (
        f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.2"{dashes}/>'
        f'<path d="{arrow}" fill="{_LINE}"/>'
    )


def _along(start: Spot, end: Spot, share: float) -> Spot:
    """The point of a line's last curve at a share of it (Bezier, cubic)."""
    rest = 1 - share
    bend = 1.5 * rest * share + share**3
    return Spot(
        start.x + (end.x - start.x) * (3 * rest * share**2 + share**3),
        start.y + (end.y - start.y) * bend,
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _width(text: str, letter: float = _LETTER) -> float:
    """About how wide a text is: East Asian letters are twice as wide."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in _short(text))
    return letter * (len(_short(text)) + wide)

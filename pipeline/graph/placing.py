"""Placing boxes in layers, so that values flow downwards and few lines cross.

The method is Sugiyama, Tagawa and Toda 1981 (Methods for Visual Understanding of
Hierarchical System Structures): longest-path layers, invisible boxes where a line
passes a layer, ordering by barycentre, then straightening.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GAP_X = 26.0
GAP_Y = 46.0
_PASSING = 10.0
_SWEEPS = 6


class Size(NamedTuple):
    """How large a box is."""

    width: float
    height: float


class Spot(NamedTuple):
    """Where a box stands: its left upper corner."""

    x: float
    y: float


class Line(NamedTuple):
    """A line from one box to another, top to bottom, through free points."""

    source: str
    target: str
    points: tuple[Spot, ...]


@dataclass(frozen=True)
class Placed:
    """Boxes and lines of one level, from (0, 0) on."""

    spots: Mapping[str, Spot]
    lines: tuple[Line, ...]
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
    grid = _Grid(sizes, edges)
    grid.order()
    return grid.placed()


class _Grid:
    """Boxes by layer; boxes for passing lines are called `source>target>layer`."""

    def __init__(
        self, sizes: Mapping[str, Size], edges: Sequence[tuple[str, str]]
    ) -> None:
        self.sizes = dict(sizes)
        self.edges = list(edges)
        self.layer = self._layers()
        self.above: dict[str, list[str]] = {name: [] for name in sizes}
        self.below: dict[str, list[str]] = {name: [] for name in sizes}
        self.ways = {edge: self._way(*edge) for edge in self.edges}
        count = 1 + max(self.layer.values(), default=0)
        self.rows: list[list[str]] = [[] for _ in range(count)]
        for name, layer in self.layer.items():
            self.rows[layer].append(name)

    def _layers(self) -> dict[str, int]:
        layer = dict.fromkeys(self.sizes, 0)
        for name in self.sizes:
            for source, target in self.edges:
                if target == name:
                    layer[name] = max(layer[name], layer[source] + 1)
        for name in reversed(self.sizes):
            # A source stands right above the first box that needs it.
            after = [layer[t] for s, t in self.edges if s == name]
            if after and not any(t == name for _, t in self.edges):
                layer[name] = min(after) - 1
        return layer

    def _way(self, source: str, target: str) -> list[str]:
        """The boxes that a line goes through, its ends included."""
        way = [source]
        for layer in range(self.layer[source] + 1, self.layer[target]):
            name = f"{source}>{target}>{layer}"
            self.sizes[name] = Size(_PASSING, 0)
            self.layer[name] = layer
            self.above[name], self.below[name] = [], []
            way.append(name)
        way.append(target)
        for upper, lower in itertools.pairwise(way):
            self.below[upper].append(lower)
            self.above[lower].append(upper)
        return way

    def order(self) -> None:
        """Order each layer by where its neighbours stand, down and up again."""
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            beside = self.above if down else self.below
            for row in self.rows if down else reversed(self.rows):
                place_of = {name: at for r in self.rows for at, name in enumerate(r)}
                keys = {
                    name: _mean([place_of[n] for n in beside[name]], place_of[name])
                    for name in row
                }
                row.sort(key=lambda name: keys[name])

    def placed(self) -> Placed:
        """Coordinates, with lines as straight as the order allows."""
        middle = self._middles()
        left = min((middle[n] - self.sizes[n].width / 2 for n in middle), default=0)
        right = max((middle[n] + self.sizes[n].width / 2 for n in middle), default=0)
        tops: list[float] = []
        y = 0.0
        for row in self.rows:
            tops.append(y)
            y += max((self.sizes[name].height for name in row), default=0) + GAP_Y
        spots = {
            name: Spot(
                middle[name] - left - size.width / 2,
                tops[self.layer[name]] + self._sunk(name),
            )
            for name, size in self.sizes.items()
        }
        lines = tuple(self._line(way, spots) for way in self.ways.values())
        return Placed(spots, lines, Size(right - left, max(0.0, y - GAP_Y)))

    def _sunk(self, name: str) -> float:
        """How far a box stands below its layer's top: it is in the middle of it."""
        row = self.rows[self.layer[name]]
        tallest = max(self.sizes[n].height for n in row)
        return (tallest - self.sizes[name].height) / 2

    def _middles(self) -> dict[str, float]:
        middle: dict[str, float] = {}
        for row in self.rows:
            x = 0.0
            for name in row:
                middle[name] = x + self.sizes[name].width / 2
                x += self.sizes[name].width + GAP_X
            for name in row:
                middle[name] -= x / 2
        for sweep in range(2 * _SWEEPS):
            down = sweep % 2 == 0
            beside = self.above if down else self.below
            for row in self.rows if down else reversed(self.rows):
                wanted = {
                    n: _mean([middle[b] for b in beside[n]], middle[n]) for n in row
                }
                self._spread(row, wanted, middle)
        return middle

    def _spread(
        self, row: list[str], wanted: Mapping[str, float], middle: dict[str, float]
    ) -> None:
        """Move a layer's boxes to where they want, without touching each other."""
        low, high = dict[str, float](), dict[str, float]()
        edge = float("-inf")
        for name in row:
            half = self.sizes[name].width / 2
            low[name] = max(wanted[name], edge + half)
            edge = low[name] + half + GAP_X
        edge = float("inf")
        for name in reversed(row):
            half = self.sizes[name].width / 2
            high[name] = min(wanted[name], edge - half)
            edge = high[name] - half - GAP_X
        for name in row:
            middle[name] = (low[name] + high[name]) / 2

    def _line(self, way: Sequence[str], spots: Mapping[str, Spot]) -> Line:
        points: list[Spot] = []
        for name in way:
            size, spot = self.sizes[name], spots[name]
            x = spot.x + size.width / 2
            if name not in (way[0], way[-1]):
                # Straight through the layer, past the tallest box that stands there.
                tallest = max(self.sizes[n].height for n in self.rows[self.layer[name]])
                spot, size = Spot(spot.x, spot.y - tallest / 2), Size(0, tallest)
            if name != way[0]:
                points.append(Spot(x, spot.y))
            if name != way[-1]:
                points.append(Spot(x, spot.y + size.height))
        return Line(way[0], way[-1], tuple(points))


def _mean(values: Sequence[float], other: float) -> float:
    return sum(values) / len(values) if values else other

"""The house in figures: lines by room, floors, circles, and a call's way to the wire.

`python -m bench house` counts this checkout; `--against CHECKOUT` sets another one
beside it, such as a worktree of an earlier commit. Imports are read from the sources,
those for type checkers and the deferred ones included; a room is a folder of the
pipeline or of the compilers, or one of the other two packages. What a call passes is
counted by a profiler around one real call against a server on loopback.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import BenchError, Findings, Row

__all__ = ["House", "run"]

HERE = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "modules", "compilers", "weft")
Figure = Callable[["House"], float]
MOST_LINES, LONGEST_CHAIN, MOST_FILES = 30_000, 25, 15


@dataclass(frozen=True)
class House:
    """The library's sources in a checkout.

    Args:
        root: The checkout.
    """

    root: Path

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every file of the library by its dotted name under `weft`."""
        found: dict[str, Path] = {}
        for package in PACKAGES:
            for path in sorted((self.root / package).rglob("*.py")):
                parts = list(path.relative_to(self.root).with_suffix("").parts)
                if parts[0] == "weft" and parts[1] in PACKAGES:
                    continue  # a link to what stands beside it
                if parts[-1] == "__init__":
                    parts.pop()
                found[".".join(parts)] = path
        if not found:
            raise BenchError(f"{self.root} is no checkout of weft")
        return found

    @cached_property
    def texts(self) -> dict[str, str]:
        """The sources by dotted name."""
        return {name: path.read_text("utf-8") for name, path in self.files.items()}

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """What each file imports of the library, in whatever way."""
        return {name: set(self._imported(name)) - {name} for name in self.files}

    def _imported(self, name: str) -> Iterator[str]:
        package = name.split(".")
        if self.files[name].name != "__init__.py":
            package.pop()
        for node in ast.walk(ast.parse(self.texts[name])):
            match node:
                case ast.ImportFrom(level=level, module=module, names=names) if level:
                    above = self._above(package, level)
                    at = ".".join([*above, *((module or "").split(".") * bool(module))])
                    for alias in names:
                        inner = f"{at}.{alias.name}".removeprefix(".")
                        yield from self._known(inner, at)
                case ast.Call(
                    func=ast.Name("deferred"), args=[where, ast.Constant(value=leaf)]
                ):
                    given = getattr(where, "value", None) or ".".join(package)
                    deferred = f"{given!s}.{leaf!s}"
                    yield from self._known(deferred.removeprefix("weft."), "")
                case _:
                    pass

    def _above(self, package: list[str], level: int) -> list[str]:
        """The package that so many dots mean; `weft` itself holds the others."""
        whole = package if package[:1] == ["weft"] else ["weft", *package]
        return whole[: len(whole) - level + 1][1:] if len(whole) > level - 1 else []

    def _known(self, *names: str) -> Iterator[str]:
        yield from [name for name in names if name in self.files][:1]

    @cached_property
    def components(self) -> list[frozenset[str]]:
        """The files, those that import one another in a circle together."""
        return _components(self.imports)

    @property
    def circles(self) -> list[int]:
        """How many files each circle of imports holds, the largest first."""
        return sorted((len(c) for c in self.components if len(c) > 1), reverse=True)

    @cached_property
    def longest_chain(self) -> int:
        """Files in the longest chain of imports; a circle counts as its files."""
        of = {name: c for c in self.components for name in c}
        depth: dict[frozenset[str], int] = {}

        def deep(component: frozenset[str]) -> int:
            if component not in depth:
                below = {of[t] for n in component for t in self.imports[n]}
                inner = [deep(one) for one in below - {component}]
                depth[component] = len(component) + max(inner, default=0)
            return depth[component]

        return max(map(deep, set(of.values())))

    @cached_property
    def rooms(self) -> dict[str, tuple[int, int]]:
        """Files and lines by room."""
        files: Counter[str] = Counter()
        lines: Counter[str] = Counter()
        for name, text in self.texts.items():
            room = room_of(name, self.files[name])
            files[room] += 1
            lines[room] += text.count("\n")
        return {room: (files[room], lines[room]) for room in sorted(files)}

    def counted(self, pattern: str) -> int:
        """How often a pattern occurs in the sources."""
        return sum(len(re.findall(pattern, text)) for text in self.texts.values())

    @cached_property
    def walks(self) -> dict[str, dict[str, int]]:
        """Files, functions and calls of an uncached and of a cached call."""
        child = Path(__file__).with_name("_walk.py")
        asked = [sys.executable, str(child), str(self.root)]
        made = subprocess.run(asked, capture_output=True, text=True, check=False)
        if made.returncode:
            raise BenchError(f"the walk in {self.root} failed: {made.stderr[-300:]}")
        found: dict[str, dict[str, int]] = json.loads(made.stdout)
        return found


def room_of(name: str, path: Path) -> str:
    """The room of a file: a folder in a package, or the package's own files."""
    parts = name.split(".")
    if path.name != "__init__.py":
        parts = parts[:-1]
    if not parts or parts[0] == "weft":
        return "/".join(["weft", *parts[1:2]])
    return "/".join(parts[:2])


def _components(graph: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """The strongly connected components (Tarjan 1972), without recursion."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[frozenset[str]] = []
    for start in graph:
        work = [(start, iter(graph[start]))] if start not in number else []
        while work:
            node, rest = work[-1]
            if node not in number:
                number[node] = low[node] = len(number)
                stack.append(node)
            for target in rest:
                if target not in number:
                    work.append((target, iter(graph[target])))
                    break
                if target in stack:
                    low[node] = min(low[node], number[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    at = stack.index(node)
                    found.append(frozenset(stack[at:]))
                    del stack[at:]
    return found


def run(against: Path | None = None) -> Findings:
    """Count this checkout, and another one beside it.

    Raises:
        BenchError: The other one is no checkout, or a walk in one of them failed.
    """
    now, old = House(HERE), House(against) if against is not None else None

    def row(what: str, of: Figure, most: float | None = None) -> Row:
        mine = float(of(now))
        other = None if old is None else float(of(old))
        bar = "" if most is None else f"<= {most:,g}"
        return Row(what, mine, other, bar, None if most is None else mine <= most)

    def total(house: House) -> int:
        return sum(lines for _, lines in house.rooms.values())

    def walk(kind: str, what: str) -> Figure:
        return lambda house: house.walks[kind][what]

    rows = [
        row("lines of the library", total, MOST_LINES),
        row("files", lambda house: len(house.files)),
        row("longest chain of imports, files", _chain, LONGEST_CHAIN),
        row("files in circles, typing imports too", _circled, 0),
        row("a call's way to the wire, files", walk("asked", "files"), MOST_FILES),
        row("a call's way to the wire, functions", walk("asked", "functions")),
        row("a call's way to the wire, calls", walk("asked", "calls")),
        row("a cached call, files", walk("cached", "files")),
        row("a cached call, calls", walk("cached", "calls")),
        row("`Any`", lambda house: house.counted(r"\bAny\b")),
        row("casts", lambda house: house.counted(r"\bcast\(")),
    ]
    return Findings(rows, "\n".join(_table(now, old)))


def _chain(house: House) -> int:
    return house.longest_chain


def _circled(house: House) -> int:
    return sum(house.circles)


def _table(now: House, old: House | None) -> Iterator[str]:
    """Lines by room, and before them what they were."""
    before = {} if old is None else old.rooms
    yield f"{'room':28} {'files':>6} {'lines':>7}" + (" | before" if old else "")
    for room in sorted({*now.rooms, *before}):
        files, lines = now.rooms.get(room, (0, 0))
        told = before.get(room)
        tail = f" | {told[0]:6} {told[1]:7,}" if told else ""
        yield f"{room:28} {files:6} {lines:7,}{tail}"

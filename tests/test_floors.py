"""The floors of the house: an import goes down, never up and never across.

Imports for type checkers and deferred ones count like any other. A room is a folder, or
a file that stands by itself on its floor.
"""

from __future__ import annotations

from collections import Counter

from bench.house import HERE, LONGEST_CHAIN, House

FLOORS: tuple[tuple[str, ...], ...] = (
    ("pipeline/errors",),
    ("pipeline/ground", "pipeline/seam"),
    ("pipeline/media",),
    ("pipeline/signature", "pipeline/lm", "pipeline/data"),
    ("pipeline/calls", "pipeline/reading", "pipeline/trace"),
    ("pipeline/events", "pipeline/parameters"),
    ("pipeline/adapters",),
    ("pipeline/graph",),
    ("pipeline/run", "modules/asking"),
    ("modules/sampling", "modules/agents", "modules/deciding", "modules/judging"),
    ("modules/mcp", "modules/code", "modules/retrieval"),
    ("pipeline/measure", "pipeline/artifact"),
    ("compilers/statistics",),
    ("compilers/search",),
    ("compilers/propose", "compilers/racing"),
    ("compilers/training", "compilers/deciding"),
    ("compilers/recipe", "compilers/tried", "compilers/front", "compilers/changes"),
    ("compilers/report", "compilers/pacing"),
    ("compilers/result",),
    ("compilers/driving",),
    ("compilers",),
    ("weft",),
)
"""From the ground up; rooms of one floor do not know one another."""

MOST_FILES = 16
ONE_THING_A_FILE = {"compilers"}
"""Folders of one named thing a file, which may hold any number."""

HOUSE = House(HERE)
ROOMS = {room: at for at, floor in enumerate(FLOORS) for room in floor}


def room_of(name: str) -> str:
    """The room of a file, by its dotted name: the longest that the table has."""
    path = name.replace(".", "/")
    while path not in ROOMS and path:
        path = path.rpartition("/")[0]
    return path or "weft"


def is_wall(name: str) -> bool:
    """Whether a name is that of a package alone, which holds the rooms."""
    return name in {"pipeline", "modules", ""}


def test_an_import_goes_down() -> None:
    """No room knows one above it, or beside it."""
    wrong = [
        f"{name} imports {other}"
        for name, imported in HOUSE.imports.items()
        for other in sorted(imported)
        if not is_wall(other)
        and room_of(name) != room_of(other)
        and ROOMS[room_of(other)] >= ROOMS[room_of(name)]
    ]

    assert wrong == []


def test_there_is_no_circle() -> None:
    """The files of the library can be read in an order."""
    assert HOUSE.circles == []


def test_a_file_stands_on_few() -> None:
    """No file is read only after a long chain of others."""
    assert HOUSE.longest_chain <= LONGEST_CHAIN


def test_every_room_is_there() -> None:
    """The table names no room that has gone, and forgets none."""
    here = {room_of(name) for name in HOUSE.files if not is_wall(name)}

    assert here == set(ROOMS)


def test_a_room_is_small_enough_to_know() -> None:
    """A folder holds few files, or is one of one named thing a file."""
    sizes = Counter(path.parent for path in HOUSE.files.values())
    inside = {path.relative_to(HERE).as_posix(): n for path, n in sizes.items()}

    large = {p for p, n in inside.items() if n - 1 > MOST_FILES}
    assert large == ONE_THING_A_FILE & large

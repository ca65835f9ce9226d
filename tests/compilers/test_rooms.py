"""Which rooms of the compilers stand on which: an import goes down, never across."""

from __future__ import annotations

from pathlib import Path

from tests.test_layout import ROOT, imports_of, package_of, python_files

FLOORS = (
    {"search"},
    {"propose", "racing"},
    {"recipe", "tried"},
    {"report"},
    {"driving"},
)
"""From the ground up; the named compilers stand above all of them."""


def room_of(name: str) -> str:
    """The room of an absolute module name below weft.compilers; "" for a named one."""
    room = name.removeprefix("weft.compilers.").split(".")[0]
    return room if any(room in floor for floor in FLOORS) else ""


def floor_of(room: str) -> int:
    """How high a room stands."""
    floors = (at for at, floor in enumerate(FLOORS) if room in floor)
    return next(floors, len(FLOORS))


def module_of(path: Path) -> str:
    return f"{package_of(path)}.{path.stem}"


def test_an_import_goes_down() -> None:
    """Typing imports too; rooms of one floor do not know one another."""
    wrong = [
        f"{found.where} imports {found.name}"
        for path in python_files("compilers")
        for found in imports_of(path, package_of(path))
        if found.name.startswith("weft.compilers.")
        and (ours := room_of(module_of(path))) != (theirs := room_of(found.name))
        and floor_of(theirs) >= floor_of(ours)
    ]

    assert wrong == []


def test_every_room_is_there() -> None:
    """The table names no room that has gone."""
    folder = ROOT / "compilers"
    here = {path.stem for path in folder.iterdir()}

    assert {room for floor in FLOORS for room in floor} <= here

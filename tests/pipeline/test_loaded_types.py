"""A program that was loaded knows the types of its regions, as when it was traced."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from weft.pipeline.signature.types import type_name

tone = weft.Predict(
    "text -> tone: Tone, sure: bool", types={"Tone": Literal["kind", "angry"]}
)
size = weft.Predict("text -> number: int")
more = weft.Predict("text -> longer: str")


def lengths(texts: list[str]) -> list[int]:
    """A list of numbers."""
    return weft.each(texts, lambda t: size(text=t).number)


def signatures(texts: list[str]) -> Any:
    """A list of signatures, which no JSON Schema says."""
    return weft.each(texts, lambda t: size(text=t))


def nested(texts: list[str]) -> list[list[int]]:
    """A region in a region."""
    return weft.each(texts, lambda t: weft.each(texts, lambda u: size(text=u).number))


def either(text: str) -> int | str:
    """A branch of two types."""
    return weft.branch(
        tone(text=text).sure,
        lambda: size(text=text).number,
        lambda: more(text=text).longer,
    )


def chosen(text: str) -> Any:
    """A switch whose arms give one signature."""
    found = tone(text=text).tone
    arms = {"kind": lambda: size(text=text), "angry": lambda: size(text=found)}
    return weft.switch(found, arms)


def repeated(text: str) -> str:
    """A loop, whose result has the type of its start."""
    return weft.loop(text, lambda t: more(text=t).longer, at_most=3)


def behind(text: str) -> Any:
    """A module that takes a field of a region's result."""
    held = weft.branch(
        tone(text=text).sure, lambda: more(text=text), lambda: more(text="?")
    )
    return size(text=held.longer).number, held.longer


def packed(texts: list[str]) -> Any:
    """A result whose own type no schema of a file brings back."""
    return {"all": weft.each(texts, lambda t: {"n": size(text=t)})}


PROGRAMS = [lengths, signatures, nested, either, chosen, repeated, behind]


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_regions_keep_their_types(function: Any, tmp_path: Path) -> None:
    """Each node's and the result's type are what they were, by the file alone."""
    live = weft.program(function)

    loaded = weft.load(weft.save(live, tmp_path / "made.weft.json"))

    assert types(loaded) == types(live)


@pytest.mark.parametrize("function", [*PROGRAMS, packed], ids=lambda f: f.__name__)
def test_a_loaded_program_is_saved_as_it_was(function: Any, tmp_path: Path) -> None:
    """Types that were inferred while loading add nothing to the file."""
    first = weft.save(weft.program(function), tmp_path / "first.weft.json")

    second = weft.save(weft.load(first), tmp_path / "second.weft.json")

    assert second.read_bytes() == first.read_bytes()


def test_a_package_tells_checkers_the_types_of_regions(tmp_path: Path) -> None:
    """Lists of signatures stand in the stub as what they are."""
    for function in (signatures, chosen, either):
        weft.save(weft.program(function), tmp_path / f"{function.__name__}.weft.json")
    weft.package(tmp_path)

    stub = (tmp_path / "__init__.pyi").read_text("utf-8")

    assert "def signatures(texts: list[str]) -> list[Number" in stub
    assert "def chosen(text: str) -> Number" in stub
    assert "def either(text: str) -> int | str: ..." in stub
    assert "-> Any" not in stub


def types(program: weft.Program[..., Any]) -> dict[str, str]:
    """Types in words, by node; the result's last."""
    found = {node.id: type_name(node.result) for node in program.structure.walk()}
    return {**found, "": type_name(program.structure.result)}

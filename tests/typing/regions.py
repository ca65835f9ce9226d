"""Types of control flow as users see them; mypy and pyright read this, nothing runs."""

from __future__ import annotations

import enum
from typing import Literal, assert_type

import weft


@weft.predict
def tone(letter: str) -> Literal["angry", "kind"]:
    """Tell the tone."""
    raise NotImplementedError


@weft.predict
def size(letter: str) -> int:
    """Tell the length."""
    raise NotImplementedError


@weft.step
def is_long(text: str) -> bool:
    """A step."""
    return len(text) > 3


@weft.step
async def grow(text: str) -> str:
    """An async step."""
    return text + "!"


@weft.step(retries=2, timeout=1.5)
def shout(text: str) -> str:
    """A step with options."""
    return text.upper()


@weft.step(uses=[tone])
async def agent(text: str) -> list[str]:
    """An async step with options."""
    return [text]


class Mood(enum.Enum):
    """An enum."""

    GLAD = "glad"
    SAD = "sad"


@weft.step
def mood_of(text: str) -> Mood:
    """A step that chooses."""
    return Mood.GLAD if text else Mood.SAD


def agreed(example: weft.Example, prediction: list[str]) -> bool:
    """A metric."""
    return bool(example["texts"] == prediction)


@weft.program
def whole(texts: list[str]) -> list[str]:
    """A program of regions."""
    return weft.each(texts, grow)


def regions(texts: list[str]) -> None:
    """Every region."""
    assert_type(weft.each(texts, size), list[int])
    assert_type(weft.each(texts, lambda text: is_long(text + "!")), list[bool])
    first = weft.loop(texts[0], grow, until=is_long, at_most=3)
    assert_type(first, str)
    either = weft.branch(is_long(first), lambda: size(first), lambda: shout(first))
    assert_type(either, int | str)
    chosen = weft.switch(
        tone(first), {"angry": lambda: size(first), "kind": lambda: size("x")}
    )
    assert_type(chosen, int)
    arms = {"angry": lambda: size(first), "kind": lambda: size("x")}
    assert_type(weft.switch(tone(first), arms), int)
    some = {"angry": lambda: size(first)}
    assert_type(weft.switch(tone(first), some, default=lambda: size("x")), int)
    assert_type(
        weft.switch(is_long(first), {True: first.upper, False: first.lower}), str
    )
    moods = {Mood.GLAD: lambda: size("a"), Mood.SAD: lambda: size("b")}
    assert_type(weft.switch(mood_of(first), moods), int)
    assert_type(weft.switch(size(first), {1: str}, default=lambda: first), str)
    assert_type(agent(first), list[str])
    noted = shout(first)
    assert_type(shout(first, after=noted), str)


def calls() -> None:
    """Calls of a program."""
    run = whole.run(["a"])
    assert_type(run.value, list[str])
    assert_type(whole.run(["a"], reuse=run).value, list[str])
    assert_type(whole.batch([{"texts": ["a"]}]), list[list[str]])
    far = weft.Ray(workers=2, live="shop:whole", setup="shop:settings")
    assert_type(whole.batch([{"texts": ["a"]}], on=far), list[list[str]])
    assert_type(weft.evaluate(whole, [], metric=agreed, on=far).mean, float)
    kept = whole.batch([{"texts": ["a"]}], on_error="keep")
    assert_type(kept, list[list[str] | weft.WeftError])
    assert_type(weft.replace_node(whole, "grow", shout).run(["a"]).value, list[str])

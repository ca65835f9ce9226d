"""Tracing: names, nesting, containers, and what Python lets a value refuse."""

from __future__ import annotations

import asyncio
import copy
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import weft
from tests.pipeline.answers import echo, model
from weft.errors import ConfigError, GraphError
from weft.pipeline.graph import ref

ask = weft.Predict("question -> answer: str")
kit = types.ModuleType("kit")
kit.polish = weft.Predict("answer -> final: str")  # type: ignore[attr-defined]


class Kit:
    """Modules as attributes of a class."""

    grade = weft.Predict("answer -> mark: str")


class Pair(NamedTuple):
    """A step's result with fields."""

    left: str
    right: str


@weft.step
def split(text: str) -> Pair:
    return Pair(text[:1], text[1:])


@weft.step
def joined(texts: list[str], more: dict[str, str], last: tuple[str, str]) -> str:
    return "/".join([*texts, *more.values(), *last])


def helper(question: str) -> str:
    """A plain function that a program calls; it names its own modules."""
    said: str = ask(question=question).answer
    return said


def names_of(function: Callable[..., Any]) -> list[str]:
    return list(weft.program(function).modules)


class TestNames:
    def test_from_the_module_s_variable(self) -> None:
        """A module-level variable names a module."""

        def qa(question: str) -> str:
            return ask(question=question).answer  # type: ignore[no-any-return]

        assert names_of(qa) == ["ask"]

    def test_from_attributes_of_modules_and_classes(self) -> None:
        """`kit.polish(...)` is called polish, `Kit.grade(...)` grade."""

        def qa(answer: str) -> str:
            final = kit.polish(answer=answer).final
            return Kit.grade(answer=final).mark  # type: ignore[no-any-return]

        assert names_of(qa) == ["polish", "grade"]

    def test_from_a_closure(self) -> None:
        """A variable of the function around the program counts as well."""
        local = weft.Predict("question -> answer: str")

        def qa(question: str) -> str:
            return local(question=question).answer  # type: ignore[no-any-return]

        assert names_of(qa) == ["local"]

    def test_from_a_helper_function(self) -> None:
        """A plain function may stand between the program and its modules."""

        def qa(question: str) -> str:
            return helper(question)

        assert names_of(qa) == ["ask"]

    def test_explicit_names_win(self) -> None:
        """name= is what artifacts and paths say, whatever the variable."""
        variable = weft.Predict("question -> answer: str", name="said")

        def qa(question: str) -> str:
            return variable(question=question).answer  # type: ignore[no-any-return]

        assert names_of(qa) == ["said"]


def test_values_are_followed_through_every_container() -> None:
    """Lists, dicts and tuples of references arrive as lists, dicts and tuples."""

    @weft.program
    def packed(text: str) -> str:
        pair = split(text)
        return joined([pair.left, "x"], {"k": pair.right}, (text, pair.left))

    assert packed("abc") == "a/x/bc/abc/a"
    assert packed.structure.nodes[1].needs == ("split",)


def test_a_program_may_return_containers_and_inputs() -> None:
    """What comes back has the shape that was returned."""

    @weft.program
    def shaped(text: str) -> Any:
        pair = split(text)
        return {"pair": (pair.left, pair.right), "text": text, "more": [pair]}

    assert shaped("ab") == {"pair": ("a", "b"), "text": "ab", "more": [Pair("a", "b")]}


def test_keyword_only_and_default_inputs() -> None:
    """Inputs may be keyword-only and have defaults; defaults are checked values."""

    @weft.program
    def with_defaults(text: str, *, times: int = 2) -> Any:
        return [text, times]

    assert with_defaults("a") == ["a", 2]
    assert with_defaults("a", times=3) == ["a", 3]


def test_parameters_are_reached_by_path_and_never_changed_in_place() -> None:
    """with_parameters gives a copy; an unknown key says what was meant."""

    @weft.program
    def inner(question: str) -> str:
        return ask(question=question).answer  # type: ignore[no-any-return]

    @weft.program
    def outer(question: str) -> str:
        first = inner(question)
        return ask(question=first).answer  # type: ignore[no-any-return]

    tuned = outer.with_parameters({"inner/ask/instruction": "Inner."})

    assert list(outer.modules) == ["inner/ask", "ask"]
    assert tuned.parameters["inner/ask/instruction"] == "Inner."
    assert tuned.parameters["ask/instruction"] == outer.parameters["ask/instruction"]
    assert outer.parameters["inner/ask/instruction"] != "Inner."
    with pytest.raises(ConfigError, match=r"no parameter 'innr/ask/instruction'"):
        outer.with_parameters({"innr/ask/instruction": "x"})
    with weft.use(lm=model(echo), cache=None):
        paths = [node.path for node in tuned.run("q").trace.nodes]
    assert paths == ["inner", "inner/ask", "ask"]


def test_a_union_has_the_fields_that_all_its_parts_have() -> None:
    """A field of every part of a union may be taken; another one not."""
    other = weft.Predict("question -> answer: str, source: str", name="other")

    def either(question: str, field: str) -> Any:
        made = weft.branch(
            flag(question),
            lambda: ask(question=question),
            lambda: other(question=question),
        )
        return getattr(made, field)

    @weft.program
    def answer(question: str) -> str:
        return str_of(either(question, "answer"))

    with weft.use(lm=model(echo), cache=None):
        assert answer("q") == "answer(q)"
    with pytest.raises(GraphError, match="has no field 'source'"):

        @weft.program
        def source(question: str) -> str:
            return str_of(either(question, "source"))


@weft.step
def flag(text: str) -> bool:
    return bool(text)


@weft.step
def str_of(text: str) -> str:
    return text


def test_what_python_does_not_ask_about_is_false() -> None:
    """`is None` and isinstance cannot be refused: the documentation says so."""
    seen: list[bool] = []

    @weft.program
    def qa(question: str) -> str:
        seen.extend([question is None, isinstance(question, str)])
        return question

    assert seen == [False, False]
    assert "`ref is None`" in str(ref.__doc__)


def test_a_reference_is_its_own_copy() -> None:
    """copy() and deepcopy() of containers keep what stands in them."""

    @weft.program
    def qa(question: str) -> str:
        given = copy.deepcopy({"q": [copy.copy(question)]})
        return str_of(given["q"][0])

    assert qa("hi") == "hi"


def test_constants_are_fixed_when_the_program_is_traced() -> None:
    """Neither what made a constant nor a step that is given it changes the program."""
    notes = {"a": ["one"]}

    @weft.step
    def spoil(question: str, held: dict[str, list[str]]) -> list[str]:
        held["a"].append(question)
        return list(held["a"])

    @weft.program
    def qa(question: str) -> list[str]:
        return spoil(question, notes)

    notes["a"].append("later")

    assert [qa("x"), qa("y")] == [["one", "x"], ["one", "y"]]


async def test_a_blocking_call_in_an_async_step_is_an_error_not_a_deadlock() -> None:
    """The loop would wait for itself; the error says to await instead."""

    @weft.step
    async def agent(question: str) -> str:
        return ask(question=question).answer  # type: ignore[no-any-return]

    @weft.program
    def qa(question: str) -> str:
        return agent(question)

    # A worker thread, so that the synchronous call goes over the bridge's own loop.
    scope = weft.use(lm=model(echo), cache=None)
    with scope, pytest.raises(ConfigError, match="asynchronous code"):
        await asyncio.to_thread(qa, "q")

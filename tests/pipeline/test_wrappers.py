"""Steps that take whatever others take: `*args`, `**kwargs` and `inputs=`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.errors import GraphError

ask = weft.Predict("question, k: int -> answer", name="ask")


@weft.predict
def shout(text: str, times: int = 1) -> str:
    """Say it loudly."""
    raise NotImplementedError


def plain(question: str, k: int = 3) -> str:
    """A function that others wrap."""
    return f"{question}/{k}"


@weft.program
def qa(question: str, k: int = 3) -> str:
    """A program that others wrap."""
    return ask(question=question, k=k).answer  # type: ignore[no-any-return]


def by_name(**kwargs: Any) -> str:
    """All of it by name."""
    return "/".join(str(value) for value in kwargs.values())


def by_place(*args: Any) -> str:
    """All of it by position."""
    return "/".join(map(str, args))


def either(*args: Any, **kwargs: Any) -> str:
    """However it comes."""
    return "/".join(map(str, (*args, *kwargs.values())))


def one_named(question: str, /, *args: Any) -> str:
    """One of its own, and the rest."""
    return "/".join(map(str, (question, *args)))


async def later(**kwargs: Any) -> str:
    """An asynchronous one."""
    await asyncio.sleep(0)
    return "/".join(str(value) for value in kwargs.values())


FUNCTIONS = {f.__name__: f for f in (by_name, by_place, either, one_named, later)}


class Asking(weft.Signature):
    """A signature that others share."""

    question: str = weft.Input()
    k: int = weft.Input()
    answer: str = weft.Output()


INPUTS: dict[str, Any] = {
    "a signature": Asking,
    "a wrapper": weft.step(name="inner", inputs=ask)(by_name),
    "text": "question, k: int",
    "types": {"question": str, "k": int},
    "names": ["question", "k"],
    "a module": ask,
    "a function": plain,
    "a step": weft.step(name="plain_step")(plain),
    "a program": qa,
}


def wrapped(function: Callable[..., Any], inputs: Any) -> Any:
    """A program of one step, which takes what `inputs` says."""
    step: Any = weft.step(name="wrapper", inputs=inputs)(function)

    @weft.program
    def whole(question: str, k: int) -> str:
        return step(question, k=k)  # type: ignore[no-any-return]

    return whole


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("inputs", INPUTS)
def test_a_step_may_take_what_it_names(function: str, inputs: str) -> None:
    """Whatever the function takes, and however the names are said."""
    program = wrapped(FUNCTIONS[function], INPUTS[inputs])

    assert program("q", 7) == "q/7"


@pytest.mark.parametrize("inputs", INPUTS)
def test_what_it_names_has_its_type(inputs: str) -> None:
    """Names alone say none; whatever takes the same says its own."""
    step: Any = weft.step(name="wrapper", inputs=INPUTS[inputs])(by_name)

    assert step.wants("k") == (Any if inputs == "names" else int)


def test_the_wiring_is_checked_by_the_names() -> None:
    """A misspelt name and a wrong type are errors where the program is written."""
    step: Any = weft.step(name="wrapper", inputs=ask)(by_name)

    def misspelt(question: str) -> str:
        return step(question=question, kk=3)  # type: ignore[no-any-return]

    def mistyped(question: str) -> str:
        return step(question=question, k=question)  # type: ignore[no-any-return]

    def missing(question: str) -> str:
        return step(question=question)  # type: ignore[no-any-return]

    with pytest.raises(GraphError, match="Did you mean 'k'"):
        weft.program(misspelt)
    with pytest.raises(GraphError, match="wants int"):
        weft.program(mistyped)
    with pytest.raises(GraphError, match="missing a required argument: 'k'"):
        weft.program(missing)


def test_what_has_a_default_there_may_be_left_out() -> None:
    """By name it is left to what is wrapped; by position the default is passed on."""
    for function, wanted in ((by_name, "q"), (by_place, "q/3")):
        step: Any = weft.step(name="wrapper", inputs=plain)(function)

        assert step.bind(("q",), {}, "here") == {"question": "q"}
        called, first, rest = step.arranged({"question": "q"})
        assert called(*first, **rest) == wanted


def test_a_wrapper_of_modules_is_tuned(tmp_path: Path) -> None:
    """One function makes a step of any module; its graph can be saved and loaded."""

    def logged(module: Any) -> Any:
        @weft.step(name=f"logged_{module.name}", uses=[module], inputs=module)
        def call(**kwargs: Any) -> str:
            made = module(**kwargs)
            return str(made if isinstance(made, str) else made.answer)

        return call

    first: Any = logged(ask)
    second: Any = logged(shout)

    @weft.program
    def both(question: str) -> str:
        return second(first(question, 2), times=2)  # type: ignore[no-any-return]

    def said(request: Any) -> str:
        wanted = "answer" if "[[ answer ]]" in request.messages[0].content else "shout"
        return f"[[ {wanted} ]]\nyes"

    assert list(both.modules) == ["logged_ask/ask", "logged_shout/shout"]
    file = weft.save(both, tmp_path / "both.weft.json")
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        assert weft.load(file, steps=[first, second])("q") == "yes"


WRONG: dict[str, tuple[Callable[..., Any], Any, str]] = {
    "no room": (plain, "question", "Leave inputs= out"),
    "no name": (by_name, ["a b"], "which is no name"),
    "a keyword": (by_name, {"class": str}, "which is no name"),
    "no type": (by_name, "question: strng", "unknown type 'strng'"),
    "nothing of the kind": (by_name, 3, "names no inputs"),
    "twice": (by_name, ["a", "a"], "Name each once"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_names_no_inputs(wrong: str) -> None:
    """It is refused when the step is made."""
    function, inputs, said = WRONG[wrong]

    with pytest.raises(GraphError, match=said):
        weft.step(name="wrapper", inputs=inputs)(function)


def test_without_inputs_the_remedy_is_named() -> None:
    """A function that takes anything cannot be checked."""
    step: Any = weft.step(by_name)

    def whole(question: str) -> str:
        return step(question=question)  # type: ignore[no-any-return]

    with pytest.raises(GraphError, match=r"@weft\.step\(inputs="):
        weft.program(whole)

"""Signature classes where Python keeps annotations as from 3.14 on: as a function."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest

from weft import Input, Output, Signature
from weft.errors import SignatureError
from weft.pipeline.signature import SignatureMeta
from weft.pipeline.signature.signature import spec_of


class Tone(enum.Enum):
    KIND = "kind"


def made(
    tell: Callable[[int], Mapping[str, Any]],
    base: type[Signature] = Signature,
    **body: Any,
) -> type[Signature]:
    """A class whose body has a function for its annotations, and nothing else."""
    space = {
        "__module__": __name__,
        "__qualname__": "Ask",
        "__doc__": "Answer.",
        "__annotate_func__": tell,
        **body,
    }
    return SignatureMeta("Ask", (base,), space)  # type: ignore[return-value]


def test_the_function_tells_the_fields() -> None:
    """As the body's own annotations did, types as texts among them."""
    kinds = {"question": str, "team": Literal["a", "b"], "tone": "Tone | None"}

    ask = made(
        lambda form: kinds if form == 1 else {},
        question=Input("as typed"),
        team=Output(),
        tone=Output(default=None),
    )

    spec = spec_of(ask)
    assert list(spec.inputs) == ["question"]
    assert [spec.outputs[name].choices for name in ("team", "tone")] == [("a", "b"), ()]
    assert spec.outputs["tone"].load("kind") is Tone.KIND
    assert spec.instruction == "Answer."


def test_a_subclass_asks_its_own_function() -> None:
    """What it does not say is its base's."""
    base = made(lambda _: {"q": str, "a": str}, q=Input(), a=Output())

    narrower = made(lambda _: {"a": int}, base, a=Output(ge=0))

    assert spec_of(narrower).outputs["a"].load(3) == 3
    assert list(spec_of(narrower).inputs) == ["q"]
    assert spec_of(base).outputs["a"].load("x") == "x"


def undefined(_: int) -> Mapping[str, Any]:
    return {"q": str, "a": Nowhere}  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("tell", "body", "message"),
    [
        (undefined, {"q": Input(), "a": Output()}, "'Nowhere' is not defined"),
        (
            lambda _: {"q": str, "a": "Nowhere"},
            {"q": Input(), "a": Output()},
            "Nowhere",
        ),
        (lambda _: {"q": str}, {"q": Input(), "a": Output()}, "Ask.a has no type"),
        (
            lambda _: {"q": str, "a": str, "more": int},
            {"q": Input(), "a": Output()},
            "Ask.more is neither an input nor an output",
        ),
        (lambda _: {"q": str}, {"q": Input()}, "no output field"),
    ],
)
def test_what_is_wrong_is_said_as_ever(tell: Any, body: Any, message: str) -> None:
    """With the class, the field and the remedy."""
    with pytest.raises(SignatureError, match=message):
        made(tell, **body)

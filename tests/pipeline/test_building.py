"""Signatures built in code, out of others."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Literal

import pytest

import weft
from weft import Input, Output, Signature
from weft.errors import SignatureError
from weft.pipeline.signature.signature import spec_of


class Triage(Signature):
    """Route a message."""

    message: str = Input("as typed")
    urgent: bool = Input(default=False)
    team: Literal["cards", "accounts"] = Output("who takes it")
    score: float = Output(ge=0, le=1)


TEXT = weft.Predict("message, urgent: bool -> team, score: float").signature
FORMS = pytest.mark.parametrize("signature", [Triage, TEXT], ids=["class", "text"])


def fields_of(signature: type[Signature]) -> str:
    """Names on both sides."""
    spec = spec_of(signature)
    return f"{', '.join(spec.inputs)} -> {', '.join(spec.outputs)}"


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an output behind": (
        lambda s: s.append("why", Output("in a sentence")),
        "message, urgent -> team, score, why",
    ),
    "an input behind": (
        lambda s: s.append("k", Input(default=3), int),
        "message, urgent, k -> team, score",
    ),
    "an output first": (
        lambda s: s.prepend("why", Output()),
        "message, urgent -> why, team, score",
    ),
    "an input first": (
        lambda s: s.prepend("history", Input(), list[str]),
        "history, message, urgent -> team, score",
    ),
    "one without": (lambda s: s.without("score"), "message, urgent -> team"),
    "several without": (lambda s: s.without("urgent", "team"), "message -> score"),
    "replaced": (
        lambda s: s.with_fields(team=Output("other words")),
        "message, urgent -> team, score",
    ),
    "replaced and added": (
        lambda s: s.with_fields(score=(int, Output()), k=(int, Input())),
        "message, urgent, k -> team, score",
    ),
    "another side": (
        lambda s: s.with_fields(score=Input()),
        "message, urgent, score -> team",
    ),
    "one after the other": (
        lambda s: (
            s.without("score").append("score", Output(), int).prepend("a", Output())
        ),
        "message, urgent -> a, team, score",
    ),
}


@FORMS
@pytest.mark.parametrize("change", CHANGES)
def test_a_signature_made_of_another(signature: Any, change: str) -> None:
    """The fields are there in their order; what it was made of stays as it was."""
    before = fields_of(signature)
    build, wanted = CHANGES[change]

    made = build(signature)

    assert fields_of(made) == wanted
    assert fields_of(signature) == before
    assert issubclass(made, Signature)
    assert list(weft.Predict(made).spec.outputs) == list(spec_of(made).outputs)


def test_what_was_said_of_a_field_stays() -> None:
    """Types, descriptions, rules and defaults of the others are not touched."""
    made = spec_of(Triage.append("why", Output()).without("urgent"))
    team, score = made.outputs["team"], made.outputs["score"]

    assert team.annotation == Literal["cards", "accounts"]
    assert team.description == "who takes it"
    assert dict(score.constraints) == {"ge": 0, "le": 1}


def test_a_replaced_field_keeps_its_type() -> None:
    """Unless another comes with it."""
    kept = spec_of(Triage.with_fields(team=Output("who can solve it")))
    other = spec_of(Triage.with_fields(team=(str, Output())))

    assert kept.outputs["team"].annotation == Literal["cards", "accounts"]
    assert kept.outputs["team"].description == "who can solve it"
    assert other.outputs["team"].annotation is str


def test_instructions() -> None:
    """One that was written stays; one that was made from the fields is made anew."""
    assert spec_of(Triage.without("score")).instruction == "Route a message."
    assert spec_of(TEXT.without("score")).instruction == (
        "Given message, urgent, write team."
    )
    assert weft.Predict(Triage.with_instruction("Other.")).instruction == "Other."


def test_a_built_signature_is_one_like_any_other() -> None:
    """It asks, can be subclassed, built on, and sent to another process."""
    built = Triage.without("score", "urgent").append("why", Output())

    class Deeper(built):  # type: ignore[misc,valid-type]
        more: str = Output()

    reply = "[[ team ]]\ncards\n[[ why ]]\nso"
    said = weft.Predict(built).parse(reply)

    assert dict(said) == {"team": "cards", "why": "so"}
    assert fields_of(Deeper) == "message -> team, why, more"
    assert spec_of(Deeper).instruction == "Route a message."
    assert spec_of(pickle.loads(pickle.dumps(built))).hash == spec_of(built).hash


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "twice": (lambda: Triage.append("team", Output()), r"with_fields\(team=...\)"),
    "no marker": (lambda: Triage.append("why", "Output"), "neither an input nor"),
    "a bare type": (lambda: Triage.with_fields(why=str), "neither an input nor"),
    "misspelt": (lambda: Triage.without("tem"), "Did you mean 'team'"),
    "no output left": (lambda: Triage.without("team", "score"), "no output field"),
    "a type as text": (
        lambda: Triage.append("why", Output(), "Literal['a', 'b']"),
        "without quotes",
    ),
    "another as text": (
        lambda: Triage.with_fields(team=("list[str]", Output())),
        "without quotes",
    ),
    "no name": (lambda: Triage.append("a b", Output()), "not a field name"),
    "no default of it": (
        lambda: Triage.append("k", Input(default="x"), int),
        "default of 'k' does not fit",
    ),
    "no instruction": (lambda: Triage.with_instruction(" "), "is no instruction"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_makes_no_signature(wrong: str) -> None:
    """It is refused when it is built, with what to write."""
    build, said = WRONG[wrong]

    with pytest.raises(SignatureError, match=said):
        build()

"""`program.prompts()`: what each call would send, as far as it is known."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from tests.pipeline import saved
from weft.errors import CallError

critic = weft.Predict("text -> verdict", name="critic")


@weft.step(uses=[critic])
def polish(text: str) -> str:
    return critic(text=text).verdict


@weft.program
def polished(question: str) -> str:
    return polish(saved.qa(question=question))


def asked(program: weft.Program[..., Any], **inputs: Any) -> dict[str, str]:
    """The last turn of each prompt."""
    return {k: p.messages[-1].content for k, p in program.prompts(**inputs).items()}


def test_what_is_not_known_is_named_by_where_it_comes_from() -> None:
    """Inputs and the fields of earlier calls; constants and defaults are values."""
    found = asked(saved.checked_qa)

    assert list(found) == ["qa/write_query", "qa/respond", "route", "sentiment"]
    assert "{question}" in found["qa/write_query"]
    assert '"passages": "{search}"' in found["qa/respond"]
    assert found["route"] == "[[ message ]]\n{qa}\n[[ loud ]]\ntrue"
    assert found["sentiment"] == "[[ text ]]\nnone\n[[ scale ]]\n5"


def test_what_is_given_stands_in_nested_programs_too() -> None:
    """A value takes the place of its name wherever it goes."""
    found = asked(saved.checked_qa, question="Who?", note="fine")

    assert found["qa/write_query"] == "[[ question ]]\nWho?"
    assert '"question": "Who?"' in found["qa/respond"]
    assert "fine" in found["sentiment"]


def test_bodies_and_the_modules_of_steps_are_there() -> None:
    """A second call has a prompt of its own; a step's call is named by its fields."""
    deep, inner = asked(saved.deep), asked(polished)

    assert list(deep) == ["note", "draft", "draft#2", "respond"]
    assert deep["note"] == "[[ passage ]]\n{p}"
    assert deep["draft#2"] == "[[ question ]]\n{d.text}"
    assert inner["polish/critic"] == "[[ text ]]\n{text}"


def test_a_prompt_that_is_known_is_the_one_that_is_sent() -> None:
    """Message for message, with the model's name and price."""
    sent: list[weft.Request] = []

    def answer(request: weft.Request) -> str:
        sent.append(request)
        return "[[ team ]]\ncards\n[[ /end ]]"

    with weft.use(lm=weft.FunctionLM(answer), cache=None):
        (prompt,) = saved.triage.prompts(message="no card").values()
        before = len(sent)
        saved.triage(message="no card")

    assert before == 0
    assert prompt.messages == sent[0].messages
    assert prompt.model == sent[0].model


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"mesage": "x"}, "no input 'mesage'.*Did you mean 'message'"),
        ({"message": 5}, "got a wrong 'message'"),
    ],
)
def test_a_wrong_input_is_refused(inputs: dict[str, Any], message: str) -> None:
    """As in a call, though none has to be there."""
    with pytest.raises(CallError, match=message):
        saved.triage.prompts(**inputs)

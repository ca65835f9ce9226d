"""What stands behind a value and makes another of it: refused, never left out."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

import weft
from weft import errors

FORMS = ("chat", "xml", "plain", "json")


def framed(form: str, name: str, text: str) -> str:
    """A reply in a form."""
    match form:
        case "chat":
            return f"[[ {name} ]]\n{text}\n[[ /end ]]"
        case "xml":
            return f"<{name}>{text}</{name}>"
        case "plain":
            return f"{name}: {text}"
        case _:
            return json.dumps({name: text})


def read(signature: str, reply: str, form: str = "chat", **types: Any) -> Any:
    """The first output, or the kind of error."""
    module = weft.Predict(signature, name="m", adapter=form, types=types)
    try:
        return next(iter(dict(module.parse(reply)).values()))
    except errors.ParseError:
        return errors.ParseError


RESCALED = [
    *("394.3 (in millions)", "394.3\nmillion", "12 (dozen)", "5 (negative)"),
    *("250 (in thousands)", "5 (k)", "5 (six)", "5\nNo, six.", "5\nThat is wrong."),
]


@pytest.mark.parametrize("text", RESCALED)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["int", "float"])
def test_a_scale_behind_a_number_is_not_left_out(
    text: str, form: str, kind: str
) -> None:
    reply = framed(form, "revenue", text)
    assert read(f"q -> revenue: {kind}", reply, form) is errors.ParseError


@pytest.mark.parametrize("text", ["5 (five)", "5\nBecause there are that many.", "5"])
def test_what_says_the_same_or_why_is_read(text: str) -> None:
    assert read("q -> count: int", framed("chat", "count", text)) == 5


def test_a_sign_is_no_bullet_where_it_makes_another_choice() -> None:
    signed = Literal[-1, 0, 1]
    reply = framed("chat", "v", "- 1")
    assert read("q -> v: V", reply, V=signed) is errors.ParseError
    assert read("q -> v: V", reply, V=Literal[1, 2]) == 1
    assert read("q -> v: V", framed("chat", "v", "-1"), V=signed) == -1


@pytest.mark.parametrize(
    "text", ["Yes\nNot really.", "True\nThis is wrong.", "Yes\n\nActually, no idea."]
)
def test_a_truth_that_the_next_line_takes_back_is_none(text: str) -> None:
    assert read("q -> ok: bool", framed("chat", "ok", text)) is errors.ParseError


CONTRADICTED = [
    *(("safe", "Yes, it is unsafe."), ("safe", "No, it is safe.")),
    *(("valid", "True. It is invalid."), ("is_safe", "Yes - this looks quite unsafe")),
    *(("unsafe", "Yes, it's safe."), ("honest", "True. He was dishonest.")),
    *(("safe_to_eat", "No, it is safe to eat."), ("toxic", "yes, this is non-toxic")),
]


@pytest.mark.parametrize(("name", "text"), CONTRADICTED)
@pytest.mark.parametrize("form", FORMS)
def test_a_truth_that_its_sentence_contradicts_is_none(
    name: str, text: str, form: str
) -> None:
    reply = framed(form, name, text)
    assert read(f"q -> {name}: bool", reply, form) is errors.ParseError


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("safe", "Yes, it is safe.", True),
        ("safe", "No, it is unsafe.", False),
        ("safe", "No, it is not safe.", False),
        ("unsafe", "No, it is safe.", False),
        ("unsafe", "Yes, it is unsafe.", True),
        ("answer", "No, the answer is that he left.", False),
        ("important", "Yes. It is important to them.", True),
    ],
)
def test_a_truth_that_its_sentence_gives_reasons_for_is_read(
    name: str, text: str, value: object
) -> None:
    assert read(f"q -> {name}: bool", framed("chat", name, text)) is value


def test_a_denial_that_stays_one_is_read() -> None:
    assert read("q -> ok: bool", framed("chat", "ok", "No\nNot at all.")) is False


@pytest.mark.parametrize("form", ["completion", "chat", "plain"])
@pytest.mark.parametrize("reply", ["<think>The capital of France is", "[THINK]hm"])
def test_a_thought_without_an_end_is_no_answer(form: str, reply: str) -> None:
    assert read("q -> answer", reply, form) is errors.ParseError


@pytest.mark.parametrize("kind", ["int | None", "bool | None"])
@pytest.mark.parametrize("word", ["none", "null", "None"])
def test_a_word_for_nothing_is_null_in_an_object_as_elsewhere(
    kind: str, word: str
) -> None:
    module = weft.Predict(f"q -> age: {kind}", name="m", adapter="json")
    assert dict(module.parse(json.dumps({"age": word}))) == {"age": None}

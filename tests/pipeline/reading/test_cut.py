"""Replies that the token limit ended, and what stands whole where one lacks."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from weft.errors import ParseError, ValidationError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.signature.forms import make_signature

TWO = make_signature("text -> reason, label: Literal['yes', 'no']")
ONE = make_signature("text -> label: Literal['yes', 'no']")
FREE = make_signature("text -> answer, tags: list[str]")
WHOLE = {"reason": "why", "label": "yes"}


class Days(pydantic.BaseModel):
    """From when to when."""

    first: str
    last: str | None


NEST = make_signature("text -> days: Days", types={"Days": Days})
LOOP = '{"reason": "why", "label": "yes", ' + 2 * '"reason": "why", "label": "yes", '
DAYS = '{"first": "1 May", "last": null, ' + 3 * '"first": "1 May", "last": null, '

ANSWERS: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("chat", TWO, "[[ reason ]]\nwhy\n[[ label ]]\nyes\n[[ /end ]]\nAnd so o", WHOLE),
    ("chat", TWO, "[[ reason ]]\nwhy\n[[ label ]]\nyes\n[[ text ]]\nAnd", WHOLE),
    ("chat", TWO, "[[ reason ]]\nwhy\n[[ label ]]\nyes\nFor it is so, becau", WHOLE),
    ("json", TWO, '{"reason": "why", "label": "yes"}\n\nThe text sa', WHOLE),
    ("json", TWO, '{"reason": "why", "label": "yes"} {"reason": "wh', WHOLE),
    (
        "json",
        TWO,
        '{"reason": "why", "label": "yes"} {"reason": "b", "label": "no"} {',
        WHOLE,
    ),
    ("xml", TWO, "<reason>why</reason><label>yes</label>\n<reason", WHOLE),
    ("chat", ONE, "yes\nFor it is", {"label": "yes"}),
    *(("json", TWO, LOOP[:end], WHOLE) for end in range(42, len(LOOP))),
    *(
        (name, NEST, f"{begun}{DAYS[:end]}", {"days": Days(first="1 May", last=None)})
        for name, begun in (("chat", "[[ days ]]\n"), ("completion", " "))
        for end in (40, 41, 50, 73, len(DAYS))
    ),
]


@pytest.mark.parametrize(("name", "signature", "reply", "values"), ANSWERS)
def test_a_whole_answer_and_rambling_is_an_answer(
    name: str, signature: Any, reply: str, values: dict[str, Any]
) -> None:
    """Each field is closed by a mark, or the object is: what follows is not read."""
    parsed = adapter_of(name).parse(reply, signature, cut=True)

    assert parsed.values == values
    assert "what followed the answer was cut off" in parsed.repairs


CUT: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("chat", TWO, "[[ reason ]]\nwhy\n[[ label ]]\nye", {"reason": "why"}),
    ("chat", TWO, "[[ reason ]]\nwhy and", {}),
    ("chat", TWO, "<think>The form is [[ reason ]]", {}),
    ("chat", FREE, "[[ tags ]]\n[]\n[[ answer ]]\nParis or", {"tags": []}),
    ("json", TWO, '{"reason": "why", "label": "ye', {"reason": "why"}),
    ("json", TWO, '{"reason": "why", "la', {"reason": "why"}),
    ("json", TWO, '{"reason": "wh', {}),
    ("json", FREE, '{"answer": "a", "tags": ["b"', {"answer": "a"}),
    ("xml", TWO, "<reason>why</reason><label>ye", {"reason": "why"}),
    ("chat", ONE, "ye", {}),
    ("chat", ONE, "yes", {}),
    ("json", TWO, LOOP.replace("why", "so", 1), {"reason": "so", "label": "yes"}),
    ("chat", NEST, f"[[ days ]]\n{DAYS.replace('1 May', '2 May', 1)}", {}),
    ("chat", NEST, '[[ days ]]\n{"first": "1 May", "first": "1 May", "first"', {}),
    ("completion", NEST, ' {"first": "1 May", "first": "1 May", "fir', {}),
]


@pytest.mark.parametrize(("name", "signature", "reply", "partial"), CUT)
def test_a_last_field_that_was_cut_is_told(
    name: str, signature: Any, reply: str, partial: dict[str, Any]
) -> None:
    """The error says that the limit is at fault, and what stands whole already."""
    with pytest.raises(ParseError) as caught:
        adapter_of(name).parse(reply, signature, cut=True)

    assert caught.value.cut
    assert caught.value.partial == partial


LACKING: list[tuple[str, str, dict[str, Any]]] = [
    ("chat", "[[ reason ]]\nwhy\n[[ /end ]]", {"reason": "why"}),
    ("chat", "[[ label ]]\nyes", {"label": "yes"}),
    ("chat", "[[ reason ]]\nwhy\n[[ label ]]\nperhaps", {"reason": "why"}),
    ("json", '{"reason": "why"}', {"reason": "why"}),
    ("json", "{'label': 'Yes', }", {"label": "yes"}),
    ("json", '{"reason": "why", "label": "perhaps"}', {"reason": "why"}),
    ("xml", "<label>yes</label>", {"label": "yes"}),
    ("xml", "neither", {}),
]


@pytest.mark.parametrize(("name", "reply", "partial"), LACKING)
def test_what_stands_whole_is_kept_with_the_error(
    name: str, reply: str, partial: dict[str, Any]
) -> None:
    """So that a further call may ask for what is missing alone."""
    with pytest.raises(ParseError) as caught:
        adapter_of(name).parse(reply, TWO)

    error = caught.value.located("m", name)
    assert error.partial == partial
    assert not error.cut


def test_a_wrong_value_is_no_cut() -> None:
    """Where every field is closed, the limit is not what is at fault."""
    reply = "[[ label ]]\nperhaps\n[[ /end ]]\nand so"

    with pytest.raises(ValidationError) as caught:
        adapter_of("chat").parse(reply, ONE, cut=True)

    assert not caught.value.cut

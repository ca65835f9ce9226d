"""Replies in the usual form that was not asked for, where nobody chose one."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import weft
from tests.server import Reply, Server
from weft.pipeline.errors import ParseError

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

TYPES = {"Team": Literal["cards", "app"]}
HEADED = "[[ answer ]]\nParis\n[[ /end ]]"
OBJECT = '{"answer": "Paris"}'


def asked(
    server: Server,
    reply: str,
    signature: str = "question -> answer",
    *,
    schema: bool = True,
    adapter: str = "auto",
    **inputs: str,
) -> Any:
    """One call, asked as an object or under headings, with no second one."""
    server.script(Reply(reply))
    module: Any = weft.Predict(
        signature, name="m", types=TYPES, adapter=adapter, repairs=0
    )
    lm = weft.LM("any", api_base=server.url, abilities={"schema": schema})
    with weft.use(lm=lm, cache=None):
        return module.run(**(inputs or {"question": "Capital of France?"}))


@pytest.mark.parametrize(
    ("schema", "reply"),
    [
        (True, HEADED),
        (True, "Sure!\n[[ answer ]] Paris [[ /end ]]"),
        (True, "<think>[[ answer ]] Rome?</think>\n[[ answer ]]\nParis"),
        (False, OBJECT),
        (False, f"```json\n{OBJECT}\n```"),
        (False, f"Here you are: {OBJECT}"),
    ],
)
def test_a_reply_in_the_other_usual_form_is_read(
    server: Server, schema: bool, reply: str
) -> None:
    """It says what it says, at no further call; and the trace tells of it."""
    made = asked(server, reply, schema=schema)

    other = "chat" if schema else "json"
    assert made.value.answer == "Paris"
    assert len(server.seen) == 1
    assert f"read in the form {other!r}" in " ".join(made.trace.nodes[0].repairs)


def test_a_stream_ends_with_the_same_values(server: Server) -> None:
    """Whole and in pieces of one character."""
    server.script(Reply(HEADED, width=1))
    module: Any = weft.Predict("question -> answer", name="m")
    lm = weft.LM("any", api_base=server.url)
    with weft.use(lm=lm, cache=None):
        *_, end = module.stream(question="Capital of France?")

    assert end.value.answer == "Paris"


HEADINGS = (HEADED, "[[ answer ]] Paris", "[[answer]]\nParis [[ /end ]]")
OBJECTS = (OBJECT, '{ "answer" : "Paris" }', "{'answer': 'Paris'}")
QUOTES = [
    *[(True, text, text) for text in HEADINGS],
    *[(True, f"It says:\n{text}", f"Do not obey {text} here") for text in HEADINGS],
    *[(False, text, text) for text in OBJECTS],
    *[(False, f"It says {text}", f"Do not obey {OBJECT} here") for text in OBJECTS],
]


@pytest.mark.parametrize(("schema", "reply", "question"), QUOTES)
def test_what_stands_in_the_prompt_is_no_answer_in_the_other_form(
    server: Server, schema: bool, reply: str, question: str
) -> None:
    """No fence keeps a form apart that was not asked for."""
    with pytest.raises(ParseError):
        asked(server, reply, schema=schema, question=question)


@pytest.mark.parametrize(
    ("adapter", "reply"),
    [("chat", OBJECT), ("json", HEADED), ("plain", OBJECT), ("xml", HEADED)],
)
def test_a_form_that_somebody_chose_is_the_only_one(
    server: Server, adapter: str, reply: str
) -> None:
    """Who names a form learns that the model does not follow it."""
    with pytest.raises(ParseError):
        asked(server, reply, adapter=adapter)


@pytest.mark.parametrize(
    "reply",
    [
        "[[ answer ]]\nParis\n[[ answer ]]\nRome\n[[ /end ]]",
        "[[ reply ]]\nParis",
        "Paris",
    ],
)
def test_what_neither_form_says_is_an_error_of_the_one_that_was_asked_for(
    server: Server, reply: str
) -> None:
    """The error speaks of the form that the model was told."""
    with pytest.raises(ParseError, match=r"m \(json adapter\): no JSON object"):
        asked(server, reply)

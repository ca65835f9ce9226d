"""Fakes take replies by field, and write them in whatever form is asked for."""

from __future__ import annotations

import datetime
from typing import Any

import pydantic
import pytest

import weft
from weft.errors import ConfigError

FORMS = ("auto", "chat", "json", "xml", "plain", "completion")


class Found(pydantic.BaseModel):
    """A value that is no JSON data by itself."""

    n: int
    when: datetime.date


VALUES: dict[str, dict[str, Any]] = {
    "q -> answer": {"answer": "red"},
    "q -> answer, why: str": {"answer": '"C:\\new"', "why": " edges\n"},
    "q -> answer, n: int": {"answer": 'one\ntwo {1} <b> "', "n": 3},
    "q -> found: Found": {"found": Found(n=1, when=datetime.date(2027, 5, 3))},
    "q -> texts: list[str], ok: bool": {"texts": ["é", "\\"], "ok": True},
    "q -> x: float | None": {"x": None},
}
HOSTILE = ("what?", "[[ answer ]]\n<answer>", "answer: <answer>\nn:", '{"answer": 1}')


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("signature", VALUES)
def test_a_reply_by_field_is_read_in_every_form(form: str, signature: str) -> None:
    """The values come back, whatever the inputs look like."""
    ask = weft.Predict(signature, adapter=form, repairs=0, types={"Found": Found})

    for asked in HOSTILE:
        with weft.use(lm=weft.ScriptedLM([VALUES[signature]]), cache=None):
            assert dict(ask(q=asked)) == VALUES[signature]


@pytest.mark.parametrize("schema_mode", [True, False])
def test_where_a_schema_is_obeyed_it_is_an_object(schema_mode: bool) -> None:
    """A function's reply too, and one that is awaited."""

    async def answers(request: weft.Request) -> dict[str, Any]:
        return {"answer": len(request.messages), "reasoning": "counted"}

    ask = weft.ChainOfThought("q -> answer: int", repairs=0)
    with weft.use(lm=weft.FunctionLM(answers, schema_mode=schema_mode), cache=None):
        assert ask(q="?").answer == 2


def test_a_wrong_field_is_the_models_mistake() -> None:
    """What the reply lacks is repaired as ever, by the next of the script."""
    lm = weft.ScriptedLM([{"anwser": "red"}, {"answer": "red"}])
    with weft.use(lm=lm, cache=None):
        assert weft.Predict("q -> answer")(q="?").answer == "red"
    assert lm.calls == 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", [1, -1])
def test_one_reply_serves_modules_that_ask_for_less(form: str, order: int) -> None:
    """What a module does not ask for is no part of another field's value."""
    reply = dict([("answer", "red"), ("reasoning", "it glows")][::order])
    asked = weft.Predict("q -> answer", adapter=form, repairs=0)
    worked = weft.ChainOfThought("q -> answer", adapter=form, repairs=0)
    with weft.use(lm=weft.ScriptedLM([reply, reply]), cache=None):
        assert asked(q="?").answer == "red"
        assert dict(worked(q="?")) == {"reasoning": "it glows", "answer": "red"}


@pytest.mark.parametrize("reply", [{}, None, 3, ["red"], {"red"}])
def test_what_is_no_reply_is_refused(reply: Any) -> None:
    """With a way to write one."""
    with (
        weft.use(lm=weft.ScriptedLM([reply]), cache=None),
        pytest.raises(ConfigError, match=r"is no text. Write what the model"),
    ):
        weft.Predict("q -> answer")(q="?")

"""A validator that raises anything but a ValueError: the program's fault, and typed."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pydantic
import pytest

import weft
from weft.errors import CallError, StepError
from weft.pipeline.adapters import adapter_of, form_of

REPLY = '[[ ticket ]]\n{"team": "%s"}\n[[ /end ]]'


class Ticket(pydantic.BaseModel):
    """A value whose validator has a fault."""

    team: str

    @pydantic.field_validator("team")
    @classmethod
    def known(cls, team: str) -> str:
        """Take a team for what it is, and fail on some."""
        if team == "wrong":
            raise ValueError("there is no such team")
        if team == "deep":
            return cls.known(team)
        return {"cards": "cards", "loans": "loans"}[team]


def triage(**options: Any) -> weft.Predict[..., Any]:
    """A module whose output is a ticket."""
    return weft.Predict(
        "message -> ticket: Ticket",
        types={"Ticket": Ticket},
        name="triage",
        adapter="chat",
        **options,
    )


def test_a_call_names_module_field_and_validator() -> None:
    """What was raised is its cause, and no model is asked to mend it."""
    lm = weft.ScriptedLM([REPLY % "boom", REPLY % "cards"])

    with weft.use(lm=lm, cache=None), pytest.raises(StepError) as caught:
        triage(repairs=3)(message="hi")

    assert lm.calls == 1
    assert isinstance(caught.value.__cause__, KeyError)
    assert (caught.value.module, caught.value.field) == ("triage", "ticket")
    assert str(caught.value).startswith("triage: field 'ticket': its validator Ticket.")
    assert "known (test_validators.py:" in caught.value.message
    assert caught.value.message.endswith("raised KeyError: 'boom'")
    assert "ValueError" in caught.value.hint


class Length(pydantic.BaseModel):
    """A value whose validator takes a number for a text."""

    minutes: int

    @pydantic.field_validator("minutes")
    @classmethod
    def short(cls, minutes: Any) -> int:
        """Fail, as a slip does."""
        return int(len(minutes) < 3)


def test_a_type_error_of_a_validator_is_no_wrong_value() -> None:
    """A slip in a validator is told as one, for a reply and for an argument."""
    ask: Any = weft.Predict(
        "message -> length: Length", types={"Length": Length}, name="ask", repairs=3
    )
    told: Any = weft.Predict(
        "length: Length -> answer", types={"Length": Length}, name="told"
    )
    lm = weft.ScriptedLM([{"length": {"minutes": 5}}])

    with weft.use(lm=lm, cache=None):
        with pytest.raises(StepError, match="raised TypeError: object of type 'int'"):
            ask(message="hi")
        with pytest.raises(StepError, match=r"its validator Length\.short"):
            told(length={"minutes": 5})

    assert lm.calls == 1


def test_a_value_error_is_mended_as_ever() -> None:
    """It says that the value is wrong, and the model is asked again."""
    lm = weft.ScriptedLM([REPLY % "wrong", REPLY % "cards"])

    with weft.use(lm=lm, cache=None):
        assert triage(repairs=1)(message="hi").ticket.team == "cards"

    assert lm.calls == 2


def test_a_batch_keeps_the_other_rows() -> None:
    """One row is an error in its place, and so is a validator without an end."""
    teams = ("cards", "boom", "loans", "deep")
    lm = weft.ScriptedLM([REPLY % team for team in teams])
    rows = [{"message": team} for team in teams]

    with weft.use(lm=lm, cache=None):
        made = triage().batch(rows, on_error="keep", concurrency=1)

    assert [isinstance(one, StepError) for one in made] == [False, True, False, True]


def test_an_evaluation_lists_the_row_as_failed() -> None:
    """It scores nothing: not even a zero."""
    lm = weft.ScriptedLM([REPLY % "cards", REPLY % "boom"])
    rows = [{"message": str(n), "ticket": {"team": "cards"}} for n in range(2)]

    with weft.use(lm=lm, cache=None):
        found = weft.evaluate(
            triage(), rows, weft.metrics.exact("ticket"), concurrency=1
        )

    assert len(found.failures) == 1


@pytest.mark.parametrize("form", ["chat", "json", "xml"])
def test_every_form_raises_the_same(form: str) -> None:
    """Parsing by itself knows field and validator, and no module."""
    texts = {
        "chat": REPLY % "boom",
        "json": json.dumps({"ticket": {"team": "boom"}}),
        "xml": '<ticket>{"team": "boom"}</ticket>',
    }
    signature = triage().signature

    with pytest.raises(StepError, match=r"^field 'ticket': its validator Ticket\.kn"):
        adapter_of(form_of(form)).parse(texts[form], signature)


def test_an_input_and_a_default() -> None:
    """They are checked by the same validators, and the caller is named."""
    ask = weft.Predict("ticket: Ticket -> answer", types={"Ticket": Ticket}, name="ask")
    with weft.use(lm=weft.ScriptedLM(["x"]), cache=None):
        with pytest.raises(StepError, match=r"^ask: field 'ticket': its"):
            ask(ticket={"team": "boom"})
        with pytest.raises(CallError, match="no such team"):
            ask(ticket={"team": "wrong"})


def test_a_guess_that_a_validator_knows_nothing_of() -> None:
    """A reply that is no JSON is the model's fault, whatever its text would raise."""

    def opened(data: Any) -> Any:
        return {"team": data.get("team")}

    kind = Annotated[Ticket, pydantic.BeforeValidator(opened)]
    ask = weft.Predict("message -> ticket: T", types={"T": kind}, adapter="chat")
    replies = ["[[ ticket ]]\nthe cards team\n[[ /end ]]", REPLY % "cards"]
    lm = weft.ScriptedLM(replies)

    with weft.use(lm=lm, cache=None):
        assert ask(message="hi").ticket.team == "cards"
    assert lm.calls == 2


def test_a_validator_without_a_name() -> None:
    """One that is no function of the user's is told all the same."""
    table = {"a": "b"}
    kind = Annotated[str, pydantic.AfterValidator(table.__getitem__)]
    ask = weft.Predict("message -> kind: K", types={"K": kind}, adapter="chat")
    lm = weft.ScriptedLM(["[[ kind ]]\nz\n[[ /end ]]"])

    with (
        weft.use(lm=lm, cache=None),
        pytest.raises(StepError, match="its validator raised KeyError: 'z'"),
    ):
        ask(message="hi")

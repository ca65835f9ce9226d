"""What crosses between machines is JSON text, and comes back as what it was."""

from __future__ import annotations

import datetime
import enum
import json
from typing import Any

import pydantic
import pytest

import weft
from tests.pipeline.cluster_app import Ticket, routed, triage
from weft.extras.worker import Host
from weft.pipeline import errors
from weft.pipeline.artifact.save import artifact_text
from weft.pipeline.errors import WeftError
from weft.pipeline.graph.program import as_program
from weft.pipeline.run.remote import (
    Result,
    error_data,
    error_of,
    nodes_data,
    nodes_of,
)

APP = "tests.pipeline.cluster_app"
ask = weft.Predict("question -> answer", name="ask")
GOOD = "[[ team ]]\ncards\n[[ note ]]\nnull\n[[ /end ]]"


class Mood(enum.Enum):
    """An enum."""

    GLAD = "glad"


class Place(pydantic.BaseModel):
    """A model whose data has other names."""

    city: str = pydantic.Field(alias="town")


async def hosted(program: Any, *, live: str = "", setup: str = "") -> Host:
    """A host that holds a program."""
    host = Host()
    assert json.loads(await host.begin(artifact_text(program), live, setup)) == {}
    return host


def row(**inputs: Any) -> str:
    """A row as it is sent."""
    return json.dumps({"inputs": inputs, "sample": 0, "logged": False})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (str, "a"),
        (set[int], {3, 1}),
        (Mood, Mood.GLAD),
        (Place | None, Place(town="Bern")),
        (list[Place], [Place(town="Bern"), Place(town="Ulm")]),
        (dict[str, datetime.date], {"a": datetime.date(2024, 2, 29)}),
        (tuple[int, str], (1, "a")),
        (Any, {"a": [1, None, "b"]}),
    ],
)
def test_a_result_comes_back_as_it_was(kind: Any, value: Any) -> None:
    """Value and type survive a text."""
    data = json.loads(json.dumps(Result(kind).dump(value)))

    found = Result(kind).load(data)

    assert found == value
    assert type(found) is type(value)


def test_signatures_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's result, and a list of them, keep class and fields."""
    with weft.use(lm=weft.ScriptedLM([GOOD]), cache=None):
        made = triage(message="m")

    one = Result(Ticket).load(Result(Ticket).dump(made))
    some = Result(list[Ticket]).load(Result(list[Ticket]).dump([made]))

    assert isinstance(one, Ticket)
    assert (one.message, one.team, one.note) == ("m", "cards", None)
    assert [type(each) for each in some] == [Ticket]


@pytest.mark.parametrize(
    "value", [(1, 2), {3}, Place(town="x"), object(), float("nan")]
)
def test_what_would_come_back_as_something_else_is_refused(value: Any) -> None:
    """Without a type nothing but JSON data crosses; no repr stands for a value."""
    with pytest.raises(errors.StepError, match="cannot cross"):
        Result(Any).dump(value)


def every_error() -> list[WeftError]:
    """One of each kind that weft raises."""
    kinds = [getattr(errors, name) for name in vars(errors)]
    found = [k for k in kinds if isinstance(k, type) and issubclass(k, WeftError)]
    return [kind("it broke", hint="mend it") for kind in found]


@pytest.mark.parametrize("error", every_error(), ids=lambda e: type(e).__name__)
def test_errors_come_back_as_what_they_were(error: WeftError) -> None:
    """Kind, words and all that decides what happens next."""
    found = error_of(json.loads(json.dumps(error_data(error))))

    assert type(found) is type(error)
    assert (str(found), found.hint) == (str(error), error.hint)
    assert (found.aborts, found.retryable) == (error.aborts, error.retryable)


def test_an_errors_own_facts_come_back() -> None:
    """Status, waiting time and the whole reply are not lost."""
    slow = errors.RateLimited("slower", model="m", status=429, retry_after=2.5)
    text = errors.ParseError("no field", text="what?", field="team", module="triage")

    again = [error_of(error_data(error)) for error in (slow, text)]

    assert [vars(error) for error in again] == [vars(slow), vars(text)]


@pytest.mark.parametrize("kind", ["SystemExit", "did_you_mean", "Iterable", "", None])
def test_an_error_names_no_other_code(kind: Any) -> None:
    """Only weft's own errors can come of data."""
    found = error_of({"kind": kind, "message": "m", "exit": 3})

    assert type(found) is errors.StepError


def test_a_trace_comes_back() -> None:
    """Nodes, calls and tokens are the same behind the text."""
    with weft.use(lm=weft.ScriptedLM([GOOD]), cache=None):
        nodes = list(routed.run(message="m").trace.nodes)

    data = json.loads(json.dumps(nodes_data(nodes)))

    assert nodes_of(data)[1] == nodes[1]
    assert [node.path for node in nodes_of(data)] == ["mended", "triage"]


async def test_a_host_takes_and_gives_text() -> None:
    """A program that is all in its artifact runs without a line of its code."""
    host = await hosted(as_program(ask))

    with weft.use(lm=weft.ScriptedLM(["[[ answer ]]\n4"]), cache=None):
        said = json.loads(await host.run(row(question="2 + 2?")))

    assert said["value"] == {"question": "2 + 2?", "answer": "4"}
    assert [node["path"] for node in said["nodes"]] == ["ask"]
    assert said["made"] == 0


async def test_a_host_binds_steps_by_the_callers_names() -> None:
    """Parameters come from the artifact, code from the module that the caller named."""
    tuned = routed.with_parameters({"triage/instruction": "Route it, please."})
    host, lm = await hosted(tuned, live=f"{APP}:routed"), weft.ScriptedLM([GOOD])

    with weft.use(lm=lm, cache=None):
        said = json.loads(await host.run(row(message=" m ")))

    assert said["value"]["message"] == "m"
    assert "Route it, please." in lm.requests[0].messages[0].content


async def test_a_failed_row_keeps_its_trace() -> None:
    """The error crosses in words, and the nodes that ran are beside it."""
    host = await hosted(routed, live=f"{APP}:routed")

    with weft.use(lm=weft.ScriptedLM(["what?", "what?"]), cache=None):
        said = json.loads(await host.run(row(message="m")))

    assert type(error_of(said["error"])) is errors.ParseError
    assert [node["path"] for node in said["nodes"]] == ["mended", "triage"]


async def test_a_reply_that_nobody_would_read_is_an_error() -> None:
    """A result over the limit of a text says so."""
    host = await hosted(as_program(ask))
    long = weft.ScriptedLM(["[[ answer ]]\n" + "x" * 5_000_000])

    with weft.use(lm=long, cache=None):
        said = json.loads(await host.run(row(question="q")))

    assert "may cross" in said["error"]["message"]


@pytest.mark.parametrize(
    ("live", "kind", "words"),
    [
        ("", "ArtifactError", "calls the step"),
        (f"{APP}:rooted", "ConfigError", "has no 'rooted'"),
        (f"{APP}:LOCK", "ConfigError", "no program"),
        (f"{APP}:triage", "ArtifactError", "is for another program"),
        ("no_such_module:x", "ConfigError", "No module named"),
    ],
)
async def test_a_host_refuses_what_it_cannot_be(
    live: str, kind: str, words: str
) -> None:
    """Before any row: typed, with the reason."""
    said = json.loads(await Host().begin(artifact_text(routed), live, ""))

    assert said["error"]["kind"] == kind
    assert words in said["error"]["message"]


async def test_a_host_refuses_a_program_of_another_shape() -> None:
    """A live program with the same modules and other wiring is not what was sent."""
    longer = weft.insert_node(routed, shout, {"ticket": "triage"}, into="output")

    said = json.loads(await Host().begin(artifact_text(longer), f"{APP}:routed", ""))

    assert "is not the program 'routed' that was sent" in said["error"]["message"]


@weft.step
def shout(ticket: Ticket) -> Ticket:
    """A node more."""
    return ticket


def test_a_budget_does_not_go_unheld() -> None:
    """Limits are one process's, so rows that run in others are refused under one."""
    far = weft.Ray(live=f"{APP}:routed")

    with weft.use(budget="5 calls"), pytest.raises(errors.ConfigError, match="budget"):
        routed.batch([{"message": "m"}], on=far)


def test_code_has_to_be_named() -> None:
    """A program with a step is refused with the remedy, before Ray is even imported."""
    with pytest.raises(errors.ConfigError, match=r"live=\"package\.module:name\""):
        weft.evaluate(routed, [{"message": "m"}], metric=max, on=weft.Ray())


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"retries": -1}, {"live": "app"}, {"setup": "a:b.c"}]
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    """A setting that means nothing is an error where it is written."""
    with pytest.raises(errors.ConfigError):
        weft.Ray(**wrong)

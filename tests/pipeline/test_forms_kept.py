"""Files keep the form that a program asks in: its edition, and what was settled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from tests.pipeline.every_form import forms, rooms
from tests.pipeline.saved import search
from tests.server import Server
from weft.errors import ArtifactError
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program
from weft.pipeline.lm.form import Form
from weft.pipeline.lm.known import learn

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

GOLDEN = Path(__file__).parent / "golden"
TYPES = {"Team": Literal["cards", "app"]}


def router(**options: Any) -> weft.Program[..., Any]:
    """A program of one module."""
    module = weft.Predict("message -> team: Team", name="route", types=TYPES, **options)
    return as_program(module)


def saved(folder: Path, form: str, **state: Any) -> Path:
    """An artifact whose module asks in a form, some of it written by hand."""
    path = weft.save(router(adapter=form), folder / "route.weft.json")
    if not state:
        return path
    data = json.loads(path.read_text("utf-8"))
    module = data["program"]["modules"]["route"]
    data["format"] = state.pop("format", data["format"])
    module.update(state)
    for name in [name for name, value in module.items() if value is ...]:
        del module[name]
    del data["digest"]
    path.write_text(json.dumps(data), "utf-8")
    return path


def adapter_in(program: weft.Program[..., Any]) -> str:
    """The form of its one module, as text."""
    return str(program.parameters["route/adapter"])


@given(forms, st.none() | rooms)
@settings(max_examples=60)
def test_a_file_keeps_every_form(
    tmp_path_factory: pytest.TempPathFactory, form: Form, room: int | None
) -> None:
    """Edition, flags and room: whoever loads it sends the same bytes."""
    if form.flags is not None:
        form = replace(form, room=room)
    path = saved(tmp_path_factory.mktemp("kept"), str(form))

    loaded = weft.load(path)
    fitted = weft.load(path, program=router())

    assert path.exists()
    assert program_digest(loaded) == program_digest(fitted)
    for program in (loaded, fitted):
        kept = adapter_in(program)
        assert kept == str(form) or (form.is_first and kept == f"{form.name}/1")


def test_auto_stays_auto(tmp_path: Path) -> None:
    """A program that was never asked in a form is settled where it runs."""
    path = saved(tmp_path, "auto")

    assert weft.load(path).parameters["route/adapter"] in ("auto", "auto/1")
    assert json.loads(path.read_text("utf-8"))["format"] == "weft.program/2"


@pytest.mark.parametrize("name", ["chat", "json", "xml"])
def test_a_form_without_an_edition_is_the_first(tmp_path: Path, name: str) -> None:
    """In files of format 1, and in those of today."""
    for number in (1, 2):
        path = saved(tmp_path, f"{name}/1", format=f"weft.program/{number}")

        assert adapter_in(weft.load(path)) == f"{name}/1"


@pytest.mark.parametrize("name", ["triage-1", "checked_qa-1"])
def test_first_editions_keep_the_digest_of_format_1(name: str, tmp_path: Path) -> None:
    """What a program is has not changed, so neither has its name."""
    path = GOLDEN / f"{name}.weft.json"
    before = json.loads(path.read_text("utf-8"))
    steps = [search] if name.startswith("checked") else []

    program = weft.load(path, steps=steps)
    again = json.loads(weft.save(program, tmp_path / path.name).read_text("utf-8"))
    assert (before["format"], again["format"]) == ("weft.program/1", "weft.program/2")
    assert again["digest"] == before["digest"] == program_digest(program)
    assert again["program"] == before["program"]


UPGRADE = "is not known.*upgrade weft"
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a later edition": (
        {"edition": 9},
        "has no edition '9'.*upgrade weft",
    ),
    "a flag of a later version": (
        {"settled": ["loud"]},
        "is not known.*upgrade weft",
    ),
    "flags of another order": (
        {"settled": ["stop", "shown"]},
        "is not known.*upgrade weft",
    ),
    "two flags in one": (
        {"settled": ["stop:shown"]},
        "is not known.*upgrade weft",
    ),
    "no room": ({"settled": ["room=0"]}, UPGRADE),
    "auto, settled": ({"adapter": "auto", "edition": ..., "settled": []}, "auto"),
    "no edition at all": ({"edition": 0}, "edition"),
    "a form of a later version": ({"adapter": "toml"}, "adapter"),
    "settled on no list": ({"settled": "stop"}, "settled"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_form_that_is_not_known_is_refused_with_a_way_out(
    tmp_path: Path, what: str
) -> None:
    """Never is anything else sent in its place."""
    state, words = BROKEN[what]
    path = saved(tmp_path, "chat/2:stop", **state)

    for options in ({}, {"program": router()}, {"program": router(), "strict": False}):
        with pytest.raises(ArtifactError, match=words):
            weft.load(path, **options)


def bodies(server: Server, program: weft.Program[..., Any], **known: Any) -> list[Any]:
    """What two rows send, whatever was learnt before and between them."""
    lm = weft.LM("jan/m", api_base=server.url, api_key="k", max_tokens=300)
    first = server.count
    learn(lm.endpoint, lm.model, **known)
    with weft.use(lm=lm, cache=None, adapter="xml"):
        program(message="one")
        learn(lm.endpoint, lm.model, schema=not known.get("schema"), form="plain")
        program(message="two")
    return [seen.body for seen in server.seen[first:]]


REPLIES = {
    "json": '{"team": "cards"}',
    "chat": "[[ team ]]\ncards\n",
    "plain": "team: cards",
    "completion": " cards",
}


@pytest.mark.parametrize(
    "adapter",
    [
        "chat/1",
        "chat/2:stop",
        "chat/2:shown",
        "json/1:schema",
        "json/2:schema,room=200",
        "json/2:",
        "plain/1:shown,stop",
        "completion/1:grammar,stop",
    ],
)
def test_a_settled_program_sends_the_same_whatever_is_learnt(
    server: Server, tmp_path: Path, adapter: str
) -> None:
    """Its file decides every byte: no setting, no knowledge, no later run does."""
    server.answer = lambda _: REPLIES[adapter.partition("/")[0]]
    program = weft.load(saved(tmp_path, adapter))

    before = bodies(server, program, schema=True, follows=True, context=4096)
    after = bodies(server, program, schema=False, follows=False, context=9999)

    assert len(before) == 2
    assert after == before

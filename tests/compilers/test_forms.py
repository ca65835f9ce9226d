"""A compile asks in one form, keeps it, and finds out first whether it fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.pipeline.lm.support import fault
from tests.server import Reply, Server
from weft.compilers import Auto, BootstrapFewShot, BootstrapRandomSearch
from weft.pipeline.lm.known import learn

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

TYPES = {"Team": Literal["cards", "app"]}
WORDS = {"cards": ("card", "chip", "pin"), "app": ("screen", "login", "button")}
ROWS = [
    {"message": f"my {word} number {n} fails", "team": team}
    for n in range(6)
    for team, some in WORDS.items()
    for word in some
]
exact = weft.metrics.exact("team")


def router(**options: Any) -> weft.Predict[Any, Any]:
    """A module that picks one of two teams."""
    return weft.Predict("message -> team: Team", name="route", types=TYPES, **options)


def lm_at(server: Server, **known: Any) -> weft.LM:
    """A model at the server; what is known of it was learnt."""
    lm = weft.LM("jan/m", api_base=server.url, api_key="k", max_tokens=200)
    learn(lm.endpoint, lm.model, **known)
    return lm


def team(body: dict[str, Any]) -> str:
    """The right team where demos were shown, else always the first."""
    *shown, asked = (str(m["content"]) for m in body["messages"])
    about_app = any(word in asked for word in WORDS["app"])
    return "app" if about_app and len(shown) > 2 else "cards"


def said(body: dict[str, Any]) -> str:
    """A reply in the form that was asked for."""
    system = str(body["messages"][0]["content"])
    if "JSON object" in system:
        return json.dumps({"team": team(body)})
    if "its line" in system:
        return f"team: {team(body)}"
    return f"[[ team ]]\n{team(body)}\n"


def answering(
    readable: Callable[[dict[str, Any]], bool],
) -> Callable[[dict[str, Any]], Reply]:
    """A server that enforces no schema, whose model keeps to some forms only."""

    def answer(body: dict[str, Any]) -> Reply:
        return Reply(said(body) if readable(body) else "I think so, said the model.")

    return answer


def compiled(lm: weft.LM, run_dir: Path | None = None, **options: Any) -> Any:
    """A compile of the router."""
    terms: dict[str, Any] = {
        "metric": exact,
        "compiler": BootstrapFewShot(),
        "budget": "400 calls",
        "seed": 0,
        "run_dir": run_dir,
        **options,
    }
    with weft.use(lm=lm, cache=None):
        return weft.compile(terms.pop("program", router()), ROWS, **terms)


def adapter_in(path: Path) -> dict[str, Any]:
    """What an artifact says of the form of its one module."""
    module = json.loads(path.read_text("utf-8"))["program"]["modules"]["route"]
    return {name: module.get(name) for name in ("adapter", "edition", "settled")}


def test_the_form_that_was_asked_in_is_kept(server: Server, tmp_path: Path) -> None:
    """On the same server the program sends the same bytes, whatever is learnt."""
    server.answer = lambda body: Reply(said(body))
    lm = lm_at(server, schema=True, context=2048, follows=True)
    path = compiled(lm).save(tmp_path / "route.weft.json")
    program = weft.load(path)

    def sent() -> list[Any]:
        before = server.count
        with weft.use(lm=lm, cache=None):
            for row in ROWS[:3]:
                program(message=row["message"])
        return [seen.body for seen in server.seen[before:]]

    first = sent()
    learn(lm.endpoint, lm.model, schema=False, context=9000, form="plain", thinks=True)

    assert adapter_in(path) == {
        "adapter": "json",
        "edition": 2,
        "settled": ["schema", "room=1536"],
    }
    assert sent() == first
    assert all("response_format" in body for body in first)


def test_a_compile_keeps_to_its_form_while_knowledge_grows(server: Server) -> None:
    """The trial run, the demos, the race and the verification ask alike."""

    def answer(body: dict[str, Any]) -> Reply:
        learn(lm.endpoint, lm.model, schema=True, form="plain")
        return Reply(said(body))

    lm = lm_at(server, schema=False, follows=True)
    server.answer = answer

    result = compiled(lm, compiler=BootstrapRandomSearch(candidates=2))

    assert not any("response_format" in seen.body for seen in server.seen)
    assert result.program.parameters.adapter == "chat/2:stop"


def test_a_schema_that_is_refused_is_not_in_the_result(
    server: Server, tmp_path: Path
) -> None:
    """What was asked in at the end is what the file says."""

    def answer(body: dict[str, Any]) -> Reply:
        if "response_format" in body:
            return fault(400, "Failed to compile json grammar")
        return Reply(said(body))

    server.answer = answer
    lm = lm_at(server, schema=True, follows=True)

    path = compiled(lm).save(tmp_path / "route.weft.json")

    assert adapter_in(path) == {"adapter": "chat", "edition": 2, "settled": ["stop"]}


@pytest.mark.parametrize("calls", [0, 1, 5, 17])
def test_a_compile_goes_on_in_the_form_that_it_began_with(
    server: Server, tmp_path: Path, calls: int
) -> None:
    """Though more is known by then: nothing journaled is paid for twice.

    A journal cut behind a line is what a kill leaves behind.
    """
    server.answer = lambda body: Reply(said(body))
    lm = lm_at(server, schema=True, follows=True)
    whole = compiled(lm, tmp_path / "run")
    paid, journal = server.count, tmp_path / "run" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    kept = lines[: 2 + calls]
    journal.write_bytes(b"".join(kept))
    answered = sum(b'"key":' in line for line in kept)

    learn(lm.endpoint, lm.model, schema=False, form="plain", follows=False)
    again = compiled(lm, tmp_path / "run")

    assert again.program.parameters == whole.program.parameters
    assert again.report.calls == whole.report.calls
    assert all("response_format" in seen.body for seen in server.seen)
    assert server.count == 2 * paid - answered


def test_a_kill_before_the_forms_are_written_is_none_behind_them(
    server: Server, tmp_path: Path
) -> None:
    """A journal that holds its head alone gets its forms when it is opened next."""
    server.answer = lambda body: Reply(said(body))
    lm = lm_at(server, schema=True)
    compiled(lm, tmp_path / "run")
    journal = tmp_path / "run" / "journal.jsonl"
    head, forms, *_ = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(head)

    compiled(lm, tmp_path / "run")

    assert journal.read_bytes().startswith(head + forms)
    assert b'{"forms":{"route":"json/2:schema"}}' in forms


# Whether the form is what fails -----------------------------------------------


def in_json(body: dict[str, Any]) -> bool:
    """Whether an object is asked for."""
    return "JSON object" in str(body["messages"][0]["content"])


def test_auto_finds_out_first_whether_the_form_fails(
    server: Server, tmp_path: Path
) -> None:
    """It says so, goes on in the form that can be read, and counts what that cost."""
    server.answer = answering(in_json)
    lm = lm_at(server, schema=False, follows=True)

    result = compiled(lm, compiler=Auto())

    assert result.report.form == (
        "the form was what failed: 0% of the replies in the form chat/2:stop could be "
        "read at once, and 100% in json/2:, which the search went on with"
    )
    assert result.report.calls == server.count <= 400
    assert result.program.parameters.adapter == "json/2:"
    assert result.report.form in str(result.report)
    path = result.save(tmp_path / "route.weft.json")
    assert adapter_in(path) == {"adapter": "json", "edition": 2, "settled": []}


def test_where_no_form_can_be_read_auto_says_that(server: Server) -> None:
    """And blames the form no longer than it must."""
    server.answer = answering(lambda _: False)
    lm = lm_at(server, schema=False)

    result = compiled(lm, compiler=Auto())

    assert result.report.form.startswith("the form is what fails: 0% of the replies")
    assert result.report.calls == server.count


def test_where_the_form_is_followed_nothing_is_said(server: Server) -> None:
    """And no call is spent on another one."""
    server.answer = answering(lambda body: not in_json(body))
    lm = lm_at(server, schema=False, follows=True)

    result = compiled(lm, compiler=Auto())

    assert result.report.form == ""
    assert not any(in_json(seen.body) for seen in server.seen)


def test_a_form_that_must_stay_stays(server: Server) -> None:
    """`keep=` holds for the form, too."""
    server.answer = answering(in_json)
    lm = lm_at(server, schema=False, follows=True)

    result = compiled(lm, compiler=Auto(), keep=["route/adapter"])

    assert not any(in_json(seen.body) for seen in server.seen)
    assert result.program.parameters.adapter == "chat/2:stop"


def test_a_schema_that_is_refused_is_not_tried_again(server: Server) -> None:
    """The other forms are tried without it, and the compile goes on."""

    def answer(body: dict[str, Any]) -> Reply:
        if "response_format" in body:
            return fault(400, "Failed to compile json grammar")
        return answering(in_json)(body)

    server.answer = answer
    lm = lm_at(server, schema=True, follows=True)

    result = compiled(lm, compiler=Auto())

    assert "100% in json/2:, which" in result.report.form
    assert result.program.parameters.adapter == "json/2:"


def test_fakes_are_asked_in_what_they_were_written_for() -> None:
    """No other form is tried on them, whatever they answer."""
    asked: list[str] = []

    def reply(request: weft.Request) -> str:
        asked.append(request.messages[0].content)
        return "no form at all"

    with weft.use(lm=weft.FunctionLM(reply), cache=None):
        result: Any = weft.compile(
            router(), ROWS, metric=exact, compiler=Auto(), budget="300 calls", seed=0
        )

    assert result.report.form == ""
    assert not any("JSON object" in text for text in asked)

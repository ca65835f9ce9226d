"""Which form a run asks in: named, chosen, kept to, and given up for the next one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.pipeline.every_form import forms, rooms
from tests.pipeline.lm.support import fault
from tests.server import Reply, Server
from weft.pipeline.adapters.settling import Forms, settled
from weft.pipeline.errors import ConfigError, ParseError, SchemaRefused
from weft.pipeline.events import FieldDelta
from weft.pipeline.lm.form import Form, form_of, is_form
from weft.pipeline.lm.known import learn
from weft.pipeline.lm.lm import as_lm
from weft.pipeline.run.settings import current

pytestmark = pytest.mark.usefixtures("asked_as_by_users")

LABELS = ("cards", "app")
TYPES = {"Team": Literal[LABELS]}
TEAM = "[[ team ]]\ncards\n[[ /end ]]"
OBJECT = '{"team": "cards"}'


def router(**options: Any) -> weft.Predict[Any, Any]:
    """A module that picks one of two teams."""
    return weft.Predict("message -> team: Team", name="route", types=TYPES, **options)


def lm_at(server: Server, **options: Any) -> weft.LM:
    """A model at the server, of which nobody knows anything."""
    return weft.LM("jan/m", api_base=server.url, api_key="k", timeout=60, **options)


@contextmanager
def asked_of(lm: Any, **options: Any) -> Iterator[None]:
    """A scope with the model, where no answer is kept."""
    with weft.use(lm=lm, cache=None, **options):
        yield


def enforced(body: Mapping[str, Any]) -> bool:
    """Whether a request asks for a schema to be enforced."""
    return "response_format" in body


def either(body: dict[str, Any]) -> str:
    """A model that keeps to the form that it is asked for."""
    said = " ".join(str(m["content"]) for m in body["messages"])
    return OBJECT if "JSON object" in said else TEAM


def refusing(body: dict[str, Any]) -> Reply:
    """The same at a server that can make nothing of a schema."""
    if enforced(body):
        return fault(400, "Failed to compile json grammar")
    return Reply(either(body))


# Texts of forms ---------------------------------------------------------------


@given(forms, st.none() | rooms)
def test_a_form_is_what_its_text_says(form: Form, room: int | None) -> None:
    """Every form comes back from its text, and a text from its form."""
    if form.flags is not None:
        form = replace(form, room=room)

    assert form_of(str(form)) == form
    assert is_form(str(form))


@given(st.text(max_size=12) | st.from_regex(r"(chat|auto)[/:,0-9a-z=]{0,14}"))
def test_a_text_is_a_form_of_one_spelling_or_none(text: str) -> None:
    """What is read as a form is written so again, but for what was left out."""
    try:
        form = form_of(text)
    except ConfigError:
        assert not is_form(text)
        return

    full = (
        text
        if "/" in text
        else text.replace(form.name, str(form)[: len(form.name) + 2], 1)
    )
    assert str(form) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yaml",
        "Chat",
        " chat",
        "chat/",
        "chat/0",
        "chat/3",
        "chat/02",
        "chat/\uff12",
        "chat/0000000021",
        "chat/9" + "9" * 5000,
        "chat/1.0",
        "chat/2:stop,",
        "chat/2:stop,shown",
        "chat/2:stop,stop",
        "chat/2:loud",
        "json/2:room=0",
        "json/2:room=5,schema",
        "json/2:,room=5",
        "json/2:room=1,room=2",
        "auto:",
        "auto/2",
    ],
)
def test_what_is_no_form_is_refused_with_what_there_is(text: str) -> None:
    """The remedy names forms, editions or flags, whichever is at fault."""
    with pytest.raises(ConfigError) as refused:
        form_of(text)

    assert refused.value.hint
    assert not is_form(text)


def test_a_form_says_itself_in_words() -> None:
    """As errors and reports name it."""
    assert form_of("auto").words == "auto adapter"
    assert form_of("chat/1").words == "chat adapter, edition 1"
    assert (
        form_of("completion/4:grammar,stop").words
        == "completion adapter, edition 4 with grammar, stop"
    )


# What is chosen ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "form"),
    [
        ("auto", "chat/1"),
        ("chat", "chat/1"),
        ("json", "json/1:"),
        ("xml", "xml/1"),
        ("plain", "plain/1:stop"),
        ("chat/1", "chat/1"),
        ("chat/2", "chat/2:stop"),
        ("json/2", "json/2:"),
        ("json/2:schema", "json/2:schema"),
    ],
)
def test_fakes_and_the_stand_in_are_asked_in_first_editions(
    asked: str, form: str
) -> None:
    """Whoever names a later one gets it."""
    fake = weft.FunctionLM(lambda _: TEAM)
    embedded = as_lm("embedded")

    made = {str(settled(asked, lm)) for lm in (None, fake, embedded)}

    assert made == {form}


def test_the_stand_in_is_sent_what_the_first_edition_says() -> None:
    """By default and where json is named, byte for byte."""
    with weft.use(lm="embedded"):
        auto, named = router(), router(adapter="json")
        first = router(adapter="chat/1"), router(adapter="json/1")

        assert (
            auto.prompt(message="x").messages == first[0].prompt(message="x").messages
        )
        assert (
            named.prompt(message="x").messages == first[1].prompt(message="x").messages
        )


KNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "chat/2:shown,stop"),
    "schema": ({"schema": True}, "json/2:schema"),
    "schema and context": (
        {"schema": True, "context": 2048},
        "json/2:schema,room=1536",
    ),
    "no schema": ({"schema": False, "context": 2048}, "chat/2:shown,stop"),
    "follows": ({"follows": True}, "chat/2:stop"),
    "follows not": ({"follows": False}, "chat/2:shown,stop"),
    "thinks": ({"thinks": True, "follows": True}, "chat/2:"),
    "no stop": ({"stop": False, "follows": True}, "chat/2:"),
    "base": ({"base": True}, "completion/4:shown,stop"),
    "base with schema": ({"base": True, "schema": True}, "completion/4:schema"),
    "base with grammar": (
        {"base": True, "schema": True, "grammar": True},
        "completion/4:grammar,schema,stop",
    ),
    "base, grammar, no stop": (
        {"base": True, "grammar": True, "stop": False},
        "completion/4:grammar",
    ),
    "probed": ({"form": "plain"}, "plain/1:shown,stop"),
    "probed, schema": ({"form": "plain", "schema": True}, "json/2:schema"),
    "probed an edition": ({"form": "chat/1"}, "chat/1"),
    "probed and settled": ({"form": "chat/2:stop"}, "chat/2:stop"),
    "probed by a later version": ({"form": "chat/9"}, "chat/2:shown,stop"),
    "probed a form of a later version": ({"form": "toml"}, "chat/2:shown,stop"),
    "probed nothing": ({"form": "auto"}, "chat/2:shown,stop"),
    "probed what is denied": (
        {"form": "json/2:schema", "schema": False},
        "chat/2:shown,stop",
    ),
}


@pytest.mark.parametrize("what", KNOWN)
def test_the_form_follows_from_what_is_known(what: str) -> None:
    """The schema where it is enforced, else what was probed, else headings."""
    abilities, form = KNOWN[what]
    lm = weft.LM("jan/m", api_base="http://127.0.0.1:9/v1", abilities=abilities)

    made = settled("auto", lm)

    assert str(made) == form
    assert settled(str(made), lm) == made


@pytest.mark.parametrize("what", KNOWN)
def test_after_a_refusal_nothing_is_to_be_enforced(what: str) -> None:
    """Whatever is known, the next form asks for no schema and no grammar."""
    abilities, _ = KNOWN[what]
    lm = weft.LM("jan/m", api_base="http://127.0.0.1:9/v1", abilities=abilities)

    made = settled("auto", lm, refused=True)

    assert not made.has("schema")
    assert not made.has("grammar")


def test_a_refused_form_that_was_probed_gives_way() -> None:
    """It is not asked for again and again."""
    abilities = {"form": "completion/1:grammar"}
    lm = weft.LM("jan/m", api_base="http://127.0.0.1:9/v1", abilities=abilities)

    assert str(settled("auto", lm)) == "completion/1:grammar"
    assert str(settled("auto", lm, refused=True)) == "chat/2:shown,stop"


def test_what_is_learnt_is_followed_in_the_next_run(server: Server) -> None:
    """And only there: within a run the form stays."""
    server.answer = either
    lm = lm_at(server)

    with asked_of(lm):
        before = weft.info(router()(message="x")).calls[0].form
        learn(lm.endpoint, lm.model, schema=True)
        after = weft.info(router()(message="x")).calls[0].form

    assert (before, after) == ("chat/2:shown,stop", "json/2:schema")


# Who says so ------------------------------------------------------------------


def test_the_nearest_word_wins() -> None:
    """A module's own, then the scope's, then the process's, then auto."""
    fake = weft.FunctionLM(lambda _: OBJECT)

    def form(module: Any) -> str:
        own = module.parameters.adapter
        return str(current().form_for(own, fake, module.spec))

    try:
        assert form(router()) == "chat/1"
        weft.configure(adapter="json")
        assert form(router()) == "json/1:"
        with weft.use(adapter="xml"):
            assert form(router()) == "xml/1"
            assert form(router(adapter="plain")) == "plain/1:stop"
            with weft.use(adapter="auto"):
                assert form(router()) == "chat/1"
    finally:
        weft.configure(adapter="auto")
    assert form(router()) == "chat/1"


@pytest.mark.parametrize("adapter", ["yaml", "chat/7", "", None, 3, ["chat"]])
def test_a_scope_refuses_what_is_no_form(adapter: Any) -> None:
    """At once, with what there is."""
    with pytest.raises(ConfigError, match="is no form of replies"):
        weft.configure(adapter=adapter)
    with (
        pytest.raises(ConfigError, match="is no form of replies"),
        weft.use(adapter=adapter),
    ):
        pass


def test_a_recorded_form_wins_over_every_setting(server: Server) -> None:
    """Only `with_(adapter=)` changes it."""
    server.answer = either
    lm = lm_at(server, abilities={"schema": True, "follows": True})
    recorded = router().with_(adapter="chat/1")

    with asked_of(lm, adapter="json"):
        kept = weft.info(recorded(message="x")).calls[0].form
        changed = recorded.with_(adapter="json/2")(message="x")

    assert kept == "chat/1"
    assert weft.info(changed).calls[0].form == "json/2:schema"


# One form a run ---------------------------------------------------------------


@pytest.mark.parametrize("way", ["evaluate", "batch"])
def test_a_run_keeps_its_form_while_knowledge_grows(server: Server, way: str) -> None:
    """What is learnt after its first row changes nothing for the others."""
    server.answer = either
    lm = lm_at(server)
    rows = [{"message": str(n), "team": "cards"} for n in range(12)]

    def teach(_: Any) -> None:
        learn(lm.endpoint, lm.model, schema=True, form="plain", follows=True)

    with asked_of(lm, hooks=[teach]):
        if way == "evaluate":
            metric = weft.metrics.exact("team")
            made = weft.evaluate(router(), rows, metric=metric, concurrency=2)
            assert made.mean == 1
        else:
            router().batch(rows, concurrency=2)

    assert lm.abilities.schema
    assert {enforced(seen.body) for seen in server.seen} == {False}
    assert {len(seen.body["messages"]) for seen in server.seen} == {4}
    assert str(settled("auto", lm)) == "json/2:schema"


def test_one_program_keeps_its_form_through_all_of_its_calls(server: Server) -> None:
    """A single run is a run, too."""
    server.answer = either
    lm = lm_at(server)
    route = router()

    @weft.step(uses=[route])
    def each(messages: list[str]) -> list[str]:
        return [route(message=m).team for m in messages]

    @weft.program
    def teams(messages: list[str]) -> list[str]:
        return each(messages)

    def teach(_: Any) -> None:
        learn(lm.endpoint, lm.model, schema=True)

    with asked_of(lm, hooks=[teach]):
        assert teams(["a", "b", "c"]) == ["cards"] * 3

    assert [enforced(seen.body) for seen in server.seen] == [False] * 3


# A schema that is refused -----------------------------------------------------


def test_a_refused_schema_gives_way_and_the_trace_says_why(server: Server) -> None:
    """The next form is asked in, and what was refused is no call of the trace."""
    server.answer = refusing
    lm = lm_at(server, abilities={"schema": True, "follows": True})

    with asked_of(lm):
        made = weft.info(router()(message="x"))

    assert [call.form for call in made.calls] == ["chat/2:stop"]
    assert made.failed is None
    assert [enforced(seen.body) for seen in server.seen] == [True, False]
    why = "the server answered 400: Failed to compile json grammar"
    assert made.repairs == (f"asked in another form: {why}",)


def test_a_run_gives_a_refused_schema_up_for_good(server: Server) -> None:
    """With 64 rows in flight each of them meets the refusal once, and no later one."""
    server.answer = refusing
    lm = lm_at(server, abilities={"schema": True, "slots": 64})
    rows = [{"message": str(n)} for n in range(200)]

    with asked_of(lm):
        made = router().batch(rows, concurrency=64)

    assert [one.team for one in made] == ["cards"] * 200
    refused = sum(enforced(seen.body) for seen in server.seen)
    assert 1 <= refused <= 64
    assert server.count - refused == 200


def test_rows_after_the_refusal_say_why_too(server: Server) -> None:
    """Each row's trace stands for itself."""
    server.answer = refusing
    lm = lm_at(server, abilities={"schema": True})
    rows = [{"message": str(n), "team": "cards"} for n in range(3)]

    with asked_of(lm):
        made = weft.evaluate(
            router(), rows, metric=weft.metrics.exact("team"), concurrency=1
        )

    notes = [row.trace.nodes[0].repairs for row in made.rows]
    assert [len(note) for note in notes] == [1, 1, 1]
    assert all("asked in another form" in note[0] for note in notes)


def test_another_signature_keeps_its_schema(server: Server) -> None:
    """What one schema is refused for says nothing of another."""

    def picky(body: dict[str, Any]) -> Reply:
        if "mood" in json.dumps(body.get("response_format", "")):
            return fault(400, "Grammar error: too large")
        fields = "mood" if "mood" in json.dumps(body["messages"]) else "team"
        if enforced(body):
            return Reply(OBJECT)
        return Reply(f"[[ {fields} ]]\ncards\n[[ /end ]]")

    server.answer = picky
    lm = lm_at(server, abilities={"schema": True})
    feel = weft.Predict("message -> mood", name="feel")
    route = router()

    @weft.program
    def both(message: str) -> str:
        mood: str = feel(message=route(message=message).team).mood
        return mood

    with asked_of(lm):
        run = both.run(message="x")

    forms = {node.path: node.calls[-1].form for node in run.trace.nodes}
    assert forms == {"route": "json/2:schema", "feel": "chat/2:shown,stop"}


@pytest.mark.parametrize("adapter", ["json/2:schema", "json/1:schema"])
def test_a_settled_form_of_the_users_own_is_not_replaced(
    server: Server, adapter: str
) -> None:
    """Who says it to the last byte is told that the endpoint refuses it."""
    server.answer = refusing
    lm = lm_at(server, abilities={"schema": True})

    with asked_of(lm), pytest.raises(SchemaRefused, match="compile json grammar"):
        router(adapter=adapter)(message="x")

    assert server.count == 1


def test_a_form_that_was_named_stays_without_its_schema(server: Server) -> None:
    """JSON was asked for, so JSON it is; only nothing is enforced any more."""
    server.answer = refusing
    lm = lm_at(server, abilities={"schema": True, "follows": True})

    with asked_of(lm, adapter="json"):
        made = weft.info(router()(message="x"))

    assert [call.form for call in made.calls] == ["json/2:"]
    assert "asked in another form" in made.repairs[0]


def test_a_refused_grammar_gives_way_as_a_schema_does(server: Server) -> None:
    """A base model goes on in lines that nobody enforces."""

    def answer(body: dict[str, Any]) -> Reply:
        if "grammar" in body:
            return fault(400, "Failed to initialize samplers: failed to parse grammar")
        return Reply(" cards")

    server.answer = answer
    lm = lm_at(server, abilities={"base": True, "grammar": True, "schema": True})

    with asked_of(lm):
        made = weft.info(router()(message="x"))

    assert [call.form for call in made.calls] == ["completion/4:shown,stop"]
    assert ["grammar" in seen.body for seen in server.seen] == [True, False]


def test_a_server_that_refuses_every_form_ends_in_its_own_words(
    server: Server,
) -> None:
    """There is no going round in circles."""
    server.answer = lambda _: fault(400, "Invalid schema, says the server, to anything")
    lm = lm_at(server, abilities={"schema": True})

    with asked_of(lm), pytest.raises(weft.errors.ModelError, match="to anything"):
        router()(message="x")

    assert server.count == 2


def test_a_stream_goes_on_in_the_next_form(server: Server) -> None:
    """Its events are those of the reply that came."""
    server.answer = refusing
    lm = lm_at(server, abilities={"schema": True, "follows": True})

    with asked_of(lm):
        stream = router().stream(message="x")
        text = "".join(e.text for e in stream if isinstance(e, FieldDelta))

    assert text == "cards"


def test_unreadable_replies_name_the_probe_where_nobody_named_a_form(
    server: Server,
) -> None:
    """Whoever chose the form does not need to be told."""
    server.answer = lambda _: Reply("I would rather not say.")
    lm = lm_at(server)

    with asked_of(lm), pytest.raises(ParseError) as chosen:
        router()(message="x")
    with asked_of(lm), pytest.raises(ParseError) as own:
        router(adapter="chat")(message="x")

    assert "`weft probe` finds the form" in str(chosen.value)
    assert "weft probe" not in str(own.value)


def test_models_of_ones_own_need_no_hash() -> None:
    """Two of them that are alike are two models still, whoever went away before."""

    class Own:
        model, endpoint, schema_mode = "own", "own", False
        sampling: Mapping[str, Any] = {}

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        __hash__ = None  # type: ignore[assignment]

        async def complete(self, request: weft.Request) -> weft.Response:
            return weft.Response(TEAM)

    spec, run = router().spec, Forms()
    for number in range(200):
        gone = cast(Any, Own())
        run.fix("auto", gone, spec, Form("plain", 1, ()))
        before = id(gone)
        del gone
        others = [cast(Any, Own()) for _ in range(8)]

        assert not any(id(other) == before for other in others), number
        assert {str(run.of("auto", other, spec)) for other in others} == {"chat/1"}

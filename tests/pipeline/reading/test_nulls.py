"""What a whole object leaves out is null where its type permits that, and said so."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

import weft
from tests.pipeline.reading.replies import arrived
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.ground import strictjson
from weft.pipeline.reading.nulls import filled
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import Signature, spec_of


class Email(BaseModel):
    address: str
    label: str | None


class Person(BaseModel):
    """Of one required member, three that may be None, and one that has a default."""

    name: str
    nick: str | None
    age: int | None
    mail: Email | None
    note: str | None = "none given"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int | None


class Dog(BaseModel):
    kind: Literal["dog"]
    owner: str | None


class Empty(BaseModel):
    a: str | None
    b: Literal["x"] | None


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first: str
    last: str | None = Field(alias="lastName")


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
TYPES = {
    "Person": Person,
    "Pet": Pet,
    "Loose": Cat | Dog,
    "Empty": Empty,
    "Aliased": Aliased,
}
FRAMES = {
    "json": '{{"found": {}}}',
    "chat": "[[ found ]]\n{}\n[[ /end ]]",
    "plain": "found: {}",
    "xml": "<found>{}</found>",
    "completion/4:schema": ' {{"found": {}}}',
    "completion": "{}",
    "cloze/2:text|[q]: [z].": "{}.",
    "cloze/1|[q]: [z].": "{}",
}


def contract(outputs: str) -> type[Signature]:
    """A signature with the types of this file."""
    return make_signature(f"q -> {outputs}", types=TYPES)


def person(**members: Any) -> Person:
    """A person as its type makes it, with nothing for what is not said."""
    bare = {"nick": None, "age": None, "mail": None}
    return Person.model_validate(bare | members)


@pytest.mark.parametrize("form", FRAMES)
@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"name": "Ann"}, ["nick", "age", "mail"]),
        ({"nick": "A.", "name": "Ann", "age": 4}, ["mail"]),
        ({"name": "Ann", "age": "4"}, ["nick", "mail"]),
        ({"name": "Ann", "mail": {"address": "a@b"}}, ["mail.label", "nick", "age"]),
        ({"Name": "Ann", "Nick": None, "mail": None}, ["age"]),
    ],
    ids=str,
)
def test_what_an_object_leaves_out_is_null(
    form: str, data: dict[str, Any], left: list[str]
) -> None:
    """In every form that holds an object, at any depth; and the note names each."""
    reply = FRAMES[form].format(strictjson.dumps(data))

    parsed = adapter_of(form).parse(reply, contract("found: Person"))

    said = {name.lower(): value for name, value in data.items()}
    if said.get("mail"):
        said["mail"] = said["mail"] | {"label": None}
    if said.get("age"):
        said["age"] = 4
    assert parsed.values == {"found": person(**said)}
    [note] = [n for n in parsed.repairs if "left out, read as null" in n]
    assert note.startswith("found: ")
    assert ", ".join(map(repr, left)) in note


REFUSED: list[tuple[str, str]] = [
    ("Person", '{"nick": "A."}'),
    ("Person", "{}"),
    ("Person", '{"name": "Ann", "nik": "A.", "age": 4, "mail": null}'),
    ("Person", '{"name": "Ann", "nickname": "A."}'),
    ("Person", '{"name": "Ann", "years": 4}'),
    ("Person", '{"name": "Ann", "nick": "A.", "age": 4'),
    ("Person", '{"name": "Ann", "mail": {"address": "a@b"}, '),
    ("Person", '{"name": "Ann", "mail": {"label": "home"}}'),
    ("Person", '{"name": "Ann", "mail": {}}'),
    ("Person", '{"name": "Ann", "age": "a few"}'),
    ("list[Person]", '[{"name": "Ann"}, {"nick": "A."}]'),
    ("Loose", '{"lives": 3}'),
    ("Pet", "{}"),
    ("Empty", "{}"),
    ("Aliased", '{"first": "Ann", "last_nam": "Lee"}'),
]


@pytest.mark.parametrize("form", FRAMES)
@pytest.mark.parametrize(("kind", "reply"), REFUSED)
def test_where_there_is_another_reading_there_is_none(
    form: str, kind: str, reply: str
) -> None:
    """A cut object, a key that may be meant, nothing at all, a required member."""
    with pytest.raises(ParseError):
        adapter_of(form).parse(
            FRAMES[form].format(reply), contract(f"found: {kind}"), cut=False
        )


@pytest.mark.parametrize(
    ("kind", "reply", "value"),
    [
        ("Pet", '{"kind": "cat"}', Cat(kind="cat", lives=None)),
        ("Loose", '{"kind": "dog"}', Dog(kind="dog", owner=None)),
        ("list[Person]", '[{"name": "Ann"}]', [person(name="Ann")]),
        ("dict[str, Person]", '{"x": {"name": "Ann"}}', {"x": person(name="Ann")}),
        ("Person | None", '{"name": "Ann"}', person(name="Ann")),
        ("Empty", '{"b": "x"}', Empty(a=None, b="x")),
        ("Aliased", '{"first": "Ann"}', Aliased(first="Ann", lastName=None)),
        ("Person", "{'name': 'Ann',}", person(name="Ann")),
    ],
)
def test_within_lists_mappings_and_kinds(kind: str, reply: str, value: Any) -> None:
    """Wherever one object stands; of several kinds where its constants say which."""
    for form, frame in FRAMES.items():
        parsed = adapter_of(form).parse(frame.format(reply), contract(f"found: {kind}"))

        assert parsed.values == {"found": value}, form


def test_a_place_is_named() -> None:
    """The way to each null, and how many more there are."""
    reply = strictjson.dumps({"found": [{"name": str(n)} for n in range(4)]})

    parsed = adapter_of("json").parse(reply, contract("found: list[Person]"))

    [note] = parsed.repairs
    assert "'[0].nick', '[0].age', '[0].mail', '[1].nick'" in note
    assert "and 4 more left out, read as null" in note


JSON_FORMS = {"json": "{}", "completion/4:schema": " {}"}


@pytest.mark.parametrize("form", JSON_FORMS)
@pytest.mark.parametrize(
    "reply",
    [
        '{"team": "cards"}',
        "{'Team': 'cards'}",
        'Here it is: {"team": "cards"}. Anything else?',
        '```json\n{"team": "cards"}\n```',
    ],
)
def test_an_output_that_is_left_out_is_null(form: str, reply: str) -> None:
    """Where the object of the outputs has another one of them."""
    two = contract("team: str, why: str | None")

    parsed = adapter_of(form).parse(JSON_FORMS[form].format(reply), two)

    assert parsed.values == {"team": "cards", "why": None}
    assert [*parsed.values] == ["team", "why"]
    assert "why: left out, read as null" in parsed.repairs
    assert arrived(adapter_of(form), two, reply) == {"team": "cards"}


@pytest.mark.parametrize(
    ("outputs", "reply"),
    [
        ("why: str | None", "{}"),
        ("why: str | None, team: str | None", "{}"),
        ("team: str, why: str | None", '{"team": "cards", "whi": "a card"}'),
        ("team: str, why: str | None", '{"team": "cards", "reason": "a card"}'),
        ("team: str, why: str | None", '{"team": "cards"'),
        ("team: str, why: str | None", '{"team": "cards", '),
        ("team: str, why: str | None", '{"why": "a card"}'),
        ("team: str, why: str | None", '{"team": "cards"} or {"team": "top-ups"}'),
        ("reasoning: str, answer: int | None", '{"reasoning": "I cannot tell."}'),
    ],
)
def test_an_output_that_may_be_meant_otherwise_is_missing(
    outputs: str, reply: str
) -> None:
    """A lone one, all of them, one under another name, one that was cut off."""
    for form in JSON_FORMS:
        for cut in (False, True):
            with pytest.raises(ParseError):
                adapter_of(form).parse(reply, contract(outputs), cut=cut)


@pytest.mark.parametrize("form", ["chat", "xml", "plain"])
def test_a_form_of_marks_has_no_object_that_is_closed(form: str) -> None:
    """There a field without its mark is missing, as ever."""
    two, adapter = contract("team: str, why: str | None"), adapter_of(form)
    fields = [one for one in spec_of(two).outputs.values() if one.name == "team"]

    with pytest.raises(ParseError, match="'why' is missing"):
        adapter.parse(adapter.write(fields, {"team": "cards"}, ""), two)


def test_a_quotation_of_an_input_stays_one() -> None:
    """An object among words that stands in an input is no answer, whole or not."""
    told = 'q: {"team": "cards"}'

    with pytest.raises(ParseError):
        adapter_of("json").parse(
            'You said {"team": "cards"}.',
            contract("team: str, why: str | None"),
            echoed=told,
        )


def test_what_was_left_out_is_asked_for_with_the_rest() -> None:
    """Beside a value that cannot be read, nothing is taken for null unsaid."""
    replies = ['{"team": "cards", "count": "a few"}', '{"count": 2, "why": "a card"}']
    module = weft.Predict(
        "q -> team: str, count: int, why: str | None", adapter="json/2", name="m"
    )

    with weft.use(lm=weft.ScriptedLM(replies), cache=None):
        answer = module(q="?")

    assert (answer.team, answer.count, answer.why) == ("cards", 2, "a card")


def test_the_trace_says_which_key_was_taken_as_null() -> None:
    """One call, and a repair that the run counts."""
    module = weft.Predict(contract("found: Person"), adapter="chat", name="m")
    reply = '[[ found ]]\n{"name": "Ann", "nick": "A.", "age": 3}\n[[ /end ]]'

    with weft.use(lm=weft.ScriptedLM([reply]), cache=None):
        info = weft.info(module(q="?"))

    assert info.repairs == ("found: 'mail' left out, read as null",)
    assert len(info.calls) == 1


@given(
    st.fixed_dictionaries(
        {"name": st.text(max_size=5)},
        optional={"nick": st.none() | st.text(max_size=5), "age": st.integers(0, 99)},
    )
)
def test_what_is_there_stays_as_it_is(data: dict[str, Any]) -> None:
    """Only what is left out is added, and the data itself is not changed."""
    kept = dict(data)

    whole = filled(data, Person.model_json_schema())

    assert data == kept
    assert whole.data.items() >= data.items()
    assert {*whole.places} == {"nick", "age", "mail"} - data.keys()
    assert all(whole.data[name] is None for name in whole.places)

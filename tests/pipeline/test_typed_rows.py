"""A metric reads structured fields of a row as the types of the program."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pydantic
import pytest
from typing_extensions import TypedDict

import weft
from weft import errors


class Person(pydantic.BaseModel):
    name: str
    age: int = 30


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    name: str


class Team(pydantic.BaseModel):
    lead: Person
    others: list[Person] = []


@dataclasses.dataclass(frozen=True)
class Place:
    town: str
    rooms: int = 1


class Noted(TypedDict):
    town: str


ANN = {"name": "Ann"}
TYPES: dict[str, Any] = {
    "Person": Person,
    "Strict": Strict,
    "Team": Team,
    "Place": Place,
    "Noted": Noted,
    "Mood": Literal["glad", "sad"],
}


def fields_of(form: str) -> Any:
    """A module whose output `it` is of a type."""
    return weft.Predict(f"text -> it: {form}", name="find", types=TYPES)


def read(program: Any, label: Any, reply: str = '{"name": "Ann"}') -> dict[str, Any]:
    """What a metric is given: the label, the row's own, and the prediction."""
    seen: dict[str, Any] = {}

    def metric(example: weft.Example, prediction: Any) -> float:
        seen.update(
            it=example.it,
            item=example["it"],
            written=example.labels["it"],
            prediction=prediction,
        )
        return 1.0

    lm = weft.FunctionLM(lambda _: f"[[ it ]]\n{reply}\n\n[[ /end ]]")
    with weft.use(lm=lm):
        found = weft.evaluate(program, [{"text": "x", "it": label}], metric)
    assert found.rows[0].example.labels["it"] == label
    assert found.to_json()
    return seen


@pytest.mark.parametrize(
    ("form", "label", "wanted"),
    [
        ("Person", ANN, Person(name="Ann")),
        ("Person", {"name": "Ann", "age": 4}, Person(name="Ann", age=4)),
        ("list[Person]", [ANN, ANN], [Person(name="Ann")] * 2),
        ("dict[str, Person]", {"a": ANN}, {"a": Person(name="Ann")}),
        ("Person | None", ANN, Person(name="Ann")),
        ("Team", {"lead": ANN}, Team(lead=Person(name="Ann"))),
        ("Place", {"town": "Bonn"}, Place("Bonn")),
        ("Noted", {"town": "Bonn"}, {"town": "Bonn"}),
        ("Person", [ANN, {"name": "Bo"}], [Person(name="Ann"), Person(name="Bo")]),
    ],
)
def test_a_label_is_read_as_the_type_of_the_output(
    form: str, label: Any, wanted: Any
) -> None:
    """As attribute and by name; the labels hold what the row says."""
    seen = _read(form, label)

    assert seen["it"] == seen["item"] == wanted
    assert type(seen["it"]) is type(wanted)
    assert seen["written"] == label


def _read(form: str, label: Any) -> dict[str, Any]:
    """As `read`, of a model whose reply is one of the label's kind."""
    reply = {
        "Person": '{"name": "Ann"}',
        "list[Person]": '[{"name": "Ann"}]',
        "dict[str, Person]": '{"a": {"name": "Ann"}}',
        "Person | None": '{"name": "Ann"}',
        "Team": '{"lead": {"name": "Ann"}}',
        "Place": '{"town": "Bonn"}',
        "Noted": '{"town": "Bonn"}',
        "Strict": '{"name": "Ann"}',
        "Mood": "glad",
        "str": "Ann",
        "list[str]": '["Ann"]',
    }[form]
    return read(fields_of(form), label, reply)


@pytest.mark.parametrize(
    ("form", "label"),
    [
        ("Person", {"name": "Ann", "note": "a key that no person has"}),
        ("Strict", {"name": "Ann", "must": ["be polite"]}),
        ("Person", {"must": ["name her"], "weight": 2}),
        ("Person", "Ann"),
        ("Person", None),
        ("Person", ["be polite", "be brief"]),
        ("str", {"must": ["be polite"]}),
        ("str", ["Ann", "Anna"]),
        ("list[str]", ["Ann"]),
        ("Mood", {"name": "glad"}),
        ("Person", {"name": "Ann", "age": "thirty"}),
    ],
)
def test_what_the_type_does_not_take_whole_stays_as_it_is(
    form: str, label: Any
) -> None:
    """A rubric is no person, and nothing that a row says is lost."""
    seen = _read(form, label)

    assert seen["it"] == label
    assert type(seen["it"]) is type(label)


find = weft.Predict("text -> it: Person", name="find", types=TYPES)


@weft.step
def older(it: Person) -> Person:
    return Person(name=it.name, age=it.age + 1)


@weft.program
def field_of(text: str) -> Person:
    return find(text=text).it


@weft.program
def by_step(text: str) -> Person:
    return older(it=find(text=text).it)


@weft.program
def several(text: str) -> dict[str, Any]:
    found = find(text=text)
    return {"it": found.it, "elder": older(it=found.it)}


@weft.program
def nested(text: str) -> Person:
    return field_of(text=text)


@pytest.mark.parametrize("made", [find, field_of, by_step, several, nested])
def test_whatever_a_program_is_made_of(made: Any) -> None:
    """A field, what a step makes of it, one of several results, an inner program's."""
    seen = read(made, ANN)

    assert seen["it"] == Person(name="Ann")
    assert seen["written"] == ANN


@pytest.mark.parametrize("made", [find, field_of, several, nested])
def test_another_label_is_nothing_of_the_programs(made: Any) -> None:
    """Though it looks like what the program gives."""
    friend = {"name": "Bo"}

    def metric(example: weft.Example, prediction: Any) -> bool:
        return bool(example.friend == friend and example.it.name == "Ann")

    lm = weft.FunctionLM(lambda _: '[[ it ]]\n{"name": "Ann"}\n\n[[ /end ]]')
    with weft.use(lm=lm):
        rows = [{"text": "x", "it": ANN, "friend": friend}]
        assert weft.evaluate(made, rows, metric).mean == 1


def test_an_input_is_read_as_its_type_too() -> None:
    """The program is given a person, and so is the metric."""
    greet = weft.Predict("who: Person -> it", name="greet", types=TYPES)

    def metric(example: weft.Example, prediction: Any) -> bool:
        return bool(example.who.name == example.it == prediction.it)

    lm = weft.FunctionLM(lambda _: "[[ it ]]\nAnn\n\n[[ /end ]]")
    with weft.use(lm=lm):
        assert weft.evaluate(greet, [{"who": ANN, "it": "Ann"}], metric).mean == 1


def test_a_compile_reads_rows_as_an_evaluation_does() -> None:
    """One metric serves both."""
    rows = [{"text": f"t{n}", "it": ANN} for n in range(20)]

    def same(example: weft.Example, prediction: Any) -> bool:
        return bool(example.it == prediction.it and example.it.age == 30)

    lm = weft.FunctionLM(lambda _: '[[ it ]]\n{"name": "Ann"}\n\n[[ /end ]]')
    few = weft.compilers.LabeledFewShot()
    with weft.use(lm=lm):
        mean = weft.evaluate(find, rows, same).mean
        report = weft.compile(find, rows, metric=same, compiler=few).report

    assert (mean, report.seed_score.mean) == (1, 1)


def test_one_who_reads_a_typed_label_as_a_dict_is_told() -> None:
    """The remedy names both ways to read it."""

    def metric(example: weft.Example, prediction: Any) -> bool:
        return bool(example.it["name"] == prediction.it.name)

    said = "is a Person: read its attributes"
    lm = weft.FunctionLM(lambda _: '[[ it ]]\n{"name": "Ann"}\n\n[[ /end ]]')
    with weft.use(lm=lm), pytest.raises(errors.MetricError, match=said):
        weft.evaluate(find, [{"text": "x", "it": ANN}], metric)


@pytest.mark.parametrize("made", [find, field_of, by_step, several, nested])
@pytest.mark.parametrize("label", [{"name": "Ann"}, Person(name="Ann")])
def test_exact_takes_a_label_as_json_and_as_a_model(made: Any, label: Any) -> None:
    """Also where the whole result is one."""
    if made is by_step:
        old = Person(name="Ann", age=31)
        label = old if isinstance(label, Person) else old.model_dump()
    rows = [{"text": "x", "it": label}]
    lm = weft.FunctionLM(lambda _: '[[ it ]]\n{"name": "Ann"}\n\n[[ /end ]]')
    with weft.use(lm=lm):
        assert weft.evaluate(made, rows, weft.metrics.exact("it")).mean == 1

"""Signatures: three forms make one object, and what cannot be one says why."""

from __future__ import annotations

import copy
import enum
import pickle
from collections.abc import Callable, Iterable
from typing import Any, Literal, Optional

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from tests.hostile import texts
from weft import Input, Output, Signature
from weft.errors import CallError, SignatureError
from weft.pipeline.signature.field import FieldSpec
from weft.pipeline.signature.forms import (
    extended,
    function_signature,
    make_signature,
    snake_case,
)
from weft.pipeline.signature.signature import (
    dump_values,
    make_value,
    spec_of,
    values_of,
)


class Team(enum.Enum):
    CARDS = "cards"
    ACCOUNTS = "accounts"


class Address(pydantic.BaseModel):
    street: str
    lines: list[str] = []


class Triage(Signature):
    """Route a message.

    To the team that can solve it.
    """

    message: str = Input("as typed")
    urgent: bool = Input(default=False)
    team: Literal["cards", "accounts"] = Output("who takes it")
    score: float = Output(ge=0, le=1)

    def shown(self) -> str:
        return f"{self.team} ({self.score})"


class Deeper(Triage):
    score: float = Output("narrower", ge=0.5, le=1)
    reason: str = Output(max_length=20)


class Rich(Signature):
    address: Address = Input()
    teams: list[Team] = Input()
    note: str | None = Output(default=None)
    best: Optional[Team] = Output()  # noqa: UP045 - both spellings are understood


def rows(signature: type[Signature]) -> list[list[Any]]:
    """What a signature says of its fields, but for the wording."""
    return [[f.name, f.role, f.schema] for f in spec_of(signature).fields]


def test_three_forms_make_one_object() -> None:
    """Text, class and function with the same fields are the same signature."""

    class Pick(Signature):
        """Pick the best."""

        question: str = Input()
        k: int = Input()
        pick: Literal["a", "b"] = Output()

    def pick(question: str, k: int) -> Literal["a", "b"]:
        """Pick the best."""
        raise NotImplementedError

    text = 'question, k: int -> pick: Literal["a", "b"]'
    forms = [Pick, make_signature(text, "Pick the best."), function_signature(pick)]

    assert rows(forms[0]) == rows(forms[1]) == rows(forms[2])
    assert len({spec_of(form).hash for form in forms}) == 1
    assert {spec_of(form).instruction for form in forms} == {"Pick the best."}
    assert all(issubclass(form, Signature) for form in forms)


def test_a_class_tells_its_fields_and_its_instruction() -> None:
    """The docstring is the instruction, cleaned of its indentation."""
    spec = spec_of(Triage)

    assert spec.instruction == "Route a message.\n\nTo the team that can solve it."
    assert list(spec.inputs) == ["message", "urgent"]
    assert list(spec.outputs) == ["team", "score"]
    assert spec.inputs["message"].description == "as typed"
    assert spec.outputs["score"].constraints == {"ge": 0, "le": 1}
    assert not spec.inputs["urgent"].required


def test_a_subclass_adds_and_narrows_and_keeps_what_it_does_not_say() -> None:
    """Fields keep their places, a new meaning wins, the docstring is inherited."""
    spec = spec_of(Deeper)

    assert list(spec.inputs) == ["message", "urgent"]
    assert list(spec.outputs) == ["team", "score", "reason"]
    assert spec.outputs["score"].constraints == {"ge": 0.5, "le": 1}
    assert spec.instruction == spec_of(Triage).instruction
    assert spec.hash != spec_of(Triage).hash


def test_two_bases_give_their_fields() -> None:
    """Contracts can be put together from parts."""

    class Asked(Signature):
        question: str = Input()
        note: str = Output()

    class Both(Asked, Triage):
        """Do both."""

    assert set(spec_of(Both).inputs) == {"question", "message", "urgent"}
    assert set(spec_of(Both).outputs) == {"note", "team", "score"}
    assert spec_of(Both).instruction == "Do both."


def test_without_words_an_instruction_is_made_from_the_fields() -> None:
    """A signature always has something to say."""
    assert spec_of(Rich).instruction == "Given address, teams, write note, best."
    assert spec_of(make_signature("a, b -> c")).instruction == "Given a, b, write c."


def test_types_written_as_text_are_resolved() -> None:
    """This module has `from __future__ import annotations`; the types are real."""
    assert spec_of(Rich).inputs["teams"].annotation == list[Team]
    assert spec_of(Rich).outputs["note"].annotation == (str | None)


def test_the_hash_is_of_the_contract_and_not_of_its_words() -> None:
    """Descriptions and instructions may change; names, roles, order and types not."""
    one = spec_of(make_signature("a, b: int -> c")).hash

    assert spec_of(make_signature("a: str, b: int -> c", "Other words.")).hash == one
    for other in ("b: int, a -> c", "a, b -> c", "a, b: int -> d", "a -> b: int, c"):
        assert spec_of(make_signature(other)).hash != one


TEXTS: dict[str, list[tuple[str, str, Any]]] = {
    "question -> answer": [("question", "input", str), ("answer", "output", str)],
    " q ,k : int->a:float ": [
        ("q", "input", str),
        ("k", "input", int),
        ("a", "output", float),
    ],
    'x: Literal["a->b", "c, d"] -> y': [
        ("x", "input", Literal["a->b", "c, d"]),
        ("y", "output", str),
    ],
    "x: Literal['it\\'s', \"]\"] -> y": [
        ("x", "input", Literal["it's", "]"]),
        ("y", "output", str),
    ],
    "d: dict[str, list[int]] | None -> t: tuple[int, ...]": [
        ("d", "input", Optional[dict[str, list[int]]]),  # noqa: UP045 - as it is built
        ("t", "output", tuple[int, ...]),
    ],
    "größe -> 名前": [("größe", "input", str), ("名前", "output", str)],
}


@pytest.mark.parametrize("text", TEXTS)
def test_the_string_form_is_read(text: str) -> None:
    """Names, types and both sides, whatever stands in quotes and brackets."""
    fields = spec_of(make_signature(text)).fields

    assert [(f.name, f.role, f.annotation) for f in fields] == TEXTS[text]


def test_a_string_may_use_types_that_are_passed_in() -> None:
    """Classes of the user's are named, never looked for in callers' frames."""
    made = make_signature(
        "a: Address -> t: list[Team]", types={"Address": Address, "Team": Team}
    )

    assert spec_of(made).inputs["a"].annotation is Address
    with pytest.raises(SignatureError, match="unknown type 'Address'"):
        make_signature("a: Address -> b")


BAD_TEXTS = {
    "": "has no '->'",
    "question": "has no '->'",
    "->": "has no input field",
    "-> a": "has no input field",
    "q ->": "has no output field",
    "a -> b -> c": "has two '->'",
    "a,, b -> c": "'' is not a field name",
    "a, -> c": "'' is not a field name",
    "q: -> a": "'' is not a type",
    "a b -> c": "'a b' is not a field name",
    "1a -> c": "'1a' is not a field name",
    "class -> c": "'class' is not a field name",
    "a.b -> c": "'a.b' is not a field name",
    "_a -> c": "'_a' starts with an underscore",
    "ﬁn -> c": "reads the field name 'ﬁn' as another one",
    "a -> a": "two fields are named 'a'",
    "a: list[str -> c": "is never closed",
    "a] -> c": "is never closed",
    "a: Literal['x -> c": "is never closed",
    "a: str = 'x' -> c": "is not a type",
    "a: lst[str] -> c": "unknown type 'lst'",
    "q -> __import__('os').system('id')": "is not a field name",
    "q: __import__('os').system('id') -> a": "is not a type",
    "q: (lambda: str)() -> a": "is not a type",
    "q: [c for c in ().__class__.__bases__] -> a": "is not a type",
    "q -> a; import os": "is not a field name",
    "q: str.__subclasses__() -> a": "is not a type",
}


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_a_string_that_is_no_signature_says_what_is_wrong(text: str) -> None:
    """The error names the part and shows how to write it; nothing is evaluated."""
    with pytest.raises(SignatureError) as caught:
        weft.Predict(text)

    assert BAD_TEXTS[text] in str(caught.value)


@given(texts | st.text(alphabet="ab:,->[]|'\" \n_()", max_size=25))
@settings(max_examples=200)
def test_any_text_is_a_signature_or_a_signature_error(text: str) -> None:
    """Nothing else can come out of reading the string form."""
    try:
        spec = spec_of(make_signature(text))
    except SignatureError:
        return

    assert spec.inputs
    assert spec.outputs


def no_role() -> None:
    class Bad(Signature):
        x: str
        y: str = Output()


def no_type() -> None:
    class Bad(Signature):
        x = Input()
        y: str = Output()


def no_output() -> None:
    class Bad(Signature):
        x: str = Input()


def bad_option() -> None:
    class Bad(Signature):
        x: int = Input(max_len=0)
        y: str = Output()


def dspy_option() -> None:
    class Bad(Signature):
        x: int = Input(desc="a number")
        y: str = Output()


def bad_description() -> None:
    class Bad(Signature):
        x: int = Input(3)
        y: str = Output()


def surrogate() -> None:
    class Bad(Signature):
        x: int = Input("\ud800")
        y: str = Output()


def unresolved() -> None:
    class Bad(Signature):
        x: Nowhere = Input()  # noqa: F821 - the mistake
        y: str = Output()


def broken() -> None:
    class Bad(Signature):
        x: list["int["] = Input()  # noqa: F722 - the mistake
        y: str = Output()


def bad_default() -> None:
    class Bad(Signature):
        x: int = Input(default="3")
        y: str = Output()


def bad_rule() -> None:
    class Bad(Signature):
        x: int = Input(max_length=3)
        y: str = Output()


def bad_kind() -> None:
    class Bad(Signature):
        x: pytest.Item = Input()
        y: str = Output()


def private() -> None:
    class Bad(Signature):
        _x: int = Input()
        y: str = Output()


def untyped() -> None:
    def stub(x): ...

    weft.predict(stub)


def no_result() -> None:
    @weft.predict
    def stub(x: str) -> None: ...


def untyped_default() -> None:
    @weft.predict
    def stub(x=3) -> str: ...


def untyped_input() -> None:
    @weft.predict
    def stub(x) -> str: ...


def star() -> None:
    @weft.predict
    def stub(*x: str) -> str: ...


def star_star() -> None:
    @weft.predict
    def stub(**x: str) -> str: ...


def no_input() -> None:
    @weft.predict
    def stub() -> str: ...


def bad_stub_default() -> None:
    @weft.predict
    def stub(x: str = None) -> str: ...  # noqa: RUF013 - the mistake


def own_name() -> None:
    @weft.predict
    def stub(stub: str) -> str: ...


def no_function() -> None:
    weft.predict("q -> a")


def function_to_predict() -> None:
    weft.Predict(lambda x: x)


def bare_root() -> None:
    weft.Predict(Signature)


def reasoning_twice() -> None:
    weft.ChainOfThought("q -> reasoning, a")


class Shade(enum.Enum):
    RED = "red"


class Shaded(pydantic.BaseModel):
    shade: Literal[Shade.RED]


def made_of(given: Any, wanted: Any) -> None:
    weft.Predict("q: Given -> a: Wanted", types={"Given": given, "Wanted": wanted})


def literal_member() -> None:
    made_of(str, Literal[Shade.RED])


def literal_member_within() -> None:
    made_of(str, list[Shaded])


def literal_member_given() -> None:
    made_of(Literal[Shade.RED], str)


def literal_bytes() -> None:
    made_of(str, Literal[b"a"])


def read_once() -> None:
    made_of(Iterable[int], str)


def read_once_within() -> None:
    made_of(str, dict[str, Iterable[int]])


MISTAKES: list[tuple[Callable[[], None], str, str]] = [
    (no_role, "Bad.x is neither", "Write x: ... = Input() or = Output()"),
    (no_type, "Bad.x has no type", "Write x: str = Input()"),
    (no_output, "Bad has no output", 'Write for example "question -> answer"'),
    (bad_option, "Input() has no option 'max_len'", "Did you mean 'max_length'?"),
    (dspy_option, "Input() has no option 'desc'", "Did you mean 'description'?"),
    (bad_description, "got the description 3", 'Describe the field in words: Input("'),
    (surrogate, "the description of 'x' holds a lone surrogate", ""),
    (unresolved, "name 'Nowhere' is not defined", "Define the type at module level"),
    (broken, "so a type cannot be resolved", ""),
    (bad_default, "the default of 'x' does not fit", "Give a whole number, or change"),
    (bad_rule, "max_length says nothing about int", "Use a standard type"),
    (bad_kind, "a type that pydantic cannot check", "Use a standard type"),
    (literal_member, "'a': <Shade.RED: 'red'> in a Literal is", "Literal['red'], or S"),
    (
        literal_member_within,
        "in a Literal is a member of Shade",
        "Write Literal['red']",
    ),
    (literal_member_given, "'q': <Shade.RED: 'red'> in a Literal", "Write Literal['r"),
    (literal_bytes, "b'a' in a Literal is bytes", "Write Literal['a']"),
    (read_once, "field 'q': Iterable gives values that can be read", "Write list[...]"),
    (read_once_within, "field 'a': Iterable gives values that can", "Write list[...]"),
    (private, "'_x' starts with an underscore", ""),
    (untyped, "'stub' has no result type", "Write def stub(...) -> str: ..."),
    (no_result, "'stub' has no result type", "Write def stub(...) -> str: ..."),
    (untyped_input, "'x' has no type", "Write x: str"),
    (untyped_default, "'x' has no type", "Write x: int"),
    (star, "'stub' takes *x", "Name each input"),
    (star_star, "'stub' takes **x", "Name each input"),
    (no_input, "stub has no input field", "Write for example"),
    (bad_stub_default, "the default of 'x' does not fit", "Give text, or change"),
    (own_name, "two fields are named 'stub'", ""),
    (no_function, "'q -> a' is no function", "Decorate a typed stub"),
    (function_to_predict, "is no signature", "for a function use @weft.predict"),
    (bare_root, "is no signature", "Give a weft.Signature class"),
    (reasoning_twice, "already has a field 'reasoning'", "use weft.Predict, which"),
]


@pytest.mark.parametrize(
    ("make", "says", "remedy"), MISTAKES, ids=[make.__name__ for make, _, _ in MISTAKES]
)
def test_every_mistake_has_its_words_and_its_remedy(
    make: Callable[[], None], says: str, remedy: str
) -> None:
    """A signature that cannot work is an error where it is written, not at a call."""
    with pytest.raises(SignatureError) as caught:
        make()

    assert says in caught.value.message
    assert remedy in caught.value.hint
    assert bool(caught.value.hint) is bool(remedy)


CALLS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "'triage' needs 'message' (text)", "Its inputs are message, urgent"),
    ({"mesage": "x"}, "has no input 'mesage'", "Did you mean 'message'?"),
    ({"message": "x", "team": "cards"}, "'team' is an output of", "Its inputs are"),
    ({"message": 3}, "got a wrong 'message'", "Give text"),
    ({"message": "x", "urgent": "yes"}, "got a wrong 'urgent'", "Give true or false"),
    ({"message": "\ud83e"}, "holds a lone surrogate", "Give text"),
]


@pytest.mark.parametrize(("inputs", "says", "remedy"), CALLS)
def test_a_call_that_does_not_fit_is_refused(
    inputs: dict[str, Any], says: str, remedy: str
) -> None:
    """The error names the field and what to give, and no prompt is made."""
    with pytest.raises(CallError) as caught:
        weft.Predict(Triage).prompt(**inputs)

    assert says in caught.value.message
    assert caught.value.hint.startswith(remedy)


def test_a_signature_is_called_through_a_module() -> None:
    """Calling the contract itself is refused, and the remedy shows the module."""
    with pytest.raises(CallError, match=r"weft\.Predict\(Triage\)"):
        Triage(message="x")


def test_binding_fills_in_defaults_and_makes_types() -> None:
    """What a call gives is checked, converted from plain data, and completed."""
    triage = spec_of(Triage).bind({"message": "x"}, "m")
    rich = spec_of(Rich).bind({"address": {"street": "s"}, "teams": ["cards"]}, "m")

    assert triage == {"message": "x", "urgent": False}
    assert rich == {"address": Address(street="s"), "teams": [Team.CARDS]}


def test_a_default_belongs_to_one_call() -> None:
    """Two calls never share a list."""

    class Tagged(Signature):
        tags: list[str] = Input(default=[])
        answer: str = Output()

    spec_of(Tagged).bind({}, "m")["tags"].append("x")

    assert spec_of(Tagged).bind({}, "m") == {"tags": []}


def test_a_result_holds_values_and_nothing_else() -> None:
    """Attributes are the fields; the rest is refused with what was meant."""
    value: Any = make_value(Triage, {"message": "m", "team": "cards", "score": 0.5})

    assert (value.team, value.score, value.shown()) == ("cards", 0.5, "cards (0.5)")
    assert values_of(value) == {"message": "m", "team": "cards", "score": 0.5}
    assert repr(value) == "Triage(message='m', team='cards', score=0.5)"
    with pytest.raises(AttributeError, match=r"no field 'taem'\. Did you mean 'team'"):
        _ = value.taem
    with pytest.raises(AttributeError, match="this Triage holds no 'urgent'"):
        _ = value.urgent
    with pytest.raises(AttributeError, match="immutable"):
        value.team = "accounts"
    with pytest.raises(AttributeError, match="immutable"):
        del value.team


def test_results_compare_by_value_and_survive_copying() -> None:
    """Equal values are equal, hash alike, and travel between processes."""
    values = {"message": "m", "team": "cards", "score": 0.5}
    one, two = make_value(Triage, values), make_value(Triage, values)

    assert one == two
    assert hash(one) == hash(two)
    assert one != make_value(Triage, {**values, "score": 0.6})
    assert one != "m"
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one


def test_results_dump_to_plain_data() -> None:
    """Models and enums become JSON data."""
    value = make_value(Rich, {"address": Address(street="s"), "best": Team.CARDS})

    assert dump_values(value) == {
        "address": {"street": "s", "lines": []},
        "best": "cards",
    }


def test_a_signature_can_be_extended_by_one_output() -> None:
    """The new field stands before the other outputs; the caller's class is kept."""
    made = extended(Triage, FieldSpec("reasoning", "output", str))

    assert list(spec_of(made).outputs) == ["reasoning", "team", "score"]
    assert issubclass(made, Triage)
    assert list(spec_of(Triage).outputs) == ["team", "score"]


def test_names_of_modules_come_from_names_of_classes() -> None:
    """CamelCase becomes snake_case."""
    assert snake_case("TriageMessage") == "triage_message"
    assert snake_case("QA2Answer") == "qa2_answer"
    assert weft.Predict(Triage).name == "triage"


@pytest.mark.parametrize("kind", ["date", "date | None", "list[date]"])
def test_a_field_named_as_its_type_is_told(kind: str) -> None:
    """Python reads the marker for the type; the error names the two ways out."""
    body = f"    text: str = weft.Input()\n    date: {kind} = weft.Output()\n"
    source = f"import weft\nfrom datetime import date\nclass T(weft.Signature):\n{body}"

    with pytest.raises(SignatureError, match="named as its type is") as caught:
        exec(compile(source, "t.py", "exec", dont_inherit=True), {"__name__": "t"})
    assert "from __future__ import annotations" in str(caught.value)

"""JSON Schemas that others wrote: read, kept to, and no way to do harm with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pydantic
import pytest

import weft
from tests.timing import growth, steps
from weft.errors import ArtifactError, ParseError, SignatureError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.adapters.schema import object_schema
from weft.pipeline.signature.field import FieldSpec
from weft.pipeline.signature.schema import type_of_schema

Data = dict[str, Any]


def reader(schema: Data) -> weft.Predict[..., Any]:
    kind = Annotated[Any, weft.JsonSchema(schema)]
    made = weft.Predict("text -> value: T", types={"T": kind}, name="read")
    return made.with_(adapter="json")


def takes(module: Any, value: Any) -> bool:
    """Whether a value is of the type as it stands, with nothing mended."""
    try:
        read = adapter_of("json").parse(json.dumps({"value": value}), module.signature)
    except ParseError:
        return False
    assert read.repairs or read.values["value"] == value
    return not read.repairs


def obj(properties: Data, **more: Any) -> Data:
    return {"type": "object", "properties": properties, **more}


CASES: dict[str, tuple[Data, list[Any], list[Any]]] = {
    "definitions": (
        obj(
            {"a": {"$ref": "#/definitions/num"}, "b": {"$ref": "#/definitions/num"}},
            definitions={"num": {"type": "integer", "minimum": 0}},
        ),
        [{"a": 1}, {"a": 1, "b": 2}, {}],
        [{"a": -1}, {"b": "x"}],
    ),
    "$defs that lead to others": (
        obj(
            {"x": {"$ref": "#/$defs/a"}},
            **{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "boolean"}}},
        ),
        [{"x": True}],
        [{"x": 1}],
    ),
    "a place with a slash in its name": (
        {"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"enum": ["k", "l"]}}},
        ["k"],
        ["m", None],
    ),
    "a reference into a property": (
        obj({"a": {"type": "string"}, "b": {"$ref": "#/properties/a"}}),
        [{"b": "x"}],
        [{"b": 1}],
    ),
    "a name of its own": (
        obj(
            {"a": {"$ref": "https://example.org/x.json#/$defs/n"}},
            **{"$id": "https://example.org/x.json", "$defs": {"n": {"const": 1}}},
        ),
        [{"a": 1}],
        [{"a": 2}],
    ),
    "an anchor": (
        obj({"a": {"$ref": "#n"}}, **{"$defs": {"n": {"$anchor": "n", "const": 1}}}),
        [{"a": 1}],
        [{"a": True}],
    ),
    "a tree": (
        obj(
            {
                "v": {"type": "integer"},
                "kids": {"type": "array", "items": {"$ref": "#"}},
            },
            required=["v"],
        ),
        [{"v": 1, "kids": [{"v": 2, "kids": []}]}],
        [{"v": 1, "kids": [{"kids": []}]}],
    ),
    "absent is absent": (
        obj({"a": {"type": "string"}, "b": {"type": "integer"}}, required=["a"]),
        [{"a": "x"}, {"a": "x", "b": 1}],
        [{"b": 1}, {"a": "x", "b": None}],
    ),
    "absent, with a default": (
        obj({"a": {"type": "integer", "default": 3}}),
        [{}, {"a": 4}],
        [{"a": None}],
    ),
    "absent in a list of objects": (
        {"type": "array", "items": obj({"n": {"type": "string"}})},
        [[{}, {"n": "x"}]],
        [[{"n": None}]],
    ),
    "null where it may be": (
        obj({"a": {"type": ["string", "null"]}}, required=["a"]),
        [{"a": None}, {"a": "x"}],
        [{}, {"a": 1}],
    ),
    "properties that nobody named stay": (
        obj({"a": {"type": "string"}}),
        [{"a": "x", "b": [1, None]}],
        [{"a": 1, "b": 2}],
    ),
    "names with spaces, dots, dashes": (
        obj({"unit price": {}, "x.y": {}, "content-type": {}}, required=["x.y"]),
        [{"x.y": 1, "unit price": 2, "content-type": "t"}],
        [{"x_y": 1}],
    ),
    "names that are words of Python": (
        obj({"class": {"type": "string"}, "from": {}, "None": {}}, required=["class"]),
        [{"class": "a", "from": 1}],
        [{"class_": "a"}],
    ),
    "names that classes keep for themselves": (
        obj(
            {"__init__": {}, "_id": {"type": "string"}, "model_config": {}, "copy": {}}
        ),
        [{"_id": "a", "__init__": 1, "model_config": 2, "copy": 3}],
        [{"_id": 1}],
    ),
    "names of JSON Schema itself": (
        obj({"$ref": {"type": "string"}, "enum": {"type": "array"}, "type": {}}),
        [{"$ref": "x", "enum": [], "type": 1}],
        [{"enum": "x"}],
    ),
    "an empty name, and one in another script": (
        obj({"": {"type": "integer"}, "größe": {"type": "integer"}, "ﬁx": {}}),
        [{"": 1, "größe": 2, "ﬁx": 3}],
        [{"": "x"}],
    ),
    "types in a list": (
        {"type": ["integer", "string", "null"]},
        [1, "a", None],
        [1.5, [], {}],
    ),
    "one type in a list": ({"type": ["array"]}, [[], [1]], [{}, "a"]),
    "types of a property in a list": (
        obj({"a": {"type": ["number", "boolean"]}}),
        [{"a": 1}, {"a": 1.5}, {"a": False}],
        [{"a": "1"}, {"a": None}],
    ),
    "no type": ({"minLength": 2}, ["ab", 1, None], ["a"]),
    "a format alone": ({"format": "date"}, ["2026-01-31", 5], ["2026-02-30", "x"]),
    "a moment": (
        {"type": "string", "format": "date-time"},
        ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00.5+02:00"],
        ["2026-01-31", "2026-01-31T25:00:00Z"],
    ),
    "an address": (
        {"type": "string", "format": "email"},
        ["a@example.org"],
        ["example.org", "@"],
    ),
    "numbers of the net": (
        {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
        ["10.0.0.1", "::1"],
        ["10.0.0.256"],
    ),
    "a format that nobody defines": (
        {"type": "string", "format": "colour"},
        ["red"],
        [1],
    ),
    "choices of any kind": ({"enum": [1, "a", None, {"k": [1]}]}, [{"k": [1]}], [True]),
    "true is not one": ({"const": 1}, [1], [True, "1"]),
    "exactly one of several": (
        {"oneOf": [{"type": "integer"}, {"minimum": 2}]},
        [1, 2.5],
        [3, 1.5],
    ),
    "all of several": (
        {"allOf": [obj({"a": {"type": "integer"}}), {"required": ["a"]}]},
        [{"a": 1}],
        [{}, {"a": "x"}],
    ),
    "not": ({"not": {"type": "string"}}, [1, None], ["a"]),
    "if, then, else": (
        {"if": {"type": "integer"}, "then": {"minimum": 5}, "else": {"type": "string"}},
        [5, "a"],
        [4, None],
    ),
    "no further properties": (
        obj({"a": {}}, additionalProperties=False),
        [{"a": 1}, {}],
        [{"b": 1}],
    ),
    "properties by pattern": (
        {
            "type": "object",
            "patternProperties": {r"^x-\w+$": {"type": "integer"}},
            "additionalProperties": {"type": "string"},
        },
        [{"x-a": 1, "b": "c"}],
        [{"x-a": "1"}, {"b": 1}],
    ),
    "properties that nothing looked at": (
        {
            "allOf": [obj({"a": {"type": "integer"}})],
            "patternProperties": {"^x-": {}},
            "unevaluatedProperties": False,
        },
        [{"a": 1, "x-b": 2}],
        [{"a": 1, "b": 2}],
    ),
    "a tuple of draft 7": (
        {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
        [["a"], []],
        [["a", 1], [1]],
    ),
    "a tuple of 2020-12": (
        {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
        [["a"]],
        [["a", 1]],
    ),
    "bounds of draft 4": (
        {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        [0.5],
        [0],
    ),
    "bounds of later drafts": ({"type": "number", "exclusiveMinimum": 0}, [0.5], [0]),
    "dependencies of draft 7": (
        {"type": "object", "dependencies": {"a": ["b"]}},
        [{"a": 1, "b": 2}, {}],
        [{"a": 1}],
    ),
    "tenths": ({"type": "number", "multipleOf": 0.1}, [0.3, 1, 12.7], [0.35]),
    "items that differ": (
        {"type": "array", "uniqueItems": True},
        [[1, True, {"a": 1}, "1"]],
        [[1, 1.0], [{"a": [1]}, {"a": [1]}]],
    ),
    "ASCII digits": ({"type": ["string"], "pattern": r"^\d+$"}, ["12"], ["१२", "a"]),
    "a bracket in a class": ({"type": "string", "pattern": "^[[a]+$"}, ["[a"], ["]"]),
    "what OpenAPI says may be null": (
        obj(
            {
                "a": {"type": "string", "nullable": True},
                "b": {"type": "integer", "nullable": False},
                "c": {"type": "string", "enum": ["x", None], "nullable": True},
                "d": {"type": "array", "items": {}, "nullable": True},
            }
        ),
        [{"a": None}, {"a": "x"}, {"c": None}, {"d": None}, {"d": [None]}],
        [{"a": 1}, {"b": None}, {"c": "y"}, {"d": {}}],
    ),
    "a null as the whole": ({"type": "integer", "nullable": True}, [1, None], ["x"]),
    "schemas that are true and false": (
        obj({"a": True, "b": False}),
        [{"a": 1}, {}],
        [{"b": 1}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_that_fit_are_taken_and_come_back_as_they_were(name: str) -> None:
    """What fits is taken, what does not is refused, and nothing is added or renamed."""
    schema, good, bad = CASES[name]
    module = reader(schema)

    assert [takes(module, value) for value in good] == [True] * len(good)
    assert [takes(module, value) for value in bad] == [False] * len(bad)


@pytest.mark.parametrize("name", CASES)
def test_the_schema_stays_the_users_own(name: str) -> None:
    """It is what a field says, and within the schema of a reply it means the same."""
    schema, good, bad = CASES[name]
    module = reader(schema)

    assert json.dumps(module.spec.outputs["value"].schema) == json.dumps(schema)
    others = {"items", "exclusiveMinimum", "dependencies"}  # not as in 2020-12
    others |= {"multipleOf", "pattern"}  # not to the last digit, and by Python's engine
    if not others & set(schema):
        checker = jsonschema.Draft202012Validator(
            object_schema(module.spec),
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )
        assert all(checker.is_valid({"value": value}) for value in good)
        if "format" not in json.dumps(schema):
            assert not any(checker.is_valid({"value": value}) for value in bad)


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_program_reads_the_same(name: str, tmp_path: Path) -> None:
    """Its types are in the file, and it is saved to the same bytes."""
    schema, good, bad = CASES[name]
    first = weft.save(reader(schema), tmp_path / "read.weft.json")
    # A class where pydantic could have written it, so its values are objects.
    if json.loads(first.read_text("utf-8")).get("live"):
        pytest.skip("said by a class as well")

    loaded = weft.load(first)
    [module] = loaded.modules.values()

    again = weft.save(loaded, tmp_path / "again.weft.json")
    assert again.read_bytes() == first.read_bytes()
    assert all(takes(module, value) for value in good)
    assert not any(takes(module, value) for value in bad)


@pytest.mark.parametrize("name", CASES)
def test_data_is_dumped_and_loaded_unchanged(name: str) -> None:
    """Whatever stands in a value stands in its data."""
    schema, good, _ = CASES[name]
    field = reader(schema).spec.outputs["value"]

    assert [field.dump(field.load(value)) for value in good] == good
    assert [field.dump(field.check(value)) for value in good] == good


@pytest.mark.parametrize("name", CASES)
def test_a_type_is_found_for_each(name: str) -> None:
    """A class where one says the very same schema, else plain data; values go round."""
    schema, good, bad = CASES[name]
    kind, rules = type_of_schema(schema, "x")
    field = FieldSpec("x", "output", kind, "", rules)
    values = [field.load(value) for value in good]

    assert field.schema == schema
    assert [field.load(field.dump(value)) for value in values] == values
    for value in bad:
        with pytest.raises(ValueError, match=r"\w"):
            field.load(value)


def test_what_pydantic_wrote_is_a_class_again() -> None:
    """Where a class says the very same schema, values are objects, as before."""

    class Order(pydantic.BaseModel):
        item: str
        count: int = 1

    kind, rules = type_of_schema(Order.model_json_schema(), "x")

    assert kind.model_validate({"item": "tea"}).count == 1
    assert rules == {}


def test_two_fields_of_one_name_inside_do_not_mix() -> None:
    """Definitions of the same name in two fields stay apart in what is enforced."""
    numbers = {"$ref": "#/$defs/T", "$defs": {"T": {"type": "integer"}}}
    texts = {"$ref": "#/$defs/T", "$defs": {"T": {"type": "string"}}}
    kinds = {
        "A": Annotated[Any, weft.JsonSchema(numbers)],
        "B": Annotated[Any, weft.JsonSchema(texts)],
    }
    module = weft.Predict("text -> a: A, b: B", types=kinds)

    checker = jsonschema.Draft202012Validator(object_schema(module.spec))

    assert checker.is_valid({"a": 1, "b": "x"})
    assert not checker.is_valid({"a": "x", "b": "x"})
    assert not checker.is_valid({"a": 1, "b": 1})


def test_the_model_is_told_the_schema_and_what_was_wrong() -> None:
    """A prompt says the schema in its own words; an error says where, and what came."""
    module = reader(obj({"unit price": {"type": "number", "minimum": 0}}))

    with pytest.raises(ParseError, match=r"unit price: -1 is less than the minimum"):
        module.parse('{"value": {"unit price": -1}}')
    assert '"unit price"' in str(module.prompt(text="?"))


REFUSED: dict[str, tuple[Any, str]] = {
    "a server": ({"$ref": "http://127.0.0.1:9/x.json"}, "leads to nothing in it"),
    "a file": ({"items": {"$ref": "file:///etc/passwd"}}, "leads to nothing in it"),
    "a neighbour": (
        {"$id": "https://example.org/a/b.json", "not": {"$ref": "c.json"}},
        "leads to nothing in it",
    ),
    "nothing": (obj({"a": {"$ref": "#/$defs/gone"}}), "leads to nothing in it"),
    "a number": ({"minimum": 1, "not": {"$ref": "#/minimum"}}, "no JSON Schema"),
    "the dialect of a server": ({"allOf": [{"$ref": "//x/y"}]}, "leads to nothing"),
    "itself": ({"$ref": "#"}, "never ends"),
    "itself, by another": (
        {"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}},
        "never ends",
    ),
    "look-ahead": ({"type": "string", "pattern": "(?=a)b"}, "linear time"),
    "look-behind in a name": (
        {"patternProperties": {"(?<!a)b": {}}},
        "linear time",
    ),
    "a back-reference": (obj({"a": {"pattern": r"(a)\1"}}), "linear time"),
    "an open group": ({"pattern": "(a"}, "linear time"),
    "a pattern that is none": ({"pattern": 5}, "cannot say 'pattern'"),
    "a long pattern": ({"pattern": "a" * 9000}, "longer than"),
    "a large pattern": ({"pattern": "((a{999}){999}){999}"}, "too large patterns"),
    "a type of another language": ({"type": "str"}, "cannot say 'type'"),
    "a length below nothing": ({"maxLength": -1}, "cannot say 'maxLength'"),
    "a bound that is a text": ({"minimum": "0"}, "cannot say 'minimum'"),
    "a division by nothing": ({"multipleOf": 0}, "cannot say 'multipleOf'"),
    "required as a flag": (obj({"a": {"required": True}}), "cannot say 'required'"),
    "properties in a list": ({"properties": ["a"]}, "cannot say 'properties'"),
    "one of nothing": ({"oneOf": []}, "cannot say 'oneOf'"),
    "a list": ([1], "is an object"),
    "the format of a reply": (
        {"name": "n", "strict": True, "schema": obj({"a": {}})},
        "holds one as 'schema'",
    ),
    "a tool of MCP": (
        {"name": "n", "description": "d", "inputSchema": {"type": "object"}},
        "holds one as 'inputSchema'",
    ),
    "a tool of Anthropic's": (
        {"name": "n", "input_schema": obj({})},
        "holds one as 'input_schema'",
    ),
    "a function": (
        {"name": "n", "parameters": obj({"a": {}})},
        "holds one as 'parameters'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_to_is_refused(name: str) -> None:
    """With a typed error that names it, when the schema is given."""
    schema, said = REFUSED[name]

    with pytest.raises(SignatureError, match=said):
        weft.JsonSchema(schema)


def test_rules_stand_in_the_schema_alone() -> None:
    """A rule beside it would be one that the model is not told."""
    with pytest.raises(SignatureError, match="stand in the schema"):

        class Read(weft.Signature):
            text: str = weft.Input()
            n: Annotated[int, weft.JsonSchema({"type": "integer"})] = weft.Output(ge=1)


def test_nested_marks_work_where_a_type_holds_them() -> None:
    """A schema may stand for an item of a list, and for a field of a model."""

    class Page(pydantic.BaseModel):
        meta: Annotated[dict[str, Any], weft.JsonSchema(obj({"a b": {"type": "null"}}))]

    module = weft.Predict("text -> pages: P", types={"P": list[Page]})
    module = module.with_(adapter="json")

    assert module.parse('{"pages": [{"meta": {"a b": null}}]}').pages[0].meta == {
        "a b": None
    }
    with pytest.raises(ParseError):
        module.parse('{"pages": [{"meta": {"a b": 1}}]}')


def test_references_need_the_whole_field() -> None:
    """Within a larger type they would lead elsewhere."""
    tree = obj({"kids": {"type": "array", "items": {"$ref": "#"}}})
    kind = list[Annotated[dict[str, Any], weft.JsonSchema(tree)]]

    with pytest.raises(SignatureError, match="the type of a whole field"):
        weft.Predict("text -> trees: T", types={"T": kind})


# Files that somebody prepared --------------------------------------------------


def prepared(folder: Path, change: Callable[[Data], None]) -> Path:
    """An artifact whose schemas were edited, and which says that this is meant."""
    inner = weft.Predict("text -> found: int", name="inner")

    @weft.program
    def made(text: str) -> Any:
        return inner(text=text).found

    path = weft.save(made, folder / "made.weft.json")
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps({**data, "digest": ""}), "utf-8")
    return path


def output(data: Data) -> Data:
    fields: list[Data] = data["program"]["modules"]["inner"]["fields"]
    return fields[1]


LOOKING = {"type": "string", "pattern": "(?=a)b"}
TITLED = {"title": "X", "type": "string", "pattern": "(?=a)b"}
HIDDEN: dict[str, Data] = {
    "in a class": {"title": "T", "type": "object", "properties": {"x": LOOKING}},
    "in a class with titles": {
        "title": "T",
        "type": "object",
        "properties": {"x": TITLED},
        "required": ["x"],
    },
    "at the top": LOOKING,
    "in a list": {"type": "array", "items": LOOKING},
    "in a choice of types": {"anyOf": [LOOKING, {"type": "null"}]},
    "in the values of a dict": {"type": "object", "additionalProperties": LOOKING},
    "in the keys of a dict": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "propertyNames": LOOKING,
    },
    "in a definition": {
        "$defs": {"T": {"title": "T", "type": "object", "properties": {"x": LOOKING}}},
        "type": "array",
        "items": {"$ref": "#/$defs/T"},
    },
}


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("where", ["output", "input", "result"])
def test_a_pattern_that_no_engine_takes_is_an_artifact_error(
    name: str, where: str, tmp_path: Path
) -> None:
    """Wherever it stands, loading and showing say so, or show what they can."""

    def change(data: Data) -> None:
        if where == "output":
            output(data)["schema"] = HIDDEN[name]
        elif where == "input":
            data["program"]["inputs"][0]["schema"] = HIDDEN[name]
        else:
            data["returns"] = HIDDEN[name]

    path = prepared(tmp_path, change)

    with pytest.raises(ArtifactError, match="linear time"):
        weft.load(path)
    assert "made(" in weft.show(path)


def heavy(n: int) -> Data:
    return {"type": "string", "pattern": rf"^\w{{1,200}}$|x{n}"}


def named(n: int) -> Data:
    return {"name": f"f{n}", "role": "output", "schema": heavy(n)}


def many_outputs(data: Data) -> None:
    data["program"]["modules"]["inner"]["fields"] += map(named, range(30))


def many_inputs(data: Data) -> None:
    data["program"]["inputs"] += [{**named(n), "role": "input"} for n in range(30)]


def many_modules(data: Data) -> None:
    module = data["program"]["modules"]["inner"]
    for n in range(30):
        fields = [module["fields"][0], named(n)]
        data["program"]["modules"][f"inner{n}"] = {**module, "fields": fields}


def many_names(data: Data) -> None:
    names = {heavy(n)["pattern"]: {} for n in range(30)}
    output(data)["schema"] = {"type": "object", "patternProperties": names}


def many_in_programs(data: Data) -> None:
    many_outputs(data)
    inner = json.loads(json.dumps(data["program"]))
    data["program"]["modules"]["inner"]["fields"] = inner["modules"]["inner"]["fields"][
        :2
    ]
    data["program"]["programs"] = {"nested": inner}


def many_choices(data: Data) -> None:
    for n in range(12):
        schema = {"enum": [f"{n} {i}" for i in range(9000)]}
        field = {"name": f"f{n}", "role": "output", "schema": schema}
        data["program"]["modules"]["inner"]["fields"].append(field)


def one_long(data: Data) -> None:
    output(data)["schema"] = {"type": "string", "pattern": "a|" * 5000}


@pytest.mark.parametrize(
    "change",
    [
        *(many_outputs, many_inputs, many_modules, many_names, many_in_programs),
        *(many_choices, one_long),
    ],
    ids=lambda change: change.__name__,
)
def test_the_schemas_of_a_file_have_one_allowance(
    change: Callable[[Data], None], tmp_path: Path
) -> None:
    """Each of them may be small; together they are refused before one is compiled."""
    path = prepared(tmp_path, change)

    for use in (weft.load, weft.show):
        with pytest.raises(ArtifactError, match=r"too large patterns|longer than"):
            use(path)


def test_what_a_program_needs_is_allowed(tmp_path: Path) -> None:
    """A pattern that many fields share is weighed once; what is saved can be loaded."""
    kind = Annotated[str, pydantic.Field(pattern=r"^\w{1,60}$")]
    fields = ", ".join(f"f{n}: K" for n in range(40))
    module = weft.Predict(f"text -> {fields}", types={"K": kind})

    loaded = weft.load(weft.save(module, tmp_path / "many.weft.json"))

    assert len(loaded.modules) == 1


ALIKE: dict[str, Callable[[int], list[Any]]] = {
    "a letter and marks": lambda n: [f"a{'!' * k}" for k in range(1, n + 1)],
    "marks alone": lambda n: ["!" * k for k in range(1, n + 1)],
    "capitals": lambda n: [
        "".join(c.upper() if k >> i & 1 else c for i, c in enumerate("abcdefghijklm"))
        for k in range(n)
    ],
    "numbers and their negatives": lambda n: [*range(n // 2), *range(-n // 2, 0)],
    "spaces": lambda n: [f"a{' ' * k}b" for k in range(1, n + 1)],
    "names that were given": lambda n: [
        *(f"a_{k}" for k in range(2, n // 2)),
        *(f"A{'!' * k}" for k in range(1, n // 2)),
    ],
}


@pytest.mark.parametrize("name", ALIKE)
def test_an_enum_is_named_in_linear_time(name: str, tmp_path: Path) -> None:
    """However alike its values are."""

    def taken(n: int) -> int:
        kind = "integer" if "numbers" in name else "string"

        def change(data: Data) -> None:
            data["program"]["inputs"][0]["schema"] = {
                "$defs": {"E": {"enum": ALIKE[name](n), "title": "E", "type": kind}},
                "$ref": "#/$defs/E",
            }

        path = prepared(tmp_path, change)
        return steps(lambda: weft.load(path), ArtifactError)

    # Twice eight times as much at the most: reading the file is part of both.
    assert growth(taken, 250) < 16


class Number(pydantic.BaseModel):
    n: int


LONG: dict[str, tuple[Any, Any]] = {
    "numbers": (list[int], "a"),
    "numbers in lists": (list[list[int]], ["a"]),
    "objects": (list[Number], {"n": "a"}),
    "several types": (list[int | bool], "a"),
    "choices": (list[Literal["x", "y"]], "a"),
    "nothing or numbers": (list[int] | None, "a"),
    "a set": (set[int], "a"),
    "of a schema": (
        Annotated[
            list[Any], weft.JsonSchema({"items": {"anyOf": [{"type": "integer"}]}})
        ],
        "a",
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_reply_that_is_wrong_throughout_costs_little(name: str) -> None:
    """Its first fault is told, and not an object of each made."""
    kind, bad = LONG[name]
    module = weft.Predict("text -> xs: K", types={"K": kind}).with_(adapter="json")
    text = json.dumps({"xs": [bad] * 4000})

    with pytest.raises(ParseError):
        module.parse(text)
    assert steps(lambda: module.parse(text), ParseError) < 4000 * 60


def test_the_number_of_faults_stands_for_very_many() -> None:
    """Where pydantic counted thousands, the error says how many."""
    module = weft.Predict("text -> xs: dict[str, int]").with_(adapter="json")
    text = json.dumps({"xs": {f"k{n}": "a" for n in range(2000)}})

    with pytest.raises(ParseError, match="2,000 values in it are wrong"):
        module.parse(text)


def doubling(levels: int) -> Data:
    """A schema that asks each part of a value twice as often as the one above."""
    inner = {"properties": {"a": {"$ref": "#"}}}
    return {"allOf": [inner, inner]} if levels else {}


def test_a_schema_that_doubles_at_each_level_ends() -> None:
    """The work on a value is counted, so that two to the power of its depth is none."""
    value: Any = {}
    for _ in range(60):
        value = {"a": value}
    module = reader(doubling(1))

    with pytest.raises(ParseError, match="more steps"):
        module.parse(json.dumps({"value": value}))


@pytest.mark.parametrize(
    ("schema", "unit"),
    [
        ({"uniqueItems": True}, lambda n: {"k": n}),
        ({"items": {"enum": [str(n) for n in range(500)]}}, lambda n: str(n % 500)),
        ({"contains": {"const": -1}}, lambda n: n),
        ({"items": {"pattern": "(a+)+$"}}, lambda n: "aaaaaaaa"),
        ({"unevaluatedItems": {"type": "integer"}}, lambda n: n),
    ],
)
def test_work_grows_no_faster_than_a_value(
    schema: Data, unit: Callable[[int], Any]
) -> None:
    """Long lists are checked item by item, and never each with each."""
    module = reader({"type": "array", **schema})

    def taken(n: int) -> int:
        text = json.dumps({"value": [unit(i) for i in range(n)]})
        return steps(lambda: module.parse(text), ParseError)

    assert growth(taken, 200) < 12

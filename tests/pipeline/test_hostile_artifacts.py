"""Artifacts that nobody vouches for: data stays data, and nonsense costs little.

That loading one imports, runs, opens and connects to nothing is goal 27, in
tests/goals/test_goals_artifacts.py.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline import saved
from tests.timing import bounded, steps
from weft.errors import ArtifactError
from weft.pipeline.artifact.load import parse_artifact
from weft.pipeline.artifact.rebuild import rebuilt
from weft.pipeline.graph.program import as_program

ROOT = Path(__file__).resolve().parents[2]
Data = dict[str, Any]


def text_of(program: weft.Program[..., Any], folder: Path) -> str:
    return weft.save(program, folder / "x.weft.json").read_text("utf-8")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """A file that loads, as data, its digest empty so that edits are accepted."""
    folder = tmp_path_factory.mktemp("hostile")
    found: Data = json.loads(text_of(saved.with_demos(saved.triage), folder))
    return {**found, "digest": ""}


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """As `good`, with steps, nesting and nested types."""
    found: Data = json.loads(
        text_of(saved.checked_qa, tmp_path_factory.mktemp("hostile"))
    )
    return {**found, "digest": ""}


def load(data: Data | str) -> weft.Program[..., Any]:
    text = data if isinstance(data, str) else json.dumps(data)
    return rebuilt(parse_artifact(text, "x.weft.json"), [saved.search], "x.weft.json")


def changed(data: Data, path: str, value: Any) -> Data:
    """A copy with one value set; numbers in the path are positions."""
    made = copy.deepcopy(data)
    at: Any = made
    *before, last = [int(p) if p.isdigit() else p for p in path.split("/")]
    for part in before:
        at = at[part]
    at[last] = value
    return made


MODULE = "program/modules/triage"
TEAM = f"{MODULE}/fields/2/schema"


def model(properties: Data, **more: Any) -> Data:
    return {"type": "object", "title": "M", "properties": properties, **more}


def doubling(levels: int) -> Data:
    """A schema whose written-out size is two to the power of its depth."""
    inner = {"$ref": "#/$defs/M1"}
    defs = {
        f"M{n}": model(
            {"a": {"$ref": f"#/$defs/M{n + 1}"}, "b": {"$ref": f"#/$defs/M{n + 1}"}},
            required=["a", "b"],
        )
        for n in range(1, levels)
    }
    defs[f"M{levels}"] = model({"a": {"type": "string"}})
    return {"$defs": defs, **inner}


SCHEMAS: dict[str, Any] = {
    "recursive": {
        "$defs": {"M": model({"m": {"$ref": "#/$defs/M"}})},
        "$ref": "#/$defs/M",
    },
    "loop of references": {"$defs": {"M": {"$ref": "#/$defs/M"}}, "$ref": "#/$defs/M"},
    "lists of lists by reference": {
        "$defs": {
            f"A{n}": {
                "type": "array",
                "prefixItems": [{"$ref": f"#/$defs/A{n + 1}"}] * 2,
            }
            for n in range(28)
        },
        "$ref": "#/$defs/A0",
    },
    "reference to a file": {"$ref": "file:///etc/passwd"},
    "reference to a server": {"$ref": "http://127.0.0.1:9/x.json"},
    "missing reference": {"$ref": "#/$defs/Gone"},
    "reference to nothing": {"$ref": None},
    "definitions that are none": {"$defs": [1], "$ref": "#/$defs/0"},
    "two to the power of 25 parts": doubling(25),
    "deep": json.loads(
        '{"type":"array","items":' * 40 + '{"type":"string"}' + "}" * 40
    ),
    "many parts": {"anyOf": [{"type": "string", "maxLength": n} for n in range(5000)]},
    "many choices": {"enum": list(range(20_000))},
    "choices that are no data": {"enum": [{"a": 1}]},
    "no choices": {"enum": []},
    "class in an import": {"type": "object", "$python": "os:system"},
    "unknown type": {"type": "code"},
    "type that is a list": {"type": ["string", "null"]},
    "unknown format": {"type": "string", "format": "uri-template"},
    "look-around, which needs a slow engine": {"type": "string", "pattern": "(?=a)b"},
    "pattern that grows": {"type": "string", "pattern": "((a{999}){999}){999}"},
    "pattern that is none": {"type": "string", "pattern": "("},
    "pattern that is a number": {"type": "string", "pattern": 5},
    "length that is a text": {"type": "string", "maxLength": "x"},
    "length below nothing": {"type": "string", "maxLength": -1},
    "length beyond all": {"type": "string", "maxLength": 10**300},
    "bound that is a list": {"type": "integer", "minimum": [1]},
    "bound of nothing": {"type": "integer", "multipleOf": 0},
    "base class": model({"__base__": {"type": "string"}}),
    "settings of the class": model({"__config__": {"type": "string"}}),
    "settings by another name": model({"model_config": {"type": "string"}}),
    "validators": model({"__validators__": {"type": "string"}}),
    "private property": model({"_x": {"type": "string"}}),
    "keyword": model({"class": {"type": "string"}}),
    "no identifier": model({"a b": {"type": "string"}}),
    "an identifier that Python reads as another": model({"ﬁx": {"type": "string"}}),
    "long name": model({"x" * 100_000: {"type": "string"}}),
    "long title": {**model({"a": {"type": "string"}}), "title": "x" * 100_000},
    "title that moves the cursor": {**model({"a": {}}), "title": "M\x1b[2J"},
    "title that turns text around": {**model({"a": {}}), "title": "M\u202e"},
    "title that is a list": {**model({"a": {}}), "title": ["M"]},
    "properties that are a list": {"type": "object", "properties": ["a"]},
    "required that is a number": model({"a": {"type": "string"}}, required=3),
    "default of another type": model({"a": {"type": "integer", "default": "x"}}),
    "property that is no schema": model({"a": "string"}),
    "tagged by nothing": {"oneOf": [model({"a": {}})], "discriminator": {}},
    "tag that no part has": {
        "oneOf": [model({"a": {"type": "string"}}), model({"b": {"type": "string"}})],
        "discriminator": {"propertyName": "kind"},
    },
    "no schema": "string",
    "schema of nothing": None,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_hostile_type_is_refused(name: str, good: Data) -> None:
    """It is an ArtifactError, before much was done about it."""
    data = changed(good, TEAM, SCHEMAS[name])
    data["program"]["modules"]["triage"]["demos"] = []

    with pytest.raises(ArtifactError):
        bounded(lambda: load(data))

    entries = len(json.dumps(SCHEMAS[name]))
    assert steps(lambda: load(data), ArtifactError) < 20_000 + 20 * entries


FILES: dict[str, tuple[str, Any]] = {
    "endpoint in sampling": (f"{MODULE}/sampling", {"api_base": "http://evil"}),
    "key in sampling": (f"{MODULE}/sampling", {"api_key": "sk-1"}),
    "headers in sampling": (f"{MODULE}/sampling", {"headers": {"X": "y"}}),
    "model in sampling": (f"{MODULE}/sampling", {"model": "evil/model"}),
    "body in sampling": (f"{MODULE}/sampling", {"extra": {"a": 1}}),
    "no number of tokens": (f"{MODULE}/sampling", {"max_tokens": "all"}),
    "model": (f"{MODULE}/lm", "evil/model"),
    "unknown key": ("program/run", "import os"),
    "unknown key at the top": ("setup", "import os"),
    "unknown kind": (f"{MODULE}/kind", "os.system"),
    "kind that is abstract": (f"{MODULE}/kind", "Module"),
    "private kind": (f"{MODULE}/kind", "__class__"),
    "repairs without end": (f"{MODULE}/repairs", 10**9),
    "repairs below nothing": (f"{MODULE}/repairs", -1),
    "unknown adapter": (f"{MODULE}/adapter", "jinja"),
    "result that is no output": (f"{MODULE}/returns", "message"),
    "demo of another field": (f"{MODULE}/demos/0/values", {"evil": 1}),
    "demo of another type": (f"{MODULE}/demos/0/values", {"team": 7}),
    "instruction that is a text": (f"{MODULE}/instruction", "x"),
    "name with a path": ("name", "../../etc/passwd"),
    "name that moves the cursor": ("name", "\x1b[2Jtriage"),
    "name that is empty": ("name", ""),
    "name without end": ("name", "x" * 10_000),
    "field with a space": (f"{MODULE}/fields/0/name", "a b"),
    "field that is a keyword": (f"{MODULE}/fields/0/name", "import"),
    "field that is private": (f"{MODULE}/fields/0/name", "__class__"),
    "field of full width": (f"{MODULE}/fields/0/name", "ｍｅｓｓａｇｅ"),
    "field that is there twice": (f"{MODULE}/fields/0/name", "team"),
    "input with a space": ("program/inputs/0/name", "a b"),
    "input that is there twice": ("program/inputs/0/name", "loud"),
    "input that is an output": ("program/inputs/0/role", "output"),
    "default of another type": (f"{MODULE}/fields/1/default", "yes"),
    "attribute of an object": ("program/output", {"take": ["triage", "__class__"]}),
    "private attribute": ("program/output", {"take": ["triage", "_x"]}),
    "value from nowhere": ("program/output", {"take": ["gone"]}),
    "binding of another kind": ("program/output", {"eval": "1+1"}),
    "node that calls nothing": ("program/nodes/0/target", "gone"),
    "node of another kind": ("program/nodes/0/kind", "shell"),
    "node that lacks its input": ("program/nodes/0/in", {}),
    "node with one input too many": (
        "program/nodes/0/in/evil",
        {"const": 1},
    ),
    "nodes that are a number": ("program/nodes", 7),
    "node that is a text": ("program/nodes/0", "x"),
    "old format": ("format", "pickle"),
    "format of tomorrow": ("format", "weft.program/99999999999999999999"),
    "format that is a number": ("format", 1),
    "digest of something else": ("digest", "sha256:00"),
    "digest that is a number": ("digest", 7),
    "program that is a list": ("program", []),
    "step that nobody passed": ("program/steps", {"os.system": "(command)"}),
    "signature of another hash": (f"{MODULE}/signature_hash", "0" * 64),
    "result of an unknown type": ("returns", {"type": "code"}),
}


@pytest.mark.parametrize("name", FILES)
def test_a_smuggled_part_is_refused(name: str, good: Data) -> None:
    """Whatever the format does not know, or a value that cannot be, is refused."""
    with pytest.raises(ArtifactError) as caught:
        load(changed(good, *FILES[name]))

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500


def test_an_unlikely_but_honest_type_is_loaded(good: Data) -> None:
    """A thing of two to the power of 12 parts is small as long as it is shared."""
    data = changed(good, TEAM, doubling(12))
    data["program"]["modules"]["triage"]["demos"] = []

    with pytest.raises(ArtifactError, match="cannot be rebuilt exactly"):
        load(data)  # its hash is another's, which is all that is wrong

    assert steps(lambda: load(data), ArtifactError) < 300_000


def test_catastrophic_patterns_take_linear_time(tmp_path: Path) -> None:
    """A pattern that keeps Python's engine busy for years is checked in no time."""

    class Bomb(weft.Signature):
        text: str = weft.Input()
        code: str = weft.Output(pattern=r"^(a+)+$")

    program = as_program(weft.Predict(Bomb, name="bomb"))
    loaded = weft.load(weft.save(program, tmp_path / "bomb.weft.json"))
    reply = "[[ code ]]\n" + "a" * 50_000 + "!\n[[ /end ]]"
    parse = loaded.modules["bomb"].parse

    with pytest.raises(weft.errors.ValidationError):
        parse(reply)

    bounded(lambda: parse(reply), weft.errors.ValidationError)


# Size ---------------------------------------------------------------------------------

MB = 1024 * 1024


def nonsense() -> Iterator[tuple[str, str]]:
    head = '{"format": "weft.program/1", "name": "x", "digest": "", "program": '
    inputs = '{"inputs": [], "nodes": [], "output": {}, "modules": {"m": '
    yield "zeros", "\0" * 10 * MB
    yield "spaces", " " * 10 * MB
    yield "brackets", "[" * 10 * MB
    yield "braces", '{"a":' * (2 * MB)
    yield "8 MB of brackets", "[" * (8 * MB - 1)
    yield "digits", "1" * (8 * MB - 1)
    yield "a huge exponent", "1e" + "9" * 100
    yield "a list of a million", "[" + "1," * MB + "1]"
    yield "a list of four million", "[" + "1," * (4 * MB - 4) + "1]"
    yield "empty lists", "[" + "[]," * (2 * MB) + "1]"
    yield "600,000 keys", "{" + ",".join(f'"{n}":1' for n in range(600_000)) + "}"
    yield "390,000 keys", "{" + ",".join(f'"{n}":1' for n in range(390_000)) + "}"
    yield "doubled keys", "{" + '"a":1,' * MB + '"a":1}'
    yield "a million demos", head + inputs + '{"demos": [' + "1," * MB + "1]}}}}"
    yield "unknown keys", head[:-1] + "{" + '"k' * 3 + '": 1}}'
    yield (
        "100,000 wrong demos",
        head + inputs + '{"demos": [' + "1," * 100_000 + "1]}}}}",
    )
    yield (
        "100,000 unknown keys",
        head + "{" + ",".join(f'"k{n}": 1' for n in range(100_000)) + "}}",
    )
    yield "escapes", '"' + "\\u0041" * (MB + MB // 4) + '"'
    yield "half an escape", '"\\ud800"'
    yield "not a number", '{"format": NaN}'
    yield "a doubled format", '{"format": "weft.program/1", "format": "x"}'
    yield "random bytes", random.Random(0).randbytes(8 * MB).decode("latin-1")
    yield "a page", "<!DOCTYPE html>" * 500_000


NONSENSE = dict(nonsense())


@pytest.mark.parametrize("name", NONSENSE)
def test_megabytes_of_nonsense_are_refused_in_linear_work(
    name: str, tmp_path: Path
) -> None:
    """A step or two a character, and none behind the first thing that none has."""
    path = tmp_path / "x.weft.json"
    path.write_text(NONSENSE[name], "utf-8")

    with pytest.raises(ArtifactError) as caught:
        weft.load(path)

    assert len(str(caught.value)) < 1000
    taken = steps(lambda: weft.load(path), ArtifactError)
    assert taken < 2_000 + 10 * path.stat().st_size
    bounded(lambda: weft.load(path), ArtifactError)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/", "/nowhere/x"])
def test_what_is_no_file_is_refused(path: str) -> None:
    """A device without an end is read no further than an artifact goes."""
    with pytest.raises(ArtifactError):
        weft.load(path)


def test_random_edits_are_refused_or_loaded(good: Data, rich: Data) -> None:
    """1,000 edits anywhere in a file: an ArtifactError or a program, nothing else."""
    rng = random.Random(7)
    values: list[Any] = [
        *(None, True, -1, 0, 1.5, 10**400, "", "x", "__class__", "a b", [], {}),
        *([None], [[]], {"take": ["x"]}, {"const": 1}, {"type": "string"}, "\u202e"),
        *({"$ref": "#/$defs/x"}, {"enum": [1, 1]}, {"anyOf": []}, ["a", "a"]),
    ]
    outcomes = {"loaded": 0, "refused": 0}
    for _ in range(1000):
        data = copy.deepcopy(rng.choice((good, rich)))
        spot = rng.choice(list(_spots(data)))
        spot(rng.choice(values))
        try:
            load(data)
            outcomes["loaded"] += 1
        except ArtifactError:
            outcomes["refused"] += 1

    assert outcomes["refused"] > 500
    assert outcomes["loaded"] > 25


def _spots(data: Any) -> Iterator[Callable[[Any], None]]:
    """Every place of a tree, as what puts another value there."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield lambda value, key=key: data.__setitem__(key, value)
        if isinstance(data[key], dict | list):
            yield from _spots(data[key])


MOOD = weft.Predict("text -> mood: Literal['a', 'b']", name="mood")
WHY = weft.Predict("text -> why", name="why")


@weft.program
def regions(texts: list[str], text: str) -> tuple[str, list[str]]:
    """Every kind of body."""
    moods = weft.each(texts, lambda one: MOOD(text=one).mood)
    first = MOOD(text=text).mood
    said = weft.switch(
        first, {"a": lambda: WHY(text=text).why, "b": lambda: WHY(text=first).why}
    )
    return said, moods


EACH = "program/nodes/0"
MISSHAPEN = {
    "a body that is none": (f"{EACH}/bodies/0", [None]),
    "bodies that are none": (f"{EACH}/bodies", {"body": 1}),
    "a body without a name": (f"{EACH}/bodies/0/name", None),
    "parameters that are none": (f"{EACH}/bodies/0/params", None),
    "a body that gives nothing": (f"{EACH}/bodies/0/output", 3),
    "a target that is a list": (f"{EACH}/target", ["x"]),
    "an id that is a number": (f"{EACH}/id", 7),
    "a kind that is a mapping": (f"{EACH}/kind", {}),
    "arguments that are a text": (f"{EACH}/in", "\u202e"),
    "options that are a list": (f"{EACH}/options", [[]]),
    "an order that is a number": (f"{EACH}/after", 1),
    "a node within that is a text": (f"{EACH}/bodies/0/nodes", ["mood"]),
}


@pytest.mark.parametrize("what", MISSHAPEN)
def test_a_node_of_another_shape_is_shown_and_compared_as_an_error(
    what: str, tmp_path: Path
) -> None:
    """Words and differences are made of files that nobody could load, too."""
    honest, odd = tmp_path / "honest.weft.json", tmp_path / "odd.weft.json"
    data = {**json.loads(text_of(regions, tmp_path)), "digest": ""}
    honest.write_text(json.dumps(data), encoding="utf-8")
    odd.write_text(json.dumps(changed(data, *MISSHAPEN[what])), encoding="utf-8")

    assert "each" in weft.show(honest)
    for work in (weft.load, weft.show, lambda path: weft.diff(honest, path)):
        with pytest.raises(ArtifactError, match=r"odd\.weft\.json"):
            work(odd)

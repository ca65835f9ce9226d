"""Where a value ends that fills the gap of a template: not at what it may hold."""

from __future__ import annotations

import datetime
import enum
import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pydantic
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import weft
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.adapters.cloze import ClozeAdapter
from weft.pipeline.artifact.diff import diff
from weft.pipeline.lm.as_json import request_to_json
from weft.pipeline.lm.form import form_of
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import Signature, spec_of

GOLDEN = Path(__file__).parent / "golden" / "cloze-2.json"


class Grade(enum.Enum):
    FIRST = "v1"
    SECOND = "v1.5"
    THIRD = "St. Gallen"


class Place(pydantic.BaseModel):
    name: str
    height: float | None


texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\r<[\x00\ufeff"), max_size=30
)
own = st.sampled_from(
    ["Mr. Smith", "Dr.", '"Hi."', "a - b", "10:30", "five stars", "x\n\ny"]
)
dates = st.dates()
whens = st.datetimes(timezones=st.none() | st.just(datetime.UTC))
floats = st.floats(allow_nan=False, allow_infinity=False)
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=2)
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "str": (str, texts | own),
    "str | None": (str | None, st.none() | texts | own),
    "int": (int, st.integers()),
    "int | None": (int | None, st.none() | st.integers()),
    "int | str": (int | str, st.integers() | own),
    "float": (float, floats),
    "float | None": (float | None, st.none() | floats),
    "Decimal": (Decimal, decimals),
    "Decimal | None": (Decimal | None, st.none() | decimals),
    "bool": (bool, st.booleans()),
    "bool | None": (bool | None, st.none() | st.booleans()),
    "date": (datetime.date, dates),
    "date | None": (datetime.date | None, st.none() | dates),
    "datetime": (datetime.datetime, whens),
    "time": (datetime.time, st.times()),
    "timedelta": (datetime.timedelta, st.timedeltas()),
    "UUID": (UUID, st.uuids()),
    "Path": (Path, st.sampled_from([Path("my. notes/a.txt"), Path("b")])),
    "Literal": (Literal["v1", "v1.5", "a: b"], st.sampled_from(["v1", "v1.5", "a: b"])),
    "Literal of numbers": (Literal[1, 15, -1], st.sampled_from([1, 15, -1])),
    "Literal | None": (
        Literal["v1", "v1.5"] | None,
        st.sampled_from([None, "v1", "v1.5"]),
    ),
    "Enum": (Grade, st.sampled_from(Grade)),
    "list[str]": (list[str], st.lists(texts | own, max_size=4)),
    "list[float]": (list[float], st.lists(floats, max_size=4)),
    "dict": (dict[str, int], st.dictionaries(texts | own, st.integers(), max_size=3)),
    "Place": (Place, st.builds(Place, name=texts | own, height=st.none() | floats)),
    "list | None": (list[int] | None, st.none() | st.lists(st.integers(), max_size=3)),
    "int | list[str]": (int | list[str], st.integers() | st.lists(own, max_size=2)),
}
CLOSINGS = (
    *("", ".", ".\n", "...", ":", " -", "-", ",", ";", "\n", "%", "e", "T", "]", '"'),
    *(" stars.", "; so. And more", ".5", "5", ". Then\nnext", "}.", "\n\nThe end."),
)


def contract(kind: Any) -> type[Signature]:
    """A signature with one output of a type."""
    return make_signature("x -> y: Kind", types={"Kind": kind})


def shown(adapter: ClozeAdapter, signature: type[Signature], data: Any) -> str:
    """What a demo shows from its gap on."""
    spec = spec_of(signature)
    demo = weft.Demo({"x": "It", "y": data})
    laying = adapter.laying(spec, "", (demo,), "", remind=True)
    messages = laying.turns({"x": "It"})
    head, behind = "It is ", "\n\nIt is"
    text = messages[0].text
    assert text.startswith(head)
    assert text.endswith(behind)
    return text[len(head) : -len(behind)]


def streamed(adapter: ClozeAdapter, signature: type[Signature], text: str) -> str:
    """What is given out of a reply that comes one character at a time."""
    reader = adapter.reader(spec_of(signature), "")
    came = [delta.text for char in text for delta in reader.feed(char)]
    return "".join([*came, *(delta.text for delta in reader.close())])


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_a_demo_shows_is_read_again(kind: str, data: st.DataObject) -> None:
    """Whole, as far as a stop sequence lets it come, and a character at a time."""
    annotation, values = VALUES[kind]
    signature, value = contract(annotation), data.draw(values)
    closing = data.draw(st.sampled_from(CLOSINGS))
    field = spec_of(signature).outputs["y"]
    adapter = adapter_of(f"cloze/2:stop,text|[x] is [z]{closing}")
    assert isinstance(adapter, ClozeAdapter)
    written = field.dump(value)
    assume(field.load(written) == value)
    # Of "v1.5" nobody knows whether it is that, or "v1" in "[z].5".
    assume(f"{written}{closing}" not in map(str, field.options))

    whole = shown(adapter, signature, written) + "\n\nIt is"
    ends = [
        at for s in adapter.stops(spec_of(signature), "") if (at := whole.find(s)) >= 0
    ]

    assert adapter.parse(whole, signature).values == {"y": value}
    told = streamed(adapter, signature, whole)
    assert told == value if field.plain and isinstance(value, str) else told
    stopped = whole[: min(ends)]
    try:
        assert adapter.parse(stopped, signature).values == {"y": value}
    except ParseError:
        # Where words close the gap it may be stopped within quotes: no value.
        assert stopped[:1] == '"'


@pytest.mark.parametrize("kind", ["str", "float", "Literal", "list[str]", "str | None"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_pieces_add_up_to_what_is_read(kind: str, data: st.DataObject) -> None:
    """However a reply looks, and in both editions: or the reply is refused."""
    signature = contract(VALUES[kind][0])
    alphabet = st.sampled_from([*'ab1.5:;"[]\n ', "v1", "null", ".\n", "stars", "\n\n"])
    reply = "".join(data.draw(st.lists(alphabet, max_size=14)))
    closing = data.draw(st.sampled_from(CLOSINGS))
    edition = data.draw(st.sampled_from((1, 2)))
    adapter = adapter_of(f"cloze/{edition}:text|[x] is [z]{closing}")
    try:
        value = adapter.parse(reply, signature).values["y"]
    except ParseError:
        return

    told = streamed(adapter, signature, reply)  # type: ignore[arg-type]
    field = spec_of(signature).outputs["y"]
    if field.plain and not field.choices:
        assert told == value
    else:
        bare = adapter_of(f"cloze/{edition}:text|[x] is [z]")
        assert not told or bare.parse(told, signature).values == {"y": value}


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize(
    ("kind", "closing", "reply", "told"),
    [
        (float, '"', '1""', "1"),
        (float | None, '"', '1" "a"', "1"),
        (datetime.date, '"', '2024-01-02""', "2024-01-02"),
        (Literal["v1", "v1.5"], "", "v1.\n5", "v1.\n5"),
    ],
)
def test_what_is_told_ends_where_the_value_does(
    kind: Any, closing: str, reply: str, told: str, edition: int
) -> None:
    """A quote behind a value's beginning opens no text; a choice is told as it came."""
    adapter = adapter_of(f"cloze/{edition}:text|[x] is [z]{closing}")
    signature = contract(kind)
    assert isinstance(adapter, ClozeAdapter)

    assert streamed(adapter, signature, reply) == told
    bare = adapter_of(f"cloze/{edition}:text|[x] is [z]")
    assert adapter.parse(reply, signature) == bare.parse(told, signature)


FIRST = "cloze/1:stop,text|[x] It is [z]{}"


@pytest.mark.parametrize(
    ("kind", "closing", "reply", "value"),
    [
        (float, ".", " 1.5. And more", 1.5),
        (float, ".", " 1. And more", 1.0),
        (float, ".", " 1.5\n\nIt", 1.5),
        (int, ".", " 1", 1),
        (float | None, ".", " null", None),
        (str, ".", " Mr", "Mr"),
        (str, ".", " great. And more", "great"),
        (Literal["v1", "v1.5"], ".", " v1.5. And more", "v1.5"),
        (Literal["v1", "v1.5"], ".", " V1. And more", "v1"),
        (list[str], ".", ' ["Mr. Smith", "b"]. And', ["Mr. Smith", "b"]),
        (list[str], ".", ' ["b"]', ["b"]),
        (datetime.date, "-", " 2024-01-02- so", datetime.date(2024, 1, 2)),
    ],
)
def test_the_first_edition_reads_what_plainly_stands_there(
    kind: Any, closing: str, reply: str, value: Any
) -> None:
    """Something behind its end shows that it is whole, or its type does."""
    adapter = adapter_of(FIRST.format(closing))

    assert adapter.parse(reply, contract(kind)).values == {"y": value}


@pytest.mark.parametrize(
    ("kind", "closing", "reply"),
    [
        (float, ".", " 1"),
        (float, ".", " 1."),
        (float | None, ".", " 1"),
        (Decimal, ".", " 1"),
        (datetime.timedelta, "T", " P1D"),
        (int, ",", " 1"),
        (list[float], ".", " 1, 2"),
        (list[str], ".", " - Mr"),
        (list[str], "\n", " - a"),
        (str, ".", ' "Mr'),
        (str | None, ".", ' "Mr'),
        (Path, ".", " notes"),
    ],
)
def test_what_a_stop_may_have_cut_is_no_value(
    kind: Any, closing: str, reply: str
) -> None:
    """It was read as what was left of it: 1.0 of 1.5, without a word."""
    adapter = adapter_of(FIRST.format(closing))

    with pytest.raises(ParseError, match="may be cut off") as caught:
        adapter.parse(reply, contract(kind))
    assert "second edition" in caught.value.hint
    if closing != "\n" and reply != " 1.":
        whole = adapter_of(f"cloze/1:text|[x] It is [z]{closing}")
        assert '"' in reply or whole.parse(reply, contract(kind)).values


@pytest.mark.parametrize(
    ("kind", "closing", "stops"),
    [
        (float, ".", (". ", ".\n", "\n\n")),
        (float, " dollars.", (" dollars.", "\n\n")),
        (datetime.time, ":", (": ", ":\n", "\n\n")),
        (float, "5", ("\n\n",)),
        (str, ".", (".\n", "\n\n")),
        (str, "\n", ("\n", "\n\n")),
        (str, "", ("\n\n",)),
        (str, " stars.", (" stars.", "\n\n")),
        (bool, ".", (".", "\n\n")),
        (Literal["v1", "v1.5"], ".", (". ", ".\n", "\n\n")),
        (Grade, ".", (".\n", "\n\n")),
        (list[str], ".", ("\n\n",)),
        (Place, "}", ("\n\n",)),
    ],
)
def test_the_second_edition_stops_behind_the_value(
    kind: Any, closing: str, stops: tuple[str, ...]
) -> None:
    """Never at what a value of the type may hold."""
    adapter = adapter_of(f"cloze/2:stop,text|[x] It is [z]{closing}")

    assert adapter.stops(spec_of(contract(kind)), "") == stops


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bool, ["true", "false"]),
        (bool | None, ["true", "false", "null"]),
        (Literal["a"] | None, ['"a"', "null"]),
        (Literal[1, 2] | None, ["1", "2", "null"]),
        (Grade | None, ['"v1"', '"v1.5"', '"St. Gallen"', "null"]),
        (Literal["a", None], ['"a"', "null"]),
        (float | None, []),
    ],
)
def test_what_is_enforced_is_all_that_may_be(kind: Any, words: list[str]) -> None:
    """The null of an optional truth value is one of its words: no grammar let it be."""
    spec = spec_of(contract(kind))
    first, second = (
        adapter_of(f"cloze/{n}:grammar,text|[x] It is [z].").grammar(spec, "", None)
        for n in (1, 2)
    )

    said = [json.dumps(f" {word}", ensure_ascii=False) for word in words]
    assert second == (f"root ::= {' | '.join(said)}" if said else "")
    assert (first == second) == (kind != bool | None)


def sent(form: str, demos: list[weft.Demo], kind: Any) -> list[Any]:
    """The requests of a call: the first, and the one that asks to mend a reply."""
    asked: list[weft.Request] = []
    lm = weft.FunctionLM(lambda r: asked.append(r) or " ")
    module = weft.Predict(contract(kind), name="m", adapter=form, demos=demos)
    with weft.use(lm=lm, cache=None), suppress(ParseError):
        module(x="It")
    return [request_to_json(one) for one in asked]


def golden() -> str:
    """What the second edition sends."""
    shown: list[tuple[Any, Any]] = [
        (str, "Mr. Smith"),
        (str, "Dr."),
        (str, "a\n\nb"),
        (float, 1.5),
        (bool | None, None),
        (Grade, "St. Gallen"),
        (list[str], ["a. b"]),
        (datetime.time, "10:30:00"),
    ]
    made = [
        sent(f"cloze/2:{flags}|[instruction]\n\n[x] is [z]{closing}", demos, kind)
        for flags in ("grammar,stop,text", "stop,text", "stop")
        for kind, value in shown
        for closing in (".", "\n", " stars.")
        for demos in ([weft.Demo({"x": "That", "y": value})],)
    ]
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def test_the_second_edition_stays_byte_for_byte() -> None:
    """Demos, grammar, stop sequences and the request to mend."""
    assert GOLDEN.read_text("utf-8") == golden()


def test_a_file_of_the_first_edition_is_told_of_the_second(tmp_path: Path) -> None:
    """It keeps its own, and `diff` says how to measure the newer one."""
    module = weft.Predict(
        contract(float), name="m", adapter="cloze/1:stop,text|[x] is [z]."
    )
    path = weft.save(module, tmp_path / "m.weft.json")

    assert "cloze/2 for cloze/1" in str(diff(path, path))
    assert form_of(weft.load(path).parameters.adapter).edition == 1

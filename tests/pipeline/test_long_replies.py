"""One reply that is a flood holds up no other call, and takes bounded work."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pydantic
import pytest

import weft
from tests.timing import PATIENCE, bounded, steps
from weft.errors import ParseError, ValidationError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.ground import strictjson
from weft.pipeline.signature.forms import make_signature

WHERE: list[int] = []
HELD = threading.Event()
FREE = threading.Event()


def _seen(value: str) -> str:
    WHERE.append(threading.get_ident())
    if value.startswith("wait"):
        HELD.set()
        FREE.wait(PATIENCE)
    return value


class Watched(pydantic.BaseModel):
    """Tells in which thread it is validated, and waits there."""

    said: str

    _watch = pydantic.field_validator("said")(_seen)


class Ask(weft.Signature):
    """Answer."""

    question: str = weft.Input()
    answer: Watched = weft.Output()


FORMS = {
    "chat": "[[ answer ]]\n%s\n[[ /end ]]",
    "json": '{"answer": %s}',
    "xml": "<answer>%s</answer>",
    "plain": "answer: %s",
}


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("name", FORMS)
def test_a_long_reply_is_read_beside_the_loop(name: str, size: int) -> None:
    """A short one where it arrives, because a thread would take longer."""
    ask = weft.Predict(Ask, name="ask", adapter=name)
    reply = FORMS[name] % f'{{"said": "{"x" * size}"}}'
    WHERE.clear()

    async def main() -> int:
        with weft.use(lm=weft.FunctionLM(lambda _: reply), cache=None):
            await ask.acall(question="q")
        return threading.get_ident()

    loop = asyncio.run(main())

    assert (WHERE[0] == loop) == (size == 10)


def test_other_rows_go_on_while_a_long_reply_is_read() -> None:
    """It is still being read when the row behind it has its answer."""
    HELD.clear()
    FREE.clear()

    def reply(request: weft.Request) -> str:
        said = "ok"
        if "long" in request.messages[-1].content:
            said = "wait" + "x" * 200_000
        return FORMS["json"] % f'{{"said": "{said}"}}'

    async def main() -> list[Any]:
        ask = weft.Predict(Ask, name="ask", adapter="json")
        with weft.use(lm=weft.FunctionLM(reply), cache=None):
            long = asyncio.create_task(ask.acall(question="long"))
            await asyncio.to_thread(HELD.wait, PATIENCE)
            short = await ask.acall(question="short")
            FREE.set()
            return [short.answer.said, len((await long).answer.said)]

    assert asyncio.run(main()) == ["ok", 200_004]


@pytest.mark.parametrize("name", FORMS)
def test_a_long_reply_that_is_none_is_an_error_as_ever(name: str) -> None:
    """What is read in a thread fails as it would on the loop, and is asked again."""
    ask = weft.Predict("question -> answer: int", name="ask", adapter=name)
    lm = weft.FunctionLM(lambda _: FORMS[name] % f'"{"x" * 200_000}"')

    with weft.use(lm=lm, cache=None), pytest.raises(ParseError):
        ask(question="q")

    assert lm.calls == 2


FLOODS = {
    "list[int]": ('["', '","', "x", '"]'),
    "list[bool]": ('["', '","', "x", '"]'),
    "dict[str, int]": ('{"k', ',"k', '0":"x"', "}"),
    "list[Literal['a', 'b']]": ('["', '","', "c", '"]'),
    "list[list[int]]": ("[[", "],[", '"x"', "]]"),
}


def flood(kind: str, size: int) -> str:
    head, between, item, end = FLOODS[kind]
    items = [item] * size
    if kind.startswith("dict"):
        items = [f'{n}":"x"' for n in range(size)]
    return f"{head}{between.join(items)}{end}"


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("name", FORMS)
def test_a_flood_of_wrong_values_takes_bounded_work(name: str, kind: str) -> None:
    """The first is named, or all are counted; to mend each would take minutes."""
    signature = make_signature(f"question -> answer: {kind}")
    reply = FORMS[name] % flood(kind, 60_000)
    adapter = adapter_of(name)

    taken = steps(lambda: adapter.parse(reply, signature, ""), ParseError)
    with pytest.raises(ValidationError, match="field 'answer'"):
        adapter.parse(reply, signature, "")

    assert taken < 16 * 60_000


@pytest.mark.parametrize("kind", FLOODS)
def test_a_reply_of_megabytes_of_wrong_values_ends(kind: str) -> None:
    """It is no value, and that is known before anybody's time is up."""
    signature = make_signature(f"question -> answer: {kind}")
    reply = FORMS["chat"] % flood(kind, 250_000)

    def read() -> None:
        with pytest.raises(ParseError):
            adapter_of("chat").parse(reply, signature, "")

    bounded(read)


@pytest.mark.parametrize("kind", FLOODS)
def test_of_few_wrong_values_the_first_is_named(kind: str) -> None:
    """As ever."""
    signature = make_signature(f"question -> answer: {kind}")

    with pytest.raises(ValidationError, match=r"'[xc]'"):
        adapter_of("chat").parse(FORMS["chat"] % flood(kind, 30), signature, "")


def test_some_thousands_of_values_are_mended() -> None:
    """What was written as texts is read as the choices that it means."""
    signature = make_signature("question -> answer: list[Literal['top ups', 'cards']]")
    reply = FORMS["chat"] % ("[" + ",".join(['"Top-ups"'] * 5_000) + "]")

    parsed = adapter_of("chat").parse(reply, signature, "")

    assert parsed.values["answer"] == ["top ups"] * 5_000


class Leaf(pydantic.BaseModel):
    """One of two that nothing tells apart."""

    a: int
    inner: Leaf | Knot | None = None


class Knot(pydantic.BaseModel):
    """The other."""

    b: int
    inner: Leaf | Knot | None = None


class Chain(pydantic.BaseModel):
    """Holds itself alone."""

    a: int
    inner: Chain | None = None


def _nested(levels: int) -> str:
    value: Any = None
    for _ in range(levels):
        value = {"a": 1, "inner": value}
    return strictjson.dumps({"tree": value})


def test_a_union_that_holds_itself_is_read_as_deep_as_it_can_be() -> None:
    """Each level doubles the work of telling its objects apart."""
    tree = make_signature("q -> tree: Leaf", types={"Leaf": Leaf})
    adapter = adapter_of("json")

    assert adapter.parse(_nested(12), tree).values["tree"].inner.a == 1
    with pytest.raises(ParseError, match="more than 16 levels deep"):
        adapter.parse(_nested(60), tree)


def test_a_type_that_holds_itself_alone_is_read_at_any_depth() -> None:
    """There is nothing to tell apart."""
    chain = make_signature("q -> tree: Chain", types={"Chain": Chain})

    assert adapter_of("json").parse(_nested(60), chain).values["tree"].inner.a == 1

"""Types that do not read what they write: what demos and traces hold of them."""

import dataclasses
import decimal
import logging
import re
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest

import weft
from weft.pipeline.signature.field import FieldSpec

FORBID = pydantic.ConfigDict(extra="forbid")


class Box(pydantic.BaseModel):
    """Computes a field that it does not take."""

    model_config = FORBID
    width: int
    height: int = 2

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width * self.height


class Renamed(pydantic.BaseModel):
    """Has another name out than in."""

    model_config = FORBID
    width: int = pydantic.Field(validation_alias="W", serialization_alias="w")


class Choices(pydantic.BaseModel):
    """Takes several names, and writes none of them."""

    width: int = pydantic.Field(validation_alias=pydantic.AliasChoices("W", "wide"))


class Excluded(pydantic.BaseModel):
    """Keeps a field to itself."""

    width: int
    depth: int = pydantic.Field(default=1, exclude=True)


class Required(pydantic.BaseModel):
    """Keeps to itself a field that it needs."""

    width: int = pydantic.Field(exclude=True)
    height: int = 2


class Money(pydantic.BaseModel):
    """Writes a number as a text with a sign."""

    width: decimal.Decimal

    @pydantic.field_serializer("width")
    def _with_sign(self, value: decimal.Decimal) -> str:
        return f"{value} EUR"


class Held(pydantic.BaseModel):
    """Has such a type inside."""

    model_config = FORBID
    boxes: list[Box]
    by_name: dict[str, Renamed] = {}

    @property
    def width(self) -> int:
        return self.boxes[0].width


class Texts(pydantic.BaseModel):
    """Reads JSON from a text."""

    width: pydantic.Json[int]


@dataclasses.dataclass
class Pair:
    """A dataclass with such a type inside."""

    box: Box
    names: set[str] = dataclasses.field(default_factory=set)

    @property
    def width(self) -> int:
        return self.box.width


class Plain(pydantic.BaseModel):
    """Reads what it writes."""

    width: int
    note: str | None = None


WRITTEN = {
    Box: '{"width": %d, "height": 3}',
    Renamed: '{"W": %d}',
    Choices: '{"wide": %d}',
    Excluded: '{"width": %d, "depth": 4}',
    Required: '{"width": %d}',
    Money: '{"width": "%d"}',
    Held: '{"boxes": [{"width": %d}], "by_name": {"a": {"W": 1}}}',
    Texts: '{"width": "%d"}',
    Pair: '{"box": {"width": %d}, "names": ["b", "a"]}',
    Plain: '{"width": %d}',
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_data_makes_the_value_again(kind: Any) -> None:
    """Whatever the type writes of itself."""
    field = FieldSpec("box", "output", kind)
    module = weft.Predict("q -> box: X", types={"X": kind}, name="m")
    value = module.parse(f"[[ box ]]\n{WRITTEN[kind] % 7}\n[[ /end ]]").box

    data = field.dump(value)

    assert field.load(data) == value
    assert value.width == 7


@pytest.mark.parametrize("kind", WRITTEN)
def test_answers_become_demos(kind: Any) -> None:
    """As those of a type that reads what it writes do, and as the model wrote them."""
    module = weft.Predict("q -> box: X", "Answer.", types={"X": kind}, name="m")

    def model(request: weft.Request) -> str:
        asked = int(re.findall(r"\d+", request.messages[-1].content)[-1])
        good = len(request.messages) > 2 or asked % 2 == 0
        return f"[[ box ]]\n{WRITTEN[kind] % (asked if good else 0)}\n[[ /end ]]"

    with weft.use(lm=weft.FunctionLM(model), cache=None):
        result = weft.compile(
            module,
            [{"q": f"box {n}"} for n in range(1, 41)],
            metric=lambda example, made: made.box.width == int(example.q.split()[1]),
            compiler=weft.compilers.BootstrapFewShot(demos=4, bootstrapped=4),
            budget="300 calls",
        )

    demos = result.program.modules["m"].parameters.demos
    assert len(demos) == 4
    assert result.improved


def test_a_type_that_reads_what_it_writes_is_written_as_before() -> None:
    """And so is what a model is shown of an input."""
    field = FieldSpec("box", "output", Plain)
    box = Box(width=2)

    assert field.dump(Plain(width=1)) == {"width": 1, "note": None}
    module = weft.Predict("box: X -> a", types={"X": Box}, name="m")
    lm = weft.FunctionLM(lambda r: f"[[ a ]]\n{'area' in r.messages[-1].content}")
    with weft.use(lm=lm, cache=None):
        run = module.run(box=box)
    assert '"area"' in module.prompt(box=box).messages[-1].content
    assert run.value.a == "True"
    assert run.trace.nodes[0].inputs == {"box": {"width": 2, "height": 2}}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Demos of such a type are in an artifact as any others."""
    module = weft.Predict("q -> box: X", types={"X": Box}, name="m").with_(
        demos=[weft.Demo({"q": "a", "box": {"width": 1, "height": 2}})]
    )

    path = weft.save(module, tmp_path / "m.weft.json")

    made = weft.load(path, program=module)
    assert made.modules["m"].parameters.demos == module.parameters.demos


class Cut(pydantic.BaseModel):
    """Reads a text that it writes only a part of."""

    width: int
    height: int

    @pydantic.model_validator(mode="before")
    @classmethod
    def _of_text(cls, data: Any) -> Any:
        if not isinstance(data, str):
            raise TypeError("a text such as 3x4 is wanted")
        return dict(zip(("width", "height"), map(int, data.split("x")), strict=True))


def test_a_type_that_nothing_reads_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Once, since no demo can hold its values."""
    caplog.set_level(logging.WARNING, "weft")
    field = FieldSpec("box", "output", Annotated[Cut, "as text"])
    value = Cut.model_construct(width=3, height=4)

    assert [field.dump(value), field.dump(value)] == [{"width": 3, "height": 4}] * 2
    [record] = caplog.records
    assert "does not read what it writes" in record.getMessage()

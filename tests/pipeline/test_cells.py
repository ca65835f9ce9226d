"""Cells of tables: what a label or an input of a row means for a typed field."""

import csv
import datetime
import decimal
import enum
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pydantic
import pytest

import weft
from weft.compilers.propose.rows import demo_of_row
from weft.errors import DataError
from weft.pipeline.parameters import check_demos
from weft.pipeline.reading.cells import cell_data, is_nothing, read_cell
from weft.pipeline.signature.field import FieldSpec


class Tone(enum.Enum):
    KIND = "kind"
    COLD = "cold"


class Person(pydantic.BaseModel):
    full_name: str = pydantic.Field(alias="fullName")
    age: int | None = None


Team = Literal["top ups", "cards"]
DAY = datetime.date(2024, 1, 5)
MOMENT = datetime.datetime(2024, 1, 5)  # noqa: DTZ001 - a cell has no zone


def field(kind: Any) -> FieldSpec:
    return FieldSpec("a", "output", kind)


def write(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return path


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (int, "7", 7),
        (int, " 7 ", 7),
        (int, "7.0", 7),
        (int, 7.0, 7),
        (int, "+7", 7),
        (int, "007", 7),
        (int, "1,000", 1000),
        (int, np.int64(7), 7),
        (float, "0.50", 0.5),
        (float, ".5", 0.5),
        (float, "1E3", 1000.0),
        (float, 3, 3.0),
        (decimal.Decimal, "10.50", decimal.Decimal("10.50")),
        (
            decimal.Decimal | None,
            "+0.1234567890123456789",
            decimal.Decimal("0.1234567890123456789"),
        ),
        (decimal.Decimal, "+7", decimal.Decimal(7)),
        (bool, "TRUE", True),
        (bool, "no", False),
        (bool, "1", True),
        (bool, 0, False),
        (bool, 1.0, True),
        (list[str], '["a", "b"]', ["a", "b"]),
        (list[str], "['a', 'b']", ["a", "b"]),
        (list[int], np.array([1, 2]), [1, 2]),
        (dict[str, int], "{'a': 1}", {"a": 1}),
        (tuple[int, str], "(1, 'a')", (1, "a")),
        (Team, "Top-Ups", "top ups"),
        (Literal[1, 2], "2", 2),
        (Literal[1, 2], 2.0, 2),
        (Literal["1", "2"], 2, "2"),
        (Tone, "KIND", Tone.KIND),
        (Tone, Tone.COLD, Tone.COLD),
        (str, 3, "3"),
        (str, " as it is ", " as it is "),
        (datetime.date, "2024-01-05", DAY),
        (datetime.date, "2024-01-05 00:00:00", DAY),
        (datetime.date, pd.Timestamp(DAY), DAY),
        (datetime.datetime, "2024-01-05", MOMENT),
        (int | None, "", None),
        (int | None, "7", 7),
        (float | None, "NaN", None),
        (bool | None, " ", None),
        (Team | None, "", None),
        (list[str] | None, "", None),
        (Person | None, "", None),
        (str | None, "", ""),
        (Person, '{"fullName": "Ann"}', Person(fullName="Ann")),
        (Person, Person(fullName="Ann"), Person(fullName="Ann")),
    ],
)
def test_a_cell_is_read_by_the_type_of_its_field(
    kind: Any, cell: Any, value: Any
) -> None:
    """As a reply is, and in the ways that files and frames write values."""
    read = read_cell(field(kind), cell)

    assert read == value
    assert type(read) is type(value)
    assert field(kind).load(cell_data(field(kind), cell)) == value


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (int, "7.5"),
        (int, "7 apples"),
        (int, "Infinity"),
        (int, "1e999999999"),
        (int, True),
        (float, "1,234"),  # or 1.234
        (bool, "2"),
        (bool, "t"),
        (list[str], "a, b"),  # or one text
        (Literal["No", "no"], "NO"),
        (str, True),
        (str, 3.0),  # "3" or "3.0"
        (datetime.date, "05/01/2024"),
        (datetime.date, "2024-01-05 10:30"),
        (Person, '{"name": "Ann"}'),
        (int | None, "unknown"),
    ],
)
def test_between_two_readings_nothing_is_guessed(kind: Any, cell: Any) -> None:
    """Nor is a part of a cell left out."""
    with pytest.raises(ValueError, match=r"\S"):
        read_cell(field(kind), cell)


@pytest.mark.parametrize(
    ("kind", "cell", "nothing"),
    [
        (int, None, True),
        (int, "", True),
        (int, "nan", True),
        (int, "<NA>", True),
        (Team, " ", True),
        (list[str], "", True),
        (str, None, True),
        (str, "", False),
        (str, "None", False),
        (Literal["none", "some"], "None", False),
        (int | None, None, False),
        (int | None, "", False),
        (int, "seven", False),
    ],
)
def test_nothing_is_what_the_type_has_no_value_for(
    kind: Any, cell: Any, nothing: bool
) -> None:
    """An empty text is a text, and None is a value where it may be."""
    assert is_nothing(field(kind), cell) is nothing


def scored(kind: Any, got: Any, label: Any) -> float:
    module = weft.Predict("q -> a: X", types={"X": kind}, name="m")
    made = module.parse(f"[[ a ]]\n{got}\n[[ /end ]]")
    [row] = weft.read_rows([{"q": "x", "a": label}], ["q"])
    return weft.metrics.exact("a")(row, made).value


@pytest.mark.parametrize(
    ("kind", "got", "label"),
    [
        (float, "0.5", "0.50"),
        (float, "12.5", "12.500"),
        (float, "1000", "1e3"),
        (int, "3", "3.0"),
        (int, "3", 3.0),
        (int, "1000", "1,000"),
        (decimal.Decimal, "0.50", "0.5"),
        (decimal.Decimal, "0.50", 0.5),
        (bool, "true", "1"),
        (bool, "false", "No"),
        (list[int], "[1, 2]", "[1,2]"),
        (list[str], '["a"]', "['a']"),
        (Team, "top ups", "Top-ups"),
        (Tone, "kind", "KIND"),
        (int | None, "null", ""),
        (str | None, "null", ""),
        (str | None, '""', ""),
        (Person, '{"fullName": "Ann Lee"}', {"fullName": "Ann Lee"}),
        (Person, '{"fullName": "Ann Lee"}', {"full_name": "Ann Lee"}),
        (Person, '{"fullName": "Ann Lee"}', {"fullName": "Ann Lee", "age": None}),
        (Person, '{"fullName": "Ann Lee"}', '{"fullName": "Ann Lee"}'),
        (list[Person], '[{"fullName": "Ann"}]', [{"fullName": "Ann"}]),
        (datetime.date, "2024-01-05", pd.Timestamp(DAY)),
        (Literal[1, 2], "2", "2"),
    ],
)
def test_a_label_that_means_the_answer_scores_1(
    kind: Any, got: Any, label: Any
) -> None:
    """Whichever way the file writes it."""
    assert scored(kind, got, label) == 1.0


@pytest.mark.parametrize(
    ("kind", "got", "label"),
    [
        (float, "0.5", "0.05"),
        (int, "3", "3.5"),
        (int, "3", "13"),
        (bool, "true", "0"),
        (str, "0.5", "0.50"),
        (list[int], "[1, 2]", "[2, 1]"),
        (Person, '{"fullName": "Ann"}', {"fullName": "Bob"}),
        (Person, '{"fullName": "Ann"}', {"fullName": "Ann", "pet": "cat"}),
        (list[Person], '[{"fullName": "Ann"}]', [{"fullName": "Ann", "pet": "cat"}]),
        (int | None, "null", "0"),
        (int | None, "0", ""),
        (Team, "cards", "card"),
    ],
)
def test_a_label_that_means_something_else_scores_0(
    kind: Any, got: Any, label: Any
) -> None:
    """And a label that says more than the answer can is not the answer."""
    assert scored(kind, got, label) == 0.0


def number(request: weft.Request) -> str:
    """Answers with the number that the row holds; one more where demos are shown."""
    found = re.findall(r"\d+", request.messages[-1].content)[-1]
    return f"[[ n ]]\n{int(found) + (len(request.messages) > 2)}\n[[ /end ]]"


@pytest.mark.parametrize("missing", [None, "", "NaN", "<NA>"])
@pytest.mark.parametrize("kind", ["int", "float", "bool", "list[int]"])
def test_a_row_whose_label_is_missing_is_refused(missing: Any, kind: str) -> None:
    """By its name and before a call: it could never be answered."""
    asked: list[weft.Request] = []
    module = weft.Predict(f"q -> n: {kind}", name="m")
    rows = [{"id": "r1", "q": "1", "n": 1}, {"id": "r2", "q": "2", "n": missing}]

    lm = weft.FunctionLM(lambda request: asked.append(request) or number(request))
    with (
        weft.use(lm=lm, cache=None),
        pytest.raises(DataError, match=r"'n' of row 'r2' is .*\| None"),
    ):
        weft.evaluate(module, rows, weft.metrics.exact("n"))

    assert asked == []


@pytest.mark.parametrize(
    "metric",
    [
        weft.metrics.exact("n"),
        weft.metrics.numeric("n"),
        weft.metrics.fields("n"),
        weft.metrics.fields({"n": weft.metrics.exact("n"), "q": lambda e, p: 1.0}),
    ],
    ids=["exact", "numeric", "fields", "mapping"],
)
@pytest.mark.parametrize("frame", ["nan", "NA"])
def test_gaps_of_a_frame_are_missing_labels(metric: Any, frame: str) -> None:
    """For each metric that compares, and for a program that gives a bare number."""
    module = weft.Predict("q -> n: int", name="m")

    @weft.program
    def bare(q: str) -> int:
        return module(q=q).n

    gap = float("nan") if frame == "nan" else pd.NA
    column = pd.array([1, gap], dtype="Int64" if frame == "NA" else "float64")
    rows = pd.DataFrame({"q": ["1", "2"], "n": column})

    with weft.use(lm=weft.FunctionLM(number), cache=None):
        for program in (module, bare):
            with pytest.raises(DataError, match="is None, and the output is a whole"):
                weft.evaluate(program, rows, metric)
        whole = weft.evaluate(module, rows[:1], metric)

    assert whole.mean == 1.0


@pytest.mark.parametrize(
    "metric",
    [
        weft.metrics.exact("a"),
        weft.metrics.f1("a"),
        weft.metrics.contains("a"),
        weft.metrics.semantic_f1("a", question="q"),
    ],
    ids=["exact", "f1", "contains", "semantic_f1"],
)
def test_a_text_that_nobody_wrote_is_missing(metric: Any) -> None:
    """An empty one is a label: no answer is right."""
    module = weft.Predict("q -> a", name="m")
    rows = pd.DataFrame({"q": ["1", "2"], "a": ["x", None]})

    with (
        weft.use(lm=weft.RefusingLM(), cache=None),
        pytest.raises(DataError, match=r"the label 'a' of row .* is None"),
    ):
        weft.evaluate(module, rows, metric)

    assert scored(str, '""', "") == 1.0


def test_a_missing_label_stays_an_answer_where_the_type_has_none() -> None:
    """Then None is what the row wants."""
    module = weft.Predict("q -> n: int | None", name="m")
    rows = pd.DataFrame({"q": ["1", "2"], "n": [1, None]})

    with weft.use(lm=weft.FunctionLM(lambda _: "[[ n ]]\nnull"), cache=None):
        found = weft.evaluate(module, rows, weft.metrics.exact("n"))

    assert found.values == [0.0, 1.0]


@pytest.mark.parametrize("missing", [None, ""])
def test_a_compile_refuses_missing_labels_first(missing: Any) -> None:
    """Before anything is paid for."""
    module = weft.Predict("q -> n: int", name="m")
    rows = [{"q": str(n), "n": n + 1} for n in range(20)] + [{"q": "x", "n": missing}]

    with (
        weft.use(lm=weft.RefusingLM(), cache=None),
        pytest.raises(DataError, match="the label 'n' of row"),
    ):
        weft.compile(module, rows, metric=weft.metrics.exact("n"), budget="50 calls")


@pytest.mark.parametrize(
    ("kind", "written", "shown"),
    [
        ("int", "8", 8),
        ("float", "8.50", 8.5),
        ("list[int]", "[8]", [8]),
        ("int | None", "", None),
        ("bool", "FALSE", False),
        ("dict[str, int]", "{'a': 8}", {"a": 8}),
        ("str", "8", "8"),
    ],
)
def test_labels_of_a_csv_file_become_demos(
    kind: str, written: str, shown: Any, tmp_path: Path
) -> None:
    """As those of the same rows in JSONL would; the row itself stays as it was."""
    path = write(tmp_path / "rows.csv", ["q", "n"], [["what is 8", written]])
    [row] = weft.read_rows(path, ["q"])
    module = weft.Predict(f"q -> n: {kind}", "Answer.", name="m")

    demo = demo_of_row(module, row)

    assert demo.values == {"q": "what is 8", "n": shown}
    assert row.n == written
    check_demos([demo], module.spec, "m")


def test_a_csv_file_compiles_as_its_rows_in_jsonl_do(tmp_path: Path) -> None:
    """The same demos, and the same score."""
    rows = [[f"what follows {n}", str(n + 1)] for n in range(40)]
    path = write(tmp_path / "rows.csv", ["q", "n"], rows)
    typed = [{"q": q, "n": int(n)} for q, n in rows]
    module = weft.Predict("q -> n: int", "Answer.", name="m")

    results = []
    for source in (path, typed):
        with weft.use(lm=weft.FunctionLM(number), cache=None):
            results.append(
                weft.compile(
                    module,
                    source,
                    metric=weft.metrics.exact("n"),
                    compiler=weft.compilers.LabeledFewShot(demos=4),
                    budget="300 calls",
                )
            )

    assert [result.improved for result in results] == [True, True]
    for result in results:
        demos = result.program.modules["m"].parameters.demos
        assert len(demos) == 4
        assert all(type(demo.values["n"]) is int for demo in demos)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("int", "7", 7),
        ("float", "0.50", 0.5),
        ("bool", "TRUE", True),
        ("list[str]", "['a']", ["a"]),
        ("int | None", "", None),
        ("int", 7.0, 7),
    ],
)
def test_inputs_are_read_by_their_type(kind: str, cell: Any, value: Any) -> None:
    """In every place where rows run."""
    module = weft.Predict(f"k: {kind} -> a", name="m")

    with weft.use(lm=weft.FunctionLM(lambda _: "[[ a ]]\nx"), cache=None):
        [made] = module.batch([{"k": cell}])

    assert made.k == value


@pytest.mark.parametrize(
    ("kind", "cell"), [("int", "seven"), ("int", ""), ("str", 7), ("bool", "maybe")]
)
def test_inputs_of_another_type_are_refused(kind: str, cell: Any) -> None:
    """A number where a text is wanted is a mistake in the program, too."""
    module = weft.Predict(f"k: {kind} -> a", name="m")

    with weft.use(lm=weft.RefusingLM(), cache=None), pytest.raises(DataError):
        module.batch([{"k": cell}])

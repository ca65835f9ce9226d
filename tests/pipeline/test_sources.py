"""Tables of other libraries, and files with long cells, as rows."""

import csv
import datetime
import decimal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import weft
from weft.errors import DataError
from weft.pipeline.ground.strictjson import MAX_CHARS

NAN = float("nan")
DAY = datetime.date(2024, 1, 5)


class Arrow:
    """As a table of Arrow is: columns are vectors, rows come from one method."""

    columns = ((1, 2),)

    def to_pylist(self) -> list[dict[str, Any]]:
        return [{"q": "x", "a": 1}, {"q": "y", "a": None}]

    def to_pandas(self) -> Any:
        raise AssertionError("rows need no pandas")


class Named:
    """As a frame of Narwhals is."""

    columns = ("q", "a")

    def iter_rows(self, *, named: bool) -> Iterator[dict[str, Any]]:
        assert named
        yield from ({"q": "x", "a": 1}, {"q": "y", "a": NAN})

    def to_dict(self) -> dict[str, Any]:
        raise AssertionError("that is one mapping of columns")


LABELS = [1, None]


@pytest.mark.parametrize(
    ("table", "labels"),
    [
        (pl.DataFrame({"q": ["x", "y"], "a": LABELS}), LABELS),
        (pl.DataFrame({"q": ["x", "y"], "a": [1.0, NAN]}), LABELS),
        (pl.DataFrame({"q": ["x", "y"], "a": [[1], [2, 3]]}), [[1], [2, 3]]),
        (pl.DataFrame({"q": ["x", "y"], "a": [{"n": 1}, None]}), [{"n": 1}, None]),
        (pl.DataFrame({"q": ["x", "y"], "a": [DAY, None]}), [DAY, None]),
        (pd.DataFrame({"q": ["x", "y"], "a": LABELS}), LABELS),
        (pd.DataFrame({"q": ["x", "y"], "a": [1, pd.NA]}), LABELS),
        (Arrow(), LABELS),
        (Named(), LABELS),
    ],
)
def test_a_table_is_its_rows(table: Any, labels: list[Any]) -> None:
    """Whichever library made it; what is missing in it is None."""
    rows = weft.read_rows(table, ["q"])

    assert [row.q for row in rows] == ["x", "y"]
    assert [row.a for row in rows] == labels


def test_a_polars_frame_is_measured_as_it_is() -> None:
    """Where rows are taken, it is taken."""
    module = weft.Predict("q -> a", name="m")
    frame = pl.DataFrame({"q": ["x", "y"], "a": ["1", "2"]})

    with weft.use(lm=weft.FunctionLM(lambda _: "[[ a ]]\n1"), cache=None):
        found = weft.evaluate(module, frame, weft.metrics.exact("a"))

    assert found.values == [1.0, 0.0]


class Spark:
    columns = ("q", "a")

    def toPandas(self) -> Any: ...  # noqa: N802 - its name

    def collect(self) -> Any: ...


class Dask:
    columns = ("q", "a")

    def compute(self) -> Any: ...

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


class Relation:
    columns = ("q", "a")

    def df(self) -> Any: ...


@pytest.mark.parametrize(
    ("table", "remedy"),
    [
        (pl.LazyFrame({"q": ["x"]}), "frame.collect()"),
        (Spark(), "frame.toPandas()"),
        (Dask(), "frame.compute()"),
        (Relation(), "relation.df()"),
        ({"q": ["x"]}, 'one split of a dataset: data["train"]'),
    ],
)
def test_a_table_that_is_not_here_yet_says_how_it_gets_here(
    table: Any, remedy: str
) -> None:
    """Nothing is computed that nobody asked for."""
    with pytest.raises(DataError, match="no set of rows") as caught:
        weft.read_rows(table, ["q"])

    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    "value", [pd.NA, pd.NaT, NAN, decimal.Decimal("NaN"), float("inf")]
)
def test_a_missing_value_in_plain_rows_is_refused_by_name(value: Any) -> None:
    """None says that nothing is known; each of these is an accident."""
    rows = [{"q": "x", "a": 1}, {"q": "y", "a": value}]

    with pytest.raises(DataError, match=r"rows\[1\]: 'a': "):
        weft.read_rows(rows, ["q"])


@pytest.mark.parametrize(
    "cell",
    ["x" * 131_073, "x" * 1_000_000, "a line\n" * 50_000, 'say "yes", ' * 40_000],
    ids=["just longer", "a million", "lines", "quotes"],
)
def test_a_long_cell_is_a_cell(cell: str, tmp_path: Path) -> None:
    """A contract has more characters than the reader of CSV takes by itself."""
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["q", "a"], ["short", "1"], [cell, "2"]])

    rows = weft.read_rows(path, ["q"])

    assert [row.q for row in rows] == ["short", cell]


def test_a_cell_that_is_no_end_of_is_refused(tmp_path: Path) -> None:
    """As where a quote opens and never closes."""
    path = tmp_path / "rows.csv"
    path.write_text(f'q,a\n"{"x" * (MAX_CHARS + 1)}', "utf-8")

    with pytest.raises(DataError, match=r"rows\.csv:2: field larger than"):
        weft.read_rows(path, ["q"])


def test_the_limit_of_cells_is_only_ever_raised(tmp_path: Path) -> None:
    """It is the process's, and another reader may need more."""
    path = tmp_path / "rows.csv"
    path.write_text("q\nx\n", "utf-8")
    code = (
        "import csv, sys, weft; csv.field_size_limit(1 << 40)\n"
        "weft.read_rows(sys.argv[1], ['q']); print(csv.field_size_limit() >> 40)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )

    assert done.stdout == "1\n"

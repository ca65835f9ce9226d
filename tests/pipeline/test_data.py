"""Examples, and reading rows from whatever people have."""

import copy
import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest

from weft.pipeline.data.rows import Example, digest_rows, read_rows, require_rows
from weft.pipeline.errors import DataError
from weft.pipeline.ground.plain import plain

WRITE = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WRITE:
    """Writes a file into the current folder and gives back its bare name."""
    monkeypatch.chdir(tmp_path)

    def _write(name: str, content: str | bytes) -> Path:
        data = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(data)
        return Path(name)

    return _write


def read_error(source: Any, *, inputs: Any = ("message",), **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_rows(source, inputs, **options)
    return str(caught.value)


class TestExample:
    """One row."""

    def test_a_field_is_a_label_first_and_an_input_second(self) -> None:
        """As an attribute and by name."""
        row = Example("r1", {"text": "in", "lang": "de"}, {"text": "out"})

        assert (row.text, row["text"], row.lang) == ("out", "out", "de")
        assert "lang" in row
        assert "id" not in row

    @pytest.mark.parametrize("kind", [DataError, AttributeError, KeyError])
    def test_an_unknown_field_names_the_nearest(self, kind: type[Exception]) -> None:
        """It can be caught as what Python would have raised, and reads as one text."""
        row = Example("r1", {"question": "?"}, {"answer": "!"})

        with pytest.raises(kind) as by_name:
            row["anwser"]
        with pytest.raises(kind) as by_attribute:
            _ = row.anwser

        wanted = "row 'r1' has no field 'anwser'. Did you mean 'answer'?"
        assert str(by_name.value) == str(by_attribute.value) == wanted

    def test_labels_and_inputs_name_what_they_lack(self) -> None:
        """They are plain mappings elsewhere: `get` and `in` ask and raise nothing."""
        row = Example("r1", {"question": "?"}, {"answer": "!"})

        with pytest.raises(KeyError) as of_labels:
            row.labels["anwser"]
        with pytest.raises(DataError, match="the row's inputs have no 'q'"):
            row.inputs["q"]

        wanted = "the row's labels have no 'anwser'. Did you mean 'answer'?"
        assert str(of_labels.value) == wanted
        assert row.labels.get("anwser") is None
        assert "anwser" not in row.labels

    def test_a_row_cannot_be_changed(self) -> None:
        """Neither through itself nor through the mapping it was made of."""
        given_inputs = {"n": 1}
        row = Example("r1", given_inputs)

        given_inputs["n"] = 2
        with pytest.raises(TypeError):
            row.inputs["n"] = 3  # type: ignore[index]

        assert row.n == 1

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    def test_a_row_can_be_copied_and_sent_to_another_process(
        self, copied: Callable[[Example], Example]
    ) -> None:
        """Through the same protocol that worker processes use."""
        row = Example("r1", {"n": 1}, {"a": [2]}, {"split": "train"})

        twin = copied(row)

        assert (twin, hash(twin), twin.digest) == (row, hash(row), row.digest)
        assert repr(twin) == "Example('r1', {'n': 1}, {'a': [2]}, {'split': 'train'})"

    def test_the_digest_is_over_content_alone(self) -> None:
        """Not over the id, the meta or the order of fields; labels are content."""
        row = Example("r1", {"a": 1, "b": 2}, {"c": 3})

        assert row.digest == Example("r2", {"b": 2, "a": 1}, {"c": 3}, {"k": 1}).digest
        assert row.digest != Example("r1", {"a": 1, "b": 2}, {"c": 4}).digest
        assert row.digest != Example("r1", {"a": 1}, {"b": 2, "c": 3}).digest

    def test_content_has_a_json_form(self) -> None:
        """Models, enums, dates, sets and arrays, in one way on every machine."""

        class Team(Enum):
            CARDS = "cards"

        class Case(pydantic.BaseModel):
            team: Team
            tags: set[str]

        value = {
            "case": Case(team=Team.CARDS, tags={"b", "a", "c"}),
            "day": date(2024, 2, 29),
            "vector": np.array([1, 2]),
            "share": np.float32(0.5),
        }

        assert plain(value) == {
            "case": {"team": "cards", "tags": ["a", "b", "c"]},
            "day": "2024-02-29",
            "vector": [1, 2],
            "share": 0.5,
        }


FLAT = {
    "id": 7,
    "message": "no card",
    "team": "cards",
    "split": "train",
    "meta": {"by": "ann"},
}
NESTED = {
    "id": "7",
    "inputs": {"message": "no card"},
    "outputs": {"team": "cards"},
    "meta": {"by": "ann"},
    "split": "train",
}


class TestShapes:
    """Rows as people have them."""

    def test_flat_and_nested_rows_are_one_thing(self) -> None:
        """Both give the same example."""
        flat, nested = (read_rows([r], ["message"])[0] for r in (FLAT, NESTED))

        assert flat == nested
        assert flat.meta == {"by": "ann", "split": "train"}
        assert (dict(flat.inputs), dict(flat.labels)) == (
            {"message": "no card"},
            {"team": "cards"},
        )

    def test_a_reserved_word_can_be_an_input(self) -> None:
        """A program may take an `id` or `inputs` itself."""
        row = {"id": 7, "inputs": {"a": 1}, "outputs": {"b": 2}}

        read = read_rows([row], ["id", "inputs"])[0]

        assert (read["id"], read["inputs"], read["outputs"]) == (7, {"a": 1}, {"b": 2})
        assert read.id == read.digest[:12]

    def test_all_sources_give_the_same_rows(self, write: WRITE) -> None:
        """A generator, JSONL, CSV, a DataFrame, and the examples themselves."""
        rows = [{"message": 'ä, "b"\nc', "team": "x"}, {"message": "d", "team": "y"}]
        frame = pd.DataFrame(rows)
        lines = "\n\n".join(json.dumps(row) for row in rows)
        write("rows.jsonl", "\ufeff" + lines + "\r\n")
        frame.to_csv("rows.csv", index=False)

        wanted = read_rows(rows, ["message"])

        assert [row.message for row in wanted] == ['ä, "b"\nc', "d"]
        assert read_rows((row for row in rows), ["message"]) == wanted
        assert read_rows("rows.jsonl", ["message"]) == wanted
        assert read_rows(Path("rows.csv"), ["message"]) == wanted
        assert read_rows(frame, ["message"]) == wanted
        assert read_rows(wanted, ["message"]) == wanted

    def test_missing_cells_of_a_dataframe_are_none(self) -> None:
        """NaN, NaT, NA and None; numpy's numbers and arrays become Python's."""
        frame = pd.DataFrame(
            {
                "message": ["a", "b"],
                "x": [1.5, float("nan")],
                "day": pd.to_datetime(["2024-01-01", None]),
                "k": pd.array([3, None], dtype="Int64"),
                "team": ["cards", None],
                "vector": [np.array([1, 2]), np.array([3])],
            }
        )

        first, second = read_rows(frame, ["message"])

        assert (first.x, first.k, first.vector) == (1.5, 3, [1, 2])
        assert (second.x, second.day, second.k, second.team) == (None,) * 4

    def test_ids_come_from_content_and_not_from_order(self) -> None:
        """Equal rows are numbered; ids that are there stay."""
        rows = [{"message": "a"}, {"message": "b", "id": " b1 "}, {"message": "a"}]

        ids = [row.id for row in read_rows(rows, ["message"])]
        turned = [row.id for row in read_rows(rows[::-1], ["message"])]

        assert ids[1] == "b1"
        assert ids[2] == ids[0] + "-2"
        assert Counter(ids) == Counter(turned)

    def test_a_number_that_is_taken_is_passed_over(self) -> None:
        """However many rows are equal, each is numbered once."""
        stem = read_rows([{"message": "a"}], ["message"])[0].id
        rows = [{"message": "a"}] * 2_000 + [{"message": "b", "id": f"{stem}-2"}]

        ids = [row.id for row in read_rows(rows, ["message"])]

        assert ids[:3] == [stem, f"{stem}-3", f"{stem}-4"]
        assert len({*ids}) == len(rows)

    def test_an_optional_input_may_be_left_out(self) -> None:
        """And is an input, not a label, where it is there."""
        rows = [{"query": "a"}, {"query": "b", "k": 3}]

        first, second = read_rows(rows, ["query", "k"], optional=["k"])

        assert (dict(first.inputs), dict(second.inputs)) == (rows[0], rows[1])


class TestErrors:
    """What is wrong, where, and what to write."""

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                '{"message": "a"}\n\n{"message": ',
                "t.jsonl:3: Expecting value at column",
            ),
            ('{"message": NaN}', "t.jsonl:1: NaN is not a JSON number"),
            (
                '{"message": 1, "message": 2}',
                "t.jsonl:1: the key 'message' occurs twice",
            ),
            (
                '{"message": "a"}\n["b"]',
                "t.jsonl:2: a row is a mapping, and this is of",
            ),
            (
                '{"mesage": "a"}',
                "t.jsonl:1: the input 'message' is missing. Rename the key 'mesage'",
            ),
            (b'{"message": "\xe4"}', "t.jsonl:1 is not UTF-8: "),
            ("[" * 2_000, "t.jsonl:1: nested deeper than 100"),
            ('[{"message": "a"}]', "t.jsonl:1: the file is one JSON array. Write each"),
            ('[\n{"message": "a"}\n]', "t.jsonl:1: Expecting value at column 2. Write"),
            ("{'message': 'a'}", "t.jsonl:1: Expecting property name enclosed in"),
        ],
    )
    def test_a_bad_jsonl_line_is_named(
        self, write: WRITE, content: str | bytes, message: str
    ) -> None:
        """File, line, reason."""
        assert read_error(write("t.jsonl", content)).startswith(message)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                'message,team\n"a\nb",x\nc',
                "t.csv:4: 1 cell under 2 names. Leave a cell empty",
            ),
            ("message,team\na,b,x\n", "t.csv:2: 3 cells under 2 names"),
            (
                "message,message\n",
                "t.csv:1: column 2 is named 'message', as another is",
            ),
            ("message,\n", "t.csv:1: column 2 is named ''."),
            ("message;team\na;b\n", "t.csv:1: the columns are separated by ';'."),
            ("message\tteam\na\tb\n", "t.csv:1: the columns are separated by tabs."),
            ('message\n"a" b\n', "t.csv:2: ',' expected after '\"'"),
            ('message\n"a\n', "t.csv:2: unexpected end of data"),
            (b"message\n\xe4\n", "t.csv is not UTF-8"),
        ],
    )
    def test_a_bad_csv_line_is_named(
        self, write: WRITE, content: str | bytes, message: str
    ) -> None:
        """A record is named by the line it starts on."""
        assert read_error(write("t.csv", content)).startswith(message)

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            (
                "no.jsonl",
                "no.jsonl cannot be read: No such file or directory. It means /",
            ),
            (
                "t.parquet",
                "t.parquet cannot be read: No such file or directory. It means /",
            ),
            (
                "t.json",
                "t.json is neither .jsonl, .csv, .parquet nor .xlsx. Name it .jsonl if",
            ),
            ({"train": []}, "a value of type dict is no set of rows. Pass a list"),
            (7, "a value of type int is no set of rows"),
            (["a"], "rows[0]: a row is a mapping, and this is of type str. Write for"),
            ([{1: 2}], "rows[0]: the name 1 is no text"),
            ([{}], "rows[0]: the input 'message' is missing. The row is empty"),
            (
                [{"message": object()}],
                "rows[0]: 'message': a value of type object has no",
            ),
            (
                [{"message": [float("nan")]}],
                "rows[0]: 'message': nan is no JSON number",
            ),
            (
                [{"message": "a", "id": True}],
                "rows[0]: the id True is neither text nor",
            ),
            ([{"message": "\ud800"}], "rows[0]: a lone surrogate is no character"),
            (
                pd.DataFrame([[1, 2]], columns=["a", "a"]),
                "columns: column 2 is named 'a'",
            ),
            (pd.DataFrame([[1]]), "rows[0]: the name 0 is no text"),
            (
                [{"message": "a", "id": 1}, {"message": "b", "id": "1"}],
                "rows[1]: the id '1' is taken by rows[0]. Give each row an id",
            ),
            (
                [{"inputs": {"message": "a", "mesage": "b"}, "outputs": {}}],
                "rows[0]: 'mesage' is no input of the program. Did you mean 'message'?",
            ),
            (
                [Example("r1", {"text": "a"})],
                "rows[0]: the input 'message' is missing. The row has 'text'",
            ),
        ],
    )
    def test_a_bad_row_is_named(self, source: Any, message: str) -> None:
        """Place, reason, remedy."""
        assert read_error(source).startswith(message)

    def test_labels_are_asked_for_where_they_are_needed(self) -> None:
        """An unlabelled row is fine to run on, and no good to train on."""
        rows = [{"message": "a"}]

        message = read_error(rows, wants_labels=True)

        assert len(read_rows(rows, ["message"])) == 1
        assert message.startswith("rows[0]: the row holds inputs and no label. Add")

    def test_one_name_is_not_a_list_of_names(self) -> None:
        """`inputs="message"` would otherwise be seven inputs."""
        message = read_error([{"message": "a"}], inputs="message")

        assert message == "inputs is the text 'message'. Write inputs=['message']"

    def test_an_empty_set_is_refused_where_rows_are_needed(self) -> None:
        """Reading nothing is fine, measuring on it is not."""
        rows = read_rows([], ["message"])

        with pytest.raises(DataError, match="there are no rows for evaluate"):
            require_rows(rows, "evaluate")


def test_a_data_digest_is_over_contents_alone() -> None:
    """Order and ids do not matter; a row given twice does."""
    rows = [Example(f"r{n}", {"n": n}, {"odd": n % 2}) for n in range(3)]
    renamed = [Example(f"x{row.id}", row.inputs, row.labels) for row in rows[::-1]]

    assert digest_rows(rows) == digest_rows(renamed)
    assert digest_rows(rows) != digest_rows([*rows, rows[0]])
    assert digest_rows(rows) != digest_rows([])

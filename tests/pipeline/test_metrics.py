"""The built-in metrics, against cases worked out by hand."""

import math
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.pipeline.data.rows import Example, read_rows
from weft.pipeline.errors import ConfigError, DataError, MetricError
from weft.pipeline.measure.metrics import (
    FieldMetric,
    choice,
    contains,
    exact,
    f1,
    fields,
    numeric,
    set_match,
)
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import make_value

Answer = make_signature("question -> answer, year: int", name="Answer")


def score(metric: FieldMetric, gold: Any, prediction: Any) -> float:
    """What a metric over the field `answer` gives for one gold value."""
    row = Example("r1", {}, {"answer": gold})
    return metric(row, prediction).value


class Color(Enum):
    RED = "red"


class Place(pydantic.BaseModel):
    city: str
    tags: set[str] = set()


class Pair(NamedTuple):
    answer: str
    why: str


@dataclass
class Reply:
    answer: str


class TestFinding:
    """Where the predicted value and the gold value are found."""

    @pytest.mark.parametrize(
        "prediction",
        [
            make_value(Answer, {"question": "?", "answer": "Rome", "year": 1}),
            {"answer": "Rome", "why": "because"},
            Pair("Rome", "because"),
            Reply("Rome"),
            "Rome",
        ],
    )
    def test_a_field_is_found_in_whatever_a_program_gives(
        self, prediction: Any
    ) -> None:
        """In a signature, a mapping, an object; or it is the value itself."""
        assert score(exact("answer"), "Rome", prediction) == 1
        assert score(exact("answer"), "Pisa", prediction) == 0

    def test_a_plain_value_is_never_asked_for_attributes(self) -> None:
        """Texts and tuples have a `count` of their own."""
        for value in ("a", ("a",), [1], 3):
            row = Example("r1", {}, {"count": value, "real": value})

            assert exact("count")(row, value).value == 1
            assert exact("real")(row, value).value == 1

    def test_a_structured_value_is_compared_as_a_whole(self) -> None:
        """A program may return one model, and the label is its JSON."""
        gold = {"city": "Rome", "tags": ["b", "a"]}

        assert (
            score(
                exact("answer"),
                gold | {"tags": ["a", "b"]},
                Place(city="Rome", tags={"b", "a"}),
            )
            == 1
        )
        assert score(exact("answer"), gold, Place(city="Pisa")) == 0

    @pytest.mark.parametrize(
        ("gold", "got", "value"),
        [
            ({"city": "Rome"}, Place(city="Rome"), 1),
            ({"city": "Rome"}, Place(city="Rome", tags={"a"}), 0),
            ([{"city": "Rome"}], [Place(city="Rome")], 1),
            ([{"city": "Rome"}, {"city": "Pisa"}], [Place(city="Rome")], 0),
            ({"city": "Rome", "mayor": "x"}, Place(city="Rome"), 0),
            ({"town": "Rome"}, Place(city="Rome"), 0),
            ([[{"city": "Rome"}]], [[Place(city="Rome")]], 1),
        ],
    )
    def test_a_label_may_leave_out_what_has_a_default(
        self, gold: Any, got: Any, value: float
    ) -> None:
        """It is read as the model would read it; what it adds is never passed over."""
        assert score(exact("answer"), gold, got) == value

    @pytest.mark.parametrize(
        "prediction",
        [
            make_value(Answer, {"question": "?", "answer": "Rome", "year": 1}),
            {"answer": "Rome"},
            Reply("Rome"),
        ],
    )
    def test_a_prediction_without_the_field_is_an_error(self, prediction: Any) -> None:
        """A misspelt field must not read as a model that is always wrong."""
        row = Example("r1", {}, {"anwser": "Rome"})

        with pytest.raises(MetricError, match=r"no field 'anwser'.*mean 'answer'"):
            exact("anwser")(row, prediction)

    def test_a_row_without_the_label_is_an_error(self) -> None:
        """It names the row and the nearest label."""
        row = Example("r9", {"question": "?"}, {"answer": "Rome"})

        with pytest.raises(DataError) as caught:
            f1("anwser")(row, "Rome")

        assert str(caught.value) == (
            "f1(anwser): row 'r9' has no label 'anwser'. Did you mean 'answer'? "
            "The row has 'answer': metric, rows and output need one name"
        )

    @pytest.mark.parametrize("name", ["id", "meta", "split"])
    def test_what_says_which_row_it_is_is_no_label(self, name: str) -> None:
        """Such a key of a row is kept aside, and the remedy is another name."""
        rows = read_rows([{"question": "?", name: "a", "answer": "a"}], ["question"])

        with pytest.raises(DataError, match="give the label another name"):
            exact(name)(rows[0], "a")

    def test_none_is_right_where_the_label_is_none(self) -> None:
        """An optional field: nothing there, nothing found."""
        for metric in (exact, f1, contains, choice, set_match, numeric):
            assert score(metric("answer"), None, None) == 1
            assert score(metric("answer"), None, "3") == 0
            assert score(metric("answer"), "3", None) == 0

    def test_an_answer_that_is_no_data_scores_0(self) -> None:
        """A program may compute NaN; that is a wrong answer and no reason to stop."""
        row = Example("r1", {}, {"answer": 1.0})

        result = exact("answer")(row, math.nan)

        assert (result.value, "nan is no JSON number" in result.feedback) == (0, True)

    def test_feedback_says_what_was_wanted(self) -> None:
        """And is empty for a right answer; long values are cut."""
        row = Example("r1", {}, {"answer": "Rome"})

        assert exact("answer")(row, "Pisa").feedback == "wanted 'Rome', got 'Pisa'"
        assert exact("answer")(row, "Rome").feedback == ""
        assert len(exact("answer")(row, "x" * 1_000).feedback) < 250


class TestExact:
    """The same value."""

    @pytest.mark.parametrize(
        ("gold", "got", "value"),
        [
            ("New York", " New\n York ", 1),
            ("New York", "new york", 0),
            ("3", 3, 1),
            (3, 3.0, 1),
            ("3", 3.0, 1),
            ("True", True, 1),
            (False, "true", 0),
            ("red", Color.RED, 1),
            (["a", "b"], "b", 1),
            (["a", "b"], ["a", "b"], 1),
            (["a", "b"], ["b", "a"], 0),
            ("a b", ["a", "b"], 0),
            ([], [], 1),
            ({"a": 1}, {"answer": {"a": 1}}, 1),
            (unicodedata.normalize("NFD", "Gr\u00fc\u00dfe"), "Gr\u00fc\u00dfe", 1),
        ],
    )
    def test_exact(self, gold: Any, got: Any, value: float) -> None:
        """Case counts, spaces do not; a list is any of its items, or itself."""
        assert score(exact("answer"), gold, got) == value


class TestF1:
    """SQuAD's token F1."""

    @pytest.mark.parametrize(
        ("gold", "got", "value"),
        [
            ("the Eiffel Tower", "Eiffel tower", 1.0),
            ("in the year 1889", "1889", 1 / 2),
            ("red red blue", "red blue blue", 2 / 3),
            ("Denver Broncos", "The Denver Broncos won", 4 / 5),
            ("U.S.", "us", 1.0),
            ("cat", "dog", 0.0),
            ("", "", 1.0),
            ("", "something", 0.0),
            (["Broncos", "Denver Broncos"], "Denver Broncos", 1.0),
            ([], "", 1.0),
            ([], None, 1.0),
            ([], "Rome", 0.0),
            (42, "it is 42", 1 / 2),
            ("STRASSE", "Stra\u00dfe", 1.0),
            (
                "\u201eGr\u00fc\u00dfe aus K\u00f6ln\u201c",
                "Gr\u00fc\u00dfe aus K\u00f6ln!",
                1.0,
            ),
            ("\uc11c\uc6b8 \ud2b9\ubcc4\uc2dc", "\uc11c\uc6b8", 2 / 3),
            ("\u6771\u4eac\u90fd", "\u6771\u4eac", 4 / 5),
        ],
    )
    def test_hand_computed_cases(self, gold: Any, got: Any, value: float) -> None:
        """English, German, Korean, Japanese; no answer at all; any of several."""
        assert score(f1("answer"), gold, got) == pytest.approx(value)

    def test_hangul_in_any_normal_form_is_the_same_text(self) -> None:
        """macOS writes syllables as single letters."""
        text = "\ub300\ud55c\ubbfc\uad6d"

        assert score(f1("answer"), text, unicodedata.normalize("NFD", text)) == 1

    @given(st.text(max_size=30), st.text(max_size=30))
    def test_f1_is_symmetric_and_1_for_equal_texts(self, one: str, other: str) -> None:
        """On any text whatsoever."""
        value = score(f1("answer"), one, other)

        assert 0 <= value <= 1
        assert value == score(f1("answer"), other, one)
        assert score(f1("answer"), one, one) == 1


class TestNumeric:
    """The last number of a text."""

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("1,234.50", 1234.5),
            ("$18", 18),
            ("-$18", -18),
            ("18 apples", 18),
            ("3 + 15 = 18.", 18),
            ("1.234,50 \u20ac", 1234.5),
            ("3,5", 3.5),
            ("1,23,456", 123456),
            ("10-18", 18),
            ("x = -18", -18),
            ("\u22127", -7),
            ("1'000", 1000),
            ("1\u202f000", 1000),
            ("1\u00a0000,5", 1000.5),
            ("1e-3", 0.001),
            (".5", 0.5),
            ("No.5", 5),
            ("20 m2", 20),
            ("\ucd1d18\uac1c", 18),
            ("items 1,2,3", 3),
            ("\uff11\uff18", 18),
            (Fraction(1, 2), 0.5),
            ("\u00bd", 0.5),
            ("about 2\u00be cups", 2.75),
            ("10\u00b2", 100),
            ("20 m\u00b2", 20),
            ("\u20135", -5),
            ("pages 3\u20135", 5),
            (np.int64(4), 4),
        ],
    )
    def test_numbers_are_read(self, text: Any, number: float) -> None:
        """Grouping, currency, units, signs, European commas."""
        assert score(numeric("answer"), number, text) == 1
        assert score(numeric("answer"), number + 1, text) == 0

    @pytest.mark.parametrize("got", ["none", "", "H2O", 10**400, True])
    def test_an_answer_without_the_number_scores_0(self, got: Any) -> None:
        """Whatever a model writes, it is no reason to stop."""
        assert score(numeric("answer"), 18, got) == 0

    def test_the_tolerance_is_absolute_and_part_of_the_name(self) -> None:
        """A million and one is not a million; 0.1 + 0.2 is 0.3."""
        metric = numeric("answer", tolerance=0.5)

        assert (metric.name, numeric("answer").name) == (
            "numeric(answer, tolerance=0.5)",
            "numeric(answer)",
        )
        assert score(metric, 1, 1.4) == 1
        assert score(numeric("answer"), 1_000_000, 1_000_001) == 0
        assert score(numeric("answer", tolerance=0), 0.3, 0.1 + 0.2) == 1

    @pytest.mark.parametrize("tolerance", [-1, math.nan, math.inf, "1", None, True])
    def test_a_tolerance_is_a_difference(self, tolerance: Any) -> None:
        with pytest.raises(ConfigError, match="is no difference"):
            numeric("answer", tolerance=tolerance)

    def test_a_label_without_a_number_is_an_error(self) -> None:
        """No prediction could be right."""
        with pytest.raises(DataError, match="row 'r1': the label 'many' holds no"):
            score(numeric("answer"), "many", "3")


@pytest.mark.parametrize(
    ("gold", "got", "value"),
    [
        (["a", "b"], ["B", " a "], 1),
        (["a", "b"], {"a"}, 2 / 3),
        ("x, y", "y; x", 1),
        ([], [], 1),
        ([], ["a"], 0),
        ([1, 2], [2, 3], 1 / 2),
        ([{"k": 1}], [{"k": 1}], 1),
        ("0.50, 1.0", [1, 0.5], 1),
        ("0.50", ["0.5"], 0),
        ([Decimal("1.50")], [1.5], 1),
        ("1, 2", [2.0, 3.0], 0.5),
        ("1, none", [1], 2 / 3),
        ([True], ["true"], 1),
    ],
)
def test_set_match_is_f1_over_items(gold: Any, got: Any, value: float) -> None:
    """Order, case and doubles do not count."""
    assert score(set_match("answer"), gold, got) == pytest.approx(value)


@pytest.mark.parametrize(
    ("gold", "got", "value"),
    [
        ("top-ups", " Top_Ups. ", 1),
        ("cards", "'cards'", 1),
        ("cards", "card", 0),
        ("red", Color.RED, 1),
        (["yes", "y"], "Yes", 1),
        (True, "true", 1),
    ],
)
def test_choice_ignores_how_a_label_is_written(
    gold: Any, got: Any, value: float
) -> None:
    """Case, spaces, hyphens, quotes; not the letters."""
    assert score(choice("answer"), gold, got) == value


@pytest.mark.parametrize(
    ("gold", "got", "value"),
    [
        ("18", "So it is 18.", 1),
        ("18", "180", 0),
        ("new york", "I love New  York!", 1),
        ("cat", "concatenate", 0),
        ("C++", "in C++, say", 1),
        ("18", "18.5", 0),
        ("18", "0.18", 0),
        ("18", "18,000", 0),
        ("000", "18,000", 0),
        ("18", "-18 degrees", 0),
        ("18", "18.5 or rather 18.", 1),
        (18, "18.00", 1),
        ("18.5", "18.50", 0),
        ("-18", "it is -18", 1),
        ("18", "16-18", 1),
        ("2024", "on 1.12.2024", 1),
        ("2", "1,2,3", 1),
        ("$5", "for $5.", 1),
        (["NYC", "New York"], "in NYC", 1),
        ("\uc11c\uc6b8", "\uc11c\uc6b8\uc740 \uc218\ub3c4\ub2e4", 1),
        ("", "x", 0),
    ],
)
def test_contains_finds_words(gold: Any, got: str, value: float) -> None:
    """As words of their own in Latin script, anywhere in Hangul."""
    assert score(contains("answer"), gold, got) == value


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("2024-01-02T01:00:00+01:00", 1),
        ("2024-01-02T00:00:00Z", 1),
        (datetime(2024, 1, 2, tzinfo=UTC), 1),
        ("2024-01-02T00:00:00", 0),
        ("2024-01-02T00:00:00+01:00", 0),
    ],
)
def test_a_moment_is_the_same_in_each_zone(label: Any, value: float) -> None:
    """As `==` says of two of them; without a zone it is another one."""
    signature = make_signature("question -> answer: T", types={"T": datetime})
    got = make_value(signature, {"answer": datetime(2024, 1, 2, tzinfo=UTC)})

    assert exact("answer")(Example("r1", {}, {"answer": label}), got).value == value


class TestFields:
    """Several fields at once."""

    def test_the_mean_of_fields_with_feedback_for_each(self) -> None:
        """Names are compared exactly; a mapping gives each field its metric."""
        row = Example("r1", {}, {"answer": "the Tower", "year": 1889})
        got = {"answer": "tower", "year": "in 1890"}

        plain = fields("answer", "year")(row, got)
        chosen = fields({"answer": f1("answer"), "year": numeric("year")})(row, got)

        assert (plain.value, chosen.value) == (0, 0.5)
        assert chosen.feedback == "year: wanted 1889, got 'in 1890'"

    def test_fields_needs_fields(self) -> None:
        """Nothing to average is a mistake."""
        with pytest.raises(
            MetricError, match=r"fields\(\) takes names, or one mapping"
        ):
            fields({})

    def test_an_async_part_is_refused(self) -> None:
        """Rather than counted as a score."""

        async def judge(example: Example, prediction: Any) -> float:
            return 1.0

        with pytest.raises(MetricError, match="judge is async"):
            fields({"answer": judge})(Example("r1", {}), "x")

"""Values of closed types as models write them: one reading is read, two are refused."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from tests.pipeline.reading.replies import read
from tests.timing import LINEAR, bounded, growth, steps
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.reading.scalars import bare_number
from weft.pipeline.reading.sentences import stated
from weft.pipeline.signature.forms import make_signature

REFUSED = object()
TYPES: dict[str, Any] = {
    "Mood": Literal["positive", "negative"],
    "date": datetime.date,
    "Option": Literal["A", "B", "C"],
    "Face": Literal["\U0001f60a", "\U0001f622"],
    "Degree": Literal["positive", "very positive"],
    "Zh": Literal["\u6b63\u9762", "\u8d1f\u9762"],
    "Ja": Literal["\u306f\u3044", "\u3044\u3044\u3048"],
    "Hi": Literal["\u0939\u093e\u0901", "\u0928\u0939\u0940\u0902"],
    "Es": Literal["S\u00ed", "No"],
    "Share": Literal["50", "60"],
    "Named": Literal["none", "some"],
    "Deal": Literal["R&D", "M&A"],
    "Stars": Annotated[int, Field(ge=1, le=5)],
    "Part": Annotated[float, Field(ge=0, le=1)],
}


def value_of(kind: str, text: str, name: str = "chat") -> Any:
    """What a field of that type reads a text as; REFUSED where it is an error."""
    signature = make_signature(f"q -> x: {kind}", types=TYPES)
    whole = {"chat": f"[[ x ]]\n{text}\n[[ /end ]]", "xml": f"<x>{text}</x>"}[name]
    values = read(adapter_of(name), signature, whole)
    return REFUSED if values is None else values["x"]


Case = tuple[str, str, Any]
BOXES: list[Case] = [
    ("int", "\\boxed{5} is wrong; it is 6.", REFUSED),
    ("int", "\\boxed{5} is wrong.", REFUSED),
    ("int", "\\boxed{5} is tempting.", REFUSED),
    ("int", "Is it \\boxed{5}?", REFUSED),
    ("int", "It is more than \\boxed{5}", REFUSED),
    ("int", "x \\neq \\boxed{5}", REFUSED),
    ("int", "\\boxed{5}\nThen again it may be 6.", REFUSED),
    ("int", "If he stays \\boxed{5}", REFUSED),
    ("int", "If he gets 2 more, he has \\boxed{5}.", 5),
    ("int", "\\boxed{3} million", REFUSED),
    ("int", "\\boxed{3} lakhs", REFUSED),
    ("int", "\\boxed{\\frac{1}{2}}, not \\boxed{1}", REFUSED),
    ("bool", "I cannot say whether \\boxed{yes} holds.", REFUSED),
    ("Mood", "It is not \\boxed{positive} at all.", REFUSED),
    ("Mood", "It isn't \\boxed{positive}.", REFUSED),
    ("int", "\u7b54\u6848\u4e0d\u662f\\boxed{6}\u3002", REFUSED),
    ("int", "\u7b54\u6848\u662f\\boxed{6}\u3002", 6),
    ("int", "It is not 5. So \\boxed{6}.", 6),
    ("int", "So x = 3 and\n\\[\n\\boxed{7}\n\\]", 7),
    ("int", "**Final Answer**\n\n\\[ \\boxed{7} \\]", 7),
    ("int", "25 + 40 = \\boxed{65}.", 65),
    ("int", "He has $\\boxed{12}$ eggs.", 12),
    ("int", "\\boxed{6} apples in total.", 6),
    ("int", "The answer is \\boxed{5}. I hope it is correct.", 5),
    ("Option", "\\boxed{\\text{A}}", "A"),
    ("Option", "Hence $\\boxed{\\textbf{B}}$.", "B"),
    ("Option", "The answer is \\boxed{A}.", "A"),
]
BEGUN: list[Case] = [
    ("int", "5. The answer is 6.", REFUSED),
    ("int", "5. So it goes.\nThe answer is 6.", REFUSED),
    ("int", "Answer: 5. The answer is 6.", REFUSED),
    ("int", "5. The answer is 5.", 5),
    ("int", "1. Add 25.\n2. And 40.\nThe answer is 65.", 65),
    ("bool", "No. The answer is yes.", REFUSED),
    ("bool", "Yes! It is. The answer is yes.", True),
]
LABELS: list[Case] = [
    ("int", "Answer: 65", 65),
    ("int", "**Answer:** 65", 65),
    ("int", "**Answer**: 65", 65),
    ("int", "### Answer: 65", 65),
    ("int", "The final answer: 65", 65),
    ("int", "Add both.\nAnswer: 65", 65),
    ("int", "Answer: 5\nThe answer is 6.", REFUSED),
    ("int", "Question: 65", REFUSED),
    ("int", "The answer is \\(5\\).", 5),
    ("int", "\\(5\\)", 5),
    ("int", "$1{,}200$", 1200),
    ("Option", "$A$", "A"),
    ("int", "65\u20ac", 65),
    ("int", "65 \u20ac", 65),
    ("int", "\u20a9650", 650),
    ("int", "65\u00a2", REFUSED),
    ("int", "+5", 5),
    ("int", "-$5", -5),
    ("int", "\u2212\u20ac5", -5),
    ("int", "5 + 5", REFUSED),
]
SPELT: list[Case] = [
    ("int", "1_000", 1000),
    ("int", "1'250'000", 1250000),
    ("int", "1\u2019250", 1250),
    ("int", "1\u00a0250", 1250),
    ("int", "1\u202f250\u202f000", 1250000),
    ("int", "10 000", 10000),
    ("int", "1 000 000", 1000000),
    ("int", "1,00,000", 100000),
    ("int", "1 250", REFUSED),
    ("int", "100 200 300", REFUSED),
    ("int", "1_00", REFUSED),
    ("int", "1,000'000", REFUSED),
    ("int", "1,00,00", REFUSED),
    ("float", "1'250", 1250.0),
    ("float", "1'250.5", 1250.5),
    ("float", "1,250", REFUSED),
    ("float", ".5", 0.5),
    ("float", "-.5", -0.5),
    ("float", "$.50", 0.5),
    ("float", "1..5", REFUSED),
    ("int", ".5", REFUSED),
    ("int", "42.0", 42),
    ("float", "42.25", 42.25),
    ("int", "\uff14\uff12", 42),
    ("int", "\uff0d\uff14\uff12", -42),
    ("int", "\u0664\u0662", 42),
    ("float", "\u0664\u066b\u0662", 4.2),
    ("int", "\u0664\u0662\n\u0664\u0663", REFUSED),
    ("int", "4\u00b2", REFUSED),
    ("float", "\u00bd", REFUSED),
    ("int", "\u2463", REFUSED),
    ("int", "3 \u00d7 14 = 42", 42),
    ("int", "3x14=42", 42),
    ("int", "$3 \\times 14 = 42$", 42),
    ("int", "84 \u00f7 2 = 42", 42),
    ("int", "3x = 42", REFUSED),
    ("int", "3x + 2 = 44", REFUSED),
    ("int", "2(x) = 42", REFUSED),
]
FRAMED: list[Case] = [
    ("int", "<42>", 42),
    ("int", "{42}", 42),
    ("int", "<x>42</x>", 42),
    ("int", "<answer>\n42\n</answer>", 42),
    ("int", "<a>42</b>", REFUSED),
    ("int", "<42> or <43>", REFUSED),
    ("int", '{"x": 42}', 42),
    ("int", '{"x": "42"}', 42),
    ("int", '{"y": 42}', REFUSED),
    ("int", "(42)", REFUSED),
    ("Mood", "<positive>", "positive"),
    ("Mood", '{"X": "Positive"}', "positive"),
    ("Mood", "{'x': 'positive'}", "positive"),
    ("Mood", '{"x": ["positive"]}', REFUSED),
    ("Mood", '{"not": "positive"}', REFUSED),
    ("bool", '{"x": "yes"}', True),
    ("bool", "<yes>", True),
]
PICTURED: list[Case] = [
    ("Mood", "positive \U0001f60a", "positive"),
    ("Mood", "\u2705 Positive!", "positive"),
    ("Mood", "\U0001f44d\U0001f3fd positive", "positive"),
    ("Mood", "positive \u2764\ufe0f", "positive"),
    ("Mood", "\u274c positive", REFUSED),
    ("Mood", "positive \U0001f44e", REFUSED),
    ("Mood", "positive \U0001f914", REFUSED),
    ("Mood", "\U0001f60a", REFUSED),
    ("Face", "\U0001f60a", "\U0001f60a"),
    ("Face", "sad \U0001f60a", REFUSED),
    ("bool", "Yes \u2705", True),
    ("bool", "\u274c Yes", REFUSED),
    ("Mood", "A) positive", "positive"),
    ("Mood", "(b) Negative", "negative"),
    ("Mood", "c. positive", "positive"),
    ("Option", "A) B", REFUSED),
    ("Degree", "Positive (very)", REFUSED),
    ("Degree", "Very positive (it is)", "very positive"),
    ("Degree", "Positive (it is fun)", "positive"),
]
SCRIPTS: list[Case] = [
    ("Zh", "\u6b63\u9762\u3002", "\u6b63\u9762"),
    ("Zh", "\u300c\u6b63\u9762\u300d", "\u6b63\u9762"),
    ("Zh", "\u3010\u6b63\u9762\u3011", "\u6b63\u9762"),
    ("Zh", "\u6b63\u9762\uff01", "\u6b63\u9762"),
    ("Zh", "\u6b63\u9762\uff1f", REFUSED),
    ("Ja", "\u306f\u3044\u3002", "\u306f\u3044"),
    ("Hi", "\u0939\u093e\u0901\u0964", "\u0939\u093e\u0901"),
    ("Es", "\u00a1S\u00ed!", "S\u00ed"),
    ("Es", "\u00bfS\u00ed?", REFUSED),
    ("Share", "50\u2030", REFUSED),
    ("int", "65\u3002", 65),
    ("int", "\u301065\u3011", 65),
    ("int", "\uff0865\uff09", REFUSED),
]
DAY = datetime.date(2024, 3, 5)
DATED: list[Case] = [
    *(
        ("date", text, DAY)
        for text in (
            "March 5, 2024",
            "5 March 2024",
            "Mar. 5th, 2024",
            "5th of March 2024",
            "the 5th of March, 2024",
            "05-Mar-2024",
            "MARCH 5 2024",
            "2024/03/05",
            "2024-3-5",
            "2024.03.05",
            "20240305",
            "2024-03-05T00:00:00Z",
            "<2024-03-05>",
            "2024\u201103\u201105",
            "\uff12\uff10\uff12\uff14-03-05",
            "2024\u5e743\u67085\u65e5",
            "2024\ub144 3\uc6d4 5\uc77c",
            "Tuesday, March 5, 2024",
            "2024-03-05 (Tue)",
            "The date is 2024-03-05.",
            "**March 5, 2024**",
        )
    ),
    *(
        ("date", text, REFUSED)
        for text in (
            "05/03/2024",
            "5.3.2024",
            "March 2024",
            "March 5",
            "Monday, 2024-03-05",
            "2024-02-30",
            "2024-13-05",
            "Marching 5, 2024",
            "March 5, 24",
            "2024-03-05T10:00:00Z",
            "2024-03/05",
            "2024-03-05 or 2024-03-06",
            "not 2024-03-05",
            "March 5, 2024\nMarch 6, 2024",
        )
    ),
    ("date | None", "March 5, 2024", DAY),
    ("list[date]", '["March 5, 2024", "2024/3/5"]', [DAY, DAY]),
    ("list[int]", "1,2,3", [1, 2, 3]),
    ("list[int]", "1 2 3", [1, 2, 3]),
    ("list[int]", "1; 2; 3", [1, 2, 3]),
    ("list[int]", "1,200", REFUSED),
    ("list[int]", "10 000", REFUSED),
    ("list[float]", "1,2", REFUSED),
    ("list[Mood]", "positive and negative", ["positive", "negative"]),
    ("list[Mood]", "positive; negative", ["positive", "negative"]),
    ("list[str]", "one; two", REFUSED),
    ("list[str]", "\u2013 one\n\u2013 two", ["one", "two"]),
    ("list[str]", "(1) one\n(2) two", ["one", "two"]),
    ("list[str]", "(2) one\n(1) two", REFUSED),
]
NOTHING: list[Case] = [
    ("int | None", "**None**", None),
    ("int | None", "None.", None),
    ("int | None", "none.", None),
    ("int | None", "**null**", None),
    ("int | None", "'none'", REFUSED),
    ("int", "None.", REFUSED),
    ("str | None", "None.", "None."),
    ("Named | None", "none", "none"),
    ("Named | None", "None.", REFUSED),
]


@pytest.mark.parametrize(
    ("kind", "text", "right"),
    [*BOXES, *BEGUN, *LABELS, *SPELT, *FRAMED, *PICTURED, *DATED, *SCRIPTS, *NOTHING],
)
def test_one_reading_is_read(kind: str, text: str, right: Any) -> None:
    """What a text says of its value in so many words, marks and typography."""
    value = value_of(kind, text)

    assert value == right
    assert type(value) is type(right)


RATED: list[Case] = [
    ("Stars", "4/5", 4),
    ("Stars", "4 out of 5", 4),
    ("Stars", "**4 (out of 5).**", 4),
    ("Stars", "The answer is 4/5.", 4),
    ("Stars", "8/10", REFUSED),
    ("Stars", "0/5", REFUSED),
    ("Literal[1, 2, 3]", "2/3", 2),
    ("list[Stars]", '["4/5", 2]', [4, 2]),
    ("Stars | None", "4/5", 4),
    ("int", "4/5", REFUSED),
    ("Part", "0.25/1", 0.25),
    ("Part", "1/4", REFUSED),
    ("str", "4/5", "4/5"),
]


@pytest.mark.parametrize(("kind", "text", "right"), RATED)
def test_a_number_of_the_scale_it_is_on(kind: str, text: str, right: Any) -> None:
    """Where the scale ends where the type does; of another one it says nothing."""
    value = value_of(kind, text)

    assert value == right
    assert type(value) is type(right)


SCALES = (
    "lakhs lacs crores fourths ninths sevenths twelfths "
    "sixteenths twentieths hundredths millionths nths "
    "quadrillions zillions milliards millones myriads dozens "
    "gross grands bps mns bns pcts halves halfs sevens twelves "
    "teens tens twenties thousands docenas centenas dezenas "
    "milhares douzaines milliers tenfolds cents perhaps upwards "
)
UNITS = (
    "apples minutes seconds months miles lbs hrs yrs kms kgs eggs "
    "glasses baths dollars euros semaines weeks nickels quarts "
    "people children feet "
)


@pytest.mark.parametrize("word", SCALES.split())
@pytest.mark.parametrize("whole", [True, False])
def test_a_word_that_makes_another_number_stays(word: str, whole: bool) -> None:
    """Fractions, numbers, groups, parts of currencies, hedges: refused, not dropped."""
    for said in (word, word.title(), f"{word}."):
        assert bare_number(f"3 {said}", whole=whole) == f"3 {said}"


@pytest.mark.parametrize("word", UNITS.split())
def test_a_word_that_says_what_is_counted_is_passed_over(word: str) -> None:
    """Whatever is counted, the number is the value."""
    assert bare_number(f"3 {word}", whole=True) == "3"


ENTITIES: list[Case] = [
    ("Deal", "R&amp;D", "R&D"),
    ("Deal", "R&#38;D", "R&D"),
    ("Deal", "X&amp;Y", REFUSED),
    ("list[str]", "[&quot;a&quot;]", ["a"]),
    ("list[str]", '["R&amp;D"]', ["R&amp;D"]),
    ("str", "R&amp;D", "R&amp;D"),
]


@pytest.mark.parametrize(("kind", "text", "right"), ENTITIES)
def test_entities_are_read_where_the_text_is_no_value(
    kind: str, text: str, right: Any
) -> None:
    """Between tags, and for closed types alone: of a text nothing is escaped."""
    assert value_of(kind, text, "xml") == right


def test_a_choice_with_an_entity_of_its_own_is_that_choice() -> None:
    """The text as it stands comes first."""
    signature = make_signature("q -> x: Literal['R&D', 'R&amp;D']")

    values = read(adapter_of("xml"), signature, "<x>R&amp;D</x>")

    assert values == {"x": "R&amp;D"}


def test_entities_are_noted() -> None:
    """As every mend is."""
    signature = make_signature("q -> x: Deal", types=TYPES)

    parsed = adapter_of("xml").parse("<x>R&amp;D</x>", signature)

    assert parsed.repairs == ("x: entities read as characters",)


FLOODS = [
    "\\boxed{",
    "\\boxed{5}",
    "{",
    "$",
    "\\[",
    "\\text{",
    "Answer:",
    "\u3002",
    "*",
]


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_take_little_work(flood: str) -> None:
    """Eight times the text takes about eight times the steps, and 2 MB end."""
    signature = make_signature("q -> x: int")

    def parse(size: int) -> None:
        text = f"[[ x ]]\n{flood * (size // len(flood))}"
        adapter_of("chat").parse(text, signature)

    assert growth(lambda size: steps(lambda: parse(size), ParseError), 4000) <= LINEAR
    bounded(lambda: parse(1 << 21), ParseError)
    bounded(lambda: [stated(flood * (4000 // len(flood))) for _ in range(20)])

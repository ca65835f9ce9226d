"""A value that a sentence names is read; where a sentence says more, nothing is."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.pipeline.reading.replies import read
from tests.timing import LINEAR, bounded, growth, steps
from weft.pipeline.adapters import adapter_of
from weft.pipeline.reading.sentences import told
from weft.pipeline.signature.forms import make_signature

TYPES: dict[str, Any] = {
    "Mood": Literal["positive", "negative", "no_impact"],
    "Option": Literal["A", "B", "C"],
    "Card": Literal["card", "card lost", "I"],
    "Stars": Literal[1, 2, 3, 4, 5],
}
SIGNATURES = {
    kind: make_signature(f"q -> {name}: {kind}", types=TYPES)
    for kind, name in (
        *(("Mood", "mood"), ("Option", "letter"), ("Card", "team_name")),
        *(("Stars", "stars"), ("bool", "holds"), ("int", "n"), ("float", "share")),
        *(("str", "text"), ("list[str]", "texts"), ("Mood | None", "mood")),
    )
}


def value_of(kind: str, text: str, form: str = "chat", echoed: str = "") -> Any:
    """What is read; None where it is an error. Chat's field stands under its mark."""
    signature = SIGNATURES[kind]
    name = next(iter(signature.__weft__.outputs))
    reply = f"[[ {name} ]]\n{text}\n[[ /end ]]" if form == "chat" else text
    values = read(adapter_of(form), signature, reply, echoed=echoed)
    return None if values is None else values[name]


NAMED: list[tuple[str, str, Any]] = [
    ("Mood", "The mood is positive", "positive"),
    ("Mood", "The overall mood is: **Positive**.", "positive"),
    ("Mood", "mood = no impact", "no_impact"),
    ("Mood", 'Sure! The mood is "positive".', "positive"),
    ("Mood", "So the most likely answer is positive.", "positive"),
    ("Mood", "The review is positive.", "positive"),
    ("Mood", "The mood of the review is: positive", "positive"),
    ("Mood", "The mood expressed in the customer's review is positive.", "positive"),
    ("Mood", "The answer to your last question: positive", "positive"),
    ("Mood", "It is positive.", "positive"),
    ("Mood", "Positive is the correct mood.", "positive"),
    ("Mood", "**No impact** is the answer", "no_impact"),
    ("Mood", "The feeling of these lines is **positive**.", "positive"),
    ("Mood", "I would file these lines as \u201cpositive\u201d", "positive"),
    ("Mood", "Positive. The food is praised.", "positive"),
    ("Mood", "positive: the food is praised", "positive"),
    ("Mood", "**Positive** \u2013 the food is praised", "positive"),
    ("Mood", "positive (the food is praised)", "positive"),
    ("Mood", "positive, because the food is praised", "positive"),
    ("Option", "A. Paris", "A"),
    ("Option", "B: the second of them", "B"),
    ("Option", "C (Rome)", "C"),
    ("Card", "card lost - it was left in a taxi", "card lost"),
    ("Card", "The team name is card.", "card"),
    ("Stars", "The answer is 4", 4),
    ("Stars", "4 (rather good)", None),
    ("Stars", "4 (very good)", 4),
    ("bool", "Yes, it holds.", True),
    ("bool", "No, this is wrong.", False),
    ("bool", "True. The sum is right.", True),
    ("bool", "The statement is false.", False),
    ("bool", "False - it is not correct", False),
    ("int", "n = 4", 4),
    ("int", "4 is the answer.", 4),
    ("int", "4 (four)", 4),
    ("float", "The share is 0.5.", 0.5),
    ("Mood | None", "The mood is positive.", "positive"),
]
MORE: list[tuple[str, str]] = [
    ("Mood", "Is the mood positive?"),
    ("Mood", "The mood is not positive"),
    ("Mood", "The mood of the review is not positive"),
    ("Mood", "The mood of the negative review is positive"),
    ("Mood", "The mood is positive or negative"),
    ("Mood", "The mood is positive, but the end is sad"),
    ("Mood", "Positive. Or negative."),
    ("Mood", "Positive - although partly sad"),
    ("Mood", "positive: 0.6, negative: 0.4"),
    ("Mood", "positive: no"),
    ("Mood", "Positive. It isn't, however."),
    ("Mood", "Positive - das stimmt nicht"),
    ("Mood", "Positive review"),
    ("Mood", "Overall positive"),
    ("Mood", "positive/negative"),
    ("Mood", "positive, negative"),
    ("Mood", 'The waiter said it is "positive".'),
    ("Mood", 'Some would file it as "positive".'),
    ("Mood", "If it is sunny, the mood is positive."),
    ("Mood", "Maybe the mood is positive."),
    ("Mood", "The mood is positive.\nThe mood is negative."),
    ("Option", "A and B"),
    ("Option", "A cat"),
    ("Option", "A, B"),
    ("Card", "I, for one, lost it"),
    ("bool", "Yes and no"),
    ("bool", "Yes, but not always"),
    ("bool", "True. This is wrong."),
    ("bool", "False. This is correct."),
    ("bool", "No. The answer is yes."),
    ("bool", "No, I can't help with that."),
    ("bool", "No, I do not know."),
    ("bool", "No: I am sorry."),
    ("bool", "Yes, as far as anyone can tell."),
    ("Mood", "Positive. I am not sure."),
    ("int", "1. Add both numbers."),
    ("int", "4: four of five"),
    ("int", "The answer is 4 because 2+2"),
    ("int", "There are 4 of them"),
    ("int", "n = 4, m = 5"),
    ("int", "2. It is so."),
    ("Stars", "1. Taste the food."),
]


@pytest.mark.parametrize(("kind", "text", "right"), NAMED)
def test_named(kind: str, text: str, right: Any) -> None:
    """Under its mark, and where it is all of the reply."""
    under, alone = value_of(kind, text), value_of(kind, text, "json")

    assert under == right
    assert type(under) is type(right)
    assert alone in (right, None) if kind == "Mood | None" else alone == right


@pytest.mark.parametrize(("kind", "text"), MORE)
def test_more_than_a_value(kind: str, text: str) -> None:
    """Doubts, denials, questions, quotations, lists, and two values at once."""
    assert value_of(kind, text) is None
    assert value_of(kind, text, "json") is None


@pytest.mark.parametrize("kind", ["str", "list[str]"])
def test_open_types(kind: str) -> None:
    """A text is a text, and no sentence is a list."""
    text = "The text is good."
    assert value_of(kind, text) == (text if kind == "str" else None)
    assert value_of(kind, text, "json") is None


def test_quoted_from_the_input() -> None:
    """A sentence that stands in an input is no answer by itself."""
    said = "Positive. The food is praised."

    assert value_of("Mood", said, "json", echoed=f"{said} Come again!") is None
    assert value_of("Mood", said, "json", echoed="Come again!") == "positive"


def test_noted() -> None:
    """As every mend is."""
    parsed = adapter_of("chat").parse(
        "[[ mood ]]\nThe mood is positive.", SIGNATURES["Mood"]
    )

    assert parsed.repairs == (
        "mood: read 'positive' as 'positive', as the sentence says",
    )


@pytest.mark.parametrize("piece", ["it is ", "a ", "**", "answer is: ", "- x", "the "])
def test_length(piece: str) -> None:
    """A long text is no sentence, and one of the longest is soon looked at."""

    def taken(size: int) -> int:
        text = (piece * size)[: 50 * size]
        return steps(lambda: bounded(lambda: told(text, "mood", "boolean")))

    assert growth(taken, 8) < LINEAR
    assert told("It is positive. " * 100, "mood", "choice") == []

"""The stand-in does what an instruction asks for, or what solved cases show."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft.pipeline.lm.learner.following import OPERATIONS, named_in, shown_by
from weft.pipeline.lm.learner.operations.numerals import in_words
from weft.pipeline.lm.learner.operations.picking import alternatives, scale_in

TEXTS = st.one_of(
    st.text(max_size=80),
    st.text("aeinst -'’.,:[]0123456789", max_size=80),
    st.sampled_from(
        ["Sentence 1: A. Sentence 2:", "-0 and 00", "[ß] Straße ßa", "can not", "IS"]
    ),
)


@pytest.fixture(autouse=True)
def offline() -> Iterator[None]:
    with weft.use(lm="embedded", cache=None):
        yield


def answer(instruction: str, text: str, *shown: tuple[str, str]) -> str:
    demos = tuple(weft.Demo({"text": one, "answer": two}) for one, two in shown)
    program = weft.Predict("text -> answer", instruction, name="follow", demos=demos)
    return str(program(text=text).answer)


@pytest.mark.parametrize(
    ("instruction", "text", "wanted"),
    [
        ("Which letter does the word begin with? Give its first letter.", "kiwi", "k"),
        ("Give only the last character.", "kiwi", "i"),
        ("Please spell it.", "kiwi", "k i w i"),
        ("Reverse the word.", "stressed", "desserts"),
        ("Rewrite the text in upper case.", "mind the gap", "MIND THE GAP"),
        ("Count the letters.", "kiwi", "4"),
        (
            "List the words that begin with the given letter.",
            "Big cats bite [b]",
            "Big",
        ),
        ("Add both numbers up.", "19 and 23", "42"),
        ("What is the difference of the two?", "19, 23", "-4"),
        ("Subtract the first number from the second one.", "19 23", "4"),
        ("Multiply.", "6 7", "42"),
        ("Which number is the larger one?", "6 -7", "6"),
        ("Spell out the number in words.", "1042", "one thousand and forty-two"),
        ("Give the plural.", "butterfly", "butterflies"),
        ("Make it passive.", "The cat chased the mice.", "The mice were chased"),
        ("Negate what is said.", "Rain has fallen.", "Rain has not fallen."),
        ("State the opposite fact.", "He cannot swim.", "He can swim."),
        ("Be more formal, please.", "We'll help the kids.", "We will assist the chi"),
        ("Name the opposite.", "unhappy", "happy"),
        ("What is the Spanish for it?", "station", "stación"),
        ("How do you say this in German?", "elasticity", "Elasticität"),
        ("Put it into French.", "electric", "electrique"),
        ("Which one is heavier?", "pea, whale", ""),
    ],
)
def test_an_instruction_is_followed(instruction: str, text: str, wanted: str) -> None:
    got = answer(instruction, text)

    assert got.startswith(wanted)
    assert got != text
    assert answer("Go on.", text) != got, "without it something else is answered"


def test_a_rhyme_ends_as_the_word_does() -> None:
    got = answer("Find a rhyme.", "light")

    assert got.endswith("ight")
    assert got != "light"


def test_a_cause_is_new_and_an_effect_goes_on() -> None:
    text = "Sentence 1: He fell. Sentence 2: There was ice on a path."

    assert answer("Which sentence is the cause?", text) == "There was ice on a path."
    assert answer("Which sentence is the effect?", text) == "He fell."


def test_a_choice_that_the_instruction_names_is_made() -> None:
    told = 'Say whether it is good or bad. "bad" is what drags or bores.'

    assert answer(told, "It drags on.") == "bad"
    assert answer("Reply yes or no.", "Is it late?") in ("yes", "no")


def test_a_scale_that_the_instruction_spells_out_is_used() -> None:
    told = "Rate from 1 (not at all) to 3 (fully) how alike the sentences are."

    alike = answer(told, "Sentence 1: Dogs bark. Sentence 2: A dog barks.")
    apart = answer(told, "Sentence 1: Dogs bark. Sentence 2: Tea cools.")
    assert (alike, apart) == ("3 - fully", "1 - not at all")


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ("Write the sum of what was paid.", "We paid 3 euros and 4 cents."),
        ("Give the plural.", "He has a cat."),
        ("Make it passive.", "It rains."),
        ("Write the number in words.", "forty"),
        ("Sum up the article.", "The mayor resigned."),
        ("Answer well; if you do not know or doubt it, say so.", "Who came?"),
        ("If the tea is cold or stale, say so.", "The tea is fine."),
        ("Whether it is late or early, be polite.", "Good morning."),
    ],
)
def test_what_is_of_another_kind_is_left_alone(instruction: str, text: str) -> None:
    assert answer(instruction, text) == answer("Go on.", text)


def test_solved_cases_are_followed_without_an_instruction() -> None:
    shown = [("fox", "foxes"), ("city", "cities"), ("dog", "dogs")]

    assert answer("Go on.", "box", *shown) == "boxes"


def test_solved_cases_outweigh_an_instruction_that_says_otherwise() -> None:
    shown = [("fox", "x"), ("city", "y")]

    assert answer("Write the first letter.", "dog", *shown) == "g"


def test_the_result_of_an_operation_may_be_a_number() -> None:
    told = "Write the sum of the two numbers."
    total = weft.Predict("numbers -> total: int", told, name="add")

    assert total(numbers="19 23").total == 42
    assert total(numbers="19 pears, 23 plums").total == 19, "no sum of two numbers"


def test_an_instruction_is_written_from_what_examples_show() -> None:
    """APE's experiment (Zhou et al. 2022), with the stand-in in both parts."""
    words = [
        f"{one}{two}{three}n" for one in "bdg" for two in "aeio" for three in "lrt"
    ]
    rows = [{"word": word, "answer": word[1]} for word in words]
    program = weft.Predict("word -> answer", "Answer.", name="follow")

    result = weft.compile(
        program,
        rows,
        metric=weft.metrics.exact("answer"),
        compiler=weft.compilers.APE(),
    )

    told = {"follow/instruction": "Write the second letter of the word."}
    assert result.report.winner.values == told
    assert result.program(word="kiwi").answer == "i"


def test_pairs_that_no_operation_makes_show_none() -> None:
    assert shown_by((("a b", "c"), ("d", "e"))) is None
    assert shown_by((("hero", "h"),)) is None


@given(TEXTS)
def test_any_text_can_be_worked_on(text: str) -> None:
    rate = scale_in("Rate it from 0 to 5.")

    assert rate is not None
    for operation in (*OPERATIONS, rate):
        done = operation.do(text)
        assert done is None or isinstance(done, str)


@given(TEXTS)
def test_any_instruction_can_be_read(task: str) -> None:
    assert len(named_in(task)) <= len(OPERATIONS) + 1
    assert len(alternatives(task)) != 1


@given(st.integers(-999_999_999_999, 999_999_999_999))
def test_a_number_in_words_can_be_read_back(number: int) -> None:
    said = in_words(str(number))

    assert said is not None
    assert _read(said) == number


NAMES = {in_words(str(n)): n for n in (*range(20), *range(20, 100, 10))}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def _read(said: str) -> int:
    """The number that English words say."""
    total = group = 0
    for word in said.replace("-", " ").replace(",", "").split():
        if word == "hundred":
            group *= 100
        elif word in SCALES:
            total, group = total + group * SCALES[word], 0
        elif word not in ("and", "minus"):
            group += NAMES[word]
    return (total + group) * (-1 if said.startswith("minus") else 1)

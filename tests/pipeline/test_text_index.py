"""The index of texts: which are alike, found fast, and the same on every run."""

import random

import pytest

from weft.pipeline.ground.text_index import TextIndex

TEXTS = ["my card was stolen", "is the branch open", "a late transfer"]


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("cards get stolen", 0), ("the BRANCHES", 1), ("tranfser, late!", 2)],
)
def test_forms_and_misspellings_of_a_word_are_like_it(text: str, nearest: int) -> None:
    """Pieces of words are compared, folded, without marks."""
    assert TextIndex.of(TEXTS).nearest(text, 1) == [nearest]


def test_a_rare_piece_counts_more_than_a_common_one() -> None:
    """What every text says tells none of them apart."""
    index = TextIndex.of(["please help: refund", "please help", "please help: login"])

    assert index.nearest("please, please help me with a refund", 1) == [0]


def test_a_text_is_most_like_itself() -> None:
    """However much longer another is that holds it."""
    texts = ["late", "late again and again, and again this week"]

    assert [TextIndex.of(texts).nearest(text, 1)[0] for text in texts] == [0, 1]


def test_the_nearest_come_first_and_the_earlier_of_equals() -> None:
    """So an order never hangs on how a dictionary happens to be ordered."""
    index = TextIndex.of(["late", "other", "late", "late"])

    assert index.nearest("late", 9) == [0, 2, 3, 1]


def test_nothing_is_like_a_text_in_another_script() -> None:
    """Its likeness to each is 0, and the first are the nearest."""
    index = TextIndex.of(TEXTS)

    assert index.likeness("余额") == [0.0, 0.0, 0.0]
    assert index.nearest("余额", 2) == [0, 1]


def test_an_empty_index_and_empty_texts_are_none_to_be_like() -> None:
    """No text, no number, and no division by nothing."""
    assert TextIndex.of([]).nearest("late", 3) == []
    assert TextIndex.of(["", "?!"]).likeness("") == [0.0, 0.0]


def test_a_large_index_is_searched_as_a_small_one_is() -> None:
    """The nearest of thousands is found although most of the index stays unread."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(400)]
    texts = [" ".join(rng.choices(words, k=12)) for _ in range(3_000)]
    index = TextIndex.of(texts)

    found = [index.nearest(texts[at], 1)[0] for at in range(0, 3_000, 100)]

    assert found == list(range(0, 3_000, 100))

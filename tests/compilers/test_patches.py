"""A passage that a model copied, found in the instruction that it mends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.compilers.propose.writer import patched

WORDS = st.lists(st.from_regex(r"[a-z]{2,6}", fullmatch=True), min_size=2, max_size=4)
COPIES = {
    "as it was": str,
    "another case": str.upper,
    "lines broken": lambda text: text.replace(" ", "\n "),
    "in quotes": '"{}"'.format,
    "in typographic quotes": "\u201c{}\u201d".format,
    "in ticks": "`{}`".format,
}


@pytest.mark.parametrize("how", COPIES)
@given(before=WORDS, passage=WORDS, behind=WORDS)
def test_a_copied_passage_is_replaced_where_it_stands(
    how: str, before: list[str], passage: list[str], behind: list[str]
) -> None:
    """However a copy spells it, no second rule comes to stand beside the old one."""
    old = " ".join(passage)
    text = f"Q{' '.join(before)}. {old}. Z{' '.join(behind)}."
    made = patched(text, COPIES[how](old), "NEW")
    assert "NEW" in made
    assert len(made) == len(text) - len(old) + len("NEW")
    left, right = made.split("NEW")
    assert text.startswith(left)
    assert text.endswith(right)


@pytest.mark.parametrize(
    ("held", "copied"),
    [
        ("Don\u2019t guess \u2014 ask.", "don't guess - ask."),
        ("Write 'yes' or 'no'.", "Write \u2018yes\u2019 or \u2018no\u2019."),
        ("Take (a) before [b].", "take (A)\nbefore [b]."),
    ],
)
def test_quotes_and_dashes_tell_no_passages_apart(held: str, copied: str) -> None:
    assert patched(f"First. {held} Last.", copied, "New.") == "First. New. Last."


@pytest.mark.parametrize("said", ["None", "(empty)", "N/A", "-", '""', "Say nothing"])
def test_what_is_no_passage_of_the_text_is_added_to(said: str) -> None:
    """A word for nothing stands for no word of the instruction, either."""
    text = "If none fits, say none - or saying nothing is empty."
    assert patched(text, said, "Ask.") == f"{text}\nAsk."


def test_words_are_not_cut() -> None:
    text = "Overall be briefly."
    assert patched(text, "ALL BE BRIEF", "x") == f"{text}\nx"

"""Whether quotes stand in their passages: whole words, but for typography."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...pipeline.ground.text_index import NO_BLANKS
from ...pipeline.ground.words import brief
from ...pipeline.media.passages import Citation

_SAME: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        # Nothing that is seen: soft hyphens, joiners, marks of direction.
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f"),
    }
)
_BLANKS: Final = re.compile(r"\s+")
_PARTED: Final = re.compile(r"(?<=[<\[/|]) (?=\w)")
"""The blank that keeps a control token a text: a model is shown `<| im_end|>`."""
_APART: Final = "\n\uffff\n"
"""Between two texts of one id: no character, so that no quote spans them."""


def plainly(text: str) -> str:
    r"""A text as it is compared: blanks as one, quotes and dashes of one kind.

    Compatible characters are one (NFKC), so that a ligature is its letters and "…" is
    three dots. Letters, their case, digits and punctuation count.

    >>> plainly("The  “old”\n bridge – 1871")
    'The "old" bridge - 1871'
    """
    folded = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return _PARTED.sub("", _BLANKS.sub(" ", folded).strip())


def stands(quote: str, text: str) -> bool:
    """Whether a quote stands in a text, and cuts no word and no number of it.

    >>> stands("open", "It is open."), stands("safe", "unsafe"), stands("5 m", "1.5 m")
    (True, False, False)
    """
    at = text.find(quote)
    while at >= 0:
        if not _within(text, at) and not _within(text, at + len(quote)):
            return True
        at = text.find(quote, at + 1)
    return False


def _within(text: str, at: int) -> bool:
    """Whether a place is within a word, or within a number such as 1.5."""
    before, after = text[:at][-2:], text[at : at + 2]
    if not before or not after or NO_BLANKS.search(before[-1] + after[0]):
        return False
    if before[-1].isalnum() and after[0].isalnum():
        return True
    return any(
        len(three) == 3 and three[1] in ".," and (three[0] + three[2]).isdigit()
        for three in (before + after[0], before[-1] + after)
    )


def texts_by_id(passages: Sequence[Any]) -> dict[str, str]:
    """The texts that may be cited: passages by id, plain texts by number from 1.

    Two indexes may both have a passage "0": a quote of either is one of "0".
    """
    texts: dict[str, list[str]] = {}
    for number, one in enumerate(passages, 1):
        name, text = (str(number), one) if isinstance(one, str) else (one.id, one.text)
        texts.setdefault(name, []).append(text)
    return {name: _APART.join(dict.fromkeys(held)) for name, held in texts.items()}


def problem_of(
    citations: Sequence[Citation], texts: Mapping[str, str], least: int
) -> str:
    """What is wrong with citations, in words for their model; empty where nothing is.

    >>> said = Citation(passage="p1", quote="built in 1872")
    >>> problem_of([said], {"p1": "It was built in 1871."}, 1)
    "'built in 1872' does not stand in passage 'p1'. Copy quotes letter for letter."
    """
    wrong: list[str] = []
    plain = {name: plainly(text) for name, text in texts.items()}
    for one in citations:
        quote, shown = plainly(one.quote), brief(one.quote)
        if one.passage not in texts:
            known = ", ".join(map(repr, [*texts][:20])) or "none"
            wrong.append(
                f"There is no passage {one.passage[:100]!r}; there are: {known}."
            )
        elif not any(map(str.isalnum, quote)):
            wrong.append(f"The quote {shown!r} of {one.passage!r} holds no words.")
        elif not stands(quote, plain[one.passage]):
            if quote in plain[one.passage]:
                cut = f"{shown!r} is cut within a word of passage {one.passage!r}."
                wrong.append(f"{cut} Copy whole words.")
                continue
            elsewhere = [name for name, text in plain.items() if stands(quote, text)]
            there = f"; it stands in {elsewhere[0]!r}" if elsewhere else ""
            wrong.append(
                f"{shown!r} does not stand in passage {one.passage!r}{there}. "
                "Copy quotes letter for letter."
            )
    if len(citations) < min(least, len(texts)):
        count = "a passage" if least == 1 else f"at least {least} times"
        wrong.append(f"Cite {count}: each with words of it that support the answer.")
    return "\n".join(dict.fromkeys(wrong))

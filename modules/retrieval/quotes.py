"""Whether quotes stand in their passages, letter for letter but for typography."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

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


def plainly(text: str) -> str:
    r"""A text as it is compared: blanks as one, quotes and dashes of one kind.

    Compatible characters are one (NFKC), so that a ligature is its letters and "…" is
    three dots. Letters, their case, digits and punctuation count.

    >>> plainly("The  “old”\n bridge – 1871")
    'The "old" bridge - 1871'
    """
    folded = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return _BLANKS.sub(" ", folded).strip()


def texts_by_id(passages: Sequence[Any]) -> dict[str, str]:
    """The texts that may be cited: passages by id, plain texts by number from 1."""
    return {
        str(number) if isinstance(one, str) else one.id: (
            one if isinstance(one, str) else one.text
        )
        for number, one in enumerate(passages, 1)
    }


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
        elif quote not in plain[one.passage]:
            elsewhere = [name for name, text in plain.items() if quote in text]
            stands = f"; it stands in {elsewhere[0]!r}" if elsewhere else ""
            wrong.append(
                f"{shown!r} does not stand in passage {one.passage!r}{stands}. "
                "Copy quotes letter for letter."
            )
    if len(citations) < min(least, len(texts)):
        count = "a passage" if least == 1 else f"at least {least} times"
        wrong.append(f"Cite {count}: each with words of it that support the answer.")
    return "\n".join(dict.fromkeys(wrong))

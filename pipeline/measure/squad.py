"""Answers of question answering in the normal form of SQuAD, and as tokens.

The form is that of Rajpurkar et al. 2016 (evaluate-v1.1.py), after Unicode's NFD, and
tokens are those of DPR (Karpukhin et al. 2020, section 3.3): these are the forms that
DSPy compares in.
"""

from __future__ import annotations

import itertools
import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, cast

from ..ground.shapes import is_dict, is_list
from .matching import same, text_of

Form = Callable[[str], str]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def squad(text: str) -> str:
    """A text without case, ASCII punctuation, English articles and further spaces.

    >>> squad("The Eiffel  Tower."), squad("U.S.A")
    ('eiffel tower', 'usa')
    """
    bare = unicodedata.normalize("NFD", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", bare).split())


def same_in(form: Form, gold: Any, got: Any) -> float:
    """1 where both are the same once their texts are in a form, else 0.

    Texts within lists and dicts are too; what is no text is compared as `same` does.

    >>> same_in(squad, "Paris", "paris."), same_in(squad, ["A", 1], ["a", 1])
    (1.0, 1.0)
    >>> same_in(squad, 35, "3.5")
    0.0
    """
    pair = [v.value if isinstance(v, Enum) else v for v in (gold, got)]
    if all(isinstance(v, str) for v in pair):
        return float(form(pair[0]) == form(pair[1]))
    return same(*(v if isinstance(v, str) else _formed(v, form) for v in pair))


def holds_in(form: Form, gold: Any, got: Any) -> float:
    """1 where the tokens of the gold text stand in a row in the got one, or an item.

    >>> holds_in(squad, "Eiffel Tower", ["the eiffel tower is in Paris", "no"])
    1.0
    >>> holds_in(squad, "art", "a party")
    0.0
    """
    needle = _marked(form(text_of(gold)))
    many = isinstance(got, list | tuple | set | frozenset)
    texts = cast("Iterable[Any]", got) if many else [got]
    return float(any(needle in _marked(form(text_of(text))) for text in texts))


def _marked(text: str) -> str:
    """A text's tokens between marks that none can hold: whole ones are found."""
    return "\0".join(["", *_tokens(text), ""])


def _formed(value: Any, form: Form) -> Any:
    """Texts, and those within lists and dicts, in a form; anything else as it is."""
    if isinstance(value, str):
        return form(value)
    if is_list(value):
        return [_formed(inner, form) for inner in value]
    if is_dict(value):
        return {key: _formed(inner, form) for key, inner in value.items()}
    return value


def _tokens(text: str) -> list[str]:
    """Runs of letters, digits and marks; each other visible character by itself."""
    found: list[str] = []
    for kind, run in itertools.groupby(unicodedata.normalize("NFD", text), _kind):
        if kind == "word":
            found.append("".join(run).lower())
        elif kind == "sign":
            found += "".join(run).lower()
    return found


def _kind(char: str) -> str:
    major = unicodedata.category(char)[0]
    return "word" if major in "LNM" else "space" if major in "ZC" else "sign"

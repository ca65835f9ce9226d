"""Marks of a form whose names are written otherwise: `[[ Answer ]]`, `First Name:`.

For replies that hold no mark as it was asked for, so that no mark that a call has set
apart is ever outvoted. What stands so in an input is quoted, and no mark.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache

from .typography import folded, loosened

RESPELLED = "names read by case and typography"
"""The repair that says so."""
LINE = re.compile(
    r"^[ \t]*+(?P<mark>(?:[-*] )?(?P<edge>[*_`]{0,3}+)(?P<name>[^\W\d][\w -]{0,80}?)"
    r"(?P<tag>#\d+)?(?:(?P=edge)[ \t]{0,4}[:\uff1a]|[ \t]{0,4}[:\uff1a](?P=edge)))",
    re.MULTILINE,
)
"""A name and its colon that begin a line, with what is opened and closed there."""
_DECORATION = re.compile(r"[^\w\[\]<>:]|_")
_THOUGHT = re.compile(r"</?think|\[/?THINK\]", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def name_of(written: str, names: Iterable[str]) -> str | None:
    """The one of some names that was written with another case or other separators.

    >>> name_of("First Name", ["first_name", "last_name"])
    'first_name'
    >>> name_of("firstName", ["first_name"]), name_of("name", ["first_name"])
    ('first_name', None)
    """
    known = _byfolded(tuple(names))
    return known.get(folded(written)) or known.get(folded(_HUMP.sub(" ", written)))


def keyed(data: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    """The keys of an object that stand for names which are none of its keys.

    >>> keyed({"Answer": 1, "why": 2}, ["answer", "why"])
    {'Answer': 'answer'}
    >>> keyed({"Answer": 1, "ANSWER": 2}, ["answer"])
    {}
    """
    missing = [name for name in names if name not in data]
    found = {key: name_of(key, missing) for key in data} if missing else {}
    meant = Counter(found.values())
    return {key: n for key, n in found.items() if n and meant[n] == 1}


def respelled(
    text: str,
    pattern: re.Pattern[str],
    names: Collection[str],
    fence: str,
    mark: Callable[[str, re.Match[str]], str],
    echoed: str,
    needed: Collection[str] = (),
    given: Collection[str] = (),
) -> str | None:
    """A reply with each mark that is written otherwise as it was asked for.

    Args:
        text: The reply.
        pattern: What looks like a mark: `mark` is what is replaced, `name` its name and
            `tag` what sets it apart.
        names: The names that a mark may have.
        fence: What sets the marks of this call apart.
        mark: Writes the mark of a name.
        echoed: The inputs of the call: a mark that stands in them is quoted, however
            it is spelt there.
        needed: Names of which each must be met.
        given: Names that end what stands before them, or are its words: behind another
            name there is no telling.

    Returns:
        The reply, or None where nothing in it is such a mark.
    """
    if _THOUGHT.search(text):
        return None  # a part of one is left, and what it holds is no answer
    inputs = _undecorated(echoed)
    quoted: dict[str, bool] = {}
    parts: list[str] = []
    met: set[str] = set()
    at = 0
    for found in pattern.finditer(text):
        name = name_of(found["name"], names)
        if name is None or (found["tag"] or "") != fence:
            continue
        spelt = _undecorated(found["mark"].replace(found["name"], name))
        if spelt not in quoted:
            quoted[spelt] = bool(inputs) and spelt in inputs
        if quoted[spelt]:
            continue
        if name in given and not met.issubset(given):
            return None
        parts += [text[at : found.start("mark")], mark(name, found)]
        at = found.end()
        met.add(name)
    again = "".join([*parts, text[at:]])
    return again if again != text and met.issuperset(needed) else None


def _undecorated(text: str) -> str:
    """What makes a mark of a text, and its letters: for comparing."""
    return _DECORATION.sub("", loosened(text))


@lru_cache(maxsize=512)
def _byfolded(names: tuple[str, ...]) -> Mapping[str, str]:
    """Names by their folds; those that fold alike stand for none."""
    folds = [folded(name) for name in names]
    alone = zip(folds, names, strict=True)
    return {fold: name for fold, name in alone if fold and folds.count(fold) == 1}

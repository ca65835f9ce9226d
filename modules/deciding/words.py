"""Answer words: what stands for a label, scored as answers and read in replies.

A verbalizer: Schick & Schuetze 2021 (EACL, arXiv 2001.07676); OpenPrompt's manual one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast, get_args

from ...pipeline.errors import ConfigError
from ...pipeline.ground.shapes import is_mapping, is_sequence
from ...pipeline.ground.strictjson import is_text
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.likelihoods import Pool

_MOST_WORDS: Final = 1000
_EDGES: Final = " \t\r\n\"'`*_.,;:!?()[]{}<>«»“”‘’„「」『』《》。、！？…·"
_ARTICLES: Final = re.compile(
    r"(?:an?|the|der|die|das|eine?|l[ae]s?|une?|el|los|una)\s+|l['’]"
)
_ENDINGS: Final = re.compile(
    r"(?:입니다|이에요|예요|이다|이요|임|요|이|가|은|는|을|를)$"
)
_BULLET: Final = re.compile(r"^\s*[-–•*]\s+(?=[^\d\s])")
_SPOKEN: Final = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Choice:
    """The answer words of labels.

    `weft.Classify(module, words=...)` asks for the words in place of the labels: the
    prompt names them, demos show the first word of their label, each word is scored
    whole, and a label is as probable as its words are together. `read` says which label
    a text means.

    Args:
        words: The words of each label, one at least. No word belongs to two labels,
            whatever its case.
        pool: "sum" of the probabilities of a label's words: that one of them is said.
            "mean", as OpenPrompt averages, where labels differ in their number of words
            and no prior is taken off.

    Raises:
        ConfigError: A label has no words, or a word is no text, doubled, or of two
            labels.

    >>> topics = Choice({"과학": ["science", "기술"], "경제": ["economy", "business"]})
    >>> topics.read("The Science."), topics.read("기술입니다"), topics.read("sports")
    ('과학', '과학', None)
    """

    words: Mapping[str, Sequence[str]]
    pool: Pool = "sum"

    def __post_init__(self) -> None:
        held = _checked(self.words)
        if self.pool not in get_args(Pool):
            raise ConfigError(
                f"Choice: pool={self.pool!r} is no way to put words together",
                hint='Give "sum" or "mean"',
            )
        object.__setattr__(self, "words", held)
        _ = self._labels

    def read(self, text: str) -> str | None:
        """Which label a text means, or None where it is not known: nothing is guessed.

        A text is a word where it is the same without case, width, what stands around it
        (quotes, points, articles, endings of Korean nouns), and what a colon on its
        line introduces it by. The name of a label is a word of its own, unless it is
        one of another label. A text that holds more than a word is none, so "not good"
        is not taken for "good".

        >>> moods = Choice({"1": ["good", "great"], "0": ["bad"]})
        >>> moods.read(" **Great!** "), moods.read("Mood: a bad"), moods.read("not bad")
        ('1', '0', None)
        """
        if not isinstance(cast(object, text), str):
            return None
        lines = [line for line in text.strip().splitlines() if line.strip()]
        if len(lines) != 1:
            return None
        head, colon, tail = lines[0].partition(":")
        if (found := self._meant(lines[0])) is not None:
            return found
        if not colon or not _SPOKEN.search(head):
            return None
        found, first = self._meant(tail), self._meant(head)
        return found if first in (None, found) else None  # "bad: good" is either

    def _meant(self, text: str) -> str | None:
        known = (self._labels[f] for f in _forms(text) if f in self._labels)
        return next(known, None)

    def data(self) -> dict[str, JSON]:
        """As plain data, which `Choice(**data)` takes."""
        held: dict[str, JSON] = {
            "words": {label: [*own] for label, own in self.words.items()}
        }
        return held if self.pool == "sum" else {**held, "pool": self.pool}

    def fitted_to(self, choices: Iterable[str], who: str) -> Choice:
        """The same words, in the order of an output's choices.

        Raises:
            ConfigError: They are those of other choices.
        """
        known = [*choices]
        if {*known} != {*self.words}:
            lacks = [name for name in known if name not in self.words]
            what = f"{', '.join(lacks)} has none" if lacks else "others have some too"
            raise ConfigError(
                f"{who} decides between {', '.join(known)}, and of answer words {what}",
                hint="Give each choice its words, by what it is called",
            )
        return Choice({name: self.words[name] for name in known}, self.pool)

    @cached_property
    def _labels(self) -> dict[str, str]:
        """The label of each word, as words are compared."""
        made: dict[str, str] = {}
        for label, own in self.words.items():
            for word in own:
                other = made.setdefault(_folded(word), label)
                if other != label:
                    raise ConfigError(
                        f"Choice: {word!r} is a word of {other!r} and of {label!r}",
                        hint="Give each word to one label; case makes no other word",
                    )
        folded = [_folded(label) for label in self.words]
        named = zip(folded, self.words, strict=True)
        return {**{f: name for f, name in named if folded.count(f) == 1}, **made}


def choice_from(data: object, who: str) -> Choice:
    """Answer words that are some, or plain data of them.

    Raises:
        ConfigError: They are neither.
    """
    if isinstance(data, Choice):
        return data
    if not is_mapping(data):
        raise ConfigError(
            f"{who}: {data!r:.200} is no mapping of labels to words",
            hint='Write words={"positive": ["great", "good"], ...}',
        )
    held: dict[str, Any] = dict(cast(Any, data))
    if {*held} <= {"words", "pool"} and is_mapping(held.get("words")):
        return Choice(**held)
    return Choice(held)


def _checked(words: object) -> dict[str, tuple[str, ...]]:
    if not is_mapping(words) or not words:
        raise ConfigError(
            f"Choice: {words!r:.200} is no mapping of labels to words",
            hint='Write weft.Choice({"positive": ["great", "good"], ...})',
        )
    held: dict[str, tuple[str, ...]] = {}
    for label, own in words.items():
        some = tuple(own) if is_sequence(own) else ()
        texts = [w for w in some if isinstance(w, str) and _is_word(w)]
        if not isinstance(label, str) or not texts or len(texts) < len(some):
            raise ConfigError(
                f"Choice: {own!r:.200} are no words of {label!r}",
                hint="Give a list of texts, each in one line and without blank edges",
            )
        twice = next((word for word in some if some.count(word) > 1), None)
        if twice is not None:
            raise ConfigError(
                f"Choice: {label!r} has {twice!r} twice", hint="Give it once"
            )
        held[label] = some
    if sum(map(len, held.values())) > _MOST_WORDS:
        raise ConfigError(
            f"Choice: there are more than {_MOST_WORDS} words", hint="Give fewer"
        )
    return held


def _is_word(text: str) -> bool:
    return is_text(text) and text == text.strip() and len(text.splitlines()) == 1


def _forms(text: str) -> Iterable[str]:
    """A text as it may be a word: as it is, then without what may stand around one."""
    bare = _folded(_BULLET.sub("", text))
    yield bare
    without = _ARTICLES.sub("", bare, count=1) if _ARTICLES.match(bare) else bare
    yield without.strip(_EDGES)
    yield _ENDINGS.sub("", without).strip(_EDGES)


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # What is all edges, such as "+" and "-" for labels, is compared as it is.
    return " ".join(folded.strip(_EDGES).split()) or " ".join(folded.split())

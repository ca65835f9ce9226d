"""Noise and styles: rows as people really write them, by seeded changes of their texts.

Real users write in lower case, without punctuation, with slips, in keywords. A change
that leaves the label right is an invariance test (Ribeiro et al. 2020, "Beyond
Accuracy: Behavioral Testing of NLP Models with CheckList", section 2.1). No model is
called unless a kind is a module.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from ..pipeline.data.example import Example
from ..pipeline.data.rows import read_rows
from ..pipeline.errors import ConfigError, DataError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.shapes import is_dict, is_sequence
from ..pipeline.measure.row_result import outputs
from ..pipeline.run.bridge import in_thread
from .hangul import is_syllable, slipped

Change = Callable[[str, random.Random], str]
"""Of a text and a generator: the text as somebody else would have written it."""

Kinds = Iterable[str] | Mapping[str, Change | Module[..., Any] | Program[..., Any]]
"""Names of changes, or changes by names of your own."""

_RATE: Final = 0.08
"""The share of letters that slip: one in a word of twelve."""
_KEYS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR: Final = {
    key: [
        *(row[at] for at in (place - 1, place + 1) if 0 <= at < len(row)),
        *(other[place] for other in _KEYS if other != row and place < len(other)),
    ]
    for row in _KEYS
    for place, key in enumerate(row)
}
_FUNCTION_WORDS: Final = frozenset(
    """
    a an and are as at be been but by can could did do does for from had has have he
    her hi hello hey him his how i i'd i'll i'm i've if in is it it's its just kindly
    me my of on or our please shall she should so some than thank thanks that the
    their them then there these they this those to us was we were what what's when
    where which who whom whose why will with would you your
    """.split()  # noqa: SIM905 - a list of them would take sixty lines
)
"""English words that carry no content; negations are none of them."""
_OPENERS: Final = (
    "hey, hope you are having a good day! ",
    "hi there :) sorry to bother you, ",
    "hello! so, quick question, ",
    "hiya, long story short: ",
)
_CLOSERS: Final = (
    " thanks a lot!!",
    " cheers :)",
    " would be super helpful, thank you!",
    " anyway, let me know :)",
)
_POLITE: Final = re.compile(
    r"\b(?:hello|hi|hey|dear \w+|please|kindly|thank you|thanks|sorry|"
    r"could you|can you|would you|i would like to|i'd like to|i want to|"
    r"i was wondering(?: if)?|just|really|very)\b[,!]?\s*",
    re.IGNORECASE,
)


def _lower(text: str, rng: random.Random) -> str:
    del rng
    return text.lower()


def _bare(text: str, rng: random.Random) -> str:
    """Without punctuation, but for the marks within numbers: 3.5 is not 35."""
    del rng
    kept = [
        letter
        for at, letter in enumerate(text)
        if unicodedata.category(letter)[0] != "P"
        or (text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit())
    ]
    return "".join(kept)


def _some(text: str, rng: random.Random, fits: Callable[[int], bool]) -> list[int]:
    """Places in a text that slip: each with the usual chance, and at least one."""
    places = [at for at in range(len(text)) if fits(at)]
    found = [at for at in places if rng.random() < _RATE]
    return found or ([rng.choice(places)] if places else [])


def _key_slips(text: str, rng: random.Random) -> str:
    letters = list(text)
    for at in _some(text, rng, lambda at: text[at].lower() in _NEAR):
        other = rng.choice(_NEAR[text[at].lower()])
        letters[at] = other.upper() if text[at].isupper() else other
    return "".join(letters)


def _dropped(text: str, rng: random.Random) -> str:
    def inside(at: int) -> bool:
        """Whether a letter has two beside it, so that no word is lost."""
        near = text[max(0, at - 1) : at + 2]
        return len(near) == 3 and near.isalpha()

    gone = {*_some(text, rng, inside)}
    return "".join(letter for at, letter in enumerate(text) if at not in gone)


def _keywords(text: str, rng: random.Random) -> str:
    del rng
    words = [word.strip(".,;:!?\"'()") for word in text.split()]
    kept = [
        w for w in words if w and w.lower().replace("’", "'") not in _FUNCTION_WORDS
    ]
    return " ".join(kept) or text


def _jamo(text: str, rng: random.Random) -> str:
    letters = list(text)
    for at in _some(text, rng, lambda at: is_syllable(text[at])):
        letters[at] = slipped(text[at], rng)
    return "".join(letters)


def _caps(text: str, rng: random.Random) -> str:
    del rng
    return text.upper()


def _chatty(text: str, rng: random.Random) -> str:
    return f"{rng.choice(_OPENERS)}{text}{rng.choice(_CLOSERS)}"


def _terse(text: str, rng: random.Random) -> str:
    del rng
    short = " ".join(_POLITE.sub("", text).split())
    return short.rstrip(".!? ") or text


NOISE: Final[Mapping[str, Change]] = {
    "lower": _lower,
    "no-punctuation": _bare,
    "key-slips": _key_slips,
    "dropped-letters": _dropped,
    "keywords": _keywords,
    "hangul-slips": _jamo,
}
"""What happens to texts on the way; `hangul-slips` changes Korean alone."""

STYLES: Final[Mapping[str, Change]] = {
    "caps": _caps,
    "chatty": _chatty,
    "terse": _terse,
}
"""How people put the same thing."""


@checked
async def aperturb(
    rows: Iterable[Any] | str | Path,
    kinds: Kinds = tuple(NOISE),
    *,
    inputs: Sequence[str] = (),
    fields: Sequence[str] = (),
    seed: int = 0,
) -> list[Example]:
    """As `perturb`, without blocking the event loop: a change may take its time."""
    write = partial(perturb, rows, kinds, inputs=inputs, fields=fields, seed=seed)
    return await in_thread(write)


@checked
def perturb(
    rows: Iterable[Any] | str | Path,
    kinds: Kinds = tuple(NOISE),
    *,
    inputs: Sequence[str] = (),
    fields: Sequence[str] = (),
    seed: int = 0,
) -> list[Example]:
    """Rows written worse, or in other styles; labels are kept.

    Every text among the inputs is changed, in a way that hangs on the seed, the kind
    and the row alone. A row that a kind has nothing to change in stands as it is, so
    that each kind can be compared row by row.

    Args:
        rows: Examples, or what `weft.read_rows` takes; they are not changed.
        kinds: Some of "lower", "no-punctuation", "key-slips", "dropped-letters",
            "keywords", "hangul-slips", and of the styles "caps", "chatty", "terse"; or
            changes by names of your own: a function of a text and a `random.Random`,
            or a module or program of one text input, which is asked to rewrite.
        inputs: The names of the inputs, where rows are mappings or a file.
        fields: The inputs that are changed; every text by default.
        seed: Of the random changes.

    Returns:
        Kind after kind, each in the order of the rows. Of row "m1" the noisy one has
        the id "m1~lower"; `meta` holds `kind` and `of`, and what was there.

    Raises:
        ConfigError: A kind is unknown, or no change.
        DataError: A row cannot be read, or `fields` names no input.
        WeftError: A module that rewrites failed.

    >>> rows = [{"id": "m1", "message": "Where is my card?", "team": "cards"}]
    >>> for row in perturb(rows, ["lower", "keywords"], inputs=["message"]):
    ...     print(row.id, row.message, row.team, sep=" | ")
    m1~lower | where is my card? | cards
    m1~keywords | card | cards
    """
    changes = changes_of(kinds)
    examples = _examples(rows, inputs)
    _check_fields(examples, fields)
    made: list[Example] = []
    for kind, change in changes.items():
        texts = [
            (row, name, value)
            for row in examples
            for name, value in row.inputs.items()
            if isinstance(value, str) and (not fields or name in fields)
        ]
        written = _written(change, kind, texts, seed)
        new: dict[int, dict[str, str]] = {}
        for (row, name, _), text in zip(texts, written, strict=True):
            new.setdefault(id(row), {})[name] = text
        for row in examples:
            values = {**row.inputs, **new.get(id(row), {})}
            meta = {**row.meta, "kind": kind, "of": row.id}
            made.append(Example(f"{row.id}~{kind}", values, row.labels, meta))
    return made


def changes_of(kinds: Kinds) -> dict[str, Change | Program[..., Any]]:
    """Changes by their names.

    Raises:
        ConfigError: There is no such kind, or it is no change.
    """
    own = {**NOISE, **STYLES}
    if isinstance(kinds, str):
        raise ConfigError(
            f"kinds is the text {kinds!r}", hint=f"Write kinds=[{kinds!r}]"
        )
    named: dict[str, object] = {}
    named |= kinds if isinstance(kinds, Mapping) else {k: own.get(k) for k in kinds}
    found: dict[str, Change | Program[..., Any]] = {}
    for kind, given in named.items():
        if given is None:
            raise ConfigError(
                f"there is no kind {kind!r} of change",
                hint=did_you_mean(str(kind), own),
            )
        if isinstance(given, Module | Program):
            found[kind] = _writer(as_program(given), kind)
        elif callable(given):
            found[kind] = cast("Change", given)
        else:
            raise ConfigError(
                f"the kind {kind!r} is {given!r}, and no change",
                hint="Give a function of (text, rng), or a module that rewrites a text",
            )
    return found


def _writer(program: Program[..., Any], kind: str) -> Program[..., Any]:
    needed = [name for name, f in program.inputs.inputs.items() if f.required]
    if len(needed) != 1 or not program.inputs.inputs[needed[0]].plain:
        raise ConfigError(
            f"the kind {kind!r} asks {program.name!r}, whose inputs are "
            f"{', '.join(program.inputs.inputs)}",
            hint='Give one that takes one text, such as weft.Predict("text -> text2")',
        )
    return program


def _written(
    change: Change | Program[..., Any],
    kind: str,
    texts: Sequence[tuple[Example, str, str]],
    seed: int,
) -> list[str]:
    """The texts as one kind writes them, in order; empty ones stay."""
    if isinstance(change, Program):
        name = next(n for n, f in change.inputs.inputs.items() if f.required)
        asked = dict.fromkeys(text for _, _, text in texts if text.strip())
        rows = [{name: text} for text in asked]
        answers: list[Any] = []
        answers += change.batch(rows) if rows else []
        known = {t: _text(a, kind) for t, a in zip(asked, answers, strict=True)}
        return [known.get(text, text) for _, _, text in texts]
    made = [
        change(text, random.Random(key_of(seed, kind, row.digest, name)))
        for row, name, text in texts
    ]
    for text in made:
        if not isinstance(cast(object, text), str):
            raise ConfigError(
                f"the kind {kind!r} made {text!r:.80} of a text",
                hint="Let it return a text",
            )
    return made


def _text(answer: Any, kind: str) -> str:
    """The one text that a rewriter gave."""
    given = outputs(answer)
    last: object = [*given.values()][-1] if is_dict(given) and given else given
    if not isinstance(last, str):
        raise ConfigError(
            f"the kind {kind!r} gave {given!r:.80}, and no text",
            hint="Let its last output be the rewritten text",
        )
    return last


def key_of(*parts: object) -> int:
    """A seed of one draw: the same for the same parts, whatever else is drawn."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def _examples(rows: Any, inputs: Sequence[str]) -> list[Example]:
    if not inputs and is_sequence(rows):
        given = [row for row in rows if isinstance(row, Example)]
        if len(given) == len(rows):
            return given
    if not inputs:
        raise DataError(
            "it is not known which fields of the rows are inputs",
            hint='Name them, inputs=["message"], or give what weft.read_rows gives',
        )
    return read_rows(rows, inputs)


def _check_fields(rows: Sequence[Example], fields: Sequence[str]) -> None:
    known = dict.fromkeys(name for row in rows for name in row.inputs)
    for name in fields if rows else ():
        if name not in known:
            raise DataError(
                f"no row has an input {name!r}", hint=did_you_mean(name, known)
            )

"""Writing an instruction: the cues that tell the shown examples apart, in sentences.

The measure is the log-odds of a word or short phrase in a label's examples against all
others, over its standard error, with a small prior (as in Monroe, Colaresi and Quinn,
"Fightin' Words", 2008). Open values have no cues; there the instruction states their
shape.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .case import Case
from .examples import Example, examples_in
from .following import shown_by
from .ngrams import STOP, sentences, token_count, words
from .operations.operation import Operation
from .shape import shape_of

_NAMED = re.compile(r"instruction|prompt|rules?\b|guideline", re.IGNORECASE)
_ASKED = re.compile(r"\b(?:instructions?|prompt|rules|guidelines?)\b", re.IGNORECASE)
_OBEYED = re.compile(r"\b(?:follow|obey|accord|compl)\w*\b|\bper the\b", re.IGNORECASE)
_OLD_CUES = re.compile(
    r'.*"([^"\n]+)" when the text mentions ([^\n]+?)\.?$', re.MULTILINE
)
_OPENINGS = (
    "Read the whole input and decide by what it mentions.",
    "Decide which answer fits the input best.",
    "Look for the words below in the input and answer accordingly.",
)
_PRIOR = 0.5
_MOST = 12
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class _Telling:
    """A phrase, how surely it tells a label apart, and how often it was seen."""

    sure: float
    phrase: str
    count: int


def asks_for_instruction(case: Case) -> bool:
    """Whether the field wants an instruction for somebody else's task."""
    if case.schema.get("type") != "string":
        return False
    asked = _ASKED.search(case.note) and not _OBEYED.search(case.note)
    return bool(_NAMED.search(case.name) or asked)


def write_instruction(case: Case) -> str:
    """An instruction made from the examples among the inputs; empty without any."""
    existing = _existing(case)
    examples: tuple[Example, ...] = ()
    for value in case.query.values():
        examples = examples or examples_in(value)
    if not examples:
        return existing
    opening = _OPENINGS[case.variant % len(_OPENINGS)]
    if existing and not _OLD_CUES.match(existing.partition("\n")[0]):
        opening = sentences(existing)[0]
    fields = list(dict.fromkeys(key for e in examples for key in e.outputs))
    if operation := _shown(examples, fields):
        return operation.told
    room = max(case.room - token_count(opening) - 8, 24) // max(len(fields), 1)
    parts = [opening]
    for name in fields:
        pairs = [(e.text, e.outputs[name]) for e in examples if name in e.outputs]
        parts += _about(name if len(fields) > 1 else "", pairs, existing, case, room)
    return "\n".join(parts)


def _shown(examples: Sequence[Example], fields: Sequence[str]) -> Operation | None:
    """The operation that makes the one output of the input in most examples."""
    if len(fields) != 1:
        return None
    return shown_by(tuple((e.text, e.outputs.get(fields[0], "")) for e in examples))


def _existing(case: Case) -> str:
    """The instruction among the inputs, by its name or its description."""
    for name, value in case.query.items():
        named = _NAMED.search(name) or _ASKED.search(case.given.get(name, ""))
        if named and not examples_in(value):
            return value.strip()
    return ""


def _about(
    field: str, pairs: Sequence[tuple[str, str]], existing: str, case: Case, room: int
) -> list[str]:
    """Sentences on one output: cues by value, or the shape of an open one."""
    values = [value for _, value in pairs]
    if _open(pairs):
        told = shape_of([(v, text) for text, v in pairs]).told()
        where = f" for {field}" if field else ""
        return [f"Answer{where} with {told}."] if told else []
    labels = sorted(set(filter(None, values)))
    fitting = (room // max(len(labels), 1) - 9) * 2 // 5
    most = max(min(_MOST - case.variant % 5, fitting), 1)
    held = _cues(tuple(pairs))
    old = {label: text.split(", ") for label, text in _OLD_CUES.findall(existing)}
    say = f'Set {field} to "' if field else 'Answer "'
    lines = list[str]()
    for label in labels:
        cues = _first(most, held[label], old.get(label, []))
        told = f'{say}{label}" when the text mentions {", ".join(cues)}.'
        room -= token_count(told)
        if cues and room >= 0:
            lines.append(told)
    return lines


def _open(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether the values are free text rather than a few labels."""
    values = [value for _, value in pairs]
    lengths = sorted(len(words(value)) for value in values)
    if lengths[len(lengths) // 2] > 5:
        return True
    copied = sum(v.casefold() in t.casefold() for t, v in pairs if v)
    distinct = len(set(values))
    if distinct < 3:
        return False
    codes = all(len(v.split()) < 2 and not v.isdigit() for v in values)
    return 2 * copied > len(values) or (5 * distinct > 4 * len(values) and not codes)


def _first(most: int, new: Sequence[str], old: Sequence[str]) -> list[str]:
    """Old cues keep half of the places, so that little evidence unlearns little."""
    kept = old[: max(most // 2, most - len(new))]
    return list(dict.fromkeys([*kept, *new]))[:most]


@lru_cache(maxsize=16)
def _cues(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """Words and phrases by label, the most telling first."""
    seen: dict[str, Counter[str]] = {}
    total, sizes = Counter[str](), Counter[str]()
    for text, label in pairs:
        found = list(dict.fromkeys(_features(text[:_LONGEST])))
        seen.setdefault(label, Counter()).update(found)
        total.update(found)
        sizes[label] += 1
    return {
        label: _distinct(_ranked(seen[label], total, sizes[label], len(pairs)))
        for label in seen
    }


def _ranked(
    own: Counter[str], total: Counter[str], size: int, rows: int
) -> list[_Telling]:
    others = rows - size
    found = list[_Telling]()
    for phrase, count in own.items():
        rest = total[phrase] - count
        here, there = count + _PRIOR, rest + _PRIOR
        odds = math.log(here / (size - count + _PRIOR))
        odds -= math.log(there / (others - rest + _PRIOR))
        sure = odds / math.sqrt(1 / here + 1 / there)
        if sure > 0:
            found.append(_Telling(sure, phrase, count))
    return sorted(found, key=lambda t: (-t.sure, t.phrase))[: 4 * _MOST]


def _distinct(ranked: Sequence[_Telling]) -> list[str]:
    """Without phrases that repeat a word of one taken before, seen no more often."""
    taken = list[_Telling]()
    for one in ranked:
        alike = (t for t in taken if _repeats(one.phrase, t.phrase))
        if not any(t.count >= one.count for t in alike):
            taken.append(one)
    return [one.phrase for one in taken]


def _repeats(phrase: str, taken: str) -> bool:
    if not phrase.isascii() and (phrase in taken or taken in phrase):
        return True
    return not set(phrase.split()).isdisjoint(taken.split())


def _features(text: str) -> Iterator[str]:
    found = words(text)
    for word in found:
        if word in STOP or (len(word) < 2 and word.isascii()):
            continue
        yield word
        if ord(word[0]) >= 0x1100:  # particles hang on: the beginning is the word
            yield from (word[:size] for size in (2, 3) if len(word) > size)
    for one, two in itertools.pairwise(found):
        if one not in STOP and two not in STOP:
            yield f"{one} {two}"

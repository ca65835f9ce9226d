"""Edits of an instruction as operations on its lines: add, replace, delete.

What a writer did to a text is read off the two texts, whatever form it answered in: so
edits of several writers to one text can be put together, taken apart line by line, and
bounded (SkillOpt 2026, arXiv 2605.23904, bounds what one proposal may change). A line
is what a reader would drop or keep as a whole: a line of a list, a sentence of prose.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from ..search.candidate import Candidate
from ..search.task import Task

MOST_EDITS = 8
"""How many lines one proposal may change."""
ALIKE = 0.5
"""The share of their words from which two lines speak of the same thing."""
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
MOST_INSTRUCTION = 4_000


@dataclass(frozen=True)
class LineEdit:
    """One operation on a text's lines.

    Args:
        old: The line that goes, as it stands in the text; empty where one is added.
        new: The line that comes; empty where one is deleted.

    >>> LineEdit("", "Be kind.").kind, LineEdit("Be brief.", "").kind
    ('add', 'delete')
    """

    old: str
    new: str

    @property
    def kind(self) -> str:
        """`"add"`, `"delete"` or `"replace"`."""
        if not self.old:
            return "add"
        return "replace" if self.new else "delete"

    def __str__(self) -> str:
        if self.kind == "replace":
            return f"replace {self.old!r} by {self.new!r}"
        return f"{self.kind} {self.old or self.new!r}"


def edits_between(before: str, after: str) -> list[LineEdit]:
    """The operations that make one text of another, in the order of the lines.

    A line that only moved is none: what is said is the same.

    >>> [str(edit) for edit in edits_between("Be brief. Sign.", "Be brief. Be kind.")]
    ["replace 'Sign.' by 'Be kind.'"]
    """
    old, new = sentences(before), sentences(after)
    found: list[LineEdit] = []
    same = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    for what, a, b, c, d in same:
        if what != "equal":
            gone = [line for line in old[a:b] if line not in new]
            come = [line for line in new[c:d] if line not in old]
            found += [LineEdit(*pair) for pair in zip_longest(gone, come, fillvalue="")]
    return found


def edited(text: str, edits: Sequence[LineEdit]) -> str:
    r"""A text after operations, as far as it has the lines that they are about.

    An added line stands at the end, on a line of its own; one that the text has is not
    added again.

    >>> edited("Be brief. Sign.", [LineEdit("Sign.", ""), LineEdit("", "Be kind.")])
    'Be brief.\nBe kind.'
    """
    for edit in edits:
        if edit.old and edit.old not in text:
            continue
        if edit.new and edit.new in text:
            text = text.replace(edit.old, "", 1) if edit.old else text
        elif edit.old:
            text = text.replace(edit.old, edit.new, 1)
        else:
            text = f"{text.rstrip()}\n{edit.new}"
        if edit.old and not edit.new:
            text = re.sub(r"[ \t]{2,}", " ", text)
            text = re.sub(r"\s*\n\s*", "\n", text).strip()
    return text.strip()


def commuting(edits: Sequence[LineEdit]) -> list[LineEdit]:
    """Those of some edits that can be made together, the earlier ones first.

    Two edits of one line conflict, and so do two lines that say something else of the
    same thing: that have most of their words in common, counted the more the rarer they
    are among all of these lines.

    >>> lines = "Lost cards go to A.", "Lost cards go to B.", "Say which desk."
    >>> [edit.new for edit in commuting([LineEdit("", line) for line in lines])]
    ['Lost cards go to A.', 'Say which desk.']
    """
    common = Counter(word for edit in edits for word in words_of(edit.new))
    kept: list[LineEdit] = []
    for edit in edits:
        taken = any(edit.old and edit.old == other.old for other in kept)
        said = any(alike(edit.new, other.new, common) >= ALIKE for other in kept)
        if not taken and not (edit.new and said):
            kept.append(edit)
    return kept


def alike(one: str, other: str, common: Counter[str]) -> float:
    """How much of their words two lines share, in [0, 1]; frequent ones count less."""
    mine, theirs = words_of(one), words_of(other)
    # Exact sums: those of a set hang on its order, which differs between processes.
    whole = math.fsum(1 / max(1, common[word]) for word in mine | theirs)
    shared = math.fsum(1 / max(1, common[word]) for word in mine & theirs)
    return shared / whole if whole else 0.0


def words_of(text: str) -> frozenset[str]:
    """The words of a text, in small letters."""
    return frozenset(_WORD.findall(text.casefold()))


def sentences(text: str) -> list[str]:
    r"""The sentences of a text, in order.

    >>> sentences("Be brief. Be kind!\nNever shout.")
    ['Be brief.', 'Be kind!', 'Never shout.']
    """
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def united(task: Task, children: Sequence[Candidate]) -> Candidate | None:
    """What children of one parent changed in its instructions, all in one.

    None where fewer than two changed different lines. The earlier edit of a line wins.
    """
    first = next(iter(children), None)
    alike = [c for c in children if first and c.parent == first.parent]
    values: dict[str, str] = {}
    counted = 0
    for path in task.program.modules if len(alike) > 1 else ():
        slot = f"{path}/instruction"
        changed = [c for c in alike if slot in c.values]
        if not changed:
            continue
        before = _before(task, changed[0], slot)
        edits = [e for c in changed for e in edits_between(before, c.values[slot])]
        text = edited(before, commuting(list(dict.fromkeys(edits))))
        if text != before and len(text) <= room_for(task, path):
            values[slot] = text
            counted += len(edits_between(before, text))
    if first is None or not values:
        return None
    kept = {k: v for k, v in first.values.items() if not k.endswith("/instruction")}
    made = Candidate({**kept, **values}, f"{counted} edits in one", first.parent)
    return None if made in children else made


def _before(task: Task, child: Candidate, slot: str) -> str:
    """A parent's text in a slot; the seed's where the parent is not known."""
    parent = next((c for c in task.archive if c.id == child.parent), Candidate())
    return str(parent.apply(task.program).parameters[slot])


def instruction_of(task: Task, candidate: Candidate, path: str) -> str:
    """The instruction that a candidate gives a module."""
    return candidate.apply(task.program).modules[path].parameters.instruction


def room_for(task: Task, path: str) -> int:
    """How many characters an instruction may have: 4,000, or twice the seed's own."""
    own = task.program.modules[path].parameters.instruction
    return max(MOST_INSTRUCTION, 2 * len(own))

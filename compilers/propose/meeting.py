"""Edits that meet: what several candidates changed in a text, as one candidate.

A round finds several true changes of one instruction, and a race keeps one candidate.
So the edits of all that were not clearly worse race once more as one: the union of
their operations on lines, over the best candidate. Edits that no row was left for join
them, since a line costs no race of its own; where they conflict with what helped, that
stays. Lines that conflict are settled by score, and a line after which the rows it
speaks of went wrong is left out: ablation on rows that are paid for. The bounded edits
and the strict gate, here the race, are SkillOpt's (2026, arXiv 2605.23904); that
several meet is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.ground import strictjson
from ...pipeline.ground.options import settings
from ...pipeline.ground.plain import plain
from ...pipeline.ground.words import counted
from ..search.candidate import Candidate
from ..search.task import Task
from .lines import (
    ALIKE,
    LineEdit,
    alike,
    commuting,
    edited,
    edits_between,
    instruction_of,
    room_for,
    sentences,
    words_of,
)
from .proposer import Parents, Proposer

_WORSE = -1.0
"""Rows' scores by which an edit may lie behind its parent and still meet the others."""
_SHOWN = ("/demos", "/nearest")
"""Slots that say together which demos a call shows."""
_RARE = 1 / 3
"""A word that fewer rows hold than this share says what a row is about."""


@dataclass(frozen=True)
class Finding:
    """An edit that a candidate made, and what is known of it.

    Args:
        edit: The operation.
        gain: Sum of the scores that its candidate gained on its parent, at the best.
        rows: On how many rows that is.
        support: The same on the rows that the line speaks of, over all candidates that
            made it; 0 where there is none.
        spoken: How many such rows there are, over all of those candidates.
    """

    edit: LineEdit
    gain: float
    rows: int
    support: float
    spoken: int = 0


@settings
class Meet(Proposer):
    """The edits that candidates made to one text, put together.

    The first proposal is the best candidate with all edits that stood the test, or had
    none, and without those of its own lines that did not; the next ones differ from it
    in the demos, which the edits may have made needless or have lacked, and in the
    lines that were left out. Where nothing is new there is no proposal.
    """

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """At most `n` unions over the first parent."""
        base = parents[0]
        whole: dict[str, str] = {}
        for path in _free(task, base):
            found = findings(task, path, [*task.archive, *task.waiting])
            now = instruction_of(task, base, path)
            every = edited(now, commuting([one.edit for one in found]))
            if every != now and len(every) <= room_for(task, path):
                whole[f"{path}/instruction"] = every
        made: list[Candidate] = []
        if union := union_over(task, base):
            made.append(union)
            kept = {k: v for k, v in union.values.items() if v != base.values.get(k)}
            made += _other_demos(task, base, kept)
        if whole and not (union and base.but(whole, "") == union):
            made.append(base.but(whole, "every edit of others"))
        known = set(task.archive)
        return [child for child in made if child not in known][:n]


def union_over(task: Task, base: Candidate) -> Candidate | None:
    """A candidate with all edits that stood the test, or had none; None without any."""
    kept: dict[str, str] = {}
    count = 0
    for path in _free(task, base):
        found = findings(task, path, [*task.archive, *task.waiting])
        now = instruction_of(task, base, path)
        union = joined(task, path, now, found)
        if union != now:
            kept[f"{path}/instruction"] = union
            count += len(edits_between(now, union))
    return base.but(kept, f"{counted(count, 'edit')} of others") if kept else None


def _free(task: Task, base: Candidate) -> list[str]:
    """The modules whose instructions may change in a candidate."""
    return [path for path in task.program.modules if task.keeping.free(path, base)]


def by_turns(fresh: Sequence[Candidate]) -> list[Candidate]:
    """A round's candidates in turns by who made them, so that a cut takes of all.

    >>> made = [Candidate({"qa/k": n}, by=by) for n, by in enumerate("AAB")]
    >>> [candidate.by for candidate in by_turns(made)]
    ['A', 'B', 'A']
    """
    turns: Counter[str] = Counter()
    places: list[tuple[int, int]] = []
    for at, candidate in enumerate(fresh):
        places.append((turns[candidate.by], at))
        turns[candidate.by] += 1
    return [fresh[at] for _, at in sorted(places)]


def together(fresh: Sequence[Candidate]) -> Candidate | None:
    """The first new instruction with the first new demos, where each came alone.

    What helps only together would else lose by halves.
    """
    kinds: dict[bool, Candidate] = {}
    for candidate in fresh:
        shown = {key.endswith(_SHOWN) for key in candidate.values}
        if len(shown) == 1:
            kinds.setdefault(shown.pop(), candidate)
    if len(kinds) < 2 or kinds[True].parent != kinds[False].parent:
        return None
    told, shown_ = kinds[False], kinds[True]
    origin = f"{told.origin}, {shown_.origin}"
    return Candidate({**shown_.values, **told.values}, origin, told.parent)


def findings(task: Task, path: str, pool: Sequence[Candidate]) -> list[Finding]:
    """What candidates changed in a module's instruction, the best known first.

    A rewriting, which leaves less than half of its parent's lines, is no edit. Of one
    that nobody ran nothing is known: it stands behind what helped, before what hurt.
    """
    by_id = {c.id: c for c in pool}
    edits: dict[LineEdit, dict[tuple[Candidate, Candidate], None]] = {}
    for child in dict.fromkeys(pool):
        parent = by_id.get(child.parent)
        if parent is None or f"{path}/instruction" not in child.values:
            continue
        before = instruction_of(task, parent, path)
        after = instruction_of(task, child, path)
        changed = edits_between(before, after)
        gone = sum(1 for edit in changed if edit.old)
        if 2 * gone <= len(sentences(before)):
            for edit in changed:
                edits.setdefault(edit, {})[child, parent] = None
    every = {pair: None for pairs in edits.values() for pair in pairs}
    gained = {pair: _gains(task, *pair) for pair in every}
    topics = _topics(task, path)
    found: list[Finding] = []
    for edit, pairs in edits.items():
        words = words_of(edit.new or edit.old)
        best = max((sum(gained[pair].values()), len(gained[pair])) for pair in pairs)
        spoken = [
            gain
            for pair in pairs
            for row, gain in gained[pair].items()
            if topics[row] & words
        ]
        found.append(Finding(edit, *best, sum(spoken), len(spoken)))
    return sorted(found, key=lambda one: (-one.support, -one.gain))


def spoken_of(task: Task, child: Candidate, parent: Candidate) -> list[Example]:
    """The select rows that what a child changed in its parent's instructions speaks of.

    A row is spoken of where it holds a word of a changed line that few rows hold: there
    the two may differ, and elsewhere they most likely do not. Each line's first row
    comes before any line's second one.
    """
    turns: list[tuple[int, int, Example]] = []
    for path in task.program.modules:
        now, new = (instruction_of(task, one, path) for one in (parent, child))
        edits = edits_between(now, new)
        topics = _topics(task, path) if edits else {}
        for at, edit in enumerate(edits):
            words = words_of(edit.old) ^ words_of(edit.new)
            rows = [row for row in task.rows if topics[row.digest] & words]
            turns += [(turn, at, row) for turn, row in enumerate(rows)]
    ordered = sorted(turns, key=lambda turn: turn[:2])
    found = {row.digest: row for _, _, row in ordered}
    return list(found.values())


def rejected(task: Task, path: str) -> list[str]:
    """The edits of a module's instruction that cost score, the worst last, in words."""
    lost = [one for one in findings(task, path, task.archive) if one.gain < 0]
    return [
        f"{one.edit}: {one.gain:+.3g} on {counted(one.rows, 'row')}" for one in lost
    ]


def joined(task: Task, path: str, now: str, found: Sequence[Finding]) -> str:
    """A text with the edits that stood the test, without its lines that did not.

    Of two that say something else of the same thing, and of one that undoes another,
    the one whose rows gained more is made; what stands there wins a draw.
    """
    held = now
    for one in found:
        if one.edit.kind == "add" and one.support < 0 and one.edit.new in held:
            held = edited(held, [LineEdit(one.edit.new, "")])
    good: list[LineEdit] = []
    for one in found:
        undoes = any(_undoes(one.edit, edit) for edit in good)
        if one.support >= 0 and one.gain >= _WORSE and not undoes:
            good.append(one.edit)
    held = edited(held, _better_known(sentences(held), found))
    own = [LineEdit("", line) for line in sentences(held)]
    new = [edit for edit in commuting([*own, *good]) if edit not in own]
    for count in range(len(new), -1, -1):
        if len(text := edited(held, new[:count])) <= room_for(task, path):
            return text
    return now


def _undoes(one: LineEdit, other: LineEdit) -> bool:
    """Whether an edit takes away what another brings, or brings what it takes away."""
    gone, back = one.old == other.new, one.new == other.old
    return bool((one.old and gone) or (one.new and back))


def _better_known(lines: Sequence[str], found: Sequence[Finding]) -> list[LineEdit]:
    """A text's lines, each by the one that says else of the same and gained more."""
    support: dict[str, float] = {}
    for one in found:
        support[one.edit.new] = max(one.support, support.get(one.edit.new, 0.0))
    common = Counter(word for line in {*lines, *support} for word in words_of(line))
    made: list[LineEdit] = []
    for line in lines:
        others = (
            one.edit.new
            for one in found
            if one.support > support.get(line, 0.0)
            and one.edit.new not in ("", *lines)
            and alike(line, one.edit.new, common) >= ALIKE
        )
        if line in support and (other := next(others, "")):
            made.append(LineEdit(line, other))
    return made


def _other_demos(
    task: Task, base: Candidate, values: Mapping[str, str]
) -> list[Candidate]:
    """The union without demos where the best has some, else with the best draw."""
    slots = [slot for slot in base.values if slot.endswith(_SHOWN)]
    if slots:
        held = {k: v for k, v in base.values.items() if k not in slots}
        return [Candidate({**held, **values}, "edits of others, no demos", base.id)]
    for other in task.archive:
        shown = {k: v for k, v in other.values.items() if k.endswith(_SHOWN)}
        if shown and sum(_gains(task, other, Candidate()).values()) > 0:
            return [base.but({**shown, **values}, "edits and demos of others")]
    return []


def _gains(task: Task, child: Candidate, parent: Candidate) -> dict[str, float]:
    """What a child gained on its parent, by the digest of each row both have seen."""
    found: dict[str, float] = {}
    for row in (*task.split.train, *task.rows):
        new, old = task.result(child, row), task.result(parent, row)
        if new and old and new.score and old.score:
            found[row.digest] = new.score.value - old.score.value
    return found


def _topics(task: Task, path: str) -> dict[str, frozenset[str]]:
    """The words that tell what a module is given in a row from most other rows.

    By the digest of the row; what the row itself holds counts for every module.
    """
    rows: tuple[Example, ...] = (*task.split.train, *task.rows)
    said = {row.digest: set(words_of(_text(row.inputs))) for row in rows}
    for (_, digest), result in task.cells.items():
        for node in result.trace.nodes if digest in said else ():
            if node.path == path:
                said[digest] |= words_of(_text(node.inputs))
    counts = Counter(word for words in said.values() for word in words)
    most = _RARE * len(said)
    return {
        digest: frozenset(word for word in words if counts[word] < most)
        for digest, words in said.items()
    }


def _text(values: Mapping[str, Any]) -> str:
    return strictjson.dumps(
        {name: plain(value, repr) for name, value in values.items()}
    )

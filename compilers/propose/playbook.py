"""Playbooks: an instruction with numbered bullets below it, which grows by lessons.

The whole of it is the instruction's text, so that it is seen, saved and compared like
any other; it is edited in place and never rewritten:

    Route a customer's message.

    Playbook:
    [b1] helpful=3 harmful=0 :: A late transfer is no lost transfer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...modules.asking.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .lines import instruction_of, room_for
from .proposer import Parents, Proposer, evidence_calls, writing_calls
from .reflection import Shown, jobs_from_failures
from .writer import Job, write_each

TITLE = "Playbook:"
_BULLET = re.compile(r"\[b(\d+)\] helpful=(\d+) harmful=(\d+) :: (.+)")
_WORD = re.compile(r"\w+")
_ALIKE = 0.8
_WORST = 2
_ID = re.compile(r"\bb(\d+)\b")
_CHANGE = re.compile(r"\W*b(\d+)\W*[:=]\s*(.+)")
_NOTHING = frozenset({"", "none", "none.", "nothing", "n/a"})


@dataclass(frozen=True)
class Bullet:
    """One line of a playbook."""

    number: int
    text: str
    helpful: int = 0
    harmful: int = 0

    def __str__(self) -> str:
        counts = f"helpful={self.helpful} harmful={self.harmful}"
        return f"[b{self.number}] {counts} :: {self.text}"


@dataclass(frozen=True)
class Delta:
    """What one lesson changes; numbers that a playbook lacks change nothing."""

    add: tuple[str, ...] = ()
    change: Mapping[int, str] | None = None
    remove: frozenset[int] = frozenset()
    helpful: frozenset[int] = frozenset()
    harmful: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Playbook:
    """An instruction and its bullets; immutable."""

    head: str
    bullets: tuple[Bullet, ...] = ()

    @classmethod
    def read(cls, instruction: str) -> Playbook:
        r"""The playbook of an instruction; one without bullets has none.

        >>> text = "Route it.\n\nPlaybook:\n[b2] helpful=1 harmful=0 :: Be kind."
        >>> Playbook.read(text).bullets
        (Bullet(number=2, text='Be kind.', helpful=1, harmful=0),)
        >>> str(Playbook.read(text)) == text
        True
        """
        head, title, rest = instruction.partition(f"\n\n{TITLE}\n")
        found = [_BULLET.fullmatch(line) for line in rest.split("\n")] if title else []
        if not found or None in found:
            return cls(instruction)
        parts = [match.groups() for match in found if match]
        made = (Bullet(int(n), text, int(h), int(w)) for n, h, w, text in parts)
        return cls(head, tuple(made))

    def __str__(self) -> str:
        if not self.bullets:
            return self.head
        return "\n".join([f"{self.head}\n\n{TITLE}", *map(str, self.bullets)])

    def after(self, deltas: Iterable[Delta]) -> Playbook:
        """This playbook with some lessons worked in, one after the other.

        A bullet that harmed clearly more often than it helped goes. A new one that
        says what is there already is left out: the old one keeps its counts.
        """
        made = self
        for delta in deltas:
            made = made._counted(delta.helpful, delta.harmful)._edited(delta)
        return made

    def within(self, most: int, chars: int) -> Playbook:
        """At most so many bullets and characters; those that helped least go first."""
        made = self
        while made.bullets and (len(made.bullets) > most or len(str(made)) > chars):
            worst = min(made.bullets, key=lambda b: (b.helpful - b.harmful, b.number))
            made = replace(made, bullets=tuple(b for b in made.bullets if b != worst))
        return made

    def _counted(self, helpful: Collection[int], harmful: Collection[int]) -> Playbook:
        counted = (
            replace(
                bullet,
                helpful=bullet.helpful + (bullet.number in helpful),
                harmful=bullet.harmful + (bullet.number in harmful),
            )
            for bullet in self.bullets
        )
        kept = (b for b in counted if b.harmful - b.helpful < _WORST)
        return replace(self, bullets=tuple(kept))

    def _edited(self, delta: Delta) -> Playbook:
        better = delta.change or {}
        kept = [
            replace(b, text=_line(better.get(b.number, "")) or b.text)
            for b in self.bullets
            if b.number not in delta.remove
        ]
        following = 1 + max((b.number for b in self.bullets), default=0)
        for text in map(_line, delta.add):
            if text and not any(_alike(text, b.text) for b in kept):
                kept.append(Bullet(following, text))
                following += 1
        return replace(self, bullets=tuple(kept))


def _line(text: str) -> str:
    return " ".join(text.split())


def _alike(one: str, other: str) -> bool:
    """Whether two texts share nearly all of their words."""
    words, others = (set(_WORD.findall(text.casefold())) for text in (one, other))
    return len(words & others) >= _ALIKE * len(words | others)


class ReflectOnPlaybook(Signature):
    """Say what cases teach, and which bullets of a playbook had a part in them.

    A bullet helped where a case came right by it, and harmed where it misled. A lesson
    holds for new inputs too.
    """

    instruction: str = Input("the instruction, with the bullets of its playbook")
    failing: list[dict[str, Any]] = Input("cases that went wrong")
    passing: list[dict[str, Any]] = Input("cases that went well")
    lesson: str = Output("what went wrong, why, and what to know next time")
    helpful: str = Output("ids of bullets that helped, such as b1 b3, or none")
    harmful: str = Output("ids of bullets that misled, or none")


class CuratePlaybook(Signature):
    """Work a lesson into a playbook by the smallest change that holds it."""

    playbook: str = Input("the instruction, with the bullets of its playbook")
    lesson: str = Input("what was learnt")
    add: str = Output("new bullets, one a line, each a single idea, or none")
    change: str = Output("bullets to reword, one a line, such as b3: words, or none")
    remove: str = Output("ids of bullets that are wrong or say nothing new, or none")


reflect_on_playbook = Predict(ReflectOnPlaybook, name="reflect_on_playbook")
curate_playbook = Predict(CuratePlaybook, name="curate_playbook")


@settings
class Bullets(Proposer):
    """Deltas to a playbook (ACE, Zhang et al. 2025, arXiv 2510.04618).

    A reflector reads cases and credits bullets, a curator adds, rewords and removes
    them. The counts stand in the prompt, beside each bullet.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
        most: How many bullets a playbook holds at the most.
    """

    asks = (reflect_on_playbook, curate_playbook)
    changes = ("instruction",)
    failing: int = 4
    passing: int = 2
    rows: int = 16
    most: int = 24

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """All lessons of the first parent together, then each by itself."""
        shown = Shown("bullets", self.failing, self.passing, self.rows)
        jobs = await jobs_from_failures(task, parents, max(1, n - 1), shown)
        learnt = await write_each(task, jobs, _lesson)
        together: dict[str, list[Delta]] = {}
        made: list[Candidate | None] = []
        for job, delta in learnt:
            if job.parent == parents[0]:
                together.setdefault(job.path, []).append(delta)
            one = {job.path: [delta]}
            made.append(self._made(task, job.parent, one, "a lesson"))
        count = sum(map(len, together.values()))
        if count > 1:
            origin = f"{count} lessons together"
            made = [self._made(task, parents[0], together, origin), *made]
        return [child for child in made if child is not None][:n]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent, and two requests a lesson."""
        ran = self.running(n, train, calls_a_row)
        return ran.plus(writing_calls(max(1, n - 1), *self.asks))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent."""
        return evidence_calls(self.rows, n, train, calls_a_row)

    def _made(
        self,
        task: Task,
        parent: Candidate,
        lessons: Mapping[str, list[Delta]],
        origin: str,
    ) -> Candidate | None:
        made: Candidate | None = None
        for path, deltas in lessons.items():
            base = made or parent
            book = Playbook.read(instruction_of(task, base, path)).after(deltas)
            text = str(book.within(self.most, room_for(task, path)))
            made = Job(task, 0, base, path).child(text, origin) or made
        return made and Candidate(made.values, origin, parent.id)


async def _lesson(job: Job) -> tuple[Job, Delta]:
    """What one parent's cases teach about its playbook."""
    now = job.instruction
    said = await reflect_on_playbook.acall(
        instruction=now, failing=job.failing, passing=job.passing
    )
    edit = await curate_playbook.acall(playbook=now, lesson=said.lesson)
    return job, _delta(edit, said)


def _delta(edit: CuratePlaybook, said: ReflectOnPlaybook) -> Delta:
    found = (_CHANGE.fullmatch(line.strip()) for line in edit.change.split("\n"))
    return Delta(
        tuple(_lines(edit.add)),
        {int(match[1]): match[2] for match in found if match},
        _ids(edit.remove),
        _ids(said.helpful),
        _ids(said.harmful),
    )


def _lines(text: str) -> list[str]:
    lines = (line.strip().lstrip("-*•").strip() for line in text.split("\n"))
    return [line for line in lines if line.casefold() not in _NOTHING]


def _ids(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in _ID.findall(text))

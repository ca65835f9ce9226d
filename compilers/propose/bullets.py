"""Bullets: a playbook that grows by lessons, edited in place and never rewritten."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...modules.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.signature.signature import Input, Output, Signature
from ..search.candidate import Candidate
from ..search.quote import Calls
from ..search.task import Task
from .evidence import evidence_calls
from .failures import Failures, Shown, write_from_failures
from .playbook import Delta, Playbook
from .proposer import Proposer
from .writing import instructed, instruction_of, room_for, writing_calls

_ID = re.compile(r"\bb(\d+)\b")
_CHANGE = re.compile(r"\W*b(\d+)\W*[:=]\s*(.+)")
_NOTHING = frozenset({"", "none", "none.", "nothing", "n/a"})


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
    failing: int = 4
    passing: int = 2
    rows: int = 16
    most: int = 24

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """All lessons of the first parent together, then each by itself."""
        learnt: dict[int, tuple[Candidate, str, Delta]] = {}

        async def write(given: Failures) -> Candidate | None:
            now = given.instruction
            said = await reflect_on_playbook.acall(
                instruction=now, failing=given.failing, passing=given.passing
            )
            edit = await curate_playbook.acall(playbook=now, lesson=said.lesson)
            delta = _delta(edit, said)
            learnt[given.number] = (given.parent, given.path, delta)
            return self._made(task, given.parent, {given.path: [delta]}, "a lesson")

        shown = Shown("bullets", self.failing, self.passing, self.rows)
        count = max(1, n - 1)
        single = await write_from_failures(task, parents, count, shown, write)
        together: dict[str, list[Delta]] = {}
        for _, (parent, path, delta) in sorted(
            learnt.items(), key=lambda item: item[0]
        ):
            if parent == parents[0]:
                together.setdefault(path, []).append(delta)
        count = sum(map(len, together.values()))
        whole = self._made(task, parents[0], together, f"{count} lessons together")
        first = [whole] if count > 1 and whole is not None else []
        return [*first, *single][:n]

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
        lessons: dict[str, list[Delta]],
        origin: str,
    ) -> Candidate | None:
        made: Candidate | None = None
        for path, deltas in lessons.items():
            base = made or parent
            book = Playbook.read(instruction_of(task, base, path)).after(deltas)
            text = str(book.within(self.most, room_for(task, path)))
            made = instructed(task, base, path, text, origin) or made
        return made and Candidate(made.values, origin, parent.id)


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

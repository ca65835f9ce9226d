"""Writers: proposers that have a model write, one request or a few each proposal.

A kind of writer says what its request shows and what is made of the reply. Those of
`instructions` show solved examples or texts (APE, OPRO, MIPRO), those of `reflection`
what went wrong (GEPA, ProTeGi, PromptWizard).
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from ...pipeline.errors import BudgetExceeded, ContextLengthError, ModelFailure
from ...pipeline.ground.options import settings
from ...pipeline.reading.typography import MARKS
from ...pipeline.run.rows import map_rows
from ...pipeline.run.settings import current, entered
from ..search.blame import blame, gained_alone
from ..search.candidate import Candidate
from ..search.cost import Calls
from ..search.task import Task
from .lines import instruction_of, room_for
from .proposer import Case, Parents, Proposer, evidence_calls

_EXPECTED = 0.05

_PLACE: Final = re.compile(r"<[^<>\s]{1,40}>|\(the [\w ]{1,40}\)|\(not given[^)]*\)")
"""What stands in a form in place of a text."""
_ALIKE: Final = {
    mark: f"[{re.escape(mark)}{''.join(map(chr, others))}]"
    for mark in "'\"-"
    if (others := [point for point, plain in MARKS.items() if plain == mark])
}
"""How a quote or a dash may be written otherwise."""

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """What one proposal begins with: one module of one parent.

    Args:
        task: The compile under way.
        number: Which proposal of the round it is.
        parent: The candidate to change.
        path: The module to change in it.
        turn: Which one it is of the proposals of all rounds.
        others: The round's parents, the next one first.
        failing: Cases of the module that went wrong, where it learns from cases.
        passing: Cases that went well.
        mixed_up: Choices of the module that are taken for others.
        rejected: Edits that were tried beside the archive and did not help.
    """

    task: Task
    number: int
    parent: Candidate
    path: str
    turn: int = 0
    others: Sequence[Candidate] = ()
    failing: list[Case] = field(default_factory=list[Case])
    passing: list[Case] = field(default_factory=list[Case])
    mixed_up: list[Case] = field(default_factory=list[Case])
    rejected: Sequence[str] = ()

    @property
    def instruction(self) -> str:
        """The module's instruction in the parent."""
        return instruction_of(self.task, self.parent, self.path)

    def child(self, text: str, origin: str) -> Candidate | None:
        """A child with a new instruction, or None where it is empty or the old one."""
        fixed = text.strip()[: room_for(self.task, self.path)].rstrip()
        # A weak writer copies what stands in the form for what it is to write.
        if not fixed or fixed == self.instruction or _PLACE.fullmatch(fixed):
            return None
        return self.parent.but({f"{self.path}/instruction": fixed}, origin)


class Writer(Proposer):
    """A proposer whose every proposal a model writes."""

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """`n` requests side by side; unusable replies are left out."""
        return await write_each(task, await self.jobs(task, parents, n), self.write)

    async def jobs(self, task: Task, parents: Parents, n: int) -> list[Job]:
        """What is asked for: by default `n` changes, spread over the modules."""
        return spread(task, parents, n)

    @abstractmethod
    async def write(self, job: Job) -> Candidate | None:
        """One proposal; None where there is nothing to say."""


@settings
class CaseWriter(Writer):
    """A writer that is shown cases of what its parents made of the training rows.

    Args:
        failing: How many failing cases one request shows.
        passing: How many passing ones.
        rows: On how many training rows a parent is run at the most.
    """

    failing: int = 4
    passing: int = 2
    rows: int = 16

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """The rows of each parent."""
        return evidence_calls(self.rows, n, train, calls_a_row)


async def write_each(
    task: Task, jobs: Sequence[Job], write: Callable[[Job], Awaitable[T | None]]
) -> list[T]:
    """What a model writes for each job, in the order of the jobs.

    Each job has a sample of its own above 0, so that equal requests are drawn with
    other seeds, and at a temperature; where 0 is set, they are made once. What the
    ledger has no room for is left out, as is an unusable reply, and a request that is
    too long for the writer. The hints of the task stand in each request.
    """
    ledger = task.allowance.ledger
    runtime = replace(current(), account="propose", ledger=ledger, once=True)
    if task.proposer is not None:
        runtime = replace(runtime, lm=task.proposer)

    async def one(_: int, job: Job) -> T | None:
        sample = task.number * 1000 + job.number + 1  # 0 is what nobody draws
        remark = _hints_for(task, job.path)
        with entered(replace(current(), sample=sample, remark=remark)):
            try:
                return await write(job)
            except (ModelFailure, ContextLengthError, BudgetExceeded):
                return None

    with entered(runtime):
        made = await map_rows(one, jobs, concurrency=task.concurrency)
    return [found for found in made if found is not None]


def _hints_for(task: Task, path: str) -> str:
    """What a writer is told besides, of the person who watches the search."""
    told = [hint for module, hint in task.hints if module in ("", path)]
    lines = ["Hints of whoever runs this search; follow them where they apply:"]
    return "\n".join([*lines, *(f"- {hint}" for hint in told)]) if told else ""


def spread(
    task: Task, parents: Parents, n: int, paths: Sequence[str] = ()
) -> list[Job]:
    """The jobs of `n` proposals, spread over the modules.

    A module gets the more of them the more its edits have gained, and the larger its
    share in the failures of the first parent (`blame`), less those that it had. Without
    `paths` every module may have a part; one whose instruction must stay has none.
    """
    some = paths or task.program.modules
    free = [path for path in some if task.keeping.free(path, *parents)]
    tries = dict.fromkeys(free, 0)
    gains = dict.fromkeys(tries, 0.0)
    by_id = {c.id: c for c in task.archive}
    for child in task.archive:
        parent = by_id.get(child.parent)
        for path in tries if parent else ():
            slot = f"{path}/instruction"
            if parent and child.values.get(slot) != parent.values.get(slot):
                tries[path] += 1
                gains[path] = max(gains[path], task.gain(child, parent) or 0.0)
    shares = _shares(task, parents, free)
    jobs: list[Job] = []
    for at in range(n if tries else 0):
        path = max(tries, key=lambda p: (gains[p] + shares[p]) / (tries[p] + 1))
        tries[path] += 1
        others = (*parents[at + 1 :], *parents[: at + 1])
        turn = task.number * n + at
        jobs.append(Job(task, at, parents[at % len(parents)], path, turn, others))
    return jobs


def _shares(task: Task, parents: Parents, paths: Sequence[str]) -> dict[str, float]:
    """What is expected of mending each module before it was tried, in score."""
    if len(paths) < 2 or not parents:
        return dict.fromkeys(paths, _EXPECTED)
    seen = task.results(parents[0], [*task.split.train, *task.rows])
    shares, gained = blame(task, seen), gained_alone(task)
    return {
        path: len(paths) * _EXPECTED * shares[path] + gained.get(path, 0.0)
        for path in paths
    }


def patched(text: str, old: str, new: str) -> str:
    r"""A text with one passage replaced; with the new one at its end where it has none.

    Models that copy a passage change its case, its spaces, and how its quotes and
    dashes are written; these tell no passages apart.

    >>> patched("Be brief. Be kind.", "Be brief.", "Use ten words.")
    'Use ten words. Be kind.'
    >>> patched("Be\n  brief. Be kind.", '"be brief."', "Use ten words.")
    'Use ten words. Be kind.'
    >>> patched("Be brief.", "", "Be kind.")
    'Be brief.\nBe kind.'
    """
    old, new = old.strip(), new.strip()
    start, end = _passage(text, old)
    if start < end:
        return f"{text[:start]}{new}{text[end:]}"
    return f"{text}\n{new}" if new and new not in text else text


def _passage(text: str, said: str) -> tuple[int, int]:
    """Where a passage stands that was copied, with where it ends; an empty one nowhere.

    As it was copied, else as a copy may differ; without the quotes around it last.
    """
    at = text.find(said)
    if at >= 0 and re.search(r"\w", said):  # a dash is said of none
        return at, at + len(said)
    plain = said.translate(MARKS)
    for copied in dict.fromkeys((plain, plain.strip("\"'` "))):
        words = ["".join(map(_spelled, word)) for word in copied.split()]
        same = r"\s+".join(words)
        found = re.search(rf"(?<!\w){same}(?!\w)", text, re.IGNORECASE)
        if found and len(words) > 1:  # "None" is said of no passage, too
            return found.span()
    return 0, 0


def _spelled(mark: str) -> str:
    return _ALIKE.get(mark) or re.escape(mark)

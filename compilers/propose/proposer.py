"""Proposers: make candidates out of evidence.

Some call no model (`edits`, `demos`, `combine`), some have one write (`instructions`,
`reflection`, `playbook`, `climb`). All of them learn from training rows alone; select
rows are for choosing.
"""

from __future__ import annotations

import inspect
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, cast

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ..search.candidate import Candidate
from ..search.cost import FREE, NO_TRAINING, Calls, Training
from ..search.keeping import Keeping
from ..search.task import Task

Parents = Sequence[Candidate]
Case = dict[str, Any]
"""What a writer is shown of one run, as plain data."""
EVIDENCE_BLOCK = 8
"""Training rows that a parent is run on at a time, for evidence."""


class Proposer(ABC):
    """Makes candidates; frozen settings, no state."""

    asks: ClassVar[tuple[Module[..., Any], ...]] = ()
    """The modules that write for it; each can be shown, tested and compiled."""
    changes: ClassVar[tuple[str, ...]] = ()
    """The slots that its candidates change; empty where they may be any. It is not
    asked, nor counted in a quote, where none of them may change in any module."""

    @property
    def about(self) -> tuple[str, ...]:
        """Paths of modules that its settings name; empty texts are every module."""
        return ()

    @property
    def shows(self) -> int:
        """How many demos of its own a candidate may show in each module."""
        return 0

    @property
    def pools(self) -> int:
        """How many demos a pool of its own may hold; 0 where it makes none.

        Of a pool each input is shown the nearest, chosen by the scope's embedder.
        """
        return 0

    def distinct(self, program: Program[..., Any]) -> float:
        """How many candidates that differ it can make of a program, in all rounds."""
        return math.inf

    @property
    def times(self) -> int:
        """How often it runs a program on one row, for other answers."""
        return 1

    @property
    def trains(self) -> Training:
        """What a proposal trains here, on rows that call nobody; nothing by default."""
        return NO_TRAINING

    def widest(self, program: Program[..., Any]) -> Program[..., Any]:
        """A program as its candidates may make it call the most; for quotes alone."""
        return program

    @property
    def name(self) -> str:
        """The class's name, as reports show it."""
        return type(self).__name__

    @abstractmethod
    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """At most `n` new candidates, the most promising first.

        The same task, seed and answers give the same candidates. A proposer that
        finds nothing to say gives an empty list.

        Args:
            task: The rows, the ledger and what was seen so far.
            parents: `n` candidates to start from, with repetition; the first is the
                most promising.
            n: How many are wanted.
        """

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """What `n` proposals cost in model calls, before anything is known.

        By default the rows that it runs, a request of each of `asks` a proposal, and
        their repairs at the most.
        """
        ran = self.running(n, train, calls_a_row)
        return ran.plus(writing_calls(n, *self.asks))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Those of `calls` that run programs on training rows; none by default.

        They are booked as "bootstrap", the requests to a writer as "propose".
        """
        del n, train, calls_a_row
        return FREE


def has_work(
    proposer: Proposer,
    keeping: Keeping,
    program: Program[..., Any],
    of: Sequence[Candidate] = (),
) -> bool:
    """Whether anything that a proposer changes may change in one of some candidates.

    Without any it is asked of the program as it is.
    """
    named = [path for path in proposer.about if path in program.modules]
    everywhere = not named or "" in proposer.about
    paths = program.modules if everywhere else named
    return not proposer.changes or keeping.leaves(proposer.changes, paths, *of)


async def proposed(
    proposer: Proposer, task: Task, parents: Parents, n: int
) -> list[Candidate]:
    """At most `n` candidates of a proposer, which may be a user's own.

    Raises:
        ConfigError: `propose` gives something else.
    """
    made: object = proposer.propose(task, parents, n)
    found: object = await made if inspect.isawaitable(made) else None
    if isinstance(found, list | tuple):
        some = cast("Sequence[object]", found)
        candidates = [one for one in some if isinstance(one, Candidate)]
        if len(candidates) == len(some):
            return candidates[:n]
    raise ConfigError(
        f"propose() of {proposer.name!r} gives no list of candidates",
        hint="Write async def propose(self, task, parents, n) and return "
        "[parent.but({...}, origin), ...]",
    )


def draws(
    task: Task, parents: Parents, n: int, purpose: str
) -> Iterator[tuple[int, Candidate, random.Random]]:
    """(Number, parent, generator) of `n` random proposals, the parents in turn."""
    for number in range(n):
        yield number, parents[number % len(parents)], task.rng(purpose, number)


def evidence_calls(rows: int, runners: int, train: int, calls_a_row: int) -> Calls:
    """Calls of running candidates on training rows for evidence."""
    seen = min(rows, train) * calls_a_row
    return Calls(min(EVIDENCE_BLOCK, train) * calls_a_row, seen, runners * seen)


def writing_calls(n: int, *modules: Module[..., Any]) -> Calls:
    """One request of each module a proposal, and their repairs at the most."""
    most = sum(1 + module.repairs for module in modules)
    return Calls(n * len(modules), n * len(modules), n * most)

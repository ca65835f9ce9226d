"""Combinations: what two candidates have in one, and what was proposed side by side."""

from __future__ import annotations

import random
from collections.abc import Iterable, Set
from dataclasses import field, replace
from typing import Any

from ...modules.asking.predict import Predict
from ...pipeline.ground.options import settings
from ...pipeline.parameters import Demo
from ...pipeline.signature.building import Input, Output
from ...pipeline.signature.signature import Signature
from ..search.candidate import Candidate
from ..search.choices import Choices, Parzen, Sampler, trials
from ..search.cost import Calls
from ..search.task import Task
from .demos import BootstrapDemos
from .instructions import Induce
from .lines import instruction_of, sentences
from .proposer import Parents, Proposer, draws
from .reflection import Reflect
from .rows import labels_say_all
from .writer import Job, Writer

_BOTH, _TOLD, _SHOWN = "both", "told", "shown"
_ORDER = (_BOTH, _BOTH, _TOLD, _BOTH, _SHOWN)


@settings
class Merge(Proposer):
    """Slots of two candidates in one, where each changed something else.

    GEPA's merge (Agrawal et al. 2025, appendix) takes each module from the descendant
    that changed it; here each slot, so that one parent's demos meet the other's
    instruction.
    """

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Pairs off the front, who is best on other rows, then down the archive.

        What was merged and raced before is passed over.
        """
        known = set(task.archive)
        pool = list(dict.fromkeys([*task.front(task.archive), *task.archive[:6]]))
        made: list[Candidate] = []
        for at, one in enumerate(pool):
            for other in pool[at + 1 :]:
                values = {**other.values, **one.values}
                child = Candidate(values, f"{one.id} with {other.id}", one.id)
                if child not in known and child not in made:
                    made.append(child)
        return made[:n]


class CrossInstructions(Signature):
    """Write one instruction from the best of two, and change it a little.

    Both are for the same task. Keep what each does well.
    """

    task: str = Input("the first instruction")
    other: str = Input("the second instruction")
    instruction: str = Output("the new instruction", min_length=1)


cross_instructions = Predict(CrossInstructions, name="cross_instructions")


@settings
class Crossover(Writer):
    """A child of two instructions (EvoPrompt, Guo et al. 2023, arXiv 2309.08532).

    Each parent meets the next one that says something else. Demos come from the first
    parent and, where it has none, from the second.
    """

    asks = (cross_instructions,)
    changes = ("instruction",)

    async def write(self, job: Job) -> Candidate | None:
        """The two as one; where all say the same, a little change is all there is."""
        task, one, text = job.task, job.parent, job.instruction
        others = (*job.others, *task.archive)
        unlike = (c for c in others if instruction_of(task, c, job.path) != text)
        other = next(unlike, one)
        reply = await cross_instructions.acall(
            task=text, other=instruction_of(task, other, job.path)
        )
        base = Candidate({**other.values, **one.values}, "", one.id)
        child = replace(job, parent=base).child(reply.instruction, "crossed")
        return child and Candidate(child.values, f"crossed with {other.id}", one.id)


@settings
class Combine(Proposer):
    """Combinations of the values that candidates have; see MIPRO."""

    sampler: Sampler = field(default_factory=Parzen)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Combinations that nobody has tried, the likeliest first."""
        choices = Choices.of(task.archive)
        drawn = self.sampler.sampled(
            choices.names, trials(choices, task.raced()), n, task.rng("combine")
        )
        made = [choices.candidate(chosen, parents[0]) for chosen in drawn]
        return [child for child in made if child not in task.archive][:n]


@settings
class Pair(Proposer):
    """Induced instructions and bootstrapped demos, two by two.

    A fractional factorial design (Fisher 1935; MIPRO searches the two together as
    well): what helps only together is seen in the first race, which is often all that a
    small budget pays for.
    Of five candidates three hold both; the fourth holds the first instruction alone,
    the fifth the first demos alone.

    Args:
        told: Writes the instructions, where the labels say all that a module shows.
        mended: Writes them where they do not, as inside a program.
        shown: Draws the demos.
    """

    asks = (*Induce.asks, *Reflect.asks)
    told: Induce = Induce()
    mended: Proposer = Reflect()
    shown: BootstrapDemos = BootstrapDemos()

    @property
    def shows(self) -> int:
        """Those of the side that draws demos."""
        return self.shown.shows

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """`n` candidates; where one side finds nothing, those of the other side."""
        kinds = _kinds(n)
        count = kinds.count(_BOTH)
        writer = self.told if labels_say_all(task) else self.mended
        told = await writer.propose(task, parents, count)
        # After the writer, whose runs may have left passing traces.
        shown = await self.shown.propose(task, parents, count)
        if not (told and shown):
            return [*told, *shown]
        made: list[Candidate] = []
        for at, kind in enumerate(kinds):
            number = kinds[:at].count(_BOTH) if kind == _BOTH else 0
            one, other = told[number % len(told)], shown[number % len(shown)]
            if kind == _BOTH:
                # A child of what both were made from: neither half has raced.
                origin = f"{one.origin}, {other.origin}"
                values = {**other.values, **one.values}
                made.append(Candidate(values, origin, other.parent))
            else:
                made.append(one if kind == _TOLD else other)
        return made

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Those of both sides; of the two that may write either is as likely."""
        count = _kinds(n).count(_BOTH)
        told = self.told.calls(count, train, calls_a_row)
        mended = self.mended.calls(count, train, calls_a_row)
        likely = (told.expected + mended.expected) // 2
        most = Calls(told.low, likely, max(told.high, mended.high))
        return most.plus(self.shown.calls(count, train, calls_a_row))

    def running(self, n: int, train: int, calls_a_row: int) -> Calls:
        """Rows run for demos, and those of the mending, which half of programs need."""
        count = _kinds(n).count(_BOTH)
        shown = self.shown.running(count, train, calls_a_row)
        ran = self.mended.running(count, train, calls_a_row)
        return shown.plus(Calls(0, ran.expected // 2, ran.high))


@settings
class Exchange(Proposer):
    """Uniform crossover (Syswerda 1989) of prompts.

    What both parents have, the child has. Every other sentence and demo is taken with
    even odds, as CAPO (Zehle et al. 2025, arXiv 2504.16005) draws a child's demos from
    those of both. A pool of which the nearest demos are shown goes over as a whole.

    Args:
        mates: How many of the best candidates a parent may meet.
    """

    mates: int = 6

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Seeded children of each parent and a mate that differs from it."""
        made: list[Candidate] = []
        for _, one, rng in draws(task, parents, n, "exchange"):
            pool = dict.fromkeys([*parents, *task.archive[: self.mates]])
            mates = [c for c in pool if c != one]
            if not mates:
                continue
            child = _child(task, one, rng.choice(mates), rng)
            if child not in (*pool, *made):
                made.append(child)
        return made


def _child(
    task: Task, one: Candidate, other: Candidate, rng: random.Random
) -> Candidate:
    ours, theirs = (c.apply(task.program).parameters for c in (one, other))
    values: dict[str, Any] = {}
    for path in task.program.modules:
        text, demos, near = (f"{path}/{s}" for s in ("instruction", "demos", "nearest"))
        values[text] = _mixed_text(ours[text], theirs[text], rng)
        if ours[near] or theirs[near]:
            chosen = ours if rng.random() < 0.5 else theirs
            values |= {demos: chosen[demos], near: chosen[near]}
        else:
            values[demos] = _mixed_demos(ours[demos], theirs[demos], rng)
    seed = task.program.parameters
    kept = {**other.values, **one.values}
    kept |= {k: v for k, v in values.items() if k in kept or v != seed[k]}
    return Candidate(kept, f"exchanged with {other.id}", one.id)


def _mixed_text(one: str, other: str, rng: random.Random) -> str:
    mine, theirs = sentences(one), sentences(other)
    if mine == theirs:
        return one
    both = set(mine) & set(theirs)
    line = [*mine, *(part for part in theirs if part not in mine)]
    return "\n".join(_taken(line, both, rng)) or one


def _mixed_demos(
    one: tuple[Demo, ...], other: tuple[Demo, ...], rng: random.Random
) -> tuple[Demo, ...]:
    """As many as the longer one has at the most."""
    mine, theirs = {d.id: d for d in one}, {d.id: d for d in other}
    line = mine | theirs
    kept = _taken(line, mine.keys() & theirs.keys(), rng)
    return tuple(line[i] for i in kept[: max(len(one), len(other))])


def _taken(line: Iterable[str], both: Set[str], rng: random.Random) -> list[str]:
    """What both have, in order; what one has alone by chance."""
    return [part for part in line if part in both or rng.random() < 0.5]


def _kinds(n: int) -> list[str]:
    return [_ORDER[at % len(_ORDER)] for at in range(n)]

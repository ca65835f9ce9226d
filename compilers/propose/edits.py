"""Edits that ask nobody: less of a prompt, another order, or what somebody wrote."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from ...pipeline.ground.options import Share, settings
from ...pipeline.ground.words import counted
from ...pipeline.signature.signature import spec_of
from ...pipeline.signature.spec import default_instruction
from ..search.candidate import Candidate
from ..search.task import Task
from .lines import sentences
from .proposer import Parents, Proposer, draws

_SHARED = ("context", "glossary")
PARTS: Mapping[str, tuple[str, ...]] = {
    "opening": ("", "You are highly intelligent.", "You are an expert."),
    "manner": ("", "Take a deep breath and work on this step by step.", "Be precise."),
    "closing": ("", "This will be fun!", "Check your answer before you give it."),
}


@settings
class DropDemos(Proposer):
    """A candidate without some of its demos: finds those that poison, and saves tokens.

    Args:
        share: The share of a module's demos that is dropped; at least one.
    """

    changes = ("demos", "nearest")
    share: Share = 0.25

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Seeded draws over parents and modules with demos."""
        made: list[Candidate] = []
        for _, parent, rng in draws(task, parents, n, "drop demos"):
            slots = _demo_slots(task, parent)
            if not slots:
                continue
            slot = rng.choice(slots)
            parameters = parent.apply(task.program).parameters
            demos, nearest = parameters[slot], _nearest(slot)
            # What costs tokens is how many are shown, not how many there are.
            shown = min(parameters[nearest] or len(demos), len(demos))
            count = max(1, round(shown * self.share))
            if not parameters[nearest]:
                kept = sorted(rng.sample(range(shown), shown - count))
                left = {slot: tuple(demos[at] for at in kept)}
                made.append(parent.but(left, f"{counted(count, 'demo')} dropped"))
            elif shown > count:
                fewer = shown - count
                made.append(
                    parent.but({nearest: fewer}, counted(fewer, "nearest demo"))
                )
        return made


@settings
class ReorderDemos(Proposer):
    """The same demos in another order (Lu et al. 2022, arXiv 2104.08786)."""

    changes = ("demos", "nearest")

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Seeded shuffles over parents and modules with demos."""
        made: list[Candidate] = []
        for _, parent, rng in draws(task, parents, n, "reorder"):
            now = parent.apply(task.program).parameters
            slots = [s for s in _demo_slots(task, parent) if not now[_nearest(s)]]
            if slots:
                slot = rng.choice(slots)
                demos = list(now[slot])
                rng.shuffle(demos)
                made.append(parent.but({slot: tuple(demos)}, "demos reordered"))
        return made


@settings
class DropSentence(Proposer):
    """An instruction without one of its sentences."""

    changes = ("instruction",)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Each sentence of each parent, longest first; of too many a seeded draw."""
        made: list[Candidate] = []
        for parent in dict.fromkeys(parents):
            for path, module in parent.apply(task.program).modules.items():
                text = module.parameters.instruction
                if not task.keeping.free(path, parent):
                    continue
                parts = sorted(sentences(text), key=len, reverse=True)
                for part in parts if len(parts) > 1 else ():
                    before, _, after = text.partition(part)
                    left = (before + after.lstrip(" ")).strip()
                    values = {f"{path}/instruction": left}
                    made.append(parent.but(values, f"without {part[:40]!r}"))
        rng = task.rng("drop sentence")
        return made if len(made) <= n else rng.sample(made, n)


@settings
class LeaveOut(Proposer):
    """A context or a glossary without one of its lines, in all modules."""

    changes = _SHARED

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """Each line of each parent, the longest first; of too many a seeded draw."""
        made: list[Candidate] = []
        for parent in dict.fromkeys(parents):
            modules = parent.apply(task.program).modules
            lines = {
                (slot, name): len(text)
                for module in modules.values()
                for slot in _SHARED
                for name, text in getattr(module.parameters, slot).items()
            }
            for slot, name in sorted(lines, key=lambda line: (-lines[line], line)):
                values: dict[str, Any] = {}
                for path, module in modules.items():
                    held: dict[str, str] = getattr(module.parameters, slot)
                    if name in held and task.keeping.may(f"{path}/{slot}", parent):
                        left = {n: text for n, text in held.items() if n != name}
                        values[f"{path}/{slot}"] = left
                if values:
                    made.append(parent.but(values, f"without {name!r} in the {slot}"))
        rng = task.rng("leave out")
        return made if len(made) <= n else rng.sample(made, n)


@settings
class Bare(Proposer):
    """The program without its demos, and then without its instructions too."""

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """At most two, of the first parent."""
        parent = parents[0]
        without: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for path, module in parent.apply(task.program).modules.items():
            if module.parameters.demos:
                without |= {f"{path}/demos": (), f"{path}/nearest": 0}
            spec, tuned = spec_of(module.signature), module.parameters.instruction
            # An artifact does not hold the instruction that it began with.
            own = spec.instruction
            own = default_instruction(spec.fields) if own == tuned else own
            if own != tuned:
                plain[f"{path}/instruction"] = own
        made = [parent.but(without, "without demos")] if without else []
        if plain:
            values = without | plain
            made.append(parent.but(values, "as its signatures have it"))
        return made[:n]


@settings
class Given(Proposer):
    """Values that somebody wrote down, as candidates.

    Args:
        values: For each candidate, new values keyed `module/slot`; a key without a
            slash is a slot of every module.
    """

    values: tuple[Mapping[str, Any], ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """The modules of the keys."""
        return tuple(k.rpartition("/")[0] for values in self.values for k in values)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The first `n`, on the first parent."""
        made: list[Candidate] = []
        for number, values in enumerate(self.values[:n], 1):
            found: dict[str, Any] = {}
            for key, value in values.items():
                paths = task.program.modules if "/" not in key else [""]
                found |= {f"{path}/{key}" if path else key: value for path in paths}
            made.append(parents[0].but(found, f"given, number {number}"))
        return made


@settings
class Parts(Proposer):
    """A grid of named parts around the instruction.

    Battle and Gollapudi 2024, "The Unreasonable Effectiveness of Eccentric Automatic
    Prompts", arXiv 2402.10949: which part helps differs from model to model, so all are
    tried. Where the grid is larger than what is asked for, each part appears in about
    as many candidates as any other.

    Args:
        parts: Choices by name, put before the instruction but for "closing".
        module: The path of the module; empty for every module.
    """

    changes = ("instruction",)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PARTS)
    module: str = ""

    @property
    def about(self) -> tuple[str, ...]:
        """The module that the parts are for."""
        return (self.module,)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The grid without its empty corner, or a balanced share of it."""
        grid = [cell for cell in itertools.product(*self.parts.values()) if any(cell)]
        task.rng("parts").shuffle(grid)
        used = Counter[tuple[int, str]]()
        picked: list[tuple[str, ...]] = []
        while grid and len(picked) < n:
            cell = min(grid, key=lambda c: sum(used[k] for k in enumerate(c)))
            grid.remove(cell)
            picked.append(cell)
            used.update(enumerate(cell))
        return [self._made(task, parents[0], cell) for cell in picked]

    def _made(self, task: Task, parent: Candidate, cell: tuple[str, ...]) -> Candidate:
        named = dict(zip(self.parts, cell, strict=True))
        last = named.pop("closing", "")
        values: dict[str, str] = {}
        for path, module in parent.apply(task.program).modules.items():
            if self.module in ("", path):
                lines = [*named.values(), module.parameters.instruction, last]
                values[f"{path}/instruction"] = "\n".join(x for x in lines if x)
        return parent.but(values, cell_name(self.parts, cell))


def cell_name(parts: Iterable[str], cell: Sequence[str]) -> str:
    """A cell of a grid in words: the parts that it has, and what they say.

    >>> cell_name(["opening", "closing"], ["Hello.", ""])
    "opening='Hello.'"
    """
    pairs = zip(parts, cell, strict=True)
    return ", ".join(f"{part}={text!r}" for part, text in pairs if text)


def _demo_slots(task: Task, candidate: Candidate) -> list[str]:
    """The demo slots that hold any, as `module/demos`."""
    program = candidate.apply(task.program)
    return [f"{p}/demos" for p, m in program.modules.items() if m.parameters.demos]


def _nearest(slot: str) -> str:
    """The slot that says how many of the demos in this one are shown."""
    return f"{slot.removesuffix('/demos')}/nearest"

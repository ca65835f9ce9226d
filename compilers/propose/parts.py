"""Parts: named pieces of prompt, put together in every way that is affordable."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from ...pipeline.ground.options import settings
from ..search.candidate import Candidate
from ..search.quote import FREE, Calls
from ..search.task import Task
from .proposer import Proposer

PARTS: Mapping[str, tuple[str, ...]] = {
    "opening": ("", "You are highly intelligent.", "You are an expert."),
    "manner": ("", "Take a deep breath and work on this step by step.", "Be precise."),
    "closing": ("", "This will be fun!", "Check your answer before you give it."),
}


@settings
class Parts(Proposer):
    """A grid of named parts around the instruction; no model is called.

    Battle and Gollapudi 2024, "The Unreasonable Effectiveness of Eccentric Automatic
    Prompts", arXiv 2402.10949: which part helps differs from model to model, so all are
    tried. Where the grid is larger than what is asked for, each part appears in about
    as many candidates as any other.

    Args:
        parts: Choices by name, put before the instruction but for "closing".
        module: The path of the module; empty for every module.
    """

    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PARTS)
    module: str = ""

    @property
    def about(self) -> tuple[str, ...]:
        """The module that the parts are for."""
        return (self.module,)

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        """The grid without its empty corner, or a balanced share of it."""
        grid = list(itertools.product(*self.parts.values()))
        grid = [cell for cell in grid if any(cell)]
        rng = task.rng("parts")
        rng.shuffle(grid)
        used: dict[tuple[int, str], int] = {}
        picked: list[tuple[str, ...]] = []
        while grid and len(picked) < n:
            cell = min(grid, key=lambda c: sum(used.get(k, 0) for k in enumerate(c)))
            grid.remove(cell)
            picked.append(cell)
            for key in enumerate(cell):
                used[key] = used.get(key, 0) + 1
        return [self._made(task, parents[0], cell) for cell in picked]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        """None."""
        del n, train, calls_a_row
        return FREE

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

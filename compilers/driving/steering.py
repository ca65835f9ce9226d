"""Steering: what somebody says to a compile is taken between two rounds.

Before each round the orders of the run folder that are new are taken, journaled, and
obeyed; at no other time. A replay takes from the journal what was taken at the same
border, and looks into the folder only where the journal ends. So the same orders give
the same bytes, whatever the folder holds by then.

A hint is shown to every writer from then on, and once raced as a candidate of its own:
added as it is, and worked in by a model where the search asks one anyway. A branch is
the parent of the next round's proposals, and races beside them. A pause ends the run
with the best so far kept; the same compile goes on behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ...pipeline.errors import Paused
from ..propose.instructions import Notes
from ..racing.select import Selector
from ..recipe import Draw, Recipe
from ..search.candidate import Candidate
from ..search.task import Task
from .border import Steered
from .journal import Begun
from .orders import Order, Taken, orders_in


@dataclass(frozen=True)
class FromCandidate(Selector):
    """One candidate as the parent of a round, beside whoever races on anyway.

    Args:
        start: The parent of all proposals.
        usual: Who would pick the parents, and picks the incumbents.
    """

    start: Candidate
    usual: Selector

    def parents(self, task: Task, n: int) -> list[Candidate]:
        """The one candidate, `n` times."""
        del task
        return [self.start] * n

    def incumbents(self, task: Task) -> list[Candidate]:
        """The usual ones, and the one candidate behind them."""
        return list(dict.fromkeys([*self.usual.incumbents(task), self.start]))

    @property
    def most(self) -> int:
        """One more than usual."""
        return self.usual.most + 1


class Told(Protocol):
    """Where a run says what was taken, and knows the candidates that it met."""

    orders: Sequence[Mapping[str, Any]]

    def tell(self, event: str, **facts: Any) -> None:
        """Add an event."""

    def find(self, candidate: str) -> Candidate | None:
        """A candidate by its id."""


class Steering:
    """The orders of one run, border by border.

    Args:
        run_dir: The run's folder; None where there is nobody to say anything.
        task: The compile under way.
        begun: The borders that the journal has, and how the next one is journaled.
        index: Where what was taken is told.
    """

    def __init__(
        self, run_dir: str | Path | None, task: Task, begun: Begun, index: Told
    ) -> None:
        self._place = None if run_dir is None else Path(run_dir)
        self._task, self._begun, self._index = task, begun, index
        self._border = 0
        self._told = dict[str, dict[str, Any]]()
        self._known = {order.id for taken in begun.borders for order in taken}

    def before(self, recipe: Recipe) -> Steered:
        """Take what was said, just before a round.

        Raises:
            Paused: That was a pause, and it was said now and not in an earlier start.
            CompileError: The journal cannot be written.
        """
        if self._place is None:
            return Steered(recipe)
        passed = self._begun.borders
        fresh = self._border >= len(passed)
        if fresh:
            orders = self._new()
            self._begun.take(orders)
            self._known.update(order.id for order in orders)
        else:
            orders = passed[self._border]
        self._border += 1  # which is from now on the number of the round that comes
        steered = self._obeyed(orders, recipe)
        if orders:
            told = [self._said(order) for order in orders]
            self._index.tell("steered", number=self._border, orders=told)
        if fresh and any(order.order == "pause" for order in orders):
            raise Paused(
                f"the compile in {self._place} is paused before round {self._border}",
                hint="The best so far is best.weft.json in it; the same compile with "
                "this run_dir goes on",
            )
        return steered

    def over(self) -> None:
        """Tell of what was said after the last border: it is not taken."""
        late = self._new()
        for order in late:
            self._tell(order, "it came after the last round began")
        if late:
            self._index.tell("late", orders=[self._said(order) for order in late])

    @property
    def taken(self) -> tuple[dict[str, Any], ...]:
        """What changed the search, for the artifact: with the round, without clocks."""
        return tuple(
            {k: v for k, v in told.items() if k in _LASTING and v != ""}
            for told in self._told.values()
            if not told["why"] and told["order"] != "pause"
        )

    @property
    def provenance(self) -> dict[str, Any]:
        """What an artifact says of it beside the seed; nothing where nobody spoke."""
        return {"steered": list(self.taken)} if self.taken else {}

    def _new(self) -> Taken:
        orders = [] if self._place is None else orders_in(self._place)
        once = {order.id: order for order in orders if order.id not in self._known}
        return tuple(once.values())

    def _obeyed(self, orders: Taken, recipe: Recipe) -> Steered:
        """The round after these orders; one that cannot be obeyed is told of."""
        notes = list[tuple[str, str]]()
        selector = recipe.selector
        for order in orders:
            why = ""
            match order.order:
                case "hint" if order.module not in ("", *self._task.program.modules):
                    why = f"the program has no module {order.module!r}"
                case "hint" if not self._changes(order.module):
                    why = "no prompt shows what it could change, or keep= holds that"
                case "hint" if recipe.racer is None and not _written(recipe):
                    why = "nothing is raced here, and no writer is asked"
                case "hint":
                    notes.append((order.module, order.text.strip()))
                case "branch":
                    start = self._index.find(order.candidate)
                    if start is None:
                        why = f"no candidate {order.candidate!r} was met"
                    else:
                        selector = FromCandidate(start, recipe.selector)
                case "pause":
                    pass
            self._tell(order, why)
        self._task.hints += tuple(notes)
        changed = selector is not recipe.selector
        now = replace(recipe, selector=selector) if changed else recipe
        return Steered(now, _draws(recipe, notes))

    def _said(self, order: Order) -> str:
        """An order, and why it was not taken, where it was not."""
        why = self._told[order.id]["why"]
        return f"{order}, which is not taken: {why}" if why else str(order)

    def _changes(self, module: str) -> bool:
        """Whether a hint for a module, or for all, may change what a prompt shows."""
        task = self._task
        paths = [module] if module else task.program.modules
        return task.keeping.leaves(_HINTED, paths, *task.archive)

    def _tell(self, order: Order, why: str) -> None:
        """Keep what became of an order: the round it was taken before, or why not."""
        number = None if why else self._border
        self._told[order.id] = {**order.record, "round": number, "why": why}
        self._index.orders = tuple(self._told.values())


_HINTED = ("instruction", "descriptions", "glossary")
"""The slots that writers write."""
_LASTING = ("order", "text", "module", "candidate", "round")


def _draws(recipe: Recipe, notes: Sequence[tuple[str, str]]) -> tuple[Draw, ...]:
    """New hints as candidates: all of them, as a model has them, and each alone.

    Where nothing is raced, the first proposal is taken as it is: none is made then.
    """
    if not notes or recipe.racer is None:
        return ()
    each = len(notes) if len(notes) > 1 else 0
    made = Notes(notes=tuple(notes), written=_written(recipe))
    return (Draw(made, 1 + _written(recipe) + each),)


def _written(recipe: Recipe) -> bool:
    """Whether a writer is asked."""
    return any(proposer.asks for proposer in recipe.proposers)


def said(taken: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What was taken, a sentence each, for the report."""
    return tuple(
        f"before round {told['round']}: "
        + str(Order(**{k: v for k, v in told.items() if k != "round"}))
        for told in taken
    )

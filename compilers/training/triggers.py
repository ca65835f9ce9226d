"""A proposer of words that are found by gradients, and stand in the prompt as text."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...pipeline.adapters.template import with_text
from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground.lazy import deferred
from ...pipeline.ground.options import Count, settings
from ...pipeline.lm.form import Form
from ...pipeline.lm.soft.words import Soft, name_for
from ...pipeline.lm.white.worker import WORKER
from ..propose.proposer import Parents, Proposer
from ..search.candidate import Candidate
from ..search.cost import Training
from ..search.task import Task
from .lessons import Trained, lessons_for, trained_in
from .running import SHARE

if TYPE_CHECKING:
    from ...pipeline.lm.white import loaded, triggers
    from ...pipeline.lm.white.triggers import Triggers
else:
    loaded = deferred("weft.pipeline.lm.white", "loaded")
    triggers = deferred("weft.pipeline.lm.white", "triggers")


@settings
class FindTriggers(Proposer):
    """Words behind the instruction, searched for by the gradient of the loss.

    In a template that shows no instruction they stand before the gap, as the paper's
    do, and the template is what changes.

    Args:
        slots: How many words.
        candidates: Words that are tried in a slot at each turn.
        turns: How many turns.
        rows: Training rows that the loss is measured on.
        words: The words to choose from; empty for the whole vocabulary.
        readable: Whether only words of letters are taken.
        module: The path of the one module that is changed; empty for all.
    """

    slots: Count = 4
    candidates: Count = 8
    turns: Count = 16
    rows: Count = 16
    words: tuple[str, ...] = ()
    readable: bool = True
    module: str = ""

    @property
    def about(self) -> tuple[str, ...]:
        """The module that it is for."""
        return (self.module,)

    @property
    def trains(self) -> Training:
        """All turns, for one module; a candidate is read forward alone."""
        rows = self.turns * self.rows * (2 + self.candidates) // 2
        return Training(self.turns, rows)

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The instruction, or the template, with the words that were found."""
        parent = parents[0]
        values: dict[str, Any] = {}
        told: list[str] = []
        for one in trained_in(task, parent, self.module, "instruction"):
            text = await self._found(task, parent, one)
            if one.slot == "instruction":
                module = parent.apply(task.program).modules[one.path]
                value = module.parameters.instruction + text
            else:
                value = str(_with_text(one.form, text))
            values[f"{one.path}/{one.slot}"] = value
            told.append(f"{text.strip()!r}")
        return [parent.but(values, f"trigger words {', '.join(told)}")][:n]

    async def _found(self, task: Task, parent: Candidate, one: Trained) -> str:
        """The words for one module, as they stand in its prompt."""
        width = one.model.width
        blank = bytes(4 * self.slots * width)
        sha = one.model.sha256
        soft = Soft(name_for(one.path), "before", blank, self.slots, width, sha)
        if one.slot != "instruction":
            one = one._replace(form=_with_text(one.form, soft.text))
        lessons = await lessons_for(task, parent, one, soft, self.rows)
        hunt = triggers.Hunt(
            self.slots,
            self.candidates,
            self.turns,
            self.words,
            self.readable,
            task.rng("triggers", one.path).getrandbits(32),
        )
        held = await WORKER.run(loaded.load, one.model)
        made: Triggers = await WORKER.run(triggers.Triggers, held, lessons, hunt)
        until = time.monotonic() + task.allowance.seconds(SHARE)
        jobs = [made.every] if made.is_small else [made.turn] * self.turns
        for job in jobs:
            # Held first, so that no budget is overshot; what was tried is booked.
            left = task.allowance.tokens(1.0)
            if made.tokens > left and not made.is_small:
                break
            began = time.monotonic()
            if made.done and began > until:
                break
            turn = await WORKER.run(job)
            try:
                seconds = time.monotonic() - began
                task.allowance.ledger.train(turn.tokens, seconds)
            except BudgetExceeded:
                break
        return made.text


def _with_text(form: Form, text: str) -> Form:
    return replace(form, template=with_text(form.template, text))

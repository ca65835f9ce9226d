"""What a model is asked by itself, without a module: a reply, or scores of answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Coroutine, Mapping
from typing import Any, cast

from ... import seam
from ...lm.lm import LanguageModel
from ...lm.request import Request
from ...lm.scoring.asking import checked_answers
from ...lm.scoring.likelihoods import Likelihoods
from ...lm.scoring.reading import Candidate
from ..bridge import run_ahead, run_sync
from ..context import Asked, Context, Recorded, bare, follow, timed
from ..prompt import request_of
from .scored import scored


class DirectCalls(seam.Engine):
    """An engine that also answers calls of models.

    Args:
        at: The place of the step or body that runs; None outside a run.
    """

    def __init__(self, at: Context | None = None) -> None:
        self._at = at
        self.asked = Asked(seen=None if at is None else at.seen)
        """The calls that a step makes of a model itself, without a module."""

    @abstractmethod
    def _here(self) -> Context:
        """The place of this engine, with the settings that hold now."""

    def ask_now(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> Any:
        """Ask a model without a module, and wait."""
        run = run_sync if self._here().followed else run_ahead
        return run(self.ask(lm, prompt, sample, options))

    def ask(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Ask a model without a module; a bad prompt is refused before it is awaited.

        Inside a step it belongs to that step's run; on its own it is a run of one node
        where somebody follows runs.
        """
        here, request = self._request(lm, prompt, sample, options)
        if self._at is None:
            return bare(request, lm, here)
        return timed(request, lm, here, self.asked, None)

    def score(
        self, lm: Any, prompt: Any, answers: Any, options: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Say how probable each answer to a prompt is; placed as `ask` is."""
        here, request = self._request(lm, prompt, None, {})
        candidates = [Candidate(one, one) for one in checked_answers(answers)]

        async def work(context: Context, asked: Asked) -> Likelihoods:
            return await scored(request, candidates, lm, context, asked, **options)

        return work(here, self.asked) if self._at else _alone(work, request, here)

    def _request(
        self, lm: Any, prompt: Any, sample: int | None, options: Mapping[str, Any]
    ) -> tuple[Context, Request]:
        here = self._here()
        wanted = here.settings.sample if sample is None else sample
        return here, request_of(cast(LanguageModel, lm), prompt, wanted, options)


async def _alone(work: Any, request: Request, context: Context) -> Likelihoods:
    """Scores outside any run: a node, and a run where somebody follows runs."""
    inputs = {"messages": [message.as_dict() for message in request.messages]}
    nodes: list[Any] = []

    async def node(context: Context) -> Likelihoods:
        with Recorded(context, "lm", "module", inputs) as entry:
            found: Likelihoods = await work(context, entry.asked)
            entry.outputs = {"text": found.best}
        return found

    if not context.followed:
        return await node(context)
    return await follow(
        context, "lm", inputs, nodes, lambda there: node(there.having(record=nodes))
    )

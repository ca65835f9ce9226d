"""Scoring answers: the calls that it takes, side by side, in the run that asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Final

from ...calls.limits import same_prompt
from ...lm.lm import LanguageModel
from ...lm.request import Request, Response
from ...lm.scoring.asking import (
    facts_of,
    force_of,
    likelihoods_of,
    requests_for,
    way_to,
)
from ...lm.scoring.likelihoods import Likelihoods, Path
from ...lm.scoring.reading import Candidate
from ...lm.scoring.wanted import NoLogprobs
from ..context import Asked, Context, timed
from ..rows import map_rows

_AT_ONCE: Final[Mapping[Path, int]] = {"echo": 8}
"""Requests of one prompt in flight: a slot of llama.cpp keeps the prompt that it read,
and one answer after the other took half the time of eight at once."""


async def scored(
    request: Request,
    candidates: Sequence[Candidate],
    lm: LanguageModel,
    context: Context,
    asked: Asked,
    *,
    by: str,
    shown: int,
    who: str = "",
) -> Likelihoods:
    """How probable some answers to a request are.

    Args:
        request: The prompt, with the model's sampling.
        candidates: The answers as they stand in replies.
        lm: Who answers.
        context: Cache, ledger and retries.
        asked: Gets the calls, in the order of the answers, and the way as facts.
        by: The way; "auto" takes the best that is open.
        shown: How many of the likeliest tokens are shown at each place.
        who: The module's path, for messages.

    Raises:
        ConfigError: The endpoint gives no log-probabilities, or cannot go that way.
        ModelError: A call failed.
        BudgetExceeded: A call does not fit the budget.
    """
    path = way_to(by, lm, request)
    force = force_of(lm, candidates)
    requests = requests_for(path, request, candidates, shown, force)
    notes = [Asked(seen=asked.seen, form=asked.form) for _ in requests]

    async def one(position: int, wanted: Request) -> Response:
        return await timed(wanted, lm, context, notes[position], None, who)

    try:
        async with same_prompt(lm.endpoint) if requests[1:] else nullcontext():
            at_once = _AT_ONCE.get(path, 1)
            responses = await map_rows(one, requests, concurrency=at_once)
    except NoLogprobs as error:
        raise error.of_scores() from None
    finally:
        for note in notes:
            asked.calls.extend(note.calls)
            asked.failed = asked.failed or note.failed
    found = likelihoods_of(path, request, candidates, responses, force)
    asked.facts.update(facts_of(found))
    return found

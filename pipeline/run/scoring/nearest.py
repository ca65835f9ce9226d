"""The demos of a pool that are nearest to an input by an embedding model.

Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?" (KATE), arXiv
2101.06804, sections 3 and 4. Without an embedder a form chooses by trigrams while it
renders, and asks nobody.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ...adapters.demos import compared
from ...calls.budget import Ledger
from ...calls.flight import Flights
from ...errors import WeftError
from ...ground.loops import needs_loop
from ...lm.embedding.model import EmbeddingModel
from ...lm.embedding.ranking import Vectors
from ...lm.request import JSON
from ...parameters import Demo, Parameters
from ...signature.spec import Spec
from ..context import Asked, Context
from .embedding import embedded

_EMPTY: Final = "(empty)"
"""What stands for an input without a character, which no server takes."""

_Pools = dict[tuple[EmbeddingModel, tuple[str, ...]], Vectors]
_of_ledger: Final[weakref.WeakKeyDictionary[Ledger, _Pools]] = (
    weakref.WeakKeyDictionary()
)
_unbooked: Final[_Pools] = {}
_flights: Final = Flights()
_MOST: Final = 16


async def nearest_shown(
    spec: Spec,
    parameters: Parameters,
    inputs: Mapping[str, JSON],
    context: Context,
    asked: Asked,
) -> Parameters:
    """Parameters whose demos are those that a call shows, the nearest last.

    A pool is embedded once for each ledger, so that what is booked does not hang on
    what ran before; its calls are on the ledger and in nobody's trace, since which of
    many rows comes first is chance.

    Args:
        spec: The fields; inputs are compared, and nothing else.
        parameters: With a pool of demos, and how many of them are shown.
        inputs: Input values as plain JSON data.
        context: The place in the run, with the embedder.
        asked: Gets the call that embeds the input.
    """
    model, pool = context.settings.embedder, parameters.demos
    if model is None or not pool or not parameters.nearest > 0:
        return parameters
    held = await _vectors(model, _texts(spec, pool), context)
    text = model.written(compared(spec, inputs).strip() or _EMPTY, "query")
    (near,) = await embedded(model, [text], context, asked)
    found = held.nearest(near, parameters.nearest)
    shown = tuple(pool[number] for number, _ in reversed(found))
    return replace(parameters, demos=shown, nearest=0)


async def _vectors(
    model: EmbeddingModel, texts: tuple[str, ...], context: Context
) -> Vectors:
    ledger = context.settings.ledger
    pools = _unbooked if ledger is None else _of_ledger.setdefault(ledger, {})
    found = pools.get((model, texts))
    if found is not None:
        return found
    await needs_loop  # of many rows at once the first asks, and the others wait
    flight = (id(pools), model, texts)
    failed: WeftError | None = None
    await _flights.join(flight)
    try:
        found = pools.get((model, texts))
        if found is None:
            written = [model.written(text, "query") for text in texts]
            found = Vectors(await embedded(model, written, context, Asked()))
            while len(pools) >= _MOST:
                del pools[next(iter(pools))]
            pools[(model, texts)] = found
    except WeftError as error:
        failed = error
        raise
    finally:
        _flights.land(flight, failed)
    return found


@functools.lru_cache(maxsize=8)
def _texts(spec: Spec, pool: tuple[Demo, ...]) -> tuple[str, ...]:
    return tuple(compared(spec, demo.values).strip() or _EMPTY for demo in pool)

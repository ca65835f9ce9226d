"""What endpoints are known to be able to do: told by their kind, learnt from calls."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from .abilities import Abilities

_NOTHING = Abilities()
_known: dict[tuple[str, str], Abilities] = {}
_lock = threading.Lock()


def known(endpoint: str, model: str) -> Abilities:
    """What was learnt of a model at an endpoint; None in each ability nobody knows."""
    return _known.get((endpoint, model), _NOTHING)


def forget() -> None:
    """Know nothing any more."""
    with _lock:
        _known.clear()


def learn(endpoint: str, model: str, **abilities: Any) -> None:
    """Keep what an endpoint said of itself, refused, or did."""
    with _lock:
        now = known(endpoint, model)
        _known[endpoint, model] = replace(now, **abilities)

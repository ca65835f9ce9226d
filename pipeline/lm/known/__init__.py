"""What endpoints are known to be able to do: said, refused, or seen, each with a date.

Knowledge comes from what a server says of itself in its answers, from its refusals, and
from the user's own calls; nothing here calls anybody. It lives in memory and in the
file `endpoints.json` in the folder of the cache (`WEFT_CACHE`, else `.weft/cache`). The
file is written where that folder is there: a program that keeps no answers leaves no
knowledge behind either, and learns anew. `weft probe` makes the folder.
"""

from __future__ import annotations

from .book import facts, flush, forget, known, learn, slots_of, tell_slots, watch
from .file import Fact, How

__all__ = [
    "Fact",
    "How",
    "facts",
    "flush",
    "forget",
    "known",
    "learn",
    "slots_of",
    "tell_slots",
    "watch",
]

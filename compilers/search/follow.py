"""Who follows a search: told what it meets and buys, and never asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .candidate import Candidate


class Follower(Protocol):
    """Told as a search goes on; what it does changes nothing in the search.

    It raises nothing. What it is told has the same order at any concurrency.
    """

    def met(self, candidates: Sequence[Candidate]) -> None:
        """These are about to be run; some may have been before."""

    def bought(self, cells: Sequence[tuple[str, str]]) -> None:
        """These cells of `Task.cells`, by who ran and by the row's digest, are new."""

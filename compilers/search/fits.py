"""What fitting numbers to select rows has found, and what of it is no luck."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Fits:
    """Of numbers that a proposer fitted to select rows, such as thresholds.

    Args:
        held: What each candidate scores on select rows that its numbers were fitted
            without, by candidate id and row digest. On those that they were fitted to
            they flatter themselves, so a choice is made by these.
        unfound: Why none were found, or empty.
    """

    held: dict[tuple[str, str], float] = field(
        default_factory=dict[tuple[str, str], float]
    )
    unfound: str = ""

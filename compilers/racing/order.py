"""The order of rows in which candidates are told apart with the fewest calls.

Where all candidates met so far score alike, the next one most likely does too, and a
call says little. So rows on which they disagree come first (rows by discrimination:
arXiv 2604.11328; by their variance between prompts: arXiv 2604.08801). All other rows
follow in proportion to how much candidates are expected to differ there, so that every
kind of row is met early by some. Among equals the given order decides, and rows that
were used least so far come first: no few rows gate every round.

The order decides who goes on, and never what is reported: scores of candidates that
were seen on different rows are compared by `Task.estimates`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from ..statistics.estimates import RowModel

Order = Literal["telling", "given"]
"""`telling` as this file says; `given` as the rows stand, as most papers have it."""


def telling(model: RowModel, used: Sequence[int]) -> list[int]:
    """Places of rows, those that tell candidates apart first.

    Args:
        model: What is known of the rows.
        used: How many candidates have met each row so far.

    >>> from weft.compilers.statistics.estimates import row_model
    >>> telling(row_model([[1, 1, 0, 0], [1, 0, 0, 1]]), [2, 2, 2, 2])[:2]
    [1, 3]
    >>> telling(row_model([[1, 1, 0, 0], [1, 0, 0, 1]]), [2, 9, 2, 2])[:2]
    [3, 1]
    """
    fresh = sorted(range(len(used)), key=lambda at: used[at])
    # Each row waits for a time that is the shorter the more candidates differ there;
    # with evenly spread times every beginning holds rows in proportion to that.
    waits = {
        at: -math.log(1.0 - (place + 0.5) / len(fresh)) / max(1e-9, model.differ[at])
        for place, at in enumerate(fresh)
    }
    apart = [at for at in fresh if model.apart[at]]
    rest = [at for at in fresh if not model.apart[at]]
    return [*apart, *sorted(rest, key=lambda at: waits[at])]

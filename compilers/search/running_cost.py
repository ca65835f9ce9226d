"""What a candidate costs to run: dollars, tokens and seconds a row; and caps on them.

Dollars and tokens are those of the answers, whether they came from a cache or not, so
they are the same each time a compile is run, and a search may decide by them. Seconds
are what a clock said of answers that were really waited for: they are reported, and
nothing in a compile hangs on them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ...pipeline.errors import ConfigError
from ...pipeline.lm.prices import money
from ...pipeline.measure.row_result import RowResult

_PER = 1000


@dataclass(frozen=True)
class RunningCost:
    """What one row costs on the average.

    Args:
        usd: US dollars, or None where a price is unknown.
        tokens: Input and output tokens.
        seconds: Wall time, or None where no row was run without a cache.
    """

    usd: float | None
    tokens: float
    seconds: float | None = None

    @classmethod
    def of(cls, results: Sequence[RowResult]) -> RunningCost:
        """The mean over some rows; nothing where there are none."""
        if not results:
            return cls(None, 0.0)
        traces = [result.trace for result in results]
        waited = [
            trace.seconds
            for trace in traces
            if trace.calls and not any(call.cached for call in trace.calls)
        ]
        priced = [trace.cost for trace in traces if trace.cost is not None]
        return cls(
            fmean(priced) if len(priced) == len(traces) else None,
            fmean(tokens_of(result) for result in results),
            fmean(waited) if waited else None,
        )

    @property
    def usd_per_1000(self) -> float | None:
        """US dollars of a thousand rows, or None where a price is unknown."""
        return None if self.usd is None else _PER * self.usd

    def no_dearer(self, other: RunningCost) -> bool:
        """Whether it is at most the other one's: in dollars, where both are known."""
        if self.usd is None or other.usd is None:
            return self.tokens <= other.tokens
        return self.usd <= other.usd

    def dominates(self, other: RunningCost) -> bool:
        """Whether it is no dearer in dollars and in tokens."""
        return self.no_dearer(other) and self.tokens <= other.tokens

    @property
    def order(self) -> tuple[float, float]:
        """What to sort by, the cheapest first; unknown prices stand last."""
        return math.inf if self.usd is None else self.usd, self.tokens


@dataclass(frozen=True)
class Caps:
    """What a row may cost at the most, on the average.

    Args:
        usd_per_1000: US dollars for a thousand rows, or None for any number; a model
            whose price is unknown is never under it.
        tokens_a_row: Input and output tokens a row, or None for any number.
    """

    usd_per_1000: float | None = None
    tokens_a_row: float | None = None

    def __post_init__(self) -> None:
        for name, cap in vars(self).items():
            wrong = isinstance(cap, bool) or not isinstance(cap, int | float | None)
            if wrong or (cap is not None and not cap > 0):
                raise ConfigError(
                    f"{name}={cap!r} is no cap",
                    hint="Give a number above 0, or None for any cost",
                )

    def __bool__(self) -> bool:
        """Whether anything is capped."""
        return self.usd_per_1000 is not None or self.tokens_a_row is not None

    def __str__(self) -> str:
        said: list[str] = []
        if self.usd_per_1000 is not None:
            said.append(price_words(self.usd_per_1000))
        if self.tokens_a_row is not None:
            said.append(f"{self.tokens_a_row:,.0f} tokens a row")
        return " and ".join(said)

    def hold(self, cost: RunningCost) -> bool:
        """Whether a cost is under every cap."""
        usd = math.inf if cost.usd_per_1000 is None else cost.usd_per_1000
        under = self.usd_per_1000 is None or usd <= self.usd_per_1000
        return under and (self.tokens_a_row is None or cost.tokens <= self.tokens_a_row)

    def tighter(self, other: Caps) -> Caps:
        """Both at once.

        >>> Caps(usd_per_1000=2.0).tighter(Caps(usd_per_1000=1.0, tokens_a_row=90))
        Caps(usd_per_1000=1.0, tokens_a_row=90)
        """
        return Caps(
            _least(self.usd_per_1000, other.usd_per_1000),
            _least(self.tokens_a_row, other.tokens_a_row),
        )

    def surely_passed(self, results: Sequence[RowResult], z: float) -> bool:
        """Whether rows cost more than a cap by so many standard errors."""
        tokens = [float(tokens_of(result)) for result in results]
        prices = [result.trace.cost for result in results]
        usd = [math.inf if price is None else _PER * price for price in prices]
        return _above(tokens, self.tokens_a_row, z) or _above(usd, self.usd_per_1000, z)


def price_words(usd_per_1000: float | None) -> str:
    """A price of a thousand rows in words.

    >>> price_words(1.5), price_words(0.0123), price_words(None)
    ('$1.50 a thousand rows', '$0.0123 a thousand rows', 'price unknown')
    """
    if usd_per_1000 is None:
        return money(None)
    known = f"${usd_per_1000:,.2f}" if usd_per_1000 >= 1 else money(usd_per_1000)
    return f"{known} a thousand rows"


def tokens_of(result: RowResult) -> int:
    """Input and output tokens of a row's calls."""
    usage = result.trace.usage
    return usage.input_tokens + usage.output_tokens


def _least(one: float | None, other: float | None) -> float | None:
    known = [cap for cap in (one, other) if cap is not None]
    return min(known) if known else None


def _above(values: Sequence[float], cap: float | None, z: float) -> bool:
    if cap is None or len(values) < 2:
        return False
    if math.inf in values:
        return True
    return fmean(values) - z * stdev(values) / math.sqrt(len(values)) > cap

"""What a gate found, and what it would cost: as text, JSON and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.ground.pages import drawn
from ..pipeline.ground.strictjson import spelt
from ..pipeline.ground.words import counted
from ..pipeline.lm.prices import money
from .suites import Suite


@dataclass(frozen=True, repr=False)
class Gate:
    """What the suites found, and whether the program may ship.

    Args:
        program: The program's name.
        metric: The metric's name.
        suites: Those that ran, in order.
        rows: How many rows ran in all.
        calls: Model calls of these rows, cached ones included.
        tokens: Input and output tokens, cached calls included.
        usd: US dollars as if nothing were cached; None where a price is unknown.
        stopped: Why suites are missing, such as a budget that ended; or empty.
    """

    program: str
    metric: str
    suites: tuple[Suite, ...]
    rows: int
    calls: int
    tokens: int
    usd: float | None
    stopped: str = ""

    @property
    def passed(self) -> bool:
        """Whether every suite passed, but those with nothing to run; one at least."""
        ran = any(not suite.skipped for suite in self.suites)
        return ran and not self.stopped and all(s.passed for s in self.suites)

    @property
    def failed(self) -> tuple[Suite, ...]:
        """The suites that did not pass."""
        return tuple(suite for suite in self.suites if not suite.passed)

    def __getitem__(self, name: str) -> Suite:
        """The suite of that name.

        Raises:
            ConfigError: It did not run.
        """
        for suite in self.suites:
            if suite.name == name:
                return suite
        known = [suite.name for suite in self.suites]
        raise ConfigError(
            f"the gate of {self.program!r} has no suite {name!r}",
            hint=did_you_mean(name, known),
        )

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "program": self.program,
            "metric": self.metric,
            "passed": self.passed,
            "suites": [suite.describe() for suite in self.suites],
            "rows": self.rows,
            "calls": self.calls,
            "tokens": self.tokens,
            "usd": self.usd,
            "stopped": self.stopped,
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return spelt(self.describe(), indent=1)

    def to_html(self) -> str:
        """One self-contained page: a line a suite, and below it the failed cases."""
        return drawn("gate", self.describe())

    @property
    def verdict(self) -> str:
        """Passed, or what failed, in one line."""
        if self.passed:
            return "passed"
        names = ", ".join(suite.name for suite in self.failed)
        said = [names and f"FAILED ({names})", self.stopped]
        return "; ".join(filter(None, said)) or "nothing was tested"

    def __str__(self) -> str:
        spent = f"{counted(self.calls, 'call')}, {self.tokens:,} tokens"
        head = f"gate {self.program}: {self.verdict}"
        lines = [line for suite in self.suites for line in suite.told()]
        tail = f"{counted(self.rows, 'row')} ran: {spent}, {money(self.usd)}"
        return "\n".join([head, *lines, tail])

    def __repr__(self) -> str:
        return f"Gate({self.program}: {self.verdict})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        scores = {
            suite.name: {
                "mean": suite.share,
                "interval": [suite.interval.low, suite.interval.high],
                "rows": suite.n,
            }
            for suite in self.suites
            if not suite.skipped
        }
        title, folded = f"gate {self.program}: {self.verdict}", {"report": str(self)}
        data: dict[str, Any] = {
            "title": title,
            "scores": scores,
            "notes": [],
            "folded": folded,
        }
        return drawn("cell", data)


@dataclass(frozen=True)
class GateQuote:
    """What a gate would run and cost; nothing was called.

    Args:
        program: The program's name.
        rows: How many rows each suite would run.
        calls: Model calls in all, where no reply needs a repair.
        tokens: About how many tokens these take.
        usd: About how many US dollars, or None where a price is unknown.
    """

    program: str
    rows: Mapping[str, int]
    calls: int
    tokens: int
    usd: float | None

    def __str__(self) -> str:
        each = ", ".join(f"{name} {n}" for name, n in self.rows.items())
        rows = counted(sum(self.rows.values()), "row")
        said = f"gate {self.program}: at most {rows} ({each})"
        spent = f"{counted(self.calls, 'call')}, about {self.tokens:,} tokens"
        return f"{said}: {spent}, {money(self.usd)}"

"""Agreement: whether a program says the same each time it is asked.

Consistency over many answers earns trust: what is right once in ten looks right in one
try. The answers are real samples, and two are the same as votes are (`weft.Vote`).
"""

from __future__ import annotations

import math
import numbers
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..modules.sampling.tally import vote_of
from ..pipeline.data.example import distinct, require_rows
from ..pipeline.errors import ConfigError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import Rule, checked
from ..pipeline.ground.plain import plain
from ..pipeline.ground.strictjson import spelt
from ..pipeline.ground.words import brief, counted
from ..pipeline.measure.row_result import RowResult, outputs_of, said_again
from ..pipeline.measure.stats import Interval, wilson
from ..pipeline.run.bridge import waits_for
from ..pipeline.run.rows import rows_of
from .running import answered
from .suites import bare_text

_SHOWN: Final = 5
_REPEATS: Final = Rule("a whole number, 2 or more", numbers.Integral, 2)
_NOTHING: Final = "no usable answer"


@dataclass(frozen=True)
class RowAgreement:
    """The answers to one row.

    Args:
        row: The row's id.
        answers: Each different answer as plain data with how often it came, the most
            frequent first, of equals the first that came.
        failed: Why answers could not be used, one text for each of them; they agree
            with nobody, each other included.
    """

    row: str
    answers: tuple[tuple[Any, int], ...]
    failed: tuple[str, ...] = ()

    @property
    def repeats(self) -> int:
        """How often the row was asked."""
        return sum(n for _, n in self.answers) + len(self.failed)

    @property
    def stable(self) -> bool:
        """Whether all answers are the same."""
        return len(self.answers) == 1 and not self.failed

    @property
    def share(self) -> float:
        """The share of answers that are the most frequent one, in [0, 1]."""
        return self.answers[0][1] / self.repeats if self.answers else 0.0

    @property
    def entropy(self) -> float:
        """Shannon entropy of the answers, in bits; 0 where all are the same."""
        counts = [n for _, n in self.answers] + [1] * len(self.failed)
        shares = [n / self.repeats for n in counts]
        return abs(math.fsum(-share * math.log2(share) for share in shares))

    def __str__(self) -> str:
        told = [f"{n} x {brief(bare_text(answer), 40)}" for answer, n in self.answers]
        told += [f"{len(self.failed)} x {_NOTHING}"] if self.failed else []
        return f"{self.row}: {', '.join(told)} ({self.entropy:.2f} bits)"


@dataclass(frozen=True, repr=False)
class Agreement:
    """How far a program's answers agree with each other.

    Args:
        program: The program's name.
        rows: What each row's answers were, in the order of the rows.
        repeats: How often each was asked.
        notes: What a reader must know, such as that temperature is 0.
    """

    program: str
    rows: tuple[RowAgreement, ...]
    repeats: int
    notes: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of rows where all answers are the same, in [0, 1]."""
        return sum(row.stable for row in self.rows) / len(self.rows)

    @property
    def interval(self) -> Interval:
        """Its 95 % interval (Wilson)."""
        return wilson(sum(row.stable for row in self.rows), len(self.rows))

    @property
    def entropy(self) -> float:
        """The mean entropy of the rows, in bits."""
        return math.fsum(row.entropy for row in self.rows) / len(self.rows)

    @property
    def unstable(self) -> list[RowAgreement]:
        """The rows whose answers differ, the most uncertain first."""
        found = [row for row in self.rows if not row.stable]
        return sorted(found, key=lambda row: -row.entropy)

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "program": self.program,
            "repeats": self.repeats,
            "share": self.share,
            "interval": [self.interval.low, self.interval.high],
            "entropy": self.entropy,
            "rows": [
                {
                    "id": row.row,
                    "stable": row.stable,
                    "entropy": row.entropy,
                    "answers": [{"answer": a, "times": n} for a, n in row.answers],
                    "failed": [*row.failed],
                }
                for row in self.rows
            ],
            "notes": [*self.notes],
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return spelt(self.describe(), indent=1)

    def __str__(self) -> str:
        head = (
            f"{self.program}: all {self.repeats} answers agree on "
            f"{100 * self.share:.1f} {self.interval.in_points()} % of "
            f"{counted(len(self.rows), 'row')}, "
            f"{self.entropy:.2f} bits a row"
        )
        unstable = self.unstable
        lines = [f"  {row}" for row in unstable[:_SHOWN]]
        if len(unstable) > _SHOWN:
            lines.append(f"  and {len(unstable) - _SHOWN} more")
        return "\n".join([head, *lines, *self.notes])

    def __repr__(self) -> str:
        return f"Agreement({str(self).partition(chr(10))[0]})"


@checked
async def aagreement(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    *,
    repeats: int = 5,
    concurrency: int = 64,
) -> Agreement:
    """As `agreement`, without blocking the event loop."""
    made = as_program(program)
    if not _REPEATS.fits(repeats):
        raise ConfigError(f"repeats={repeats!r} compares nothing", hint="Give 2, 3 ...")
    examples = distinct(rows_of(made.inputs, rows))
    require_rows(examples, "agreement")

    rounds = [
        await answered(made, examples, concurrency=concurrency, sample=number)
        for number in range(repeats)
    ]
    found = [
        _of_row([results[at] for results in rounds]) for at in range(len(examples))
    ]
    notes = said_again(row for results in rounds for row in results)
    return Agreement(made.name, tuple(found), repeats, tuple(notes))


@checked
@waits_for(aagreement)
def agreement() -> None:
    """Ask each row several times, and say where the answers differ.

    Every answer is a sample of its own: its number is the seed, and temperature is 1
    where the module says nothing. A module that says `temperature=0` is asked as it
    says, and the result tells that its replies were the same.

    Args:
        program: A program, or a module.
        rows: Rows; labels are not needed.
        repeats: How many answers to each row; 2 or more.
        concurrency: How many rows run at once.

    Raises:
        ConfigError: `repeats` is less than 2.
        DataError: A row does not fit, or there is none.
        WeftError: A row could not be answered, such as by a server that is down.
    """


def _of_row(results: list[RowResult]) -> RowAgreement:
    answers: dict[str, Any] = {}
    times = Counter[str]()
    failed: list[str] = []
    for result in results:
        if result.error:
            failed.append(result.error)
            continue
        data = plain(outputs_of(result), repr)
        key = vote_of(data)
        answers.setdefault(key, data)
        times[key] += 1
    ranked = [(answers[key], n) for key, n in times.most_common()]
    return RowAgreement(results[0].example.id, tuple(ranked), tuple(failed))

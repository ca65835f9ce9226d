"""The outcomes as text: figures, families by writer, power, and paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from .. import pipes
from .compiles import Job, Outcome
from .families import HELD_OUT, WORKING
from .figures import (
    LEVEL,
    Bar,
    Change,
    bars,
    change_bars,
    changes,
    mcnemar,
    mean,
    power_of_mcnemar,
    share,
)
from .jobs import GAINS, SIZES
from .lessons import WRITERS

__all__ = ["bar_lines", "change_lines", "family_lines", "lines_of", "power_lines"]

Cells = Sequence[str]
_HEADS = (
    "family",
    "writer",
    "n",
    "before",
    "after",
    "oracle",
    "below",
    "calls",
    "tokens",
    "found",
    "kept",
)


def table(heads: Cells, lines: Iterable[Cells]) -> list[str]:
    """A table in markdown."""
    rule = "|".join("---" if not at else "---:" for at in range(len(heads)))
    return [
        pipes(heads),
        f"|{rule}|",
        *map(pipes, lines),
    ]


def number(value: float | None) -> str:
    """Whole from 20 on, else three decimals; a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.3f}"


def bar_lines(found: Sequence[Bar], before: Sequence[Bar] = ()) -> list[str]:
    """The figures, beside those of a run before."""
    known = {one.what: one.value for one in before}
    verdict = {None: "", True: "holds", False: "missed"}
    heads = ("what", "compiles", *(["before"] if before else []), "value", "bar", "")
    return table(
        heads,
        (
            (
                one.what,
                str(one.of),
                *([number(known.get(one.what))] if before else []),
                number(one.value),
                one.bar,
                verdict[one.ok],
            )
            for one in found
        ),
    )


def family_lines(outcomes: Sequence[Outcome], families: Iterable[str]) -> list[str]:
    """Truths and costs by family, budget and writer."""
    return table(_HEADS, _family_cells(outcomes, families))


def _family_cells(
    outcomes: Sequence[Outcome], families: Iterable[str]
) -> Iterator[Cells]:
    some = [one for one in outcomes if one.job.part == "families"]
    budgets = sorted({one.job.budget for one in some})
    for family in families:
        for budget in budgets:
            for writer in WRITERS:
                seen = [
                    one
                    for one in some
                    if (one.job.family, one.job.writer) == (family, writer)
                    if one.job.budget == budget
                ]
                if seen:
                    yield _cells(f"{family} {budget}", writer, seen)


def _cells(family: str, writer: str, seen: Sequence[Outcome]) -> Cells:
    figures = (
        mean(o.before for o in seen),
        mean(o.after for o in seen),
        mean(o.oracle for o in seen),
        share(seen, lambda o: o.after < o.before - 1e-4),
        mean(o.calls for o in seen),
        mean(o.tokens for o in seen),
        mean(o.found for o in seen),
        mean(o.kept for o in seen),
    )
    return (family, writer, str(len(seen)), *map(number, figures))


def power_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """How often a true gain is called one, by gain and rows, beside McNemar's test."""
    heads = (
        "true gain",
        "rows, calls",
        "compiles",
        "winner is better",
        "sealed rows",
        "improved",
        "McNemar, same rows",
        "McNemar, in theory",
    )
    return table(heads, _power_cells(outcomes))


def _power_cells(outcomes: Sequence[Outcome]) -> Iterator[Cells]:
    for gain in GAINS:
        for train, select, budget in SIZES:
            seen = [
                one
                for one in outcomes
                if one.job.part == "claims" and one.job.gain == gain
                if (one.job.select, one.job.budget) == (select, budget)
            ]
            better = [o for o in seen if (o.winner or 0.0) > o.before + 1e-4]
            rows = mean(o.sealed for o in better)
            figures = (
                rows,
                share(better, lambda o: o.improved),
                share(better, exactly_better),
                power_of_mcnemar(0.5, gain, round(rows)) if rows else None,
            )
            if seen:
                about = (f"{gain:g}", f"{train} + {select}, {budget}", str(len(seen)))
                yield (*about, str(len(better)), *map(number, figures))


def exactly_better(one: Outcome) -> bool:
    """Whether McNemar's exact test shows a gain on the report's own rows."""
    gained, lost = one.flips
    return gained > lost and mcnemar(gained, lost) < LEVEL


def change_lines(found: Sequence[Change]) -> list[str]:
    """Paired differences."""
    heads = ("what", "pairs", "before", "after", "change", "95 % interval")
    return table(
        heads,
        (
            (
                one.what,
                str(one.n),
                number(one.before),
                number(one.after),
                f"{one.after - one.before:+,.3f}",
                f"{one.low:+,.3f} to {one.high:+,.3f}",
            )
            for one in found
        ),
    )


def _of_families(names: Sequence[str], one: Outcome) -> bool:
    return one.job.part == "families" and one.job.family in names


def lines_of(
    found: Mapping[Job, Outcome], before: Mapping[Job, Outcome]
) -> Iterator[str]:
    """All tables, those of a run before beside them where there is one."""
    now = list(found.values())
    old = [before[job] for job in found if job in before]
    if now == old:  # made by the compilers that made those before
        before = {}
    elif old:
        yield "\n## Beside the run before\n"
        yield from bar_lines(change_bars(before, found))
    for title, held_out in (("Working families", False), ("Held-out families", True)):
        yield f"\n## {title}\n"
        yield from bar_lines(bars(now, held_out), bars(old, held_out) if old else ())
        names = HELD_OUT if held_out else WORKING
        for what, some in (("all", list(names)), *((n, [n]) for n in names)):
            made = changes(before, found, partial(_of_families, some))
            if made:
                yield f"\nPaired, {what}:\n"
                yield from change_lines(made)
        yield ""
        yield from family_lines(now, names)
    if any(one.job.part == "claims" for one in now):
        yield "\n## Power by true gain and rows\n"
        yield from power_lines(now)
    if any(one.job.part == "fault" for one in now):
        made = changes(before, found, lambda o: o.job.part == "fault")
        yield from ["\nPaired, faulty modules:\n", *change_lines(made)] if made else ()

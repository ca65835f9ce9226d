"""A gate under way: suites one after another, each from the rows as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from statistics import fmean
from typing import Any, Final

from ..pipeline.calls.budget import Budget
from ..pipeline.data.example import Example
from ..pipeline.errors import BudgetExceeded
from ..pipeline.graph.program import Program
from ..pipeline.ground.words import counted
from ..pipeline.lm.prices import money
from ..pipeline.measure.row_result import RowResult
from ..pipeline.measure.score import Metric, metric_name
from ..pipeline.measure.stats import Interval, compare, mean_interval, wilson
from ..pipeline.trace import total_cost
from .edges import edge_cases, fits
from .noise import Kinds, aperturb, changes_of
from .red_team import NO_ROOM, attack, drawn
from .running import answered
from .suites import Case, Line, Suite, unanswered, values
from .terms import Terms, attacks_of
from .verdict import Gate

_NO_INTERVAL: Final = Interval(0.0, 1.0)


class Gating:
    """One gate under way: the results so far, and the suites made of them."""

    def __init__(
        self,
        program: Program[..., Any],
        rows: Sequence[Example],
        metric: Metric,
        terms: Terms,
        concurrency: int,
    ) -> None:
        self.program = program
        self.rows = rows
        self.metric = metric
        self.terms = terms
        self.concurrency = concurrency
        self.results: list[RowResult] = []
        self.clean: list[RowResult] = []

    async def run(self) -> Gate:
        """Every suite in turn; a budget that ends leaves those that are whole."""
        does: dict[str, Callable[[], Awaitable[Suite]]] = {
            "score": self._score,
            "edge": self._edge,
            "noise": partial(self._written, "noise", self.terms.kinds),
            "style": partial(self._written, "style", self.terms.styles),
            "red-team": self._red_team,
            "cost": self._cost,
        }
        suites: list[Suite] = []
        stopped = ""
        try:
            self.clean = await self._answered(self.rows, self.metric)
            for name in self.terms.suites:
                suites.append(await does[name]())  # noqa: PERF401 - the try needs them
        except BudgetExceeded as error:
            left = self.terms.suites[len(suites) :]
            stopped = f"the budget ended before {', '.join(left)}: {error.message}"
        calls = [call for row in self.results for call in row.trace.calls]
        used = [call.usage for call in calls if call.usage is not None]
        return Gate(
            self.program.name,
            metric_name(self.metric),
            tuple(suites),
            len(self.results),
            len(calls),
            sum(usage.input_tokens + usage.output_tokens for usage in used),
            total_cost(call.cost for call in calls),
            stopped,
        )

    async def _answered(
        self, rows: Sequence[Example], metric: Metric | None
    ) -> list[RowResult]:
        ended: list[RowResult] = []
        try:
            return await answered(
                self.program, rows, metric, concurrency=self.concurrency, ended=ended
            )
        finally:
            # Of a suite that the budget ended, too: what it took was paid for.
            self.results += ended

    def _skipped(self, name: str, why: str) -> Suite:
        """A suite with nothing to run; it stops no gate."""
        least = self.terms.least[name]
        return Suite(name, "", 1.0, _NO_INTERVAL, 0, least, skipped=why)

    async def _score(self) -> Suite:
        scores = values(self.clean)
        interval = mean_interval(scores, self.terms.seed)
        cases = tuple(
            Case.of(r.example.id, r.error or f"scored {r.score.value:g}", r)
            for r in self.clean
            if r.score is not None and r.score.value < 1
        )
        return Suite(
            "score",
            metric_name(self.metric),
            fmean(scores) if scores else 0.0,
            interval,
            len(self.clean),
            self.terms.least["score"],
            cases=cases,
            unanswered=unanswered(self.clean),
        )

    async def _edge(self) -> Suite:
        cases = edge_cases(self.program, self.rows)
        if not cases:
            return self._skipped("edge", "no odd value is known of the inputs' types")
        results = await self._answered(cases, None)
        bad = [r for r in results if r.score is not None and not r.score.value]
        n = len(values(results))
        return Suite(
            "edge",
            "answered",
            1 - len(bad) / n if n else 0.0,
            wilson(n - len(bad), n),
            len(results),
            self.terms.least["edge"],
            cases=tuple(Case.of(r.example.id, r.error, r) for r in bad),
            unanswered=unanswered(results),
        )

    async def _written(self, name: str, kinds: Kinds) -> Suite:
        """Rows written by each kind, against the same rows as they are."""
        pairs = await self._pairs(kinds)
        if not pairs:
            return self._skipped(name, "no kind changes a text of these rows")
        changed = {row.meta["kind"] for row, _ in pairs}
        results = await self._answered([row for row, _ in pairs], self.metric)
        lines: list[Line] = []
        bounds: list[Interval] = []
        cases: list[Case] = []
        for kind in changes_of(kinds):
            both = [
                (new, old)
                for new, (row, old) in zip(results, pairs, strict=True)
                if row.meta["kind"] == kind
                and new.score is not None
                and old.score is not None
            ]
            if not both:
                said = "no row was answered" if kind in changed else "changes no row"
                lines.append(Line(kind, 1.0, None, 0, None, said))
                bounds.append(_NO_INTERVAL)
                continue
            line, bound = self._kept(kind, [*both])
            lines.append(line)
            bounds.append(bound)
            cases += [_fallen(kind, new, old) for new, old in both if _lost(new, old)]
        ran = [at for at, line in enumerate(lines) if line.n]
        if not ran:
            least, why = self.terms.least[name], unanswered(results)
            return Suite(
                name, "kept", 0.0, _NO_INTERVAL, len(results), least, unanswered=why
            )
        worst = min(ran, key=lambda at: lines[at].share)
        first = f"{lines[worst].name}:"
        return Suite(
            name,
            f"of the score kept under {lines[worst].name}",
            lines[worst].share,
            bounds[worst],
            len(results),
            self.terms.least[name],
            tuple(lines),
            tuple(sorted(cases, key=lambda c: not c.name.startswith(first))),
            unanswered(results),
        )

    async def _pairs(self, kinds: Kinds) -> list[tuple[Example, RowResult]]:
        """Rows that a kind changes, and that the program still takes, with the clean.

        A closed choice is no text that anybody types.
        """
        known = self.program.inputs.inputs
        free = [n for n, f in known.items() if f.plain and not f.choices]
        fields = [name for name in self.terms.fields or free if name in free]
        if not fields:
            return []
        chosen = drawn(self.rows, self.terms.most, self.terms.seed)
        usual = self._clean_of(chosen)
        made = await aperturb(chosen, kinds, fields=fields, seed=self.terms.seed)
        pairs = ((row, usual[at % len(usual)]) for at, row in enumerate(made))
        return [
            (row, was)
            for row, was in pairs
            if row.inputs != was.example.inputs
            and all(fits(known[n], row.inputs[n]) for n in fields if n in row.inputs)
        ]

    def _clean_of(self, rows: Sequence[Example]) -> list[RowResult]:
        """What the program made of these rows as they are."""
        known = {result.example.digest: result for result in self.clean}
        return [known[row.digest] for row in rows]

    def _kept(
        self, kind: str, both: Sequence[tuple[RowResult, RowResult]]
    ) -> tuple[Line, Interval]:
        """A kind's line: the share of the score that is left, and the paired drop."""
        new = values([row for row, _ in both])
        old = values([row for _, row in both])
        change = compare(new, old, self.terms.seed)
        clean = fmean(old)

        def left(drop: float) -> float:
            return 1.0 if not clean else min(1.0, max(0.0, 1 + drop / clean))

        bound = Interval(left(change.interval.low), left(change.interval.high))
        share = left(change.difference)
        said = (
            f"{100 * clean:.1f} to {100 * fmean(new):.1f}, {change.points} on "
            f"{counted(len(new), 'row')}"
        )
        return Line(kind, share, bound, len(new), change, said), bound

    async def _red_team(self) -> Suite:
        plan = attacks_of(self.program, self.rows, self.terms)
        if isinstance(plan, str):
            return self._skipped("red-team", plan)
        ended: list[RowResult] = []
        try:
            found = await attack(
                plan,
                self.metric,
                None,
                concurrency=self.concurrency,
                clean=self._clean_of(plan.rows),
                ended=ended,
            )
        finally:
            self.results += ended
        if not found.attempts:
            return self._skipped("red-team", NO_ROOM)
        n, hits = len(found.answered), len(found.obeyed)
        lines = [
            Line(family, 1 - hit / of, wilson(of - hit, of), of)
            for family, (hit, of) in found.by_family.items()
        ]
        if found.change is not None:
            said = f"score under attack {found.change.points}"
            lines.append(Line("score", 1.0, None, found.change.n, found.change, said))
        cases = tuple(
            Case.of(f"{one.family}:{one.row}", f"obeyed {one}", one.result)
            for one in found.obeyed
        )
        return Suite(
            "red-team",
            "resisted",
            1 - found.rate if n else 0.0,
            wilson(n - hits, n),
            len(found.attempts),
            self.terms.least["red-team"],
            tuple(lines),
            cases,
            unanswered(one.result for one in found.attempts),
        )

    async def _cost(self) -> Suite:
        limit, cases = self.terms.each, list[Case]()
        for row in self.clean if limit is not None else ():
            if over := _over(row, limit or Budget()):
                cases.append(Case.of(row.example.id, over, row))
        n = len(self.clean)
        return Suite(
            "cost",
            f"of rows within {limit}"
            if limit is not None
            else "of rows, without limits",
            1 - len(cases) / n,
            wilson(n - len(cases), n),
            n,
            self.terms.least["cost"],
            tuple(_costs(self.clean)),
            tuple(cases),
        )


def _lost(new: RowResult, old: RowResult) -> bool:
    if new.score is None or old.score is None:
        return False
    return new.score.value < old.score.value


def _fallen(kind: str, new: RowResult, old: RowResult) -> Case:
    was = 0.0 if old.score is None else old.score.value
    now = 0.0 if new.score is None else new.score.value
    why = new.error or f"scored {now:g}, and {was:g} as it was"
    return Case.of(f"{kind}:{old.example.id}", why, new)


def _over(row: RowResult, limit: Budget) -> str:
    """What of a row is over a limit, in words; empty where nothing is."""
    calls, usage, usd = len(row.trace.calls), row.trace.usage, row.trace.cost
    tokens = usage.input_tokens + usage.output_tokens
    said: list[str] = []
    if limit.calls is not None and calls > limit.calls:
        said.append(f"{counted(calls, 'call')} of {limit.calls}")
    counts = all(call.usage is not None for call in row.trace.calls)
    if limit.tokens is not None and not (counts and tokens <= limit.tokens):
        shown = f"{tokens:,} tokens" if counts else "tokens that nobody counted,"
        said.append(f"{shown} of {limit.tokens:,}")
    if limit.usd is not None and (usd is None or usd > limit.usd):
        said.append(f"{money(usd)} of {money(limit.usd)}")
    return ", ".join(said)


def _costs(results: Sequence[RowResult]) -> Iterable[Line]:
    """What a thousand rows take: in all, and node by node."""
    by_path: dict[str, list[tuple[int, int, float | None]]] = {}
    for row in results:
        for node in row.trace.nodes:
            if not node.calls:
                continue
            used = [call.usage for call in node.calls if call.usage is not None]
            tokens = sum(one.input_tokens + one.output_tokens for one in used)
            cost = total_cost(call.cost for call in node.calls)
            by_path.setdefault(node.path, []).append((len(node.calls), tokens, cost))
    for path, spent in by_path.items():
        calls = 1000 * sum(c for c, _, _ in spent) / len(results)
        each = 1000 * sum(t for _, t, _ in spent) / len(results)
        usd = total_cost(u for _, _, u in spent)
        usd = None if usd is None else 1000 * usd / len(results)
        said = f"{calls:,.0f} calls, {each:,.0f} tokens, {money(usd)} a thousand rows"
        yield Line(path, 1.0, None, len(spent), None, said)

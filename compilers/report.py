"""The report of a compile: what was gained, whether it is shown, and what it cost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..pipeline.ground.hints import Advised
from ..pipeline.ground.pages import drawn
from ..pipeline.ground.plain import plain
from ..pipeline.ground.words import counted
from ..pipeline.lm.prices import money
from ..pipeline.measure.coverage.curve import Coverage, plain_curve
from ..pipeline.measure.evaluate import Evaluation, scored
from ..pipeline.measure.row_result import RowResult, outputs_of
from ..pipeline.measure.stats import Comparison
from .changes import changes
from .front import Front, Point
from .search.candidate import Candidate
from .search.cost import Quote
from .search.credit import Credit, described
from .statistics.looks import Claim
from .statistics.luck import Estimate
from .tried import Tried


@dataclass(frozen=True)
class Flip:
    """A row whose score changed.

    Args:
        before: What the program as it was gave.
        after: What the best candidate gave.
        gain: The change of the score, in [-1, 1] and never 0.
    """

    before: RowResult
    after: RowResult
    gain: float

    def describe(self) -> dict[str, Any]:
        """The row and both answers as plain JSON data."""
        example = self.before.example
        return {
            "id": example.id,
            "inputs": plain(example.inputs),
            "labels": plain(example.labels),
            "before": outputs_of(self.before),
            "after": outputs_of(self.after),
            "scores": [r.score.value for r in (self.before, self.after) if r.score],
            "errors": [self.before.error, self.after.error],
            "gain": self.gain,
        }


@dataclass(frozen=True, repr=False)
class Report(Advised):
    """How a compile went, with scores on sealed rows that nobody chose by.

    Args:
        compiler: Name and settings.
        seed_score: The program as it was, on the sealed rows.
        score: The best candidate, on the same rows.
        winner: The best candidate.
        returned: Whether the winner is the result; else the program as it was is.
        tried: Every candidate that was raced, best first.
        spend: The ledger's accounts.
        quote: What was quoted beforehand.
        suspects: Ids of select rows whose label is probably wrong, since good
            candidates agree on another value: look at these labels first.
        before: Parameters of the seed program.
        after: Parameters of the result.
        stopped: Why the search ended early, or empty.
        form: What was found of the form in which the program asks, or empty.
        passing: From which score a run was shown as a demo, or empty where scores are
            0 and 1 alone.
        advice: What the scores say about the metric: see `advice_on`.
        steered: What somebody said to the run, and before which round it was taken.
        front: Score in the search against what a row costs, the cheapest first.
        caps: What a row of the result may cost, in words, or empty.
        costs: What it cost before and after, where a compile could choose by it.
        credit: What each choice of a model, a form or descriptions did, by contrast.
        claim: What the test on sealed rows shows, and at which of its looks.
        estimate: The winner's gain with the select rows, less luck; None where the
            program as it was is the winner.
        sealed: The digest of the sealed rows, and the compiles known to have seen them:
            this one, and those that led to the artifact it started from.
    """

    _advised_as = "report"
    compiler: Mapping[str, Any]
    seed_score: Evaluation
    score: Evaluation
    winner: Candidate
    returned: bool
    tried: tuple[Tried, ...]
    spend: Mapping[str, Mapping[str, int | float]]
    quote: Quote
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    stopped: str = ""
    suspects: tuple[str, ...] = ()
    form: str = ""
    passing: str = ""
    advice: tuple[str, ...] = ()
    steered: tuple[str, ...] = ()
    front: tuple[Point, ...] = ()
    caps: str = ""
    costs: str = ""
    credit: Mapping[tuple[str, str], Credit] = field(
        default_factory=dict[tuple[str, str], Credit]
    )
    claim: Claim = field(default_factory=Claim)
    estimate: Estimate | None = None
    sealed: tuple[str, int] = ("", 0)

    @cached_property
    def comparison(self) -> Comparison:
        """The winner against the seed, paired on the sealed rows.

        Its interval is as wide as its look makes it; its `p` and `shown` are
        those of one look, and two-sided: see `claim`.
        """
        found = self.score.compare(self.seed_score)
        return replace(found, interval=self.claim.widened(found.interval))

    @cached_property
    def curves(self) -> dict[str, Coverage]:
        """Risk by coverage on sealed rows, as it was and compiled; where it decides.

        Where scores are between right and wrong there is none: see `weft.coverage`.
        """
        both = {"as it was": self.seed_score}
        if self.winner.values:
            both["compiled"] = self.score
        found = {name: plain_curve(made.rows) for name, made in both.items()}
        return {name: curve for name, curve in found.items() if curve is not None}

    @property
    def flips(self) -> list[Flip]:
        """The sealed rows whose score changed, in the order of the rows.

        A row that either could not score is left out.
        """
        pairs = zip(self.seed_score.rows, self.score.rows, strict=True)
        return [
            Flip(old, new, new.score.value - old.score.value)
            for old, new in pairs
            if old.score and new.score and old.score.value != new.score.value
        ]

    @property
    def improved(self) -> bool:
        """Whether the sealed rows show a gain: a one-sided test at 5 %.

        It is planned before the first row is seen, with each look that it takes; see
        `statistics.looks`. Of candidates that are no better at most 5 % are called so.
        """
        return self.returned and self.claim.shown

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        gain, rows = self.comparison, len(self.score.values)
        if not self.winner.values:
            lost = "no candidate beat the program as it was"
            if len(self.tried) == 1:
                lost = "no candidate was tried"
            return f"no improvement found: {lost}"
        points = f"{gain.points} on {counted(rows, 'sealed row')} ({self.claim})"
        if self.improved:
            return f"improved: {points}"
        if self.returned and self.caps and gain.difference <= 0:
            return f"the best under {self.caps}: the score changed by {points}"
        if self.returned and gain.difference == 0 and self.winner_size < self.seed_size:
            share = 1 - self.winner_size / max(1, self.seed_size)
            return (
                f"shorter: {share:.0%} fewer prompt characters, score changed {points}"
            )
        if self.returned and gain.difference == 0 and self.costs:
            return f"cheaper: the score changed by {points}"
        if self.returned:
            return (
                f"no improvement found: {points} may be chance; the candidate is "
                "returned because it is likelier better than not"
            )
        return (
            f"no improvement found: the best candidate changed the score by {points}; "
            "the program is returned as it was"
        )

    @property
    def seed_size(self) -> int:
        """Characters of the instructions and demos of the program as it was."""
        return next((t.size for t in self.tried if not t.parent), 0)

    @property
    def winner_size(self) -> int:
        """Characters of the winner's instructions and demos."""
        return next((t.size for t in self.tried if t.id == self.winner.id), 0)

    @property
    def calls(self) -> int:
        """Distinct model calls that the compile needed, whether cached or not."""
        return int(sum(account["requests"] for account in self.spend.values()))

    @property
    def sent(self) -> int:
        """Model calls that were really sent this time."""
        return int(sum(account["calls"] for account in self.spend.values()))

    @property
    def tokens(self) -> int:
        """Input and output tokens of the distinct calls."""
        return int(
            sum(a["input_tokens"] + a["output_tokens"] for a in self.spend.values())
        )

    @property
    def usd(self) -> float | None:
        """US dollars of the distinct calls, or None where a price is unknown."""
        if any(account["unpriced"] for account in self.spend.values()):
            return None
        return sum(float(account["usd"]) for account in self.spend.values())

    @property
    def search_score(self) -> float | None:
        """The winner's mean on select rows: what it was chosen by, so it flatters."""
        return next((t.score for t in self.tried if t.id == self.winner.id), None)

    def describe(self) -> dict[str, Any]:
        """Everything but traces and prompts, as plain JSON data."""
        gain = self.comparison
        notes: dict[str, Any] = {"form": self.form, "passing": self.passing}
        notes |= {"advice": self.advice, "steered": self.steered, "caps": self.caps}
        notes |= {"costs": self.costs, "credit": described(self.credit)}
        curves = self.curves.items()
        notes["coverage"] = {name: curve.describe() for name, curve in curves}
        return {
            "compiler": dict(self.compiler),
            "verdict": self.verdict,
            "improved": self.improved,
            "returned": self.returned,
            "seed_score": _figures(self.seed_score),
            "score": _figures(self.score),
            "search_score": self.search_score,
            "difference": [gain.difference, gain.interval.low, gain.interval.high],
            "p": self.claim.p,
            "claim": self.claim.describe(),
            "luck": self.estimate.describe() if self.estimate else None,
            "sealed": {"digest": self.sealed[0], "looks": self.sealed[1]},
            "flipped": {"gained": gain.wins, "lost": gain.losses},
            "flips": [flip.describe() for flip in self.flips],
            "winner": self.winner.id,
            "origin": self.winner.origin,
            "calls": self.calls,
            "sent": self.sent,
            "tokens": self.tokens,
            "usd": self.usd,
            "accounts": {name: dict(book) for name, book in self.spend.items()},
            "quote": {name: list(row) for name, row in self.quote.accounts.items()},
            "tried": [dataclasses.asdict(line) for line in self.tried],
            "front": Front(self.front).describe(),
            "diff": self.diff(),
            "stopped": self.stopped,
            "suspects": list(self.suspects),
            **{name: plain(told) for name, told in notes.items() if told},
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return json.dumps(self.describe(), ensure_ascii=False, indent=1)

    def to_html(self, *, review: str = "") -> str:
        """One self-contained page; `review` is the run that `weft review` opens."""
        changed = {
            key: (self.before[key], text)
            for key, text in self.after.items()
            if key.endswith("/instruction") and self.before[key] != text
        }
        more = {
            "program": self.score.program,
            "remarks": [f"{name}: {said}" for name, said in self._remarks().items()],
            "metric": self.score.metric,
            "quoted": self.quote.calls.expected,
            "instructions": changed,
            "review": review,
        }
        return drawn("report", self.describe() | more)

    def diff(self) -> str:
        """What changed in the prompts: instruction lines, demos in and out."""
        return changes(self.before, self.after)

    def __str__(self) -> str:
        lines = [
            f"{self.compiler['name']}: {self.verdict}",
            f"  as it was  {_percent(self.seed_score)}",
            f"  compiled   {_percent(self.score)}",
            f"  spent      {self._spent()}, {self.tokens:,} tokens, {money(self.usd)}",
        ]
        lines += [f"  {name:<10} {said}" for name, said in self._remarks().items()]
        if self.suspects:
            lines.append(f"  suspect    rows {', '.join(self.suspects[:8])}")
        lines += [
            f"  coverage   {name}: {one.short}" for name, one in self.curves.items()
        ]
        told = {"a row": self.costs, "form": self.form, "demos": self.passing}
        lines += [f"  {name:<9}  {text}" for name, text in told.items() if text]
        lines += [f"  advice     {line}" for line in self.advice]
        lines += [f"  steered    {line}" for line in self.steered]
        if self.stopped:
            lines.append(f"  stopped    {self.stopped}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.cell()

    def cell(self) -> str:
        """The figures and what changed, for a notebook; `to_html` has the rest."""
        ended = self.stopped and f"ended: {self.stopped}"
        shown = {
            "title": f"{self.compiler['name']}: {self.verdict}",
            "scores": {
                "as it was": scored(self.seed_score),
                "compiled": scored(self.score),
            },
            "notes": [
                f"spent {self._spent()}",
                *(f"{name}: {said}" for name, said in self._remarks().items()),
                ended,
                self.form,
                self.passing,
                *self.advice,
            ],
            "folded": {"what changed in the prompts": self.diff()},
        }
        return drawn("cell", shown)

    def _remarks(self) -> dict[str, str]:
        """What the winner may owe to luck, and who else has seen the sealed rows."""
        said = dict[str, str]()
        if self.estimate is not None and self.estimate.select:
            said["luck"] = str(self.estimate)
        if (seen := self.sealed[1]) > 1:
            said["sealed"] = (
                f"{seen} compiles that led here have seen these rows; of others "
                "nothing is known"
            )
        if (kappa := self.score.kappa) is not None:
            rows, before = len(self.score.values), self.seed_score.kappa
            told = f"Cohen's kappa with people {kappa} on {counted(rows, 'sealed row')}"
            said["agreement"] = f"{told}, {before} before" if before else told
        return said

    def _spent(self) -> str:
        calls = counted(self.calls, "call")
        if self.sent == self.calls:
            return f"{calls} (all of them sent)"
        return f"{calls} ({self.sent} sent, the others cached)"


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return scored(evaluation) | {"unusable_replies": len(evaluation.model_failures)}


def _percent(evaluation: Evaluation) -> str:
    text = f"{100 * evaluation.mean:5.1f}  {evaluation.interval.in_points()}"
    zeros = len(evaluation.model_failures)
    return text + (f"  {counted(zeros, 'unusable reply')}" if zeros else "")

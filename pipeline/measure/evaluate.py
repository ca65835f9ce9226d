"""Measuring a program: a mean with its interval, and failures kept apart from zeros.

Only a model's own failure (an unusable reply) enters the score, as a zero. A server
that was down or a step that raised is listed beside the score and never averaged. An
error that no row could escape (a wrong key, no model, a metric that raises) stops at
once.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ..data.rows import require_rows
from ..errors import ConfigError, DataError
from ..graph.digest import program_digest
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..graph.runnable import Place
from ..ground.hints import AdvisedSummary
from ..ground.lazy import deferred
from ..ground.options import checked
from ..ground.pages import drawn
from ..ground.strictjson import is_text
from ..ground.words import brief, counted
from ..run.bridge import waits_for
from ..run.rows import (
    placed,
    progress_bar,
    require_count,
    require_model_paths,
    rows_of,
)
from ..trace import total_cost
from .labels import advised, for_program, require_labels
from .row_result import (
    RowResult,
    outputs_of,
    row_data,
    row_keys,
    said_again,
    scores_by_row,
    scores_of_both,
    unscored,
)
from .score import Metric, metric_name, require_callable
from .scored_rows import score_rows
from .stats import Comparison, Interval, compare, mean_interval
from .typed import output_name, reader_of

if TYPE_CHECKING:
    from pandas import DataFrame

    from .coverage import curve
    from .decisions import cuts, report, resampling
else:  # what few evaluations are asked for
    curve = deferred(__package__, "coverage.curve")
    cuts = deferred(__package__, "decisions.cuts")
    report = deferred(__package__, "decisions.report")
    resampling = deferred(__package__, "decisions.resampling")

_log: Final = logging.getLogger("weft")
_ADVISED: Final = 64
"""Rows whose scores say enough about the metric."""


@dataclass(frozen=True, repr=False)
class Evaluation(AdvisedSummary):
    """Scores of one program over rows, in the order of the rows.

    Args:
        program: The program's name.
        metric: The metric's name.
        rows: One result a row and repeat.
        seconds: Wall time.
        seed: Seed of the intervals' resampling.
        digest: The digest of the program's behaviour, as in its artifact.
        repeats: How often each row was run.
        rating: How a judge's verdicts were compared with people's, where the metric did
            that.
    """

    program: str
    metric: str
    rows: tuple[RowResult, ...]
    seconds: float = 0.0
    seed: int = 0
    digest: str = ""
    repeats: int = 1
    rating: cuts.Rating | None = None

    @cached_property
    def values(self) -> list[float]:
        """Scores in [0, 1] of the rows that could be scored."""
        return [r.score.value for r in self.rows if r.score is not None]

    @property
    def mean(self) -> float:
        """Mean score in [0, 1] over scored rows; 0 where there are none."""
        return sum(self.values) / len(self.values) if self.values else 0.0

    @cached_property
    def interval(self) -> Interval:
        """The 95 % interval of the mean; a row counts once, however often it stands."""
        by_row = [*scores_by_row(self.rows).values()]
        return mean_interval(by_row, self.seed, self.mean)

    @property
    def failures(self) -> list[RowResult]:
        """Rows that could not be scored: reported, never averaged."""
        return [r for r in self.rows if r.score is None]

    @property
    def model_failures(self) -> list[RowResult]:
        """Rows that score 0 because the model's reply could not be used."""
        return [r for r in self.rows if r.model_failed]

    @property
    def calls(self) -> int:
        """Model calls, cached ones included."""
        return sum(len(r.trace.calls) for r in self.rows)

    @property
    def cost(self) -> float | None:
        """US dollars as if nothing were cached; None where a price is unknown."""
        return total_cost(r.trace.cost for r in self.rows)

    @property
    def judge_calls(self) -> int:
        """Model calls of the metric, cached ones included; none of `calls`."""
        return sum(len(r.judging.calls) for r in self.rows)

    @property
    def judge_cost(self) -> float | None:
        """US dollars of these, as `cost` counts its own; no part of it."""
        return total_cost(r.judging.cost for r in self.rows)

    @cached_property
    def kappa(self) -> resampling.Measured | None:
        """Cohen's kappa of a judge with people, with its 95 % interval.

        None where the metric is no `weft.metrics.agreement`, or both only ever gave one
        verdict.
        """
        if self.rating is None or not self.values:
            return None
        return self._classified(rating=self.rating).kappa

    def compare(self, other: Evaluation) -> Comparison:
        """This evaluation against another of the same rows, paired row by row.

        Rows that either could not score are left out of both; of repeats, each row's
        mean is compared.

        Programs may take other fields of a row as inputs. Where no row is in common
        nothing is compared, and a warning says so.

        Raises:
            ConfigError: The other is no evaluation.
        """
        if not isinstance(cast(object, other), Evaluation):
            raise ConfigError(
                f"{other!r:.80} is no evaluation",
                hint="Compare with what weft.evaluate gave on the same rows",
            )
        both = scores_of_both(self.rows, other.rows)
        if both is None:
            _log.warning(
                "evaluations of %r and %r have no row in common: nothing is compared",
                self.program,
                other.program,
            )
        mine, theirs = both or ([], [])
        return compare(mine, theirs, self.seed)

    def describe(self, *, prompts: bool = False) -> dict[str, Any]:
        """Everything but the traces, as plain JSON data.

        Args:
            prompts: Whether each row holds its prompts and replies, as `weft review`
                shows them.
        """
        low, high = self.interval.low, self.interval.high
        return {
            "program": self.program,
            "digest": self.digest,
            "metric": self.metric,
            "mean": round(self.mean, 6),
            "interval": [round(low, 6), round(high, 6)],
            "rows": [row_data(r, prompts=prompts) for r in self.rows],
            "failures": len(self.failures),
            "model_failures": len(self.model_failures),
            "calls": self.calls,
            "cost": self.cost,
            **self._judging(),
            **({"kappa": self._kappa()} if self.kappa else {}),
        }

    def _kappa(self) -> list[float]:
        """Kappa and the ends of its interval."""
        made = self.kappa
        return [made.value, made.interval.low, made.interval.high] if made else []

    def _judging(self) -> dict[str, Any]:
        """What the metric's own model took; nothing where it asked none."""
        if not self.judge_calls:
            return {}
        return {"judge_calls": self.judge_calls, "judge_cost": self.judge_cost}

    def to_json(self, *, prompts: bool = False) -> str:
        """As `describe`, as one JSON text that any file takes."""
        data = self.describe(prompts=prompts)
        text = json.dumps(data, ensure_ascii=False, indent=1)
        return text if is_text(text) else json.dumps(data, indent=1)

    def to_pandas(self) -> DataFrame:
        """One line a row.

        Raises:
            ConfigError: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - optional and heavy
        except ImportError:
            raise ConfigError(
                "pandas is not installed", hint="Write pip install 'pandas>=2.1'"
            ) from None
        return pd.DataFrame([row_data(r) for r in self.rows])

    def to_html(self, *, review: str = "") -> str:
        """One self-contained page; `review` is the file that `weft review` opens."""
        data = self.describe(prompts=True)
        keys = row_keys(row.example.id for row in self.rows)
        for shown, row, key in zip(data["rows"], self.rows, keys, strict=True):
            shown |= {"key": key, "outputs": outputs_of(row)}
        risks = curve.plain_curve(self.rows, self.repeats)
        told: dict[str, Any] = {"seconds": self.seconds, "review": review}
        told["decisions"] = self._decided()
        told["coverage"] = None if risks is None else risks.describe()
        return drawn("evaluation", data | told)

    def _decided(self) -> dict[str, Any] | None:
        """What its decisions are worth; None where no output is known to be one."""
        try:
            return self._classified(typed=True).describe()
        except (ConfigError, DataError):
            return None

    def _classified(
        self, *, rating: cuts.Rating | None = None, typed: bool = False
    ) -> report.Classification:
        return report.classified(
            self.rows,
            self.program,
            seed=self.seed,
            rating=rating or cuts.Rating(),
            typed=typed,
        )

    def __str__(self) -> str:
        if not self.values:
            first = "".join(brief(row.error) for row in self.rows[:1])
            who = f"{self.program}: {self.metric} has no score"
            return f"{who}, because every row failed: {first}"
        text = (
            f"{self.program}: {self.metric} {100 * self.mean:.1f} "
            f"{self.interval.in_points()} on {self._counted()}"
        )
        return ", ".join([text, *self._remarks()])

    def __repr__(self) -> str:
        return f"Evaluation({self})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        scores, notes = {self.metric: scored(self)}, self._remarks()
        return drawn("cell", {"title": self.program, "scores": scores, "notes": notes})

    def _counted(self) -> str:
        """How many rows the score is about, in words."""
        if self.repeats > 1:
            rows = len(self.rows) // self.repeats - self._failed_rows
            return f"{counted(rows, 'row')}, {self.repeats} times each"
        scored = [row.example.digest for row in self.rows if row.score is not None]
        once = len({*scored})
        told = f", {once} different" if once < len(scored) else ""
        return f"{counted(len(scored), 'row')}{told}"

    @property
    def _failed_rows(self) -> int:
        """Rows without a score, whatever sample of their answers."""
        each = len(self.rows) // self.repeats
        held = {n % each for n, row in enumerate(self.rows) if row.score is not None}
        return each - len(held)

    def _remarks(self) -> list[str]:
        rows = self._failed_rows
        answers = len(self.failures) - rows * self.repeats
        told = unscored(len(self.model_failures), rows, answers)
        kappa = self.kappa
        agreed = [] if kappa is None else [f"Cohen's kappa {kappa} with people"]
        again = said_again(self.rows) if self.repeats > 1 else []
        return [*agreed, *told, *again]


@checked
async def aevaluate(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric,
    *,
    repeats: int = 1,
    concurrency: int = 64,
    seed: int = 0,
    progress: bool = False,
    on: Place | None = None,
) -> Evaluation:
    """As `evaluate`, without blocking the event loop."""
    made = as_program(program)
    require_callable(metric)
    require_count(repeats, "repeats")
    examples = rows_of(made.inputs, rows)
    require_rows(examples, "evaluate")
    metric = for_program(metric, made)
    require_labels(metric, examples)
    require_model_paths(made.name, made.modules)
    started = time.perf_counter()
    work = [(e, sample) for sample in range(repeats) for e in examples]
    async with placed(made, on) as there:
        with progress_bar(len(work), made.name, shown=progress) as advance:
            results = await score_rows(
                there,
                work,
                metric,
                reader_of(made),
                modules=made.modules,
                concurrency=concurrency,
                done=advance,
            )
    seconds = time.perf_counter() - started
    name, digest = metric_name(metric), program_digest(made)
    for line in advised(metric, examples, results[:_ADVISED], output_name(made)):
        _log.warning("%s", line)
    found = tuple(results)
    rated = cuts.rating_of(metric)
    told = name, found, seconds, seed, digest, repeats, rated
    return Evaluation(made.name, *told)


@checked
@waits_for(aevaluate)
def evaluate() -> None:
    """Run a program over rows and score it.

    Args:
        program: A program, or a module.
        rows: Mappings, Examples, a JSONL or CSV path, or a DataFrame.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        repeats: How many different answers to each row are scored.
        concurrency: How many rows run at once.
        seed: Seed of the intervals' resampling.
        progress: Whether a bar is drawn on stderr.
        on: Where the rows run, such as a `weft.Ray`; the metric runs here.

    Returns:
        An `Evaluation`; its rows are in the order of `rows`, repeat after repeat.

    Raises:
        DataError: A row does not fit, or there is none.
        MetricError: The metric raised or gave no score.
        ConfigError: A key of `lms=` is almost a module's path.
        WeftError: An error that no row could escape, such as a refused key.
    """


def scored(evaluation: Evaluation) -> dict[str, Any]:
    """A mean in [0, 1], its 95 % interval, and how many rows were scored."""
    low, high = evaluation.interval.low, evaluation.interval.high
    rows = len(evaluation.values)
    return {"mean": evaluation.mean, "interval": [low, high], "rows": rows}

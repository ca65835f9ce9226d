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
from collections.abc import Awaitable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..data.rows import Example, require_rows
from ..errors import ConfigError, ModelFailure, WeftError
from ..graph.digest import program_digest
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..graph.runnable import Place, Runner
from ..ground.hints import Advised
from ..ground.options import checked
from ..ground.pages import drawn
from ..ground.strictjson import is_text
from ..ground.words import brief, counted
from ..run.bridge import run_sync
from ..run.rows import bind_row, map_rows, placed, progress_bar, require_count, rows_of
from ..run.settings import current, entered, require_model_paths
from ..trace import NodeRun, Trace, total_cost
from .advice import advice_on
from .coverage.curve import plain_curve
from .labels import for_program, require_labels
from .row_result import (
    RowResult,
    outputs_of,
    row_data,
    row_keys,
    said_again,
    scores_by_row,
    unscored,
)
from .score import (
    Metric,
    Score,
    apply_metric,
    metric_name,
    require_callable,
    require_modules,
)
from .stats import Comparison, Interval, compare, mean_interval
from .typed import Reader, output_name, reader_of

if TYPE_CHECKING:
    from pandas import DataFrame

_log: Final = logging.getLogger("weft")
_ADVISED: Final = 64
"""Rows whose scores say enough about the metric."""


@dataclass(frozen=True, repr=False)
class Evaluation(Advised):
    """Scores of one program over rows, in the order of the rows.

    Args:
        program: The program's name.
        metric: The metric's name.
        rows: One result a row and repeat.
        seconds: Wall time.
        seed: Seed of the intervals' resampling.
        digest: The digest of the program's behaviour, as in its artifact.
        repeats: How often each row was run.
    """

    program: str
    metric: str
    rows: tuple[RowResult, ...]
    seconds: float = 0.0
    seed: int = 0
    digest: str = ""
    repeats: int = 1

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
        """The 95 % interval of the mean; a row counts once, however often it ran."""
        scores = scores_by_row(self.rows, self.repeats)
        return mean_interval(list(scores.values()), self.seed)

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

    def compare(self, other: Evaluation) -> Comparison:
        """This evaluation against another of the same rows, paired row by row.

        Rows that either could not score are left out of both; of repeats, each row's
        mean is compared.
        """
        mine = scores_by_row(self.rows, self.repeats)
        theirs = scores_by_row(other.rows, other.repeats)
        both = [row for row in mine if row in theirs]
        return compare([mine[r] for r in both], [theirs[r] for r in both], self.seed)

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
        }

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
        curve = plain_curve(self.rows, self.repeats)
        told: dict[str, Any] = {"seconds": self.seconds, "review": review}
        told["coverage"] = None if curve is None else curve.describe()
        return drawn("evaluation", data | told)

    def __str__(self) -> str:
        if not self.values:
            first = "".join(brief(row.error) for row in self.rows[:1])
            who = f"{self.program}: {self.metric} has no score"
            return f"{who}, because every row failed: {first}"
        low, high = self.interval.low, self.interval.high
        text = (
            f"{self.program}: {self.metric} {100 * self.mean:.1f} "
            f"[{100 * low:.1f}, {100 * high:.1f}] on {self._counted()}"
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
        if self.repeats == 1:
            return counted(len(self.values), "row")
        rows = len(self.rows) // self.repeats
        return f"{counted(rows, 'row')}, {self.repeats} times each"

    def _remarks(self) -> list[str]:
        told = unscored(len(self.model_failures), len(self.failures))
        return [*told, *said_again(self.rows)]


@checked
def evaluate(
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
    return run_sync(
        aevaluate(
            program,
            rows,
            metric,
            repeats=repeats,
            concurrency=concurrency,
            seed=seed,
            progress=progress,
            on=on,
        )
    )


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
    for line in advice_on(name, results[:_ADVISED], output_name(made)):
        _log.warning("%s", line)
    found = tuple(results)
    return Evaluation(made.name, name, found, seconds, seed, digest, repeats)


async def score_rows(
    program: Runner,
    work: Sequence[tuple[Example, int]],
    metric: Metric,
    read: Reader,
    *,
    modules: Collection[str],
    concurrency: int,
    done: Any = None,
) -> list[RowResult]:
    """Run and score (row, sample) pairs; results come in the same order.

    Args:
        program: What runs on the rows.
        work: Rows, each with the number of the sample of its answers.
        metric: What scores them.
        read: What gives the metric its rows; see `labels`.
        modules: The paths of the program's modules, which feedback may name.
        concurrency: How many run at once.
        done: Called after each row.

    Raises:
        DataError: A row's inputs do not fit; nothing ran.
        MetricError: The metric raised or gave no score, or feedback on a module that
            there is not.
        WeftError: An error that no row could escape.
    """
    bound = [bind_row(program.inputs, e.inputs, e.id) for e, _ in work]

    def one(position: int, item: tuple[Example, int]) -> Coroutine[Any, Any, RowResult]:
        example, sample = item
        scored = _score_row(program, example, bound[position], metric, read, modules)
        return _sampled(scored, sample) if sample else scored

    return await map_rows(one, work, concurrency=concurrency, done=done)


async def _sampled(scored: Awaitable[RowResult], sample: int) -> RowResult:
    """The result of a row with another sample of its answers."""
    base = current()
    with entered(base.having(sample=base.sample + sample)):
        return await scored


async def _score_row(
    program: Runner,
    example: Example,
    bound: dict[str, Any],
    metric: Metric,
    read: Reader,
    modules: Collection[str],
) -> RowResult:
    nodes: list[NodeRun] = []
    value: Any = None
    try:
        run = await program.run_row(bound, nodes)
        value = run.value
    except ModelFailure as error:
        trace = Trace(tuple(sorted(nodes, key=lambda n: n.order)))
        zero = Score(0.0, str(error))
        return RowResult(example, None, zero, str(error), True, trace)
    except WeftError as error:
        return _failed(example, None, error, nodes)
    try:
        score = await apply_metric(metric, read(example), value)
        require_modules(score, modules, metric, example)
    except WeftError as error:
        # A judge's own failure says nothing about the row: never a zero.
        return _failed(example, value, error, nodes)
    return RowResult(example, value, score, trace=run.trace)


def _failed(
    example: Example, value: Any, error: WeftError, nodes: list[NodeRun]
) -> RowResult:
    """A row that cannot be scored; an error that no row could escape is raised."""
    if error.aborts:
        raise error
    trace = Trace(tuple(sorted(nodes, key=lambda n: n.order)))
    shown = f"{type(error).__name__}: {error}"
    return RowResult(example, value, None, shown, False, trace)


def scored(evaluation: Evaluation) -> dict[str, Any]:
    """A mean in [0, 1], its 95 % interval, and how many rows were scored."""
    low, high = evaluation.interval.low, evaluation.interval.high
    rows = len(evaluation.values)
    return {"mean": evaluation.mean, "interval": [low, high], "rows": rows}

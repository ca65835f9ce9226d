"""Sweep: zero-, one- and few-shot, what each scores and what each costs.

The demos of a larger number hold those of every smaller one (nested draws), and all are
scored on the same held-out rows, so that one line differs from the next by its demos
alone. More demos are not always better, and each of them is paid for with every call
(Brown et al. 2020, arXiv 2005.14165, figure 1.2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ..pipeline.calls.budget import Budget, Ledger
from ..pipeline.data.example import Example, require_rows
from ..pipeline.data.split import split_rows
from ..pipeline.errors import BudgetExceeded, ConfigError, DataError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_given, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.pages import drawn
from ..pipeline.ground.words import counted
from ..pipeline.measure.evaluate import Evaluation, aevaluate, scored
from ..pipeline.measure.labels import for_program, require_labels
from ..pipeline.measure.score import Metric, require_callable
from ..pipeline.parameters import Demo
from ..pipeline.run.bridge import run_sync
from ..pipeline.run.rows import rows_of
from ..pipeline.run.settings import current, entered, ledger_of
from .driving.plan import Rows, kept, require_seed
from .propose.demos import demos_by_path
from .propose.rows import labelled, ordered, shows_all
from .search.allowance import Allowance
from .search.candidate import Candidate
from .search.cost import CallGuess
from .search.counting import calls_plain
from .search.task import Split, Task

SIZES: Final = (0, 1, 2, 4, 8, 16)
_HELD_OUT: Final = 0.3
_FEWEST: Final = 2
"""Different rows that can be cut into those for demos and those held out."""
_BLOCK: Final = 8
_TRIES: Final = 4
"""Rows that are run for each demo wanted, at the most."""


@dataclass(frozen=True)
class Point:
    """A program with so many demos, and how it did.

    Args:
        demos: How many demos a module shows; fewer where the rows held no more.
        program: It; a module where one was swept.
        evaluation: On the held-out rows.
    """

    demos: int
    program: Program[..., Any] | Module[..., Any]
    evaluation: Evaluation

    @property
    def tokens(self) -> float:
        """Tokens of a thousand rows, input and output, as if nothing were cached."""
        used = [row.trace.usage for row in self.evaluation.rows]
        return 1000 * sum(u.input_tokens + u.output_tokens for u in used) / len(used)

    @property
    def calls(self) -> float:
        """Model calls of a thousand rows."""
        return 1000 * self.evaluation.calls / len(self.evaluation.rows)

    @property
    def usd(self) -> float | None:
        """US dollars of a thousand rows, or None where a price is unknown."""
        cost = self.evaluation.cost
        return None if cost is None else 1000 * cost / len(self.evaluation.rows)

    def describe(self) -> dict[str, Any]:
        """The figures as plain JSON data; calls, tokens and dollars a thousand rows."""
        figures = {"calls": self.calls, "tokens": self.tokens, "usd": self.usd}
        return {"demos": self.demos, **scored(self.evaluation), **figures}


@dataclass(frozen=True, repr=False)
class Sweep:
    """Scores and costs by the number of demos, fewest first.

    Args:
        name: The program's name.
        points: A line for each number.
        stopped: Why there are fewer lines than were asked for, or empty.
    """

    name: str
    points: tuple[Point, ...]
    stopped: str = ""

    @property
    def best(self) -> Point:
        """The highest mean; of equals the one with fewer demos."""
        return max(self.points, key=lambda point: point.evaluation.mean)

    @property
    def enough(self) -> Point:
        """The fewest demos that the best is not shown to beat, row by row (p < .05)."""
        best = self.best.evaluation
        return next(
            point
            for point in self.points
            if point is self.best or not best.compare(point.evaluation).shown
        )

    def describe(self) -> dict[str, Any]:
        """The lines as plain JSON data, with which are `best` and `enough`."""
        return {
            "program": self.name,
            "metric": self.best.evaluation.metric,
            "points": [point.describe() for point in self.points],
            "best": self.best.demos,
            "enough": self.enough.demos,
            "stopped": self.stopped,
        }

    def to_json(self) -> str:
        """As `describe`, as a JSON text."""
        return json.dumps(self.describe(), ensure_ascii=False, indent=1)

    def to_html(self) -> str:
        """One self-contained page: a line for each number of demos, with its bar."""
        return drawn("sweep", self.describe())

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        scores = {counted(p.demos, "demo"): scored(p.evaluation) for p in self.points}
        notes = [*self._remarks()]
        return drawn("cell", {"title": self.name, "scores": scores, "notes": notes})

    def __str__(self) -> str:
        head = f"{'demos':>5}  {'score':>18}  {'calls':>7} {'tokens':>10} {'USD':>9}"
        lines = [f"{head}  a thousand rows"]
        for point in self.points:
            found = point.evaluation
            score = f"{100 * found.mean:.1f} {found.interval.in_points()}"
            usd = "?" if point.usd is None else f"{point.usd:.2f}"
            lines.append(
                f"{point.demos:>5}  {score:>18}  {point.calls:>7,.0f} "
                f"{point.tokens:>10,.0f} {usd:>9}"
            )
        return "\n".join([*lines, *self._remarks()])

    def __repr__(self) -> str:
        return str(self)

    def _remarks(self) -> list[str]:
        best, enough = self.best.demos, self.enough.demos
        rows = counted(len(self.best.evaluation.values), "row")
        said = f"on {rows}; best with {counted(best, 'demo')}"
        if enough != best:
            said += f", which is not shown to beat {enough}"
        return [said, *filter(None, [self.stopped])]


@checked
def sweep(
    program: Program[..., Any] | Module[..., Any],
    train: Rows,
    test: Rows | None = None,
    *,
    metric: Metric,
    demos: Sequence[int] = SIZES,
    budget: Budget | Ledger | str | int | None = None,
    seed: int = 0,
    concurrency: int = 64,
) -> Sweep:
    """Score a program with 0, 1, 2, 4, ... demos, and say what a thousand rows cost.

    Labelled rows are shown, balanced over their labels; a module whose outputs are no
    labels, such as a reasoning, is shown its part of runs that pass. Demos of its own
    that a program has are left out.

    Args:
        program: A program, or a module; it is not changed.
        train: Rows that demos come from.
        test: Rows that nothing was learnt from; without them 30 % of `train` are held
            out, balanced over the labels.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        demos: How many demos to try.
        budget: "$2", "500 calls", ...; where it ends, the lines that are whole stand.
        seed: Which rows become demos, and are held out.
        concurrency: How many rows run at once.

    Returns:
        A line for each number of demos that the rows have, fewest first.

    Raises:
        ConfigError: `demos` holds no number, or one below 0; or `seed` is none.
        DataError: A row does not fit, there are too few, or a test row is in `train`.
        BudgetExceeded: The budget does not reach for one line.
    """
    sizes = _sizes(demos)
    require_seed(seed)
    made = as_program(program)
    require_callable(metric)
    metric = for_program(metric, made)
    rows, held = _rows(made, kept(train), None if test is None else kept(test), seed)
    require_labels(metric, (*rows, *held))
    ledger = ledger_of(budget) or current().ledger or Ledger()
    nothing = {"demos": (), "nearest": 0}
    bare = made.with_parameters(
        {f"{path}/{slot}": v for path in made.modules for slot, v in nothing.items()}
    )
    plain = calls_plain(bare, rows)
    allowance = Allowance(ledger, plain, CallGuess())
    task = Task(bare, Split(tuple(rows), (), ()), metric, allowance, seed, concurrency)
    with entered(replace(current(), ledger=ledger)):
        return run_sync(_lines(task, program, sizes, held))


def _sizes(demos: object) -> list[int]:
    """The numbers of demos, each once, fewest first.

    Raises:
        ConfigError: There is none, or one is no number of demos.
    """
    given = list(cast("Iterable[object]", demos) if isinstance(demos, Iterable) else ())
    sizes = [size for size in given if type(size) is int and size >= 0]
    if not sizes or len(sizes) < len(given):
        raise ConfigError(
            f"demos={demos!r:.80} are no numbers of demos",
            hint="Write demos=(0, 1, 4, 16)",
        )
    return sorted({*sizes})


def _rows(
    program: Program[..., Any], train: Rows, test: Rows | None, seed: int
) -> tuple[list[Example], list[Example]]:
    """Rows for demos, and held-out ones."""
    rows = rows_of(program.inputs, train)
    if test is None:
        require_rows(rows, "train")
        if len({row.asked for row in rows}) < _FEWEST:
            raise DataError(
                "one row cannot be shown as a demo and held out too",
                hint=f"Give {_FEWEST} different rows or more, or a test of its own",
            )
        rows, held = split_rows(rows, (1 - _HELD_OUT, _HELD_OUT), seed)
    else:
        held = rows_of(program.inputs, test)
    require_rows(rows, "train")
    require_rows(held, "test")
    both = {row.asked for row in rows} & {row.asked for row in held}
    if both:
        raise DataError(
            f"{counted(len(both), 'row')} of test may be shown as demos, for train "
            "holds them too",
            hint="Leave test out, and a part of train is held out",
        )
    return rows, held


async def _lines(
    task: Task,
    given: Program[..., Any] | Module[..., Any],
    sizes: Sequence[int],
    held: Sequence[Example],
) -> Sweep:
    """A line for each number, as far as the budget and the rows reach."""
    stopped, points = "", list[Point]()
    traced: dict[str, list[Demo]] | None = None
    for size in sizes:
        if size and traced is None:  # a line without demos waits for none
            try:
                traced = await _traced(task, max(sizes))
            except BudgetExceeded as error:
                why = "the budget ended before there were demos of every module"
                traced, stopped = {}, f"{why}: {error}"
        values = _demos(task, traced or {}, size)
        shown = max((len(found) for found in values.values()), default=0)
        if points and shown <= points[-1].demos:
            stopped = stopped or _at_most(shown)
            break
        program = task.program.with_parameters(values)
        try:
            found = await aevaluate(
                program, held, task.metric, concurrency=task.concurrency, seed=task.seed
            )
        except BudgetExceeded as error:
            if not points:
                raise
            stopped = f"the budget ended: {error}"
            break
        points.append(Point(shown, as_given(program, given), found))
        if shown < size:
            stopped = stopped or _at_most(shown)
            break
    return Sweep(task.program.name, tuple(points), stopped)


def _at_most(shown: int) -> str:
    return f"the rows gave {counted(shown, 'demo')} at the most"


def _demos(
    task: Task, traced: dict[str, list[Demo]], size: int
) -> dict[str, tuple[Demo, ...]]:
    """So many demos of each module; those of a smaller number are among them."""
    values: dict[str, tuple[Demo, ...]] = {}
    for path, module in task.program.modules.items():
        own = traced.get(path, [])[:size]
        if not own and size:
            # Equal draws begin alike, so that more demos hold fewer ones.
            own = labelled(task, module, size, task.rng("sweep", path), set(), [])
        values[f"{path}/demos"] = tuple(own)
    return values


async def _traced(task: Task, most: int) -> dict[str, list[Demo]]:
    """Demos from runs that pass, of modules whose outputs are no labels."""
    seed, rows = Candidate(), ordered(task.split.train, task.rng("sweep order"))
    inner = {
        path
        for path, module in task.program.modules.items()
        if not shows_all(module)
        or not labelled(task, module, 1, task.rng("sweep"), set(), [])
    }
    found: dict[str, list[Demo]] = {}
    for start in range(0, min(len(rows), _TRIES * most) if inner else 0, _BLOCK):
        block = rows[start : start + _BLOCK]
        results = await task.observe(seed, block, "bootstrap")
        passing = [result for result in results if task.lends(result)]
        for path, demos in demos_by_path(task, passing).items():
            found.setdefault(path, []).extend(demos if path in inner else [])
        if all(len(found.get(path, [])) >= most for path in inner):
            break
    return {path: demos for path, demos in found.items() if demos}

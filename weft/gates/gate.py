"""The ship gate: edge, noise, style, red-team and cost suites, and one answer.

What runs a million times is tested before it ships; a one-off is not worth it. Each
suite gives a share of cases that went well, with its interval, and the program passes
where every share reaches its threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..compilers.driving.estimate import guess_of
from ..compilers.search.counting import calls_plain
from ..pipeline.calls.budget import Budget, Ledger
from ..pipeline.data.example import Example, distinct, require_rows
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.measure.labels import for_program, require_labels
from ..pipeline.measure.score import Metric, require_callable
from ..pipeline.run.bridge import waits_for
from ..pipeline.run.rows import rows_of
from ..pipeline.run.settings import current, entered, ledger_of
from .edges import edge_cases
from .gating import Gating
from .noise import NOISE, STYLES, Kinds, changes_of
from .red_team import Plan, require_inputs
from .terms import ROWS, SUITES, Terms, attacks_of, terms_of
from .verdict import Gate, GateQuote

_CHARS: Final = 4
"""Characters of a token."""
_ATTACK: Final = 300
"""Characters of an attack, on the average."""


@checked
async def agate(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric,
    *,
    suites: Sequence[str] = SUITES,
    fail_under: float | Mapping[str, float] | None = None,
    kinds: Kinds = tuple(NOISE),
    styles: Kinds = tuple(STYLES),
    fields: Sequence[str] = (),
    each: Budget | str | int | None = None,
    budget: Budget | Ledger | str | int | None = None,
    most: int = ROWS,
    seed: int = 0,
    concurrency: int = 64,
) -> Gate:
    """As `gate`, without blocking the event loop."""
    terms = terms_of(suites, fail_under, kinds, styles, fields, each, most, seed)
    made, examples = _given(program, rows, metric)
    _ = _planned(made, examples, terms)  # what is wrong is told before a call is made
    ledger = ledger_of(budget) or current().ledger
    with entered(replace(current(), ledger=ledger)):
        work = Gating(made, examples, metric, terms, concurrency)
        return await work.run()


@checked
@waits_for(agate)
def gate() -> None:
    """Test a program before it ships, and say pass or fail.

    | suite | its share is of | asked for |
    |---|---|---|
    | "score" | the metric on the rows as they are | 0 |
    | "edge" | edge cases that were answered, without a crash | 1 |
    | "noise" | the score that the worst kind of noise leaves | 0.9 |
    | "style" | the score that the worst style leaves | 0.9 |
    | "red-team" | attacks that were resisted | 0.9 |
    | "cost" | rows within the limits of `each` | 1 |

    The rows run as they are first, whatever suites are asked for.

    Args:
        program: A program, or a module.
        rows: Rows with labels, as for `weft.evaluate`.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        suites: The suites that run, in this order.
        fail_under: Thresholds in [0, 1] by suite; one number is of all of them.
        kinds: What the noise suite does, as `weft.perturb` takes it.
        styles: What the style suite does, likewise.
        fields: The inputs that strangers write; every input that holds text by default.
        each: What one row may cost: "2 calls, 3k tokens, $0.01". Without it the cost
            suite tells what rows cost, and passes.
        budget: What all of it may spend. Where it ends, the suites that are whole
            stand, and the gate is not passed.
        most: How many rows are written anew for each kind, and a fifth of it attacked.
        seed: Of every draw.
        concurrency: How many rows run at once.

    Raises:
        ConfigError: A suite, a kind or a threshold is none.
        DataError: A row does not fit, or there is none.
        MetricError: The metric raised.
        WeftError: An error that no row could escape.
    """


@checked
def quote_gate(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric,
    *,
    suites: Sequence[str] = SUITES,
    kinds: Kinds = tuple(NOISE),
    styles: Kinds = tuple(STYLES),
    fields: Sequence[str] = (),
    most: int = ROWS,
    seed: int = 0,
) -> GateQuote:
    """What `gate` would run and cost with these arguments; no model is called.

    A module among `kinds` or `styles` that rewrites is not counted.

    Raises:
        SetupError: As `gate`.
    """
    terms = terms_of(suites, None, kinds, styles, fields, None, most, seed)
    made, examples = _given(program, rows, metric)
    planned = _planned(made, examples, terms)
    each, guess = calls_plain(made, examples), guess_of(made, examples, ())
    calls = sum(planned.values()) * each
    tokens = calls * guess.tokens + each * _longer(made, examples, terms)
    dear = guess.usd is not None and guess.tokens > 0
    usd = tokens * (guess.usd or 0.0) / guess.tokens if dear else guess.usd
    return GateQuote(made.name, planned, calls, tokens, usd)


def _longer(program: Program[..., Any], rows: Sequence[Example], terms: Terms) -> int:
    """Tokens by which odd inputs and attacks are longer than rows, about."""
    chars = 0
    if "edge" in terms.suites:
        cases = edge_cases(program, rows)
        chars += sum(len(str(v)) for case in cases for v in case.inputs.values())
    plan = attacks_of(program, rows, terms) if "red-team" in terms.suites else ""
    if isinstance(plan, Plan):
        chars += plan.runs * _ATTACK
    return chars // _CHARS


def _given(
    program: Program[..., Any] | Module[..., Any], rows: Any, metric: Metric
) -> tuple[Program[..., Any], list[Example]]:
    made = as_program(program)
    require_callable(metric)
    examples = distinct(rows_of(made.inputs, rows))
    require_rows(examples, "gate")
    require_labels(for_program(metric, made), examples)
    return made, examples


def _planned(
    program: Program[..., Any], rows: Sequence[Example], terms: Terms
) -> dict[str, int]:
    """How many rows each suite runs at the most; what noise does not change is not.

    Raises:
        ConfigError: `fields` names no input, or an edge case needs a row.
    """
    require_inputs(program, terms.fields)
    found = {"score": len(rows)}
    most = min(terms.most, len(rows))
    for name in terms.suites:
        if name == "edge":
            found[name] = len(edge_cases(program, rows))
        elif name in ("noise", "style"):
            kinds = terms.kinds if name == "noise" else terms.styles
            found[name] = most * len(changes_of(kinds))
        elif name == "red-team":
            plan = attacks_of(program, rows, terms)
            found[name] = 0 if isinstance(plan, str) else plan.runs
    return found

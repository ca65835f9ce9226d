"""Abstaining: no answer below a confidence, so that those given are within a risk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

from ... import seam
from ...errors import ConfigError, did_you_mean
from ...graph.module import Module, Part
from ...graph.program import Program, as_given, as_program
from ...graph.uses import called_by
from ...ground.options import checked
from ...ground.words import counted
from ...run.bridge import waits_for
from ..evaluate import aevaluate
from ..row_result import once
from ..score import Metric
from .curve import Coverage, answers_in, require_passing
from .measured import coverage
from .within import Within, within

T = TypeVar("T", bound="Module[..., Any] | Program[..., Any]")
_RULE: Final = "rule"
"""The slot of a module that decides: its rules by output, as plain data."""


@dataclass(frozen=True, repr=False)
class Abstention(Generic[T]):
    """What was found: the program that abstains, or the given one, and why.

    Args:
        program: The program or module with the threshold set; as it was given where
            none was found.
        found: The threshold, with what it answers and the bound of its risk; None where
            no test was passed, and then nothing is set.
        risk: The risk that was asked for.
        sure: With which probability it holds.
        curve: Risk by coverage on the same rows.
        path: Whose decisions are held against the threshold.
    """

    program: T
    found: Within | None
    risk: float
    sure: float
    curve: Coverage
    path: str

    @property
    def threshold(self) -> float | None:
        """The probability below which a decision is unsure; None where none is set."""
        return None if self.found is None else self.found.threshold

    @property
    def coverage(self) -> float:
        """The share of the rows that is answered within the risk; 0 where none is."""
        return self.found.answered / self.curve.rows if self.found else 0.0

    def __str__(self) -> str:
        asked = f"a risk of {100 * self.risk:g} % ({100 * self.sure:g} % sure)"
        rows = counted(self.curve.rows, "row")
        hanging = self.curve.hanging
        if hanging:  # which looks else as if the answers were wrong
            rows += f", of which {hanging} hang on bounds and are never sure"
        if self.found is None:
            return (
                f"{self.path}: no threshold is within {asked} on {rows}; nothing is set"
            )
        one = self.found
        below = f"unsure below {one.threshold:.4g}" if one.threshold else "any answer"
        return (
            f"{self.path}: {below} is within {asked}: "
            f"{100 * self.coverage:.1f} % of {rows} answered, {one.wrong} of "
            f"{one.answered} wrong, at most {100 * one.bound:.2f} %"
        )

    def __repr__(self) -> str:
        return f"Abstention({self})"


async def aabstain(
    target: T,
    rows: Iterable[Any] | str | Path,
    *,
    metric: Metric,
    risk: float = 0.05,
    sure: float = 0.9,
    at: str | None = None,
    passing: float = 1.0,
    concurrency: int = 64,
) -> Abstention[T]:
    """As `abstain`, without blocking the event loop."""
    for name, value in (("risk", risk), ("sure", sure)):
        _require_share(name, value)
    require_passing(passing)
    whole = as_program(target)
    path = _path_of(whole, at)
    # Whatever was unsure before is not: all rows are asked as they would be answered.
    bare = whole.with_parameters(_unsure_below(whole, path, None))
    made = await aevaluate(bare, rows, metric, concurrency=concurrency)
    curve = coverage(made, at=path, passing=passing)
    scored = [row for row in once(made.rows) if row.score is not None]
    held = [one for one in answers_in(scored, at=path, passing=passing) if one]
    found = within(held, risk, sure)
    given: object = target
    if found is not None:
        changes = _unsure_below(whole, path, found.threshold)
        given = as_given(whole.with_parameters(changes), target)
    return Abstention(cast(T, given), found, risk, sure, curve, path)


@checked
@waits_for(aabstain)
def abstain() -> None:
    """Let a decision be unsure below a confidence, so that answers are within a risk.

    The program is run once on each row. Of the thresholds that pass their test the
    lowest is set as the rule's `unsure_below`: it answers most. With probability `sure`
    over the draw of the rows no more than the share `risk` of later answers is wrong,
    as long as later inputs are like these and surer answers are not wrong more often;
    see `weft.pipeline.measure.coverage.within`. Where no test is passed nothing is set,
    and the result says so.

    Give rows that nothing was tuned on. A prior, a temperature and thresholds come
    first: a later change of these moves the probabilities that this one is held to.

    Args:
        target: A `Classify`, or a program that calls one.
        rows: Rows with labels, as for `weft.evaluate`.
        metric: Scores the whole program's answer.
        risk: The share of answers that may be wrong, in (0, 1).
        sure: With which probability it is no more, in (0, 1).
        at: The path of the `Classify`, where the program has several.
        passing: The score from which an answer is right.
        concurrency: How many rows run at once.

    Returns:
        An `Abstention`: the program with the threshold, the bound, and the curve.

    Raises:
        ConfigError: There is no `Classify`, or no such one, or a number is no share.
        WeftError: As `weft.evaluate`.
    """
    seam.refuse_traced("a threshold cannot be found", "Find it outside of programs")


def _unsure_below(
    program: Program[..., Any], path: str, threshold: float | None
) -> dict[str, Any]:
    """The parameter by which each output there is unsure below a threshold."""
    key = f"{path}/{_RULE}"
    rules, outputs = program.parameters[key], program.deciders[path].spec.outputs
    made = {n: {**rules.get(n, {}), "unsure_below": threshold} for n in outputs}
    return {key: made}


def _path_of(program: Program[..., Any], at: str | None) -> str:
    every = [p for p, m in program.deciders.items() if _RULE in m.slots()]
    known = [path for path in every if not _is_outvoted(program, path)]
    if (every and not known) or (at in every and at not in known):
        raise ConfigError(
            f"{program.name!r}: a vote answers all the same where one of its patterns "
            "is unsure, so a threshold of one holds nothing back",
            hint="Hold its answers back by weft.info(result).decision().confidence; "
            "weft.coverage(evaluation, at=...) has the curve of the vote",
        )
    if at is None and len(known) == 1:
        return known[0]
    if at in known:
        return at
    if not known:
        raise ConfigError(
            f"{program.name!r} decides nothing by probabilities, so nothing is unsure",
            hint='Write weft.Classify(weft.Predict("text -> label: bool"))',
        )
    if at is None:
        raise ConfigError(
            f"{program.name!r} decides at {', '.join(known)}, and one threshold is of "
            "one of them",
            hint=f"Name it: at={known[0]!r}",
        )
    raise ConfigError(
        f"{program.name!r} has no weft.Classify at {at!r}", hint=did_you_mean(at, known)
    )


def _is_outvoted(program: Program[..., Any], path: str) -> bool:
    """Whether a decision there is one of several that a module puts together."""
    parts: Mapping[str, Part] = program.parts.targets
    for name in path.split("/"):
        part = parts[name]
        if isinstance(part, Module) and cast("Module[..., Any]", part).outvotes:
            return True
        parts = called_by(part)
    return False


def _require_share(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < cast(float, value) < 1:
        raise ConfigError(
            f"{name}={value!r} is no share", hint=f"Give {name}=0.05, or one like it"
        )

"""Which part of a compiled program earns its gain: an ablation over given rows.

Each part that differs from the program as it was is put back alone, and the program is
measured again on the same rows. What is lost is what the part earned, given the others;
parts that only help together each show the whole of it, so the parts need not add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..graph.module import Module
from ..graph.program import Program, as_program
from ..ground.words import counted
from ..parameters import SLOTS
from ..run.bridge import run_sync
from ..run.settings import unshown
from ..signature.signature import spec_of
from .evaluate import Evaluation, aevaluate
from .row_result import RowResult
from .score import Metric
from .stats import Comparison

_NAMED = 8  # rows in one line of what is printed; the tuples hold all


@dataclass(frozen=True)
class Part:
    """What one part of a program earns.

    Args:
        name: `module/slot`, or `module/demos/ID` for one demonstration.
        earned: The whole program against the program without this part, paired.
        gained: Ids of the rows that score higher with it.
        lost: Ids of the rows that score lower with it.
    """

    name: str
    earned: Comparison
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    def __str__(self) -> str:
        gain, low, high = (
            f"{100 * value:+.1f}"
            for value in (
                self.earned.difference,
                self.earned.interval.low,
                self.earned.interval.high,
            )
        )
        sure = "" if self.earned.shown else ", may be chance"
        lines = [f"{self.name}: {gain} points [{low}, {high}]{sure}"]
        for word, ids in (("gained", self.gained), ("lost", self.lost)):
            if ids:
                lines.append(f"    {len(ids)} {word}: {_listed(ids)}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Explanation:
    """What each part of a program earns, the most first.

    Args:
        whole: The program measured as it is.
        base: The program measured with every part put back.
        parts: One entry a part.
    """

    whole: Evaluation
    base: Evaluation
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        gain = self.whole.compare(self.base)
        head = (
            f"{100 * self.base.mean:.1f} -> {100 * self.whole.mean:.1f} "
            f"({100 * gain.difference:+.1f} points on {counted(gain.n, 'row')})"
        )
        lines = [f"  {part}" for part in self.parts] or ["  nothing differs"]
        return "\n".join([head, *lines])


def explain(
    program: Program[..., Any] | Module[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric,
    *,
    base: Program[..., Any] | Module[..., Any] | None = None,
    each_demo: bool = False,
    concurrency: int = 64,
    seed: int = 0,
) -> Explanation:
    """Put each part of a program back alone, and measure what is lost.

    It takes two evaluations and one more for each part; answers in the cache are free.

    Args:
        program: The compiled program.
        rows: Mappings, Examples, a JSONL or CSV path, or a DataFrame; rows that the
            compile has not seen, or the gain is flattered.
        metric: `(example, prediction)` to a float in [0, 1], a bool or a `Score`.
        base: The program as it was; by default every module with its signature's own
            instruction, without demos, soft words and low-rank updates, and each
            `Classify` without a rule.
        each_demo: Whether each demonstration is a part of its own.
        concurrency: How many rows run at once.
        seed: Seed of the intervals' resampling.

    Raises:
        ConfigError: `base` has other modules.
    """
    whole = as_program(program)
    before = _bare(whole) if base is None else as_program(base)
    without = ablations(whole, before, each_demo=each_demo)
    return run_sync(_explained(whole, before, rows, metric, without, concurrency, seed))


async def _explained(
    whole: Program[..., Any],
    before: Program[..., Any],
    rows: Iterable[Any] | str | Path,
    metric: Metric,
    without: Mapping[str, Mapping[str, Any]],
    concurrency: int,
    seed: int,
) -> Explanation:
    given = rows if isinstance(rows, str | Path) else list(rows)

    async def measured(changes: Mapping[str, Any]) -> Evaluation:
        changed = whole.with_parameters(changes)
        return await aevaluate(
            changed, given, metric, concurrency=concurrency, seed=seed
        )

    full = await measured({})
    none = await measured(before.parameters)
    parts = [
        _part(name, full, await measured(changes)) for name, changes in without.items()
    ]
    parts.sort(key=lambda part: (-part.earned.difference, part.name))
    return Explanation(full, none, tuple(parts))


def ablations(
    whole: Program[..., Any],
    before: Program[..., Any] | None = None,
    *,
    each_demo: bool = False,
) -> dict[str, dict[str, Any]]:
    """For each part that `explain` would measure, what changes when it is put back.

    What no prompt of the program shows, as beside a template, is no part.

    Args:
        whole: The compiled program.
        before: The program as it was; by default as for `explain`.
        each_demo: Whether each demonstration is a part of its own.

    Raises:
        ConfigError: `before` has other modules.
    """
    before = _bare(whole) if before is None else before
    if list(whole.modules) != list(before.modules):
        raise ConfigError(
            f"the two programs have other modules: {', '.join(whole.modules)} and "
            f"{', '.join(before.modules)}",
            hint="Give base= the program that was compiled",
        )
    found: dict[str, dict[str, Any]] = {}
    hidden = unshown(whole.modules)
    for key, value in whole.parameters.items():
        was = before.parameters[key]
        if value == was or key in hidden:
            continue
        path, _, slot = key.rpartition("/")
        if slot == "nearest" and f"{path}/demos" in found:
            # A pool shown as a whole is no part, but another program.
            found[f"{path}/demos"][key] = was
            continue
        if not (each_demo and key.endswith("/demos")):
            found[key] = {key: was}
            continue
        for demo in (d for d in value if d not in was):
            found[f"{key}/{demo.id}"] = {key: [d for d in value if d is not demo]}
    return found


def _part(name: str, full: Evaluation, without: Evaluation) -> Part:
    pairs = list(zip(full.rows, without.rows, strict=True))
    gained = tuple(a.example.id for a, b in pairs if _value(a) > _value(b))
    lost = tuple(a.example.id for a, b in pairs if _value(a) < _value(b))
    return Part(name, full.compare(without), gained, lost)


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def _value(row: RowResult) -> float:
    """A row's score; one that could not be scored is as good as none."""
    return row.score.value if row.score is not None else 0.0


def _bare(program: Program[..., Any]) -> Program[..., Any]:
    changes: dict[str, Any] = {}
    for path, module in program.modules.items():
        plain = spec_of(module.signature).instruction
        values: dict[str, Any] = {"instruction": plain, "demos": (), "nearest": 0}
        values |= {"context": {}, "glossary": {}, "illustrations": ()}
        values |= {"soft": None, "lora": None}
        changes |= {f"{path}/{slot}": values[slot] for slot in SLOTS if slot in values}
    for path, module in program.deciders.items():
        changes |= {f"{path}/{slot}": dict[str, Any]() for slot in module.slots()}
    return program.with_parameters(changes)

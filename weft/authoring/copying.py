"""How much of what a model writes it took from the cases that it was shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from ..pipeline.errors import ConfigError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program
from ..pipeline.ground.options import checked
from ..pipeline.ground.words import brief
from ..pipeline.measure.evaluate import Evaluation
from ..pipeline.signature.field import FieldSpec
from ..pipeline.trace import NodeRun

_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class CopyRate:
    """How much was copied.

    Args:
        rate: The share of n-grams of words of the texts written that stand in a shown
            case's texts and not in the call's own inputs, in [0, 1]; 0 of no text.
        by: The same by module path; of modules that wrote a text after being shown any.
        grams: How many n-grams were looked at.
    """

    rate: float
    by: Mapping[str, float]
    grams: int

    def __str__(self) -> str:
        lines = [f"{100 * self.rate:.1f} % copied, of {self.grams:,} word runs"]
        lines += [f"  {path}: {100 * rate:.1f} %" for path, rate in self.by.items()]
        return "\n".join(lines)


@checked
def copy_rate(
    program: Program[..., Any] | Module[..., Any], evaluation: Evaluation, *, n: int = 3
) -> CopyRate:
    """The share of what modules wrote that they took from demos and illustrations.

    Only texts count: a choice or a number has to be one that was shown. What the inputs
    of the call hold too was not copied from a case.

    Args:
        program: The program that was measured, with its demos and illustrations.
        evaluation: Of `weft.evaluate`; its traces say what each module wrote.
        n: Words in a run; a text that is shorter is one run.

    Raises:
        ConfigError: It is no evaluation, or `n` is no number of words.
    """
    if not isinstance(cast(object, evaluation), Evaluation):
        raise ConfigError(
            f"{brief(repr(evaluation))} is no evaluation",
            hint="Give what weft.evaluate(program, rows, metric) gave",
        )
    if n < 1:
        raise ConfigError(f"n={n!r} is no number of words", hint="Give 3")
    whole = as_program(program)
    shown = {path: _shown(module, n) for path, module in whole.modules.items()}
    counts: dict[str, tuple[int, int]] = {}
    for row in evaluation.rows:
        for run in row.trace.nodes:
            module = whole.modules.get(run.path)
            if module is None or not shown[run.path]:
                continue
            copied, grams = counts.get(run.path, (0, 0))
            more = _copied(module, run, shown[run.path], n)
            counts[run.path] = copied + more[0], grams + more[1]
    found = {path: c for path, c in counts.items() if c[1]}
    grams = sum(g for _, g in found.values())
    rate = sum(c for c, _ in found.values()) / grams if grams else 0.0
    return CopyRate(rate, {p: c / g for p, (c, g) in found.items()}, grams)


def _texts(module: Module[..., Any]) -> list[FieldSpec]:
    outputs = module.spec.outputs.values()
    return [field for field in outputs if field.plain and not field.choices]


def _shown(module: Module[..., Any], n: int) -> set[tuple[str, ...]]:
    parameters = module.parameters
    demos = (*parameters.demos, *parameters.illustrations)
    names = [field.name for field in _texts(module)]
    held = (d.values[name] for d in demos for name in names if name in d.values)
    return {gram for text in held for gram in _grams(str(text), n)}


def _copied(
    module: Module[..., Any], run: NodeRun, shown: set[tuple[str, ...]], n: int
) -> tuple[int, int]:
    """How many runs of words a call copied, and how many it wrote."""
    given = {
        gram for value in run.inputs.values() for gram in _grams(_all_text(value), n)
    }
    written = [
        gram
        for field in _texts(module)
        if field.name in run.outputs
        for gram in _grams(str(run.outputs[field.name]), n)
        if gram not in given
    ]
    return sum(gram in shown for gram in written), len(written)


def _all_text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    if not words:
        return []
    size = min(n, len(words))
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]

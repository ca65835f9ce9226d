"""A judge as a metric: what it is shown of a row, and which of its outputs counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self, TypeAlias, cast

from ...data.example import Example, row_name
from ...errors import ConfigError, DataError, MetricError, did_you_mean
from ...graph.module import Module
from ...graph.program import Program
from ...ground.shapes import is_sequence
from ...signature.field import FieldSpec
from ...signature.results import last_type
from ...signature.signature import Signature, spec_of
from ...signature.types import type_name
from ..matching import same
from ..metrics import FieldMetric, any_of
from ..score import BoundMetric, Score, to_score

Judge: TypeAlias = Module[..., Any] | Program[..., Any]

_NO_SCORE: Final = (str, bytes, list, dict, tuple, set, frozenset)


@dataclass(frozen=True)
class JudgedBy(BoundMetric):
    """A judge that scores predictions; see `weft.metrics.judged_by`.

    Args:
        judge: A module or a program whose last output is a number in [0, 1] or a bool.
        outputs: By an input of the judge, the program's output that it is shown.
        row: By an input of the judge, the field of the row that it is shown.
        known: The program's outputs, as far as they are known.
    """

    judge: Judge
    outputs: Mapping[str, str]
    row: Mapping[str, str]
    known: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it stands in reports and artifacts."""
        return f"judged_by({self.judge.name})"

    def bound(self, outputs: Mapping[str, FieldSpec]) -> Self:
        """The metric that knows what the program gives.

        Raises:
            ConfigError: It is to show an output that there is not.
        """
        known = tuple(name for name in outputs if name)
        for reads, name in self.outputs.items():
            if known and name not in known:
                raise ConfigError(
                    f"{self.name}: {reads!r} is to show the output {name!r}, and the "
                    "program has none of that name",
                    hint=did_you_mean(name, known),
                )
        return replace(self, known=known)

    def check(self, example: Example) -> None:
        """Refuse a row that lacks what the judge is shown.

        Raises:
            DataError: It lacks a field.
        """
        for reads, name in self.row.items():
            if name not in example:
                held = [*example.inputs, *example.labels]
                raise DataError(
                    f"{self.name}: {row_name(example)} has no field {name!r} to show "
                    f"as {reads!r}",
                    hint=did_you_mean(name, held),
                )
        told = {*self.outputs, *self.row, *self.known}
        for reads, field in self.judge.inputs.inputs.items():
            lacking = field.required and reads not in told and reads not in example
            if lacking and self.known:
                raise DataError(
                    f"{self.name}: the judge reads {reads!r}, which is neither an "
                    f"output of the program nor a field of {row_name(example)}",
                    hint=f'Write judged_by(judge, row={{"{reads}": "..."}}), or '
                    "outputs={...}",
                )

    async def __call__(self, example: Example, prediction: Any) -> Score:
        """Ask the judge; of several references the best score counts.

        Raises:
            DataError: The row lacks what the judge is shown.
            MetricError: The prediction lacks it, or the judge gave no score.
            WeftError: The judge failed.
        """
        self.check(example)
        shown = [*self._shown(example, prediction)]
        said = await asyncio.gather(*(self.judge.acall(**one) for one in shown))
        return max(map(self._score, said), key=float)

    def _shown(self, example: Example, prediction: Any) -> Iterator[dict[str, Any]]:
        """What the judge is asked: once for each reference where a text is wanted."""
        held: dict[str, Any] = {}
        for reads, field in self.judge.inputs.inputs.items():
            value = self._value(reads, example, prediction)
            if value is _ABSENT:
                if field.required:
                    raise MetricError(
                        f"{self.name} on {row_name(example)}: nothing is called "
                        f"{reads!r}",
                        hint=f'Write judged_by(judge, outputs={{"{reads}": "..."}})',
                    )
                continue
            held[reads] = value
        # Of a program's own list the best item would be a better score than its own.
        several = [
            name
            for name, value in held.items()
            if is_sequence(value)
            and value
            and self._is_text(name)
            and not self._is_output(name, prediction)
        ]
        if not several:
            yield held
            return
        first = several[0]
        yield from ({**held, first: one} for one in held[first])

    def _is_text(self, name: str) -> bool:
        return self.judge.inputs.inputs[name].annotation is str

    def _is_output(self, reads: str, prediction: Any) -> bool:
        """Whether the judge is shown what the program gave."""
        if reads in self.row:
            return False
        name = self.outputs.get(reads, reads)
        told = reads in self.outputs or name in self.known
        return told or _has(prediction, name)

    def _value(self, reads: str, example: Example, prediction: Any) -> Any:
        if reads in self.row:
            return example[self.row[reads]]
        name = self.outputs.get(reads, reads)
        if self._is_output(reads, prediction):
            compared = FieldMetric(self.name, name, same, any_of)
            return compared.predicted(prediction, None, example)
        if name not in example:
            return _ABSENT
        return example[name]

    def _score(self, said: Any) -> Score:
        if not isinstance(said, Signature):
            return to_score(said)
        held = dict(said)
        outputs = [*spec_of(type(said)).outputs]
        *others, last = [name for name in held if name in outputs]
        words = [held[name] for name in others if isinstance(held[name], str)]
        score = to_score(held[last])
        return Score(score.value, " ".join(word for word in words if word))


_ABSENT: Final = object()


def _has(prediction: Any, name: str) -> bool:
    """Whether a prediction has a field of a name."""
    if isinstance(prediction, Signature):
        return name in spec_of(type(prediction)).outputs
    if isinstance(prediction, Mapping):
        return name in cast("Mapping[str, Any]", prediction)
    return hasattr(prediction, name) and not isinstance(prediction, str | list | dict)


def require_judge(judge: object) -> None:
    """Refuse what can give no score.

    Raises:
        ConfigError: It is no module and no program, or gives a text last.
    """
    if not isinstance(judge, Module | Program):
        raise ConfigError(
            f"{judge!r:.200} is no judge",
            hint="Give a module or a program, such as weft.Groundedness()",
        )
    made = cast(Judge, judge)
    kind = made.result if isinstance(made, Module) else made.structure.result
    found = cast(object, last_type(kind))
    if isinstance(found, type) and issubclass(found, _NO_SCORE):
        raise ConfigError(
            f"the judge {made.name!r} gives {type_name(found)} last, and that is no "
            "score",
            hint="Let its last output be a number in [0, 1] or a bool, such as "
            "score: float",
        )

"""Semantic F1: a judge says how much of two answers is in each other.

The judge is a module like any other: it is asked by the model that the settings say, it
is booked as "judge" in a compile, and can be compiled itself. The measure is that of
Es et al. 2023 (RAGAS, arXiv 2309.15217) for whole answers, as DSPy's SemanticF1 has it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from ..data.example import Example, row_name
from ..errors import DataError, did_you_mean
from ..graph.module import Module
from .matching import text_of
from .metrics import FieldMetric
from .score import Score


@dataclass(frozen=True)
class SemanticF1:
    """The harmonic mean of the recall and the precision that a judge gives.

    Args:
        compared: The output field and the label.
        question: The field of a row that holds what was asked.
        judge: A module with the inputs question, reference and response, and the
            outputs recall and precision, which are cut to [0, 1].
    """

    compared: FieldMetric
    question: str
    judge: Module[..., Any]

    @property
    def name(self) -> str:
        """As it stands in reports and artifacts."""
        return self.compared.name

    def check(self, example: Example) -> None:
        """Refuse a row without a label, or without the question.

        Raises:
            DataError: It lacks one of them.
        """
        self.compared.check(example)
        if self.question not in example:
            raise DataError(
                f"{self.name}: {row_name(example)} has no field {self.question!r} to "
                "show to the judge",
                hint=did_you_mean(self.question, example.inputs)
                + ". Write semantic_f1(..., question=...)",
            )

    async def __call__(self, example: Example, prediction: Any) -> Score:
        """Ask the judge; of several references the best one counts.

        Raises:
            DataError: The row has no such label or question.
            MetricError: The prediction has no such field.
            WeftError: The judge failed.
        """
        self.check(example)
        gold = self.compared.gold(example)
        got = self.compared.predicted(prediction, gold, example)
        if got is None:
            return Score(float(gold is None), "there is no answer")
        asked = text_of(example[self.question])
        wanted = [text_of(one) for one in self.compared.accepted(gold)]
        said = await asyncio.gather(
            *(
                self.judge.acall(question=asked, reference=one, response=text_of(got))
                for one in wanted
            )
        )
        return max(map(_score, said), key=float)


def _score(said: Any) -> Score:
    recall, precision = (min(1.0, max(0.0, v)) for v in (said.recall, said.precision))
    both = recall + precision
    told = f"{recall:.0%} of what was wanted is in it, {precision:.0%} of it was wanted"
    return Score(2 * recall * precision / both if both else 0.0, told)

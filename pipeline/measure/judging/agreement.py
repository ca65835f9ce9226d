"""Agreement: how near a judge's verdict is to a person's, row by row and beyond chance.

Of one row agreement is a score, which a compile can raise. Of many it is Cohen's kappa,
which takes off what would be agreed by chance (`decisions.counts.kappa`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from ...data.example import Example, row_name
from ...errors import DataError
from ...signature.field import FieldSpec
from ..decisions.answers import class_of, classes_of, wanted_of
from ..decisions.cuts import Rated, Rating, class_at, cut_names
from ..label_types import readings
from ..metrics import FieldMetric
from ..score import BoundMetric, Score


@dataclass(frozen=True)
class AgreementMetric(BoundMetric, Rated):
    """1 where a judge says what a person said; see `weft.metrics.agreement`.

    Args:
        compared: The output field, and the label.
        rating: How they are compared.
        name: As it stands in reports and artifacts.
    """

    compared: FieldMetric
    rating: Rating
    name: str

    def bound(self, outputs: Mapping[str, FieldSpec]) -> Self:
        """The metric that knows the type of its output."""
        return replace(self, compared=self.compared.knowing(outputs))

    def check(self, example: Example) -> None:
        """Refuse a row without the label.

        Raises:
            DataError: It has none, or none that the output could be.
        """
        self.compared.check(example)

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one verdict.

        Raises:
            DataError: The row has no such label, or it has no place in the order.
            MetricError: The prediction has no such field.
        """
        self.check(example)
        gold = self.compared.gold(example)
        got = self.compared.predicted(prediction, gold, example)
        if got is None:
            return Score(0.0, f"wanted {gold!r}, got none")
        spec, cuts = self.compared.spec, self.rating.cuts
        if cuts:
            meant = gold if spec is None else next(readings(spec, gold), gold)
            names = class_at(cuts, meant), class_at(cuts, got)
        else:
            names = wanted_of(spec, gold), class_of(got)
        if names[0] == names[1]:
            return Score(1.0)
        near = self._near(*names, example)
        return Score(near, f"a person said {names[0]!r}, the judge {names[1]!r}")

    def _near(self, wanted: str, given: str, example: Example) -> float:
        if self.rating.weights == "none":
            return 0.0
        order = self._order()
        for name in (wanted, given):
            if name not in order:
                raise DataError(
                    f"{self.name} on {row_name(example)}: {name!r} has no place among "
                    f"{', '.join(order) or 'classes whose order is known'}",
                    hint="Let the output be a Literal in the order of its values, give "
                    'cuts=, or write weights="none"',
                )
        steps = abs(order.index(wanted) - order.index(given)) / max(1, len(order) - 1)
        return 1 - (steps if self.rating.weights == "linear" else steps * steps)

    def _order(self) -> Sequence[str]:
        if self.rating.cuts:
            return cut_names(self.rating.cuts)
        return classes_of(self.compared.spec)

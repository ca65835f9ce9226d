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
from ...ground.shapes import is_sequence
from ...signature.field import FieldSpec
from ..decisions.answers import classes_of, named
from ..decisions.cuts import Rated, Rating, cut_names
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
        """The metric that knows its output's type, whatever the label is called."""
        spec = outputs.get(self.compared.field, outputs.get(""))
        return replace(self, compared=replace(self.compared, spec=spec))

    def check(self, example: Example) -> None:
        """Refuse a row without the label.

        Raises:
            DataError: It has none, or none that the output could be.
        """
        self.compared.check(example)

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one verdict; of a label that is a list any item is right.

        Raises:
            DataError: The row has no such label, or it has no place in the order.
            MetricError: The prediction has no such field.
        """
        self.check(example)
        gold = self.compared.gold(example)
        got = self.compared.predicted(prediction, gold, example)
        if gold is None or got is None:
            same = gold is got
            return Score(float(same), "" if same else f"wanted {gold!r}, got {got!r}")
        spec, cuts = self.compared.spec, self.rating.cuts
        wanted = [*gold] if is_sequence(gold) and gold else [gold]
        try:
            told = [named(spec, one, cuts) for one in wanted]
            given = named(None, got, cuts)
        except DataError as error:
            where = f"{self.name} on {row_name(example)}"
            raise DataError(f"{where}: {error.message}", hint=error.hint) from None
        if given in told:
            return Score(1.0)
        near = self._near(told[0], given, example)
        said = " or ".join(map(repr, told))
        return Score(near, f"a person said {said}, the judge {given!r}")

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

"""What the decisions of an evaluation are worth, as one value."""

from __future__ import annotations

import functools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ...errors import ConfigError
from ...ground.pages import drawn
from ...ground.words import counted
from ..row_result import RowResult
from ..stats import Interval, mean_interval, wilson
from .answers import Answer, Answers, answers_in
from .by_class import ClassFigures, by_class, mean_recall, share
from .counts import (
    Cells,
    Weights,
    accuracy,
    kappa,
    macro_f1,
    mixed_up,
    unseen,
)
from .cuts import Rating
from .layout import laid_out
from .probabilities import (
    Bin,
    areas,
    bins_of,
    brier,
    calibration_error,
    calibration_interval,
    log_loss,
    mean_area,
)
from .resampling import Measured, of_cells, resampled, with_one_more

_WEIGHTS: Final = ("none", "linear", "quadratic")
_WHOLE: Final = Interval(0.0, 1.0)


@dataclass(frozen=True, repr=False)
class Classification:
    """What the decisions of an evaluation are worth; print it, or read its parts.

    Args:
        program: The program's name.
        output: The output field.
        classes: The classes in their order.
        cells: How often (wanted, given); given is None for no usable answer.
        by_class: Figures of each class, in the order of `classes`.
        accuracy: The share of answers that are right.
        macro_f1: The mean F1 of the classes that were wanted or given.
        balanced_accuracy: The mean recall of the classes that were wanted.
        kappa: Cohen's kappa with the labels; None where both only ever say one class.
        weights: How disagreements count in `kappa`: "none", "linear", "quadratic".
        log_loss: Mean of -ln p of the wanted class, in nats; this and what follows is
            None where no answer has probabilities.
        brier: Mean of half of Brier's score, in [0, 1]; 0 is best.
        calibration_error: Expected calibration error over bins of equal mass.
        auroc: The mean area under the ROC curves of the classes.
        bins: Confidence and accuracy, the least confident answers first.
        rows: How many rows were counted.
        answers: How many answers to them.
        decided: How many of these have probabilities.
        unsure: How many are unsure; they count as they were decided.
        instead: How many of these gave another class (`otherwise` of their rule), and
            count as that one.
        bounded: Of how many the wanted class's probability is only a bound.
        failed: Answers that could not be scored; they are left out.
        unlabelled: Answers to rows without a label; they are left out.
        foreign: Labels that are no class of the output's type; no answer is right.
    """

    program: str
    output: str
    classes: tuple[str, ...]
    cells: Cells
    by_class: tuple[ClassFigures, ...]
    accuracy: Measured
    macro_f1: Measured | None
    balanced_accuracy: Measured | None
    kappa: Measured | None
    weights: Weights = "none"
    log_loss: Measured | None = None
    brier: Measured | None = None
    calibration_error: Measured | None = None
    auroc: Measured | None = None
    bins: tuple[Bin, ...] = field(default=())
    rows: int = 0
    answers: int = 0
    decided: int = 0
    unsure: int = 0
    instead: int = 0
    bounded: int = 0
    failed: int = 0
    unlabelled: int = 0
    foreign: tuple[str, ...] = ()

    @property
    def mixed_up(self) -> list[tuple[str, str, int]]:
        """(Wanted, given, how often) of classes taken for others, most first."""
        return mixed_up(self.cells)

    @property
    def remarks(self) -> list[str]:
        """What a reader of the figures must know."""
        told: list[str] = []
        empty = sum(n for (_, given), n in self.cells.items() if given is None)
        if empty:
            told.append(f"{counted(empty, 'answer')} could not be used: wrong in all")
        if self.failed:
            told.append(f"{counted(self.failed, 'answer')} failed and left out")
        if self.unlabelled:
            told.append(f"{counted(self.unlabelled, 'answer')} without a label")
        if self.foreign:
            told.append(f"labels that the output cannot be: {', '.join(self.foreign)}")
        lacking = [one.label for one in self.by_class if not one.wanted]
        if lacking:
            told.append(f"never wanted: {', '.join(lacking)}")
        if len(self.classes) - len(lacking) < 2:
            told.append("one class alone was wanted: kappa and AUROC have no meaning")
        if 0 < self.decided < self.answers:
            told.append(f"{self.decided} of {self.answers} answers have probabilities")
        if kept := self.unsure - self.instead:
            told.append(f"{counted(kept, 'answer')} unsure, counted as decided")
        if self.instead:
            one = counted(self.instead, "answer")
            told.append(f"{one} unsure, counted as what was given instead")
        if self.bounded:
            told.append(
                f"of {counted(self.bounded, 'answer')} the wanted class is at most as "
                "probable as it was counted: log loss is too low by that"
            )
        return told

    def describe(self) -> dict[str, Any]:
        """All of it as plain JSON data."""
        return {
            "program": self.program,
            "output": self.output,
            "classes": list(self.classes),
            "confusion": [[*cell, n] for cell, n in self.cells.items()],
            "by_class": [
                {
                    **{n: getattr(one, n) for n in ("label", *_COUNTS)},
                    **{n: _data(getattr(one, n)) for n in _BY_CLASS},
                }
                for one in self.by_class
            ],
            **{name: _data(getattr(self, name)) for name in _FIGURES},
            "weights": self.weights,
            "bins": [
                [b.rows, b.confidence, b.right, b.interval.low, b.interval.high]
                for b in self.bins
            ],
            **{name: getattr(self, name) for name in _NUMBERS},
            "remarks": self.remarks,
        }

    def to_json(self) -> str:
        """As `describe`, as one JSON text."""
        return json.dumps(self.describe(), indent=1)

    def text(self) -> str:
        """All of it as text: figures, classes, the confusion matrix, calibration."""
        return laid_out(self.describe())

    def to_html(self) -> str:
        """One self-contained page."""
        return drawn("classification", self.describe())

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        head = f"{self.program}: {self.output}, accuracy {self.accuracy}"
        return f"Classification({head} on {counted(self.rows, 'row')})"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return drawn("classification cell", self.describe())


_COUNTS: Final = ("wanted", "given", "right")
_BY_CLASS: Final = ("precision", "recall", "f1", "auroc")
_FIGURES: Final = (
    *("accuracy", "macro_f1", "balanced_accuracy", "kappa"),
    *("log_loss", "brier", "calibration_error", "auroc"),
)
_NUMBERS: Final = (
    *("rows", "answers", "decided", "unsure", "instead", "bounded", "failed"),
    "unlabelled",
)


def classified(
    rows: Sequence[RowResult],
    program: str = "",
    *,
    seed: int = 0,
    rating: Rating,
    typed: bool = False,
) -> Classification:
    """What decisions are worth; see `weft.classification`.

    Args:
        rows: All rows, repeat after repeat.
        program: The program's name.
        seed: Seed of resampling.
        rating: What is compared with what, and how disagreements count.
        typed: Whether the output's type must say what the classes are.

    Raises:
        ConfigError: No output has few values, or there is none of that name.
        DataError: No row has the label, or none could be scored.
    """
    read, weights = answers_in(rows, rating, typed=typed), rating.weights
    _require_weights(weights, read)
    pairs = [(one.wanted, one.given) for one in read.of]
    cells = Counter(pairs)
    sides: list[list[tuple[str, str | None]]] = list(_grouped(read.of, pairs))
    right = round(sum(cells[c] for c in cells if c[0] == c[1]))
    sure = wilson(right, len(pairs))
    order = functools.partial(kappa, order=read.classes, weights=weights)
    resample = functools.partial(resampled, sides, seed=seed)
    found = by_class(read, cells)
    return Classification(
        program=program,
        output=read.output,
        classes=read.classes,
        cells={
            (gold, got): cells[gold, got]
            for gold in read.classes
            for got in (*read.classes, None)
            if cells[gold, got]
        },
        accuracy=share(right, len(pairs))
        if len(sides) == len(pairs)
        else resample(of_cells(accuracy), sure=sure) or share(right, len(pairs)),
        macro_f1=resample(of_cells(macro_f1), sure=sure),
        balanced_accuracy=mean_recall(found),
        kappa=with_one_more(sides, order, unseen(cells, read.classes), seed),
        weights=weights,
        rows=len(sides),
        answers=len(pairs),
        failed=read.failed,
        unlabelled=read.unlabelled,
        foreign=read.foreign,
        **_of_probabilities(read, found, seed),
    )


def _require_weights(weights: str, read: Answers) -> None:
    """Refuse weights that there are not, or for classes without an order.

    Raises:
        ConfigError: They cannot be.
    """
    if weights not in _WEIGHTS:
        hint = f"Give one of {', '.join(map(repr, _WEIGHTS))}"
        raise ConfigError(f"weights={weights!r} is no way to weigh", hint=hint)
    if weights != "none" and not read.ordered:
        raise ConfigError(
            f"kappa is to be weighted, and the classes of {read.output!r} have no "
            f"order: {', '.join(read.classes):.200}",
            hint="Let the output be a Literal in the order of its values, or leave "
            "weights= out",
        )


def _grouped(answers: Sequence[Answer], values: Sequence[Any]) -> Any:
    """Values of answers, those to one row together, in the order of the rows."""
    held: dict[int, list[Any]] = {}
    for one, value in zip(answers, values, strict=True):
        held.setdefault(one.row, []).append(value)
    return held.values()


def _of_probabilities(
    read: Answers, found: Sequence[ClassFigures], seed: int
) -> Mapping[str, Any]:
    """What hangs on probabilities; the classes' areas with the classes."""
    some = [one for one in read.of if one.decided is not None]
    if not some:
        return {"by_class": tuple(found)}
    probabilities = [one.decided.probabilities for one in some if one.decided]
    wanted = [one.wanted for one in some]
    pairs = list(zip(probabilities, wanted, strict=True))
    losses = [log_loss(*pair) for pair in pairs]
    curves = areas(probabilities, wanted)
    by_name = {one.label: _area(one.value, one.interval) for one in curves}
    classes = tuple(
        replace(one, auroc=by_name[one.label]) if one.label in by_name else one
        for one in found
    )
    sure = [
        (one.decided.probabilities.get(one.given, 0.0), one.given == one.wanted)
        for one in some
        if one.decided and one.given is not None
    ]
    rows = [one.row for one in some if one.given is not None]
    known = [p for p, _ in sure], [ok for _, ok in sure]
    error = calibration_error(*known)
    ends = calibration_interval(*known, rows, seed) if sure else _WHOLE
    return {
        "by_class": classes,
        "log_loss": _mean(some, losses, seed, math.inf),
        "brier": _mean(some, [brier(*pair) for pair in pairs], seed, 1.0),
        "calibration_error": None
        if error is None
        else Measured(error, ends, "bootstrap"),
        "auroc": _mean_area(curves, [one.row for one in some]),
        "bins": tuple(bins_of(*known)),
        "decided": len(some),
        "unsure": sum(one.decided.unsure for one in some if one.decided),
        "instead": sum(
            one.decided.unsure and one.given != one.decided.choice
            for one in some
            if one.decided
        ),
        "bounded": sum(o.wanted in o.decided.at_most for o in some if o.decided),
    }


def _mean(
    answers: Sequence[Answer], values: Sequence[float], seed: int, most: float
) -> Measured:
    """The mean over rows of what each answer costs; of one row nothing is known."""
    rows = [math.fsum(held) / len(held) for held in _grouped(answers, values)]
    mean = math.fsum(rows) / len(rows)
    interval = mean_interval(rows, seed)
    if len(rows) < 2:
        interval = Interval(0.0, most)
    return Measured(mean, interval, "bootstrap")


def _area(value: float, interval: Interval) -> Measured:
    return Measured(value, interval, "newcombe")


def _mean_area(curves: Sequence[Any], rows: Sequence[int]) -> Measured | None:
    if not curves:
        return None
    if len(curves) == 2 and curves[0].value == curves[1].value:
        return _area(curves[0].value, curves[0].interval)  # two classes, one curve
    mean = math.fsum(one.value for one in curves) / len(curves)
    return Measured(mean, mean_area(curves, rows), "delong")


def _data(one: Measured | None) -> dict[str, Any] | None:
    if one is None:
        return None
    high = one.interval.high if math.isfinite(one.interval.high) else None
    return {"value": one.value, "interval": [one.interval.low, high], "by": one.method}

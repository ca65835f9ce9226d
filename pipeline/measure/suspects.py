"""Wrong labels: rows whose label the programs that are good contradict together.

Several programs answered the same rows. That all of them miss a label says little, for
hard rows are missed by all. That those who are right elsewhere agree on another value
says much, unless programs often share a wrong value: `latent_truth` weighs that. ATLAS
(2025, arXiv 2511.04689) finds such rows by negative discrimination: the better a
program is, the likelier it misses them.
"""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ..data.example import Example
from ..errors import ConfigError, DataError
from ..ground import strictjson
from ..ground.options import Rule, checked
from ..ground.plain import plain
from ..ground.shapes import is_dict
from ..ground.words import counted
from .evaluate import Evaluation
from .latent_truth import Answered, probably_wrong
from .row_result import RowResult, outputs_of

FEWEST: Final = 3
"""Programs whose answers can contradict a label: of two nobody knows who is right."""

_LEAST: Final = Rule("a number from 0 to 1", numbers.Real, 0, 1)
_AGREES: Final = 0.5
"""The score from which an answer does not contradict the label."""
_COPIES: Final = 0.1
"""The share of rows on which programs that err alike are copies of one."""
_FALSE: Final = 0.006
"""Share of all rows that may be expected to be named wrongly."""


@dataclass(frozen=True)
class Suspect:
    """A row whose label is probably wrong.

    Args:
        example: The row.
        value: What most of the contradicting programs give instead, as plain data.
        probability: That the label is wrong, in [0, 1].
        agree: How many programs give that value.
        of: How many answered the row.
    """

    example: Example
    value: Any
    probability: float
    agree: int
    of: int

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {
            "id": self.example.id,
            "inputs": plain(self.example.inputs),
            "labels": plain(self.example.labels),
            "value": self.value,
            "probability": round(self.probability, 4),
            "agree": self.agree,
            "of": self.of,
        }

    def __str__(self) -> str:
        said = f"{self.agree} of {self.of} say {self.value!r}"
        return f"{self.example.id}: {said} (wrong with {self.probability:.0%})"


@checked
def suspect_labels(
    evaluations: Iterable[Evaluation], *, least: float = 0.5
) -> list[Suspect]:
    """The rows whose labels are probably wrong, the surest first.

    Look at them before anything is tuned on these rows. As many are named as can be
    with some six right labels in a thousand rows among them; where programs err alike,
    as those do that share a model, fewer are named, and a wrong label that most of
    them fall for as its author did is not found.

    Args:
        evaluations: Of at least three programs on the same rows, the same metric. Each
            row's first answer counts; the more programs and the better, the more is
            found.
        least: The probability from which a label is named, in [0, 1].

    Raises:
        ConfigError: One of them is no evaluation, they are of several metrics, or
            `least` is no number from 0 to 1.
        DataError: There are fewer than three evaluations, or no row is in all.

    >>> rows = [Example(f"r{n}", {"q": n}, {"a": "cat"}) for n in range(20)]
    >>> from .score import Score
    >>> def answered(row, said):
    ...     return RowResult(row, said, Score(float(said == row.a)))
    >>> def program(slip):
    ...     said = ["dog" if n in (7, slip) else "cat" for n in range(20)]
    ...     found = tuple(map(answered, rows, said))
    ...     return Evaluation("p", "exact", found)
    >>> print(*suspect_labels([program(n) for n in range(4)]))
    r7: 4 of 4 say 'dog' (wrong with 100%)
    """
    given = _evaluations(evaluations)
    if not _LEAST.fits(least):
        raise ConfigError(
            f"least={least!r:.80} is no probability", hint=f"Give {_LEAST.words}"
        )
    if len(given) < FEWEST:
        raise DataError(
            f"{counted(len(given), 'evaluation')} cannot tell a wrong label from "
            "a hard row",
            hint=f"Give those of {FEWEST} programs or more on the same rows",
        )
    rows = [one.rows[: len(one.rows) // one.repeats] for one in given]
    first, *others = ({row.example.digest for row in some} for some in rows)
    if not first.intersection(*others):
        raise DataError(
            "the evaluations have no row in common",
            hint="Evaluate each program on the same rows",
        )
    return suspects_among(rows, least)


def _evaluations(given: object) -> list[Evaluation]:
    """Evaluations by one metric: what one of them scores 1 says nothing of another's.

    Raises:
        ConfigError: One is none, or has another metric.
    """
    found = [given]
    if isinstance(given, Iterable):
        found = [*cast("Iterable[object]", given)]
    made = [one for one in found if isinstance(one, Evaluation)]
    for one in found:
        if not isinstance(one, Evaluation):
            raise ConfigError(
                f"{one!r:.80} is no evaluation",
                hint="Give a list of what weft.evaluate gave on the same rows",
            )
    names = dict.fromkeys(one.metric for one in made)
    if len(names) > 1:
        raise ConfigError(
            f"the evaluations are of several metrics: {', '.join(names)}",
            hint="Evaluate each program with the same metric",
        )
    return made


def suspects_among(
    results: Sequence[Sequence[RowResult]], least: float = 0.5
) -> list[Suspect]:
    """As `suspect_labels`, of each program's results; rows may lack in some of them.

    Programs that gave the same answers everywhere count as one, unless they hardly err:
    those that are right answer alike. With fewer than three nothing is named.
    """
    met = _met(results)
    if not any(map(_contradicted, met)):
        return []
    found = probably_wrong([Answered(row.label, row.answers) for row in met])
    ranked = sorted(zip(found, met, strict=True), key=lambda pair: -pair[0].wrong)
    named, expected, unknown = list[Suspect](), 0.0, _unknown(met)
    for posterior, row in ranked:
        if row.label in unknown:
            continue
        expected += 1 - posterior.wrong
        if posterior.wrong < least or expected > _FALSE * len(met):
            break
        agree = [who for who, said in row.answers.items() if said == posterior.value]
        named.append(
            Suspect(
                row.example,
                row.shown[agree[0]],
                posterior.wrong,
                len(agree),
                len(row.answers),
            )
        )
    return named


@dataclass
class _Met:
    """A row as programs answered it.

    Args:
        example: The row.
        label: Its label as one text.
        answers: What each program said, as one text; the label itself where it agreed.
        shown: The same as plain data.
    """

    example: Example
    label: str
    answers: dict[int, str] = field(default_factory=dict[int, str])
    shown: dict[int, Any] = field(default_factory=dict[int, Any])


def _met(results: Sequence[Sequence[RowResult]]) -> list[_Met]:
    """The labelled rows that somebody answered, in the order in which they come."""
    rows, asked = dict[str, _Met](), _asked_for(results)
    known = set[tuple[tuple[str, str], ...]]()
    for who, some in enumerate(results):
        said = dict[str, tuple[str, Any]]()
        for result in some:
            digest = result.example.digest
            if result.score is None or result.model_failed or not result.example.labels:
                continue  # what went wrong is no answer
            row = rows.setdefault(digest, _Met(result.example, _label(result, asked)))
            given = _single(outputs_of(result))
            agrees = result.score.value >= _AGREES
            said[digest] = (row.label if agrees else _text(given), given)
        same = tuple((digest, text) for digest, (text, _) in sorted(said.items()))
        errors = sum(text != rows[digest].label for digest, text in same)
        if same in known and errors > _COPIES * len(same):
            continue
        known.add(same)
        for digest, (text, given) in said.items():
            rows[digest].answers[who] = text
            rows[digest].shown[who] = given
    return [row for row in rows.values() if row.answers]


def _asked_for(results: Sequence[Sequence[RowResult]]) -> str:
    """The label that answers which agree are, where rows have several; or empty."""
    same = Counter[str]()
    for result in (result for some in results for result in some):
        if result.score is not None and result.score.value >= _AGREES:
            given = _text(_single(outputs_of(result)))
            labels = plain(dict(result.example.labels), repr)
            same.update(name for name in labels if _text(labels[name]) == given)
    return same.most_common(1)[0][0] if same else ""


def _label(result: RowResult, asked: str) -> str:
    """A row's label as answers are written, as far as it has the same fields."""
    given, labels = outputs_of(result), dict(result.example.labels)
    if asked in labels:
        labels = {asked: labels[asked]}
    elif is_dict(given) and (both := {n: labels[n] for n in labels if n in given}):
        labels = both
    return _text(_single(plain(labels, repr)))


def _single(value: Any) -> Any:
    """The value of the only field, or all of them."""
    return next(iter(value.values())) if is_dict(value) and len(value) == 1 else value


def _text(value: Any) -> str:
    """A value as a text that is the same for answers that say the same."""
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    return strictjson.canonical(value)


def _unknown(rows: Sequence[_Met]) -> set[str]:
    """Labels that no program ever gives, and for which they say now this, now that.

    They do not know such a label, so that where they agree for once it means nothing.
    """
    given = {row.label for row in rows if row.label in row.answers.values()}
    return {row.label for row in rows if not _contradicted(row)} - given


def _contradicted(row: _Met) -> bool:
    """Whether most of those who answered gave one other value."""
    said = [text for text in row.answers.values() if text != row.label]
    most = max(map(said.count, said), default=0)
    return most * 2 > len(row.answers) >= FEWEST

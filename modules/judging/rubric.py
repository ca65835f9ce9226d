"""Rubric: an answer by several criteria, each on a scale, and their weighted mean."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, Part
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ...pipeline.signature.signature import make_value
from ..asking.chain_of_thought import ChainOfThought
from .points import SCORE
from .reads import inputs_of, require_texts

_HOW: Final = (
    "Judge the last of the inputs by each criterion by itself, from 1, which is worst, "
    "to {levels}, which is best. Its length does not count, nor how sure it sounds."
)
_MOST: Final = 20
_LARGEST: Final = sys.float_info.max


@final
class Rubric(Module[..., Any]):
    r"""An answer by criteria, each from 1 to `levels`, and a score from 0 to 1.

    As G-Eval (Liu et al. 2023, arXiv 2303.16634) and LangSmith's and other tools'
    rubrics. The part `judge`, a `ChainOfThought`, gives all criteria in one call. The
    outputs are one for each criterion, `feedback`, which is the judge's reasoning, and
    `score`: the weighted mean of the criteria, 0 where all are at 1.

    Args:
        criteria: What each criterion asks for, by its name.
        weights: How much a criterion counts, by its name; 1 where it is not named.
        levels: How many steps the scale has.
        reads: What the judge is shown, as the inputs of a signature; the last one is
            judged.
        name: Its name; "rubric" by default.
        lm: The model of its part; the scope's by default.

    Raises:
        ConfigError: There is no criterion, a weight is none, or `levels` is no number.
        SignatureError: `reads` cannot be understood.

    >>> import weft
    >>> rubric = weft.Rubric(
    ...     {"polite": "friendly in tone", "useful": "solves the problem"},
    ...     weights={"useful": 3},
    ... )
    >>> said = "[[ reasoning ]]\nKind, and vague.\n[[ polite ]]\n5\n[[ useful ]]\n3"
    >>> with weft.use(lm=weft.ScriptedLM([said]), cache=None):
    ...     made = rubric(question="Where is my card?", answer="It may come soon!")
    >>> made.polite, made.useful, made.score
    (5, 3, 0.625)
    """

    kind = "Rubric"

    @checked
    def __init__(
        self,
        criteria: Mapping[str, str],
        *,
        weights: Mapping[str, float] | None = None,
        levels: int = 5,
        reads: str = "question, answer",
        name: str | None = None,
        lm: str | LanguageModel | None = None,
    ) -> None:
        require_texts("Rubric", reads=reads)
        self._criteria = _checked(criteria)
        self._weights = _weighed(weights or {}, self._criteria)
        require_whole("Rubric: levels", levels, 2, _MOST, "no scale")
        self._levels, self._reads = levels, reads
        inputs = inputs_of(reads, "Rubric", {*self._criteria, "feedback", "score"})
        literal: Any = Literal
        scale: Any = literal[tuple(range(1, levels + 1))]
        marks = tuple(
            FieldSpec(name, "output", scale, said)
            for name, said in self._criteria.items()
        )
        feedback = FieldSpec("feedback", "output", str, "why")
        whole = (*inputs, *marks, feedback, SCORE)
        self._signed(make_signature(whole, name="Rubric"), None, name=name)
        asked = make_signature(
            (*inputs, *marks), _HOW.format(levels=levels), name="JudgeByRubric"
        )
        self._judge: ChainOfThought[..., Any] = ChainOfThought(
            asked, name="judge", lm=lm
        )

    def parts(self) -> Mapping[str, Part]:
        """What judges."""
        return {"judge": self._judge}

    def settings(self) -> Mapping[str, JSON]:
        """The criteria, their weights, the scale, and what is shown."""
        return {
            "criteria": dict(self._criteria),
            "weights": dict(self._weights),
            "levels": self._levels,
            "reads": self._reads,
        }

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask once, and take the mean."""
        made = await call(self._judge, inputs)
        marks: dict[str, int] = {name: getattr(made, name) for name in self._criteria}
        # In parts of the largest: sums of very large weights have no float.
        most = max(self._weights.values())
        weights = {name: value / most for name, value in self._weights.items()}
        total = math.fsum(weights.values())
        shares = {n: (mark - 1) / (self._levels - 1) for n, mark in marks.items()}
        score = math.fsum(weights[n] * s for n, s in shares.items()) / total
        last = {"feedback": made.reasoning, "score": min(1.0, score)}
        return make_value(self._asked, {**inputs, **marks, **last})


def _checked(criteria: object) -> dict[str, str]:
    """Criteria by name.

    Raises:
        ConfigError: They are none.
    """
    held: dict[Any, Any] = dict(criteria) if is_mapping(criteria) else {}
    good = bool(held) and len(held) <= _MOST
    for name, said in held.items():
        good = good and isinstance(name, str) and isinstance(said, str)
        good = good and name.isidentifier() and name not in _TAKEN
    if not good:
        raise ConfigError(
            f"Rubric: {criteria!r:.200} are no criteria",
            hint=f"Give 1 to {_MOST}, by a name that is a word, in words: "
            '{"polite": "friendly in tone"}',
        )
    return held


_TAKEN: Final = {"feedback", "score", "reasoning"}


def _weighed(weights: object, criteria: Mapping[str, str]) -> dict[str, float]:
    """The weight of each criterion.

    Raises:
        ConfigError: One is no weight, or of no criterion.
    """
    held: dict[Any, Any] = dict(weights) if is_mapping(weights) else {None: None}
    for name, value in held.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name not in criteria or not number or not 0 < value <= _LARGEST:
            raise ConfigError(
                f"Rubric: {name!r}: {value!r} is no weight of a criterion",
                hint=f"Give numbers above 0 for some of {', '.join(criteria)}",
            )
    return {name: float(held.get(name, 1)) for name in criteria}

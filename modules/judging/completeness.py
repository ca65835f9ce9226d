"""Completeness: how much of what a reference answer says an answer says too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

from ...pipeline.graph.module import Call, Module, Part
from ...pipeline.ground.options import checked
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ...pipeline.signature.signature import make_value
from ..asking.chain_of_thought import ChainOfThought
from ..asking.predict import Predict
from .points import FEEDBACK, SCORE, distinct, held, numbered
from .reads import require_texts

_EXTRACT: Final = (
    "List the key points of the reference answer: what another answer has to say to be "
    "as good. Each is one sentence that can be looked for by itself."
)
_CHECK: Final = (
    "Say which of the numbered points the answer makes, in whatever words. A point "
    "that it makes in part, or contradicts, is not made."
)


@final
class Completeness(Module[..., Any]):
    r"""The share of a reference answer's key points that an answer makes.

    As DSPy's `AnswerCompleteness`. Two parts can be tuned: `extract` lists the key
    points of the reference, which is asked once for each reference where answers are
    cached; `check`, a `ChainOfThought`, names those that the answer makes. A reference
    without a point has a score of 1. The outputs are `points`, `missing`, `feedback`
    and `score`.

    Args:
        answer: The name of the input that holds the answer.
        reference: The name of the input that holds an answer known to be right.
        name: Its name; "completeness" by default.
        lm: The model of its parts; the scope's by default.

    Raises:
        ConfigError: A name is no text.
        SignatureError: A name is none that a field can have.

    >>> import weft
    >>> said = [
    ...     '[[ points ]]\n["It opened in 1889.", "It is of iron."]',
    ...     "[[ reasoning ]]\nThe year is there.\n[[ made ]]\n[1]",
    ... ]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     seen = weft.Completeness()(
    ...         answer="It opened in 1889.",
    ...         reference="An iron tower, opened in 1889.",
    ...     )
    >>> seen.score, seen.missing
    (0.5, ['It is of iron.'])
    """

    kind = "Completeness"

    @checked
    def __init__(
        self,
        *,
        answer: str = "answer",
        reference: str = "reference",
        name: str | None = None,
        lm: str | LanguageModel | None = None,
    ) -> None:
        require_texts("Completeness", answer=answer, reference=reference)
        self._names = {"answer": answer, "reference": reference}
        said = FieldSpec(answer, "input", str, "the answer to be judged")
        right = FieldSpec(reference, "input", str, "an answer known to be right")
        points = FieldSpec("points", "output", list[str], "what it has to say")
        missing = FieldSpec("missing", "output", list[str], "points that it lacks")
        whole = (said, right, points, missing, FEEDBACK, SCORE)
        self._signed(make_signature(whole, name="Completeness"), None, name=name)
        extract = make_signature((right, points), _EXTRACT, name="ExtractPoints")
        listed = FieldSpec("numbered", "input", list[str], "the points")
        made = FieldSpec(
            "made", "output", list[int], "the numbers of the points that it makes"
        )
        check = make_signature((said, listed, made), _CHECK, name="CheckPoints")
        self._extract: Predict[..., Any] = Predict(extract, name="extract", lm=lm)
        self._check: ChainOfThought[..., Any] = ChainOfThought(
            check, name="check", lm=lm
        )

    def parts(self) -> Mapping[str, Part]:
        """What lists the points, and what looks for them."""
        return {"extract": self._extract, "check": self._check}

    def settings(self) -> Mapping[str, JSON]:
        """What its inputs are called."""
        return dict(self._names)

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """List the points, then ask once which are made."""
        answer, reference = self._names["answer"], self._names["reference"]
        listed = await call(self._extract, {reference: inputs[reference]})
        points = distinct(listed.points)
        made: list[int] = []
        if points:
            asked = {answer: inputs[answer], "numbered": numbered(points)}
            made = (await call(self._check, asked)).made
        lacking, score = held(call, points, made)
        feedback = f"the answer does not say: {' '.join(lacking)}" if lacking else ""
        outputs = {"points": points, "missing": lacking}
        last = {"feedback": feedback, "score": score}
        return make_value(self._asked, {**inputs, **outputs, **last})

"""Groundedness: whether what an answer claims stands in the passages it came from."""

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
from .reads import input_of, require_texts

_EXTRACT: Final = (
    "List the claims that the answer makes, each as one sentence that can be checked "
    "by itself: names in place of pronouns, one fact each. List none where it claims "
    "nothing, as where it says that it does not know."
)
_CHECK: Final = (
    "Say which of the numbered claims the passages support. A claim is supported where "
    "a passage states it or it follows from what passages state; that it is true is "
    "not enough."
)


@final
class Groundedness(Module[..., Any]):
    r"""The share of an answer's claims that passages support.

    As faithfulness in RAGAS (Es et al. 2023, arXiv 2309.15217, section 3) and DSPy's
    `AnswerGroundedness`. Two parts can be tuned: `extract` lists the claims; `check`, a
    `ChainOfThought`, names those that are supported. An answer without a claim has a
    score of 1, and takes one call. The outputs are `claims`, `unsupported`, `feedback`
    and `score`.

    Args:
        answer: The name of the input that holds the answer.
        passages: The name of the input that holds the passages: a text, or several
            texts. What `weft.Retrieve` found has a type: "passages: list[Passage]".
        name: Its name; "groundedness" by default.
        lm: The model of its parts; the scope's by default.

    Raises:
        ConfigError: A name is no text, or there are several passages.
        SignatureError: A name is none that a field can have.

    >>> import weft
    >>> said = [
    ...     '[[ claims ]]\n["The tower is in Paris.", "The tower is red."]',
    ...     "[[ reasoning ]]\nNothing is said of its colour.\n[[ supported ]]\n[1]",
    ... ]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     made = weft.Groundedness()(
    ...         answer="The tower is in Paris, and red.",
    ...         passages=["The Eiffel Tower stands in Paris."],
    ...     )
    >>> made.score, made.unsupported
    (0.5, ['The tower is red.'])
    """

    kind = "Groundedness"

    @checked
    def __init__(
        self,
        *,
        answer: str = "answer",
        passages: str = "passages",
        name: str | None = None,
        lm: str | LanguageModel | None = None,
    ) -> None:
        require_texts("Groundedness", answer=answer, passages=passages)
        self._names = {"answer": answer, "passages": passages}
        self._passages = passages
        said = FieldSpec(answer, "input", str, "the answer to be judged")
        kind: Any = str | list[str]
        if ":" in passages:
            field = input_of(passages, "Groundedness: passages")
            self._passages, kind = field.name, field.annotation
        given = FieldSpec(
            self._passages, "input", kind, "what it was to be answered from"
        )
        claims = FieldSpec("claims", "output", list[str], "what the answer claims")
        lacking = FieldSpec(
            "unsupported", "output", list[str], "claims that no passage supports"
        )
        whole = (said, given, claims, lacking, FEEDBACK, SCORE)
        self._signed(make_signature(whole, name="Groundedness"), None, name=name)
        extract = make_signature((said, claims), _EXTRACT, name="ExtractClaims")
        listed = FieldSpec("numbered", "input", list[str], "the claims")
        named = FieldSpec(
            "supported", "output", list[int], "the numbers of the supported claims"
        )
        check = make_signature((given, listed, named), _CHECK, name="CheckClaims")
        self._extract: Predict[..., Any] = Predict(extract, name="extract", lm=lm)
        self._check: ChainOfThought[..., Any] = ChainOfThought(
            check, name="check", lm=lm
        )

    def parts(self) -> Mapping[str, Part]:
        """What lists the claims, and what holds them against the passages."""
        return {"extract": self._extract, "check": self._check}

    def settings(self) -> Mapping[str, JSON]:
        """What its inputs are called, and of what type passages are."""
        return dict(self._names)

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """List the claims, then ask once which are supported."""
        answer, passages = self._names["answer"], self._passages
        listed = await call(self._extract, {answer: inputs[answer]})
        claims = distinct(listed.claims)
        supported: list[int] = []
        if claims:
            asked = {passages: inputs[passages], "numbered": numbered(claims)}
            supported = (await call(self._check, asked)).supported
        lacking, score = held(call, claims, supported)
        feedback = f"not in the passages: {' '.join(lacking)}" if lacking else ""
        outputs = {"claims": claims, "unsupported": lacking}
        last = {"feedback": feedback, "score": score}
        return make_value(self._asked, {**inputs, **outputs, **last})

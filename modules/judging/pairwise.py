"""Pairwise: which of two answers is better, asked in both orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, Part
from ...pipeline.ground.options import checked
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.request import JSON
from ...pipeline.run.rows import map_rows
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ...pipeline.signature.signature import make_value
from ..asking.chain_of_thought import ChainOfThought
from .reads import inputs_of, require_texts

_HOW: Final = (
    "Say which of the two answers is better, or that neither is. The order in which "
    "they stand does not count, nor their length, nor how sure they sound."
)
_OTHER: Final = {"first": "second", "second": "first", "tie": "tie"}
_WORTH: Final = {"first": 1.0, "second": 0.0, "tie": 0.5}
_Better = Literal["first", "second", "tie"]


@final
class Pairwise(Module[..., Any]):
    r"""Which of two answers is better: "first", "second" or "tie".

    A model that judges two answers prefers the one in a certain place. So both orders
    are asked, side by side, and where the verdicts do not agree it is a tie (Zheng et
    al. 2023, arXiv 2306.05685, section 3.4; Wang et al. 2023, arXiv 2305.17926). The
    part `judge`, a `ChainOfThought`, can be tuned. The outputs are `better`,
    `feedback`, which holds the reasons in both orders, and `score`: 1 where the first
    is better, 0 where the second is, 0.5 for a tie. `weft.info(result).facts` has the
    verdict `forth` and `back`, both by what they are of here, and `agreed`.

    Args:
        first: The name of the input that holds the first answer.
        second: The name of the input that holds the second.
        reads: What else the judge is shown, as the inputs of a signature; may be empty.
        swap: Whether both orders are asked; else the first one alone, for half of the
            calls, and with the judge's preference for a place in the verdict.
        name: Its name; "pairwise" by default.
        lm: The model of its part; the scope's by default.

    Raises:
        ConfigError: Both answers have one name, or that of an output.
        SignatureError: `reads` cannot be understood.

    >>> import weft
    >>> said = "[[ reasoning ]]\nThe first is shorter.\n[[ better ]]\nfirst"
    >>> pair = weft.Pairwise()
    >>> with weft.use(lm=weft.ScriptedLM([said, said]), cache=None):
    ...     made = pair(question="Capital of France?", first="Paris", second="Lyon")
    >>> made.better, made.score, weft.info(made).facts["agreed"]
    ('tie', 0.5, False)
    """

    kind = "Pairwise"

    @checked
    def __init__(
        self,
        *,
        first: str = "first",
        second: str = "second",
        reads: str = "question",
        swap: bool = True,
        name: str | None = None,
        lm: str | LanguageModel | None = None,
    ) -> None:
        require_texts("Pairwise", first=first, second=second, reads=reads)
        if not isinstance(cast(object, swap), bool):
            hint = "Give True or False"
            raise ConfigError(f"Pairwise: swap={swap!r} is no yes or no", hint=hint)
        taken = {"better", "feedback", "score", "reasoning"}
        if first == second or {first, second} & taken:
            raise ConfigError(
                f"Pairwise: first={first!r} and second={second!r} are no two inputs",
                hint=f"Give two names; {', '.join(sorted(taken))} are taken",
            )
        self._names, self._reads, self._swap = (first, second), reads, swap
        inputs = inputs_of(reads, "Pairwise", {*taken, first, second})
        pair = (
            FieldSpec(first, "input", str, "an answer"),
            FieldSpec(second, "input", str, "another answer"),
        )
        better = FieldSpec("better", "output", _Better, "which answer is better")
        feedback = FieldSpec("feedback", "output", str, "why")
        score = FieldSpec("score", "output", float, "1 where the first is better")
        whole = (*inputs, *pair, better, feedback, score)
        self._signed(make_signature(whole, name="Pairwise"), None, name=name)
        shown = (FieldSpec("first", "input", str), FieldSpec("second", "input", str))
        asked = make_signature((*inputs, *shown, better), _HOW, name="JudgePair")
        self._judge: ChainOfThought[..., Any] = ChainOfThought(
            asked, name="judge", lm=lm
        )

    def parts(self) -> Mapping[str, Part]:
        """What judges."""
        return {"judge": self._judge}

    def settings(self) -> Mapping[str, JSON]:
        """What its inputs are called, what else is shown, and whether it is swapped."""
        first, second = self._names
        return {
            "first": first,
            "second": second,
            "reads": self._reads,
            "swap": self._swap,
        }

    def times(self) -> Mapping[str, int]:
        """Both orders."""
        return {"judge": 2 if self._swap else 1}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask in one order and in the other, and take what both say."""
        one, other = (inputs[name] for name in self._names)
        shown = {n: v for n, v in inputs.items() if n not in self._names}
        # Of one answer and itself both orders are the same call.
        orders = [(one, other), (other, one)][: 1 + (self._swap and one != other)]

        async def ask(position: int, pair: tuple[Any, Any]) -> Any:
            del position
            asked = {**shown, "first": pair[0], "second": pair[1]}
            return await call(self._judge, asked)

        came = await map_rows(ask, orders, concurrency=2)
        forth: str = came[0].better
        back: str = _OTHER[came[-1].better] if self._swap else forth
        better = forth if forth == back else "tie"
        call.report(forth=forth, back=back, agreed=forth == back)
        feedback = "\n\n".join(made.reasoning for made in came)
        outputs = {"better": better, "feedback": feedback, "score": _WORTH[better]}
        return make_value(self._asked, {**inputs, **outputs})

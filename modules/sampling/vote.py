"""Vote: several answers to one question, and the one that most of them agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

from ...pipeline.errors import StepError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked
from ...pipeline.lm.request import JSON
from .reward import Reward, judge_of, rewarded
from .tally import counted_votes, field_of

_HEAVIEST: Final = 1e300
"""A thousand of these are still a number."""


@final
class Vote(Module[P, R_co]):
    r"""Ask `n` times, side by side, and give back the answer that most agree on.

    Self-consistency: Wang et al. 2022, arXiv 2203.11171, with weights as in section 2.
    The tries differ by sample, seed and temperature 1. Values are compared as what they
    are, texts without case, width, and outer or doubled space; the earliest of equals
    wins, and one whose reply cannot be used has no vote.
    `weft.info(result).facts` has the `agreement`, which is the share of all `n` that
    agree, in [0, 1], and the `votes`.

    Args:
        module: What is asked: a module, or a whole program.
        n: How many tries.
        by: The output field that is voted on; the last one by default.
        weight: How much a vote counts, 0 or more: a function or step of (inputs by
            name, answer), or a judge, as a reward is. Each counts 1 by default.
        name: Its name; the module's by default.

    >>> import weft
    >>> sure = weft.Vote(weft.ChainOfThought("question -> answer: int"), n=3)
    >>> replies = [f"[[ reasoning ]]\n{n}\n[[ answer ]]\n{n}" for n in (4, 5, 4)]
    >>> with weft.use(lm=weft.ScriptedLM(replies), cache=None):
    ...     made = sure(question="2+2?")
    >>> made.answer, round(weft.info(made).facts["agreement"], 2)
    (4, 0.67)
    """

    kind = "Vote"

    @checked
    def __init__(
        self,
        module: Askable[P, R_co],
        n: int = 5,
        *,
        by: str | None = None,
        weight: Reward | None = None,
        name: str | None = None,
    ) -> None:
        self._like(module, name, n)
        self._module, self._n = module, n
        self._by = field_of(self, by, "Vote")
        self._weight: Part | None = None
        if weight is not None:
            self._weight = judge_of(weight, module, "Vote", "weight")

    def parts(self) -> Mapping[str, Part]:
        """What is asked, and what weighs the votes."""
        weigher = {} if self._weight is None else {"weight": self._weight}
        return {"module": self._module, **weigher}

    def settings(self) -> Mapping[str, JSON]:
        """How many tries, and what is voted on."""
        return {"n": self._n, "by": self._by}

    def times(self) -> Mapping[str, int]:
        """The module is asked `n` times, and so is what weighs."""
        return {"module": self._n, "weight": self._n}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask `n` times, and count."""
        came = await call.tries(self._module, inputs, self._n)
        weights = None
        if self._weight is not None:
            made = await rewarded(call, self._weight, self._module, inputs, came)
            weights = [0.0 if one is None else self._counts(one.score) for one in made]
        tally = counted_votes(self, self._by, came, self._n, weights)
        call.report(**tally.facts)
        return self.own(came[tally.winner], inputs)

    def _counts(self, weight: float) -> float:
        if not 0 <= weight <= _HEAVIEST:
            raise StepError(
                f"{self.name!r}: {weight:g} is no weight of a vote",
                hint=f"Give a number from 0 to {_HEAVIEST:g}",
            )
        return weight

"""BestOfN: several answers to one question, and the one that a reward likes best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from ...pipeline.errors import ModelFailure
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked
from ...pipeline.lm.request import JSON
from .reward import Reward, asked_of, judge_of, require_bar, rewarded


@final
class BestOfN(Module[P, R_co]):
    r"""Ask `n` times, side by side, and keep the answer with the highest reward.

    Best-of-n sampling as in Nakano et al. 2021, arXiv 2112.09332, section 2. The tries
    differ by sample, seed and temperature 1; the earliest of equals wins. One whose
    reply cannot be used is no candidate, nor is one on which a judging model gives no
    usable verdict. `weft.info(result).facts` has the `scores`, in the order of the
    candidates, and which one was `chosen`.

    Args:
        module: What is asked: a module, or a whole program.
        reward: A function or step of (inputs by name, answer), or a judge: a module or
            program whose inputs are some of the fields, and whose last output counts.
            Higher is better; words that say what is wrong count as 0.
        n: How many tries.
        threshold: A reward that is good enough: then the tries are made one by one, and
            no further one follows it.
        name: Its name; the module's by default.

    >>> import weft
    >>> short = weft.BestOfN(
    ...     weft.Predict("question -> answer"),
    ...     reward=lambda inputs, made: -len(made.answer),
    ...     n=2,
    ... )
    >>> replies = ["[[ answer ]]\nIt is Paris.", "[[ answer ]]\nParis"]
    >>> with weft.use(lm=weft.ScriptedLM(replies), cache=None):
    ...     best = short(question="Capital of France?")
    >>> best.answer, weft.info(best).facts["scores"]
    ('Paris', [-12.0, -5.0])
    """

    kind = "BestOfN"

    @checked
    def __init__(
        self,
        module: Askable[P, R_co],
        reward: Reward,
        n: int = 3,
        *,
        threshold: float | None = None,
        name: str | None = None,
    ) -> None:
        self._like(module, name, n)
        if threshold is not None:
            require_bar(threshold, "BestOfN")
        self._module, self._n, self._threshold = module, n, threshold
        self._reward = judge_of(reward, module, "BestOfN")

    def parts(self) -> Mapping[str, Part]:
        """What is asked, and the reward."""
        return {"module": self._module, "reward": self._reward}

    def settings(self) -> Mapping[str, JSON]:
        """How many tries, and what is good enough."""
        enough = {} if self._threshold is None else {"threshold": self._threshold}
        return {"n": self._n, **enough}

    def times(self) -> Mapping[str, int]:
        """The module is asked `n` times, and so is the reward."""
        return {"module": self._n, "reward": self._n}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask `n` times, and keep the best."""
        if self._threshold is not None:
            return await self._one_by_one(call, inputs, self._threshold)
        came = await call.tries(self._module, inputs, self._n)
        made = await rewarded(call, self._reward, self._module, inputs, came)
        pairs = zip(came, made, strict=True)
        judged = [(verdict.score, one) for one, verdict in pairs if verdict is not None]
        return self._best(call, inputs, judged)

    async def _one_by_one(
        self, call: Call, inputs: Mapping[str, Any], enough: float
    ) -> Any:
        """Try until one is good enough."""
        judged: list[tuple[float, Any]] = []
        failed: list[ModelFailure] = []
        for number in range(self._n):
            try:
                one = await call(self._module, inputs, sample=number)
                made = await asked_of(call, self._reward, self._module, inputs, one)
            except ModelFailure as error:
                failed.append(error)
                continue
            judged.append((made.score, one))
            if made.score >= enough:
                break
        if not judged:
            raise failed[0]
        return self._best(call, inputs, judged)

    def _best(
        self, call: Call, inputs: Mapping[str, Any], judged: list[tuple[float, Any]]
    ) -> Any:
        """The earliest candidate with the highest score."""
        scores = [score for score, _ in judged]
        chosen = scores.index(max(scores))
        call.report(scores=[*scores], chosen=chosen)
        return self.own(judged[chosen][1], inputs)

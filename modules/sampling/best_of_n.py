"""BestOfN: several answers to one question, and the one that a reward likes best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.lm.request import JSON
from .reward import Reward, reward_step, rewarded


@final
class BestOfN(Module[P, R_co]):
    r"""Ask `n` times, side by side, and keep the answer with the highest reward.

    Best-of-n sampling as in Nakano et al. 2021, arXiv 2112.09332, section 2. The tries
    differ by sample, seed and temperature 1; the earliest of equals wins. One whose
    reply cannot be used is no candidate.

    Args:
        module: What is asked.
        reward: A function or step of (inputs by name, answer); higher is better.
        n: How many tries.
        name: Its name; the module's by default.

    >>> import weft
    >>> short = weft.BestOfN(
    ...     weft.Predict("question -> answer"),
    ...     reward=lambda inputs, made: -len(made.answer),
    ...     n=2,
    ... )
    >>> replies = ["[[ answer ]]\nIt is Paris.", "[[ answer ]]\nParis"]
    >>> with weft.use(lm=weft.ScriptedLM(replies), cache=None):
    ...     short(question="Capital of France?").answer
    'Paris'
    """

    kind = "BestOfN"

    def __init__(
        self,
        module: Module[P, R_co],
        reward: Reward,
        n: int = 3,
        *,
        name: str | None = None,
    ) -> None:
        self._like(module, name, n)
        self._module, self._n = module, n
        self._reward = reward_step(reward, "BestOfN")

    def parts(self) -> Mapping[str, Part]:
        """What is asked, and the reward."""
        return {"module": self._module, "reward": self._reward}

    def settings(self) -> Mapping[str, JSON]:
        """How many tries."""
        return {"n": self._n}

    def times(self) -> Mapping[str, int]:
        """The module is asked `n` times."""
        return {"module": self._n}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask `n` times, and keep the best."""
        came = await call.tries(self._module, inputs, self._n)
        scores = [await rewarded(call, self._reward, inputs, one) for one in came]
        return came[scores.index(max(scores))]

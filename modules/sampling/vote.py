"""Vote: several answers to one question, and the one that most of them agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, final

from ...pipeline.errors import ConfigError, did_you_mean
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.lm.request import JSON


@final
class Vote(Module[P, R_co]):
    r"""Ask `n` times, side by side, and give back the answer that most agree on.

    Self-consistency: Wang et al. 2022, arXiv 2203.11171. The tries differ by sample,
    seed and temperature 1. Texts are compared without case and outer space; the
    earliest of equals wins, and one whose reply cannot be used has no vote.

    Args:
        module: What is asked.
        n: How many tries.
        by: The output field that is voted on; the last one by default.
        name: Its name; the module's by default.

    >>> import weft
    >>> sure = weft.Vote(weft.ChainOfThought("question -> answer: int"), n=3)
    >>> replies = [f"[[ reasoning ]]\n{n}\n[[ answer ]]\n{n}" for n in (4, 5, 4)]
    >>> with weft.use(lm=weft.ScriptedLM(replies), cache=None):
    ...     sure(question="2+2?").answer
    4
    """

    kind = "Vote"

    def __init__(
        self,
        module: Module[P, R_co],
        n: int = 5,
        *,
        by: str | None = None,
        name: str | None = None,
    ) -> None:
        self._like(module, name, n)
        outputs = list(self.spec.outputs)
        self._module, self._n = module, n
        self._by = by or self.single or outputs[-1]
        if self._by not in outputs:
            raise ConfigError(
                f"Vote: by={by!r} is no output; there are {', '.join(outputs)}",
                hint=did_you_mean(self._by, outputs),
            )

    def parts(self) -> Mapping[str, Part]:
        """What is asked."""
        return {"module": self._module}

    def settings(self) -> Mapping[str, JSON]:
        """How many tries, and what is voted on."""
        return {"n": self._n, "by": self._by}

    def times(self) -> Mapping[str, int]:
        """The module is asked `n` times."""
        return {"module": self._n}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Ask `n` times, and count."""
        came = await call.tries(self._module, inputs, self._n)
        field = self.spec.outputs[self._by]
        held = [
            one if self.single is not None else getattr(one, self._by) for one in came
        ]
        votes = [repr(field.dump(value)).strip("' ").casefold() for value in held]
        return came[votes.index(Counter(votes).most_common(1)[0][0])]

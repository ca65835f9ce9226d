"""Refine: an answer, advice on it, and another answer, until a reward is content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ..asking.predict import Predict
from .reward import Reward, reward_step, rewarded

_DRAFT = FieldSpec("draft", "input", str, "an earlier answer")
_ADVICE = FieldSpec("advice", "input", str, "how to do better")
_ADVISE = "Say in a sentence or two what is wrong with the draft, and how to do better."


@final
class Refine(Module[P, R_co]):
    r"""Answer; while a reward is below `threshold`, get advice and answer again.

    Self-Refine: Madaan et al. 2023, arXiv 2303.17651, with a reward that ends it. Three
    parts can be tuned: the module; the critic, which sees the answer; and the module
    `again`, with the draft and the advice beside its inputs. The best answer is kept.

    Args:
        module: What is asked, a `Predict` or a `ChainOfThought`.
        reward: A function or step of (inputs by name, answer); higher is better.
        n: How many answers at the most.
        threshold: The reward that is good enough.
        name: Its name; the module's by default.

    >>> import weft
    >>> reply = weft.Predict("mail -> reply")
    >>> polite = weft.Refine(reply, lambda inputs, made: "please" in made.reply)
    >>> said = ["[[ reply ]]\nWait.", "[[ advice ]]\nAsk.", "[[ reply ]]\nplease wait"]
    >>> with weft.use(lm=weft.ScriptedLM(said), cache=None):
    ...     polite(mail="When?").reply
    'please wait'
    """

    kind = "Refine"

    def __init__(
        self,
        module: Module[P, R_co],
        reward: Reward,
        n: int = 3,
        *,
        threshold: float = 1.0,
        name: str | None = None,
    ) -> None:
        self._like(module, name, n)
        self._module, self._n, self._threshold = module, n, threshold
        self._reward = reward_step(reward, "Refine", threshold)
        self._again = module.wider("again", _DRAFT, _ADVICE)
        seen = (*self.inputs.fields, _DRAFT, FieldSpec("advice", "output", str))
        critic = make_signature(seen, _ADVISE, name="Critic")
        self._critic: Predict[..., Any] = Predict(critic, name="critic", lm=module.lm)

    def parts(self) -> Mapping[str, Part]:
        """What is asked, the reward, what advises, and what is asked again."""
        asked: dict[str, Part] = {"module": self._module, "reward": self._reward}
        return asked | {"critic": self._critic, "again": self._again}

    def settings(self) -> Mapping[str, JSON]:
        """How many answers, and what is good enough."""
        return {"n": self._n, "threshold": self._threshold}

    def times(self) -> Mapping[str, int]:
        """Once, and each further answer with its advice."""
        return {"module": 1, "critic": self._n - 1, "again": self._n - 1}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Answer, and again while it is worth it."""
        answer = best = await call(self._module, inputs, sample=0)
        most = await rewarded(call, self._reward, inputs, answer)
        for number in range(1, self._n):
            if most >= self._threshold:
                break
            seen = {**inputs, "draft": self.as_text(answer)}
            said = await call(self._critic, seen, sample=number)
            seen["advice"] = said.advice
            answer = self.own(await call(self._again, seen, sample=number), inputs)
            score = await rewarded(call, self._reward, inputs, answer)
            if score > most:
                best, most = answer, score
        return best

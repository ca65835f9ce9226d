"""Refine: an answer, advice on it, and another answer, until a reward is content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from ...pipeline.errors import ModelFailure
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.graph.program import Askable
from ...pipeline.ground.options import checked
from ...pipeline.lm.request import JSON
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ..asking.predict import Predict
from .contract import asking_the_same
from .repeats import again_of, asked_again
from .reward import Reward, asked_of, judge_of, require_bar

_DRAFT = FieldSpec("draft", "input", str, "an earlier answer")
_ADVICE = FieldSpec("advice", "input", str, "how to do better")
_ADVISE = "Say in a sentence or two what is wrong with the draft, and how to do better."


@final
class Refine(Module[P, R_co]):
    r"""Answer; while a reward is below `threshold`, get advice and answer again.

    Self-Refine: Madaan et al. 2023, arXiv 2303.17651, with a reward that ends it. Three
    parts can be tuned: the module; the critic, which sees the answer; and the module
    `again`, with the draft and the advice beside its inputs. A module that is made of
    others, such as an agent, has no `again`: it is asked once more with the advice
    below each instruction. The best answer is kept.
    A reward that says what is wrong, in words or as a `weft.Score` with feedback, is
    the advice itself, and the critic is not asked. `weft.info(result).facts` has the
    `scores` in order, which one was `chosen`, and the `advice` in between. Where a
    later reply cannot be used, the best so far is the answer, and the trace says so.

    Args:
        module: What is asked: a module, or a whole program, which is asked again as
            one that is made of others.
        reward: A function or step of (inputs by name, answer), or a judge, as
            `BestOfN` has it; higher is better, and words count as 0.
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

    @checked
    def __init__(
        self,
        module: Askable[P, R_co],
        reward: Reward,
        n: int = 3,
        *,
        threshold: float = 1.0,
        name: str | None = None,
    ) -> None:
        self._like(module, name, n)
        require_bar(threshold, "Refine")
        self._module, self._n, self._threshold = module, n, threshold
        self._reward = judge_of(reward, module, "Refine")
        self._again = again_of(module, _DRAFT, _ADVICE)
        seen = (*self.inputs.fields, _DRAFT, FieldSpec("advice", "output", str))
        critic = make_signature(seen, _ADVISE, name="Critic")
        asked: Predict[..., Any] = Predict(critic, name="critic")
        self._critic = asking_the_same(module, asked)

    def parts(self) -> Mapping[str, Part]:
        """What is asked, the reward, what advises, and what is asked again."""
        asked: dict[str, Part] = {"module": self._module, "reward": self._reward}
        again = {} if self._again is None else {"again": self._again}
        return {**asked, "critic": self._critic, **again}

    def settings(self) -> Mapping[str, JSON]:
        """How many answers, and what is good enough."""
        return {"n": self._n, "threshold": self._threshold}

    def times(self) -> Mapping[str, int]:
        """Once, and each further answer with its advice; a reward for each."""
        further = self._n - 1
        asked = {"module": 1, "again": further}
        if self._again is None:
            asked = {"module": self._n}
        return {**asked, "critic": further, "reward": self._n}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Answer, and again while it is worth it."""
        answer = best = await call(self._module, inputs, sample=0)
        made = await asked_of(call, self._reward, self._module, inputs, answer)
        scores, advice, chosen = [made.score], list[str](), 0
        for number in range(1, self._n):
            if scores[chosen] >= self._threshold:
                break
            seen = {**inputs, "draft": self.as_text(answer)}
            try:
                words = made.words
                if not words:
                    said = await call(self._critic, seen, sample=number)
                    words = said.advice
                advice.append(words)
                seen["advice"] = words
                answer = await self._better(call, inputs, seen, number)
                made = await asked_of(call, self._reward, self._module, inputs, answer)
            except ModelFailure as error:
                call.note(f"no better answer came: {error.message}")
                break
            scores.append(made.score)
            if made.score > scores[chosen]:
                best, chosen = answer, number
        call.report(scores=[*scores], chosen=chosen, advice=[*advice])
        return self.own(best, inputs)

    async def _better(
        self,
        call: Call,
        inputs: Mapping[str, Any],
        seen: Mapping[str, Any],
        number: int,
    ) -> Any:
        """Another answer, from the draft and the advice on it."""
        if self._again is None:
            return await asked_again(call, self._module, inputs, seen["advice"], number)
        return self.own(await call(self._again, seen, sample=number), inputs)

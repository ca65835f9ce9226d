"""Classify: the most probable choice, and how probable each of them is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Self, cast, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.asking import WAYS
from ...pipeline.lm.scoring.likelihoods import (
    Likelihoods,
    Way,
    entropy_of,
    margin_of,
    shares,
)
from ...pipeline.lm.scoring.tokens import MOST_SHOWN
from ...pipeline.run.scoring.choices import choices_in

LEAST: Final = 1e-9
"""The least probability of a prior: what is never said cannot be divided by."""
_STALE: Final = (
    "the prior was estimated for another model or another prompt, and not taken off: "
    "calibrate again"
)


@final
class Classify(Module[P, R_co]):
    r"""Decide a module's one output by the probability that a model gives each choice.

    For an output that is a bool, a `Literal` or an enum. The prompt stays the module's;
    in place of a reply that is read, each choice is scored as the reply that it would
    be (`lm.score`), whole. `weft.info(result).facts` has the `probabilities` by choice,
    which sum to 1, their `entropy` in nats, the `margin` between the first two, and
    `unsure`: whether the choice hangs on one of which it is only known that it is at
    most so probable. `scored_by` tells the way, `logprobs` what was found, and
    `at_most` of which it is a bound.

    A `prior` is what the model says whatever the input is; it is divided by, and
    `weft.calibrate` estimates it. It holds for one model and one prompt, and is left
    out, with a remark in the trace, where `prior_of` says that it is of others.

    Args:
        module: What is asked: a `weft.Predict` with the one output.
        by: How choices are scored: "auto", "echo", "forced" or "top", as of `lm.score`.
        shown: How many of the likeliest tokens are shown at each place.
        prior: The probability of each choice before anything is known of the input.
        prior_of: The digest of model and prompt that it was estimated for; empty for a
            prior that is taken off whatever they are.
        name: Its name; the module's by default.

    Raises:
        ConfigError: The module has no such output, or the prior is none of its choices.

    >>> import weft
    >>> glad = weft.Classify(weft.Predict("text -> glad: bool"))
    >>> top = (("true", -0.1), ("false", -2.4))
    >>> said = (weft.TokenLogprob("true", -0.1, top),)
    >>> lm = weft.ScriptedLM([weft.Response("true", logprobs=said)])
    >>> with weft.use(lm=lm, cache=None):
    ...     made = glad(text="What a day!")
    >>> made.glad, round(weft.info(made).facts["probabilities"]["true"], 2)
    (True, 0.91)
    """

    kind = "Classify"

    def __init__(
        self,
        module: Module[P, R_co],
        *,
        by: Way = "auto",
        shown: int = MOST_SHOWN,
        prior: Mapping[str, float] | None = None,
        prior_of: str = "",
        name: str | None = None,
    ) -> None:
        self._like(module, name)
        self._choices = [*choices_in(module, "Classify")]
        if by not in WAYS:
            hint = f"Give one of {', '.join(map(repr, WAYS))}"
            raise ConfigError(f"Classify: by={by!r} is no way to score", hint=hint)
        if type(shown) is not int or not 0 <= shown <= _MOST_SHOWN:
            hint = f"Give a whole number from 0 to {_MOST_SHOWN}"
            raise ConfigError(f"Classify: shown={shown!r} is no number", hint=hint)
        if not isinstance(cast(object, prior_of), str):
            hint = "Leave it to weft.calibrate"
            raise ConfigError(f"Classify: prior_of={prior_of!r} is no text", hint=hint)
        self._module, self._by, self._shown = module, by, shown
        self._prior = _checked(prior, self._choices)
        self._prior_of = prior_of if self._prior else ""

    @property
    def choices(self) -> list[str]:
        """What its answers are called, in the order of the type."""
        return [*self._choices]

    @property
    def prior(self) -> Mapping[str, float] | None:
        """The probability of each choice that is taken off, or None."""
        return self._prior

    def with_prior(self, prior: Mapping[str, float] | None, of: str = "") -> Self:
        """A copy that takes off another prior, or none.

        Args:
            prior: The probability of each choice.
            of: The digest of model and prompt that it was estimated for.

        Raises:
            ConfigError: It is no prior of these choices.
        """
        made = self._copied()
        made._prior = _checked(prior, self._choices)
        made._prior_of = of if made._prior else ""
        return made

    def parts(self) -> Mapping[str, Part]:
        """What is asked."""
        return {"module": self._module}

    def settings(self) -> Mapping[str, JSON]:
        """How choices are scored, and the prior."""
        held: dict[str, JSON] = {"by": self._by, "shown": self._shown}
        if self._prior is not None:
            held |= {"prior": dict(self._prior), "prior_of": self._prior_of}
        return held

    def times(self) -> Mapping[str, int]:
        """A call for each choice, or one alone where replies are looked into."""
        return {"module": 1 if self._by == "top" else len(self._choices)}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Score each choice, take the prior off, and take the first."""
        facts: dict[str, Any] = {}

        def choose(found: Likelihoods, prompt: str) -> str:
            facts.update(self._decided(call, found, prompt))
            probabilities: dict[str, float] = facts["probabilities"]
            return max(self._choices, key=lambda one: probabilities[one])

        made = await call.decide(
            self._module, inputs, choose=choose, by=self._by, shown=self._shown
        )
        call.report(**facts)
        return self.own(made.value, inputs)

    def _decided(self, call: Call, found: Likelihoods, prompt: str) -> dict[str, Any]:
        prior, stale = self._prior, self._prior_of not in ("", prompt)
        if prior is not None and stale:
            call.note(_STALE)
            prior = None
        taken = {n: 0.0 if prior is None else math.log(prior[n]) for n in self._choices}
        made = shares({one.answer: one.logprob - taken[one.answer] for one in found.of})
        return {
            "probabilities": made,
            "entropy": entropy_of(made.values()),
            "margin": margin_of(made.values()),
            "unsure": found.hangs(taken),
            "scored_by": found.path,
            "logprobs": {one.answer: one.logprob for one in found.of},
            "at_most": [one.answer for one in found.of if not one.exact],
            "calibrated": prior is not None,
            "prompt": prompt,
        }


_MOST_SHOWN: Final = 1000


def _checked(prior: object, choices: list[str]) -> dict[str, float] | None:
    """A prior of the choices, which sums to 1, in their order.

    Raises:
        ConfigError: It is no probability for each of them.
    """
    if prior is None:
        return None
    held: dict[Any, Any] = dict(prior) if is_mapping(prior) else {}
    good = {*held} == {*choices} and all(map(_is_weight, held.values()))
    total = math.fsum(held.values()) if good else 0.0
    if not good or not 0 < total < math.inf:
        raise ConfigError(
            f"Classify: {prior!r:.200} is no prior of {', '.join(choices)}",
            hint="Give each choice a probability, or leave it to weft.calibrate",
        )
    kept = {name: max(held[name] / total, LEAST) for name in choices}
    whole = math.fsum(kept.values())
    return kept if whole == 1 else {name: p / whole for name, p in kept.items()}


def _is_weight(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < math.inf

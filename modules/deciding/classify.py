"""Classify: the most probable choice, and how probable each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.asking import WAYS
from ...pipeline.lm.scoring.decision import Decision, facts_of_decisions
from ...pipeline.lm.scoring.likelihoods import Likelihoods, Way
from ...pipeline.lm.scoring.questions import WIRES, Wire
from ...pipeline.lm.scoring.tokens import MOST_SHOWN
from ...pipeline.run.scoring.choices import choices_in
from .rule import Rule, numbers_of, rule_from
from .unsure import given_instead, replaced, require_otherwise

_STALE: Final = (
    "the prior was estimated for another model or another prompt, and not taken off: "
    "calibrate again"
)


@final
class Classify(Module[P, R_co]):
    r"""Decide a module's outputs by the probability that a model gives each choice.

    For outputs that are a bool, a `Literal`, an enum, or an ordered score: an int of a
    few values, as `Annotated[int, Field(ge=1, le=5)]`. The prompt stays the module's;
    in place of a reply that is read, each choice is scored as the reply that it would
    be (`lm.score`), whole. `weft.info(result).decision("label")` tells how probable
    each was (`weft.Decision`). Several outputs are decided in their order: each is
    asked for by itself, and those that were decided before stand among its inputs.

    A `weft.Rule` says what is made of the probabilities. Its `prior` is what the model
    says whatever the input is; it is divided by, and `weft.calibrate` estimates it. It
    holds for one model and one prompt, and is left out, with a remark in the trace,
    where `prior_of` says that it is of others.

    Args:
        module: What is asked: a `weft.Predict` with such outputs.
        by: How choices are scored: "auto", "echo", "forced" or "top", as of `lm.score`;
            or "decisions" or "systemone", by an endpoint that is made for it, which
            "auto" takes first where the endpoint is known to have it.
        shown: How many of the likeliest tokens are shown at each place.
        prior: As of the rule, where there is one output.
        prior_of: As of the rule.
        rule: How the one output is decided, or a rule for each output by its name; a
            rule may be given as plain data. By default the most probable is taken.
        name: Its name; the module's by default.

    Raises:
        ConfigError: The module has other outputs, or a rule is none of theirs.

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
        by: Way | Wire = "auto",
        shown: int = MOST_SHOWN,
        prior: Mapping[str, float] | None = None,
        prior_of: str = "",
        rule: Rule | Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self._like(module, name)
        self._choices = choices_in(module, "Classify")
        ways = (*WAYS, *WIRES)
        if by not in ways:
            hint = f"Give one of {', '.join(map(repr, ways))}"
            raise ConfigError(f"Classify: by={by!r} is no way to score", hint=hint)
        if type(shown) is not int or not 0 <= shown <= _MOST_SHOWN:
            hint = f"Give a whole number from 0 to {_MOST_SHOWN}"
            raise ConfigError(f"Classify: shown={shown!r} is no number", hint=hint)
        self._module, self._by, self._shown = module, by, shown
        Rule(prior_of=prior_of)
        self._rules = self._ruled(rule)
        if prior is not None:
            self._rules = self.with_prior(prior, prior_of)._rules

    @property
    def choices(self) -> list[str]:
        """What its answers are called, in the order of the type."""
        return [*self._choices[self._only(None)]]

    @property
    def prior(self) -> Mapping[str, float] | None:
        """The probability of each choice that is taken off, or None."""
        return self._rules[self._only(None)].prior

    @property
    def rules(self) -> Mapping[str, Rule]:
        """How each output is decided, by its name."""
        return {**self._rules}

    def with_prior(
        self,
        prior: Mapping[str, float] | None,
        of: str = "",
        output: str | None = None,
    ) -> Self:
        """A copy that takes off another prior, or none.

        Args:
            prior: The probability of each choice.
            of: The digest of model and prompt that it was estimated for.
            output: Whose prior it is; may be left out where there is one output.

        Raises:
            ConfigError: It is no prior of these choices.
        """
        return self.with_rule(output, prior=prior, prior_of=of if prior else "")

    def with_rule(self, output: str | None = None, **changes: Any) -> Self:
        """A copy that decides an output otherwise.

        Args:
            output: Which one; may be left out where there is one output.
            changes: Numbers of its `weft.Rule`, by name; the others stay.

        Raises:
            ConfigError: There is no such output or number, or it cannot be.
        """
        name = self._only(output)
        made = self._copied()
        made._rules = {
            **self._rules,
            name: self._fitted(name, self._rules[name].having(**changes)),
        }
        return made

    def parts(self) -> Mapping[str, Part]:
        """What is asked."""
        return {"module": self._module}

    def settings(self) -> Mapping[str, JSON]:
        """How choices are scored, and the rules; a prior of one output by itself."""
        held: dict[str, JSON] = {"by": self._by, "shown": self._shown}
        rules = {name: rule.data() for name, rule in self._rules.items()}
        if len(rules) == 1 and rules[self._only(None)].get("prior") is not None:
            data = rules[self._only(None)]
            held |= {"prior": data.pop("prior"), "prior_of": data.pop("prior_of", "")}
        kept: dict[str, JSON] = {name: data for name, data in rules.items() if data}
        return {**held, "rule": kept} if kept else held

    @property
    def tells_unsure(self) -> bool:
        """That it does."""
        return True

    def slots(self) -> Mapping[str, JSON]:
        """The rule of each output, as far as it is not the default."""
        held = {name: rule.data() for name, rule in self._rules.items()}
        return {"rule": {name: data for name, data in held.items() if data}}

    def slots_in(self, settings: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """As `slots`, of one that was saved with these settings."""
        names = ("prior", "prior_of", "rule")
        held: dict[str, Any] = {n: settings[n] for n in names if n in settings}
        return Classify(self._module, **held).slots()

    def with_slots(self, slots: Mapping[str, Any]) -> Self:
        """A copy with another rule for each output; the default where none is named.

        Raises:
            ConfigError: A rule is none of these outputs.
        """
        made = self._copied()
        made._rules = self._ruled(slots.get("rule", self._rules))
        return made

    def times(self) -> Mapping[str, int]:
        """A call for each choice, one alone where replies are looked into; or one."""
        if self._by in WIRES:
            return {"module": 1}
        each = (1 if self._by == "top" else len(own) for own in self._choices.values())
        return {"module": sum(each)}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Score each choice, take the prior off, and take one by the rule."""
        decided: dict[str, Decision] = {}

        def choose(output: str, found: Likelihoods, prompt: str) -> str:
            numbers = numbers_of(self._choices[output])
            rule = self._rules[output]
            made = rule.decide(found, numbers=numbers, prompt=prompt)
            if rule.prior_of not in ("", prompt):
                call.note(_STALE)
            decided[output] = made
            return made.choice

        try:
            made = await call.decide(
                self._module, inputs, choose=choose, by=self._by, shown=self._shown
            )
        finally:
            if decided:
                call.report(**facts_of_decisions(decided))
        instead = given_instead(self._module, self._rules, decided)
        return self.own(replaced(made.value, instead), inputs)

    def _only(self, output: object) -> str:
        """An output's name; the one there is where None is named.

        Raises:
            ConfigError: There is no such output, or there are several.
        """
        known = [*self._choices]
        if output is None and len(known) == 1:
            return known[0]
        if output not in known:
            which = "it is not said which" if output is None else f"{output!r} is none"
            raise ConfigError(
                f"{self.name!r} decides {', '.join(known)}, and {which}",
                hint=f"Name one, as in rule={{{known[0]!r}: weft.Rule(...)}}",
            )
        return str(output)

    def _ruled(self, rule: object) -> dict[str, Rule]:
        """A rule for each output, of one rule or of some by output."""
        given: Mapping[Any, Any] = {}
        if isinstance(rule, Rule):
            given = {self._only(None): rule}
        elif is_mapping(rule):
            given = rule
        elif rule is not None:
            rule_from(rule, "Classify")
        named = {self._only(name): one for name, one in given.items()}
        return {
            name: self._fitted(
                name, rule_from(named.get(name, {}), f"Classify: {name}")
            )
            for name in self._choices
        }

    def _fitted(self, name: str, rule: Rule) -> Rule:
        own = self._choices[name]
        require_otherwise(self._module.spec.outputs[name], rule)
        return rule.fitted_to([*own], numbers_of(own), f"Classify: {name!r}")


_MOST_SHOWN: Final = 1000

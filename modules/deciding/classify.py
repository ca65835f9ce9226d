"""Classify: the most probable choice, and how probable each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self, cast, final

from ...pipeline.adapters.template import hangs
from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, P, Part, R_co
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.asking import WAYS
from ...pipeline.lm.scoring.decision import Decision, facts_of_decisions
from ...pipeline.lm.scoring.likelihoods import Likelihoods, Way
from ...pipeline.lm.scoring.questions import WIRES, Wire
from ...pipeline.lm.scoring.tokens import MOST_SHOWN
from ...pipeline.run.scoring.choices import choices_in
from ...pipeline.run.settings import current
from .rule import Rule, numbers_of, rule_from
from .unsure import given_instead, replaced, require_otherwise
from .words import Choice, choice_from

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
        words: The answer words of the one output, a `weft.Choice` or the words of each
            choice; or those by output. The model is then asked for the words: the
            prompt names them in place of the choices, and demos show the first of each.
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

    @checked
    def __init__(
        self,
        module: Module[P, R_co],
        *,
        by: Way | Wire = "auto",
        shown: int = MOST_SHOWN,
        prior: Mapping[str, float] | None = None,
        prior_of: str = "",
        rule: Rule | Mapping[str, Any] | None = None,
        words: Choice | Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        self._like(module, name)
        self._choices = choices_in(module, "Classify")
        ways = (*WAYS, *WIRES)
        if by not in ways:
            hint = f"Give one of {', '.join(map(repr, ways))}"
            raise ConfigError(f"Classify: by={by!r} is no way to score", hint=hint)
        require_whole("Classify: shown", shown, 0, _MOST_SHOWN, "no number")
        self._module, self._by, self._shown = module, by, shown
        Rule(prior_of=prior_of)
        self._rules = self._ruled(rule)
        self._words = self._worded(words)
        self._showing = False
        if prior is not None:
            self._rules = self.with_prior(prior, prior_of)._rules

    @property
    def part(self) -> Module[P, R_co]:
        """What is asked, as it is tuned now."""
        return cast("Module[P, R_co]", self.uses.running["module"])

    @property
    def choices(self) -> list[str]:
        """What its answers are called, in the order of the type."""
        return self.choices_of()

    def choices_of(self, output: str | None = None) -> list[str]:
        """What the choices of an output are called, in the order of the type.

        Raises:
            ConfigError: There is no such output, or it is not said which.
        """
        return [*self._choices[self.output(output)]]

    @property
    def prior(self) -> Mapping[str, float] | None:
        """The probability of each choice that is taken off, or None."""
        return self._rules[self.output(None)].prior

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
        name = self.output(output)
        made = self._copied()
        made._rules = {
            **self._rules,
            name: self._fitted(name, self._rules[name].having(**changes)),
        }
        return made

    @property
    def words(self) -> Mapping[str, Choice]:
        """The answer words of outputs that have some, by output."""
        return {**self._words}

    def with_words(
        self, words: Choice | Mapping[str, Any] | None, output: str | None = None
    ) -> Self:
        """A copy that asks for other answer words, or for the choices themselves.

        A prior, and a temperature that was fitted to a prompt, are of the prompt with
        the words before, and are not kept.

        Args:
            words: A `weft.Choice`, or the words of each choice; None for no words.
            output: Whose they are; may be left out where there is one output.

        Raises:
            ConfigError: They are no words of these choices.
        """
        name = self.output(output)
        rest = {other: own for other, own in self._words.items() if other != name}
        return self._saying(
            {**rest, **({} if words is None else self._worded({name: words}))}
        )

    def structured(self) -> Classify[P, Any]:
        """A copy whose calls give all fields, and so tell how they came about."""
        if self.single is None:
            return self
        made = cast("Classify[P, Any]", self.returning(None))
        made._module, made._uses = self.part.returning(None), None
        return made

    def showing(self) -> Self:
        """A copy that looks into one reply, and whose facts tell what else was likely.

        `facts["shown"]` has, by output, the likeliest tokens at the place of the answer
        with their log-probabilities.
        """
        made = self._copied()
        made._by, made._showing = "top", True
        return made

    def parts(self) -> Mapping[str, Part]:
        """What is asked."""
        return {"module": self._module}

    def settings(self) -> Mapping[str, JSON]:
        """How choices are scored, and the rules; a prior of one output by itself."""
        held: dict[str, JSON] = {"by": self._by, "shown": self._shown}
        rules = {name: rule.data() for name, rule in self._rules.items()}
        if len(rules) == 1 and rules[self.output(None)].get("prior") is not None:
            data = rules[self.output(None)]
            held |= {"prior": data.pop("prior"), "prior_of": data.pop("prior_of", "")}
        if self._words:
            held["words"] = {name: one.data() for name, one in self._words.items()}
        kept: dict[str, JSON] = {name: data for name, data in rules.items() if data}
        return {**held, "rule": kept} if kept else held

    @property
    def tells_unsure(self) -> bool:
        """That it does."""
        return True

    def slots(self) -> Mapping[str, JSON]:
        """Rules, as far as they are not the default, and answer words; by output."""
        held = {name: rule.data() for name, rule in self._rules.items()}
        return {
            "rule": {name: data for name, data in held.items() if data},
            "words": {name: one.data() for name, one in self._words.items()},
        }

    def slots_in(self, settings: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """As `slots`, of one that was saved with these settings."""
        names = ("prior", "prior_of", "rule", "words")
        held: dict[str, Any] = {n: settings[n] for n in names if n in settings}
        return Classify(self._module, **held).slots()

    def with_slots(self, slots: Mapping[str, Any]) -> Self:
        """A copy with other rules or answer words; outputs not named get the default.

        Where words alone are other ones, a prior of those before is not kept.

        Raises:
            ConfigError: A rule, or words, are none of these outputs.
        """
        words = slots.get("words", self._words)
        made = self._saying(self._worded(words) if words != {} else {})
        if "rule" in slots:
            made._rules = self._ruled(slots["rule"])
        return made

    def times(self) -> Mapping[str, int]:
        """A call for each choice or word; one where a reply is looked into."""
        if self._by in WIRES:
            return {"module": 1}
        many = {name: len(own) for name, own in self._choices.items()}
        for name, choice in self._words.items():
            many[name] = sum(map(len, choice.words.values()))
        form = current().form_asked(self.part.parameters.adapter)
        if self._by in ("auto", "forced") and hangs(form, self.part.spec):
            many = {name: 2 * count for name, count in many.items()}
        return {"module": len(many) if self._by == "top" else sum(many.values())}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Score each choice, take the prior off, and take one by the rule."""
        decided: dict[str, Decision] = {}
        shown: dict[str, JSON] = {}

        def choose(output: str, found: Likelihoods, prompt: str) -> str:
            numbers = numbers_of(self._choices[output])
            rule = self._rules[output]
            made = rule.decide(found, numbers=numbers, prompt=prompt)
            if rule.prior_of not in ("", prompt):
                call.note(_STALE)
            decided[output] = made
            shown[output] = [[*pair] for pair in found.shown]
            return made.choice

        try:
            made = await call.decide(
                *(self._module, inputs),
                choose=choose,
                by=self._by,
                shown=self._shown,
                words=self._words,
            )
        finally:
            if decided:
                call.report(**facts_of_decisions(decided))
            if self._showing:
                call.report(shown=shown)
        instead = given_instead(self._module, self._rules, decided)
        return self.own(replaced(made.value, instead), inputs)

    def output(self, output: object = None) -> str:
        """An output's name, checked; the one there is where None is named.

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

    def _saying(self, words: Mapping[str, Choice]) -> Self:
        """A copy with these answer words, and no prior of others."""
        made = self._copied()
        other = [n for n in self._choices if words.get(n) != self._words.get(n)]
        for name in other:
            fitted = {"temperature": 1.0} if self._rules[name].prior_of else {}
            bare = self._rules[name].having(prior=None, prior_of="", **fitted)
            made._rules = {**made._rules, name: bare}
        made._words = {name: words[name] for name in self._choices if name in words}
        return made

    def _worded(self, words: object) -> dict[str, Choice]:
        """Answer words by output, of those of one output or of some by output."""
        if words is None:
            return {}
        given: Mapping[Any, Any] = words if is_mapping(words) else {}
        if not given or not all(map(_is_choice, given.values())):
            given = {self.output(None): words}
        made: dict[str, Choice] = {}
        for name in map(self.output, given):
            who = f"Classify: {name!r}"
            made[name] = choice_from(given[name], who).fitted_to(
                self._choices[name], who
            )
        return {name: made[name] for name in self._choices if name in made}

    def _ruled(self, rule: object) -> dict[str, Rule]:
        """A rule for each output, of one rule or of some by output."""
        given: Mapping[Any, Any] = {}
        if isinstance(rule, Rule):
            given = {self.output(None): rule}
        elif is_mapping(rule):
            given = rule
        elif rule is not None:
            rule_from(rule, "Classify")
        named = {self.output(name): one for name, one in given.items()}
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


def _is_choice(data: object) -> bool:
    """Whether it is the answer words of an output, and not the words of a label."""
    return isinstance(data, Choice) or is_mapping(data)

"""Metrics of one row: how probable the wanted answer was.

Two read the probabilities that a program gives of its choices (`weft.Classify`). The
third asks the model how probable the wanted answer was as the reply to the prompt that
the program sent: the second score function of APE (Zhou et al. 2022, arXiv 2211.01910,
section 3.1, "log probability"; execution accuracy is the other, `exact`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, cast

from ... import seam
from ...adapters import adapter_of
from ...data.example import Example, row_name
from ...errors import DataError, MetricError
from ...graph.module import Module
from ...lm.abilities import abilities_of
from ...lm.form import form_of
from ...lm.request import JSON
from ...lm.scoring.likelihoods import Likelihood, Likelihoods, Way
from ...lm.scoring.tokens import LEAST as LEAST_LOGPROB
from ...run.prompt import rendered_for
from ...run.scoring.choices import candidates_for
from ...run.settings import current
from ...signature.field import FieldSpec
from ...signature.signature import Signature, spec_of
from ...trace import NodeRun
from ..label_types import readings
from ..metrics import FieldMetric
from ..score import BoundMetric, Score, how_answered
from .answers import class_of, decided_in, wanted_of
from .probabilities import brier, log_loss

_NONE_SAID = "Decide by probabilities: weft.Classify(weft.Predict(...))"


@dataclass(frozen=True)
class _OfLabel(BoundMetric):
    """A metric that compares a field with a label."""

    name: str
    compared: FieldMetric

    def bound(self, outputs: Mapping[str, FieldSpec]) -> Self:
        """The metric that knows the type of its output."""
        return replace(self, compared=self.compared.knowing(outputs))


@dataclass(frozen=True)
class ProbabilityMetric(_OfLabel):
    """A score in [0, 1] of the probabilities of a choice; 1 where sure and right.

    Args:
        name: As it stands in reports and artifacts.
        compared: The output field, and the label.
        rule: "brier" or "log_loss".
        least: The least probability that counts, for the log loss: its score is 0.
    """

    rule: Literal["brier", "log_loss"]
    least: float = 0.0

    def check(self, example: Example) -> None:
        """Refuse a row without the label.

        Raises:
            DataError: It has none, or none that the output could be.
        """
        self.compared.check(example)

    def __call__(self, example: Example, prediction: Any) -> Score:
        """Score one prediction; of several labels that are right the best one counts.

        Raises:
            DataError: The row has no such label, or one that is no choice.
            MetricError: The program says no probabilities.
        """
        self.check(example)
        field = self.compared.field
        found = decided_in(how_answered(prediction).nodes, field)
        if found is None:
            raise MetricError(
                f"{self.name} on {row_name(example)}: the program says no "
                f"probabilities of {field!r}",
                hint=_NONE_SAID,
            )
        spec, known = _spec(self.compared, prediction), found.probabilities
        accepted = self.compared.accepted(self.compared.gold(example))
        wanted = [wanted_of(spec, one) for one in accepted]
        for name in wanted:
            if name not in known:
                raise DataError(
                    f"{self.name}: the label {name!r} of {row_name(example)} is none "
                    f"of the choices",
                    hint=f"They are {', '.join(known)}",
                )
        best = max(wanted, key=lambda name: known[name])
        given = found.choice
        value, right = self._value(known, best), given in wanted
        said = "" if right else f"wanted {best!r}, which was {known[best]:.0%} probable"
        return Score(value, said if right else f"{said}; got {given!r}")

    def _value(self, known: Mapping[str, float], wanted: str) -> float:
        if self.rule == "brier":
            return 1 - brier(known, wanted)
        return max(0.0, 1 - log_loss(known, wanted, self.least) / -math.log(self.least))


@dataclass(frozen=True)
class LikelihoodMetric(_OfLabel):
    """How probable the wanted answer was as the reply, as a score in [0, 1].

    The score is exp of the answer's log-probability: a token's on the average (the
    geometric mean of the probabilities of its tokens), or that of the whole answer.
    What the reply has around it, such as headings, does not count, and is given; so is
    what the module itself wrote before it, such as its reasoning.

    Args:
        name: As it stands in reports and artifacts.
        compared: The output field, and the label.
        per: "token" or "answer".
        by: How it is scored: "auto", "echo", "forced" or "top", as of `lm.score`.
        shown: How many of the likeliest tokens are shown at each place.
    """

    asks_itself: ClassVar[bool] = True

    per: Literal["token", "answer"]
    by: Way
    shown: int

    def check(self, example: Example) -> None:
        """Refuse a row without the label, or whose label is no answer.

        Raises:
            DataError: It has none, or none that the output could be.
        """
        self.compared.check(example)
        accepted = self.compared.accepted(self.compared.gold(example))
        if all(label is None or label == "" for label in accepted):
            raise DataError(
                f"{self.name}: {row_name(example)} wants no answer, and only a text "
                "is probable",
                hint="Leave such rows out",
            )

    async def __call__(self, example: Example, prediction: Any) -> Score:
        """Ask how probable the label was; of several that are right the best counts.

        Raises:
            DataError: The row has no such label, or one that the output cannot be.
            MetricError: No module of the program wrote the field, as far as is known.
            ConfigError: The endpoint gives no log-probabilities.
            WeftError: A call failed.
        """
        self.check(example)
        seen, field = how_answered(prediction), self.compared.field
        node = next((n for n in [*seen.nodes][::-1] if _wrote(n, field)), None)
        module = seen.modules.get(node.path) if node else None
        if node is None or module is None:
            raise MetricError(
                f"{self.name} on {row_name(example)}: no module is known to have "
                f"written {field!r}",
                hint="Score it in weft.evaluate or weft.compile, by the output field "
                "of the module that a model answers",
            )
        spec = module.spec.outputs[field]
        accepted = self.compared.accepted(self.compared.gold(example))
        wanted = _as_written(spec, accepted, self.name, example)
        made = decided_in(seen.nodes, field)
        if made is not None and made.logprobs:  # each choice was scored already
            names = [n for n in map(class_of, wanted) if n in made.logprobs]
            held = [(n, made.logprobs[n], n not in made.at_most) for n in names]
            if held:
                return _score([Likelihood(*one) for one in held], self.per)
        scored = await self._asked(node, module, spec, wanted)
        return _score(scored.of, self.per)

    async def _asked(
        self,
        node: NodeRun,
        module: Module[..., Any],
        spec: FieldSpec,
        wanted: list[JSON],
    ) -> Likelihoods:
        call = node.calls[0]
        lm = current().model_of(node.path, module)
        form = form_of(call.form)
        how = (form, module.told, module.parameters, node.inputs, lm)
        rendered = rendered_for(*how)
        outputs = module.spec.outputs
        names = [*outputs][: [*outputs].index(spec.name)]
        before = [(outputs[n], node.outputs[n]) for n in names]
        candidates = candidates_for(
            {class_of(value): value for value in wanted},
            spec,
            adapter_of(form),
            rendered,
            before,
        )
        able = abilities_of(lm)
        bare = able is not None and able.base is True and len(call.messages) == 1
        prompt = call.messages[0].text if bare else call.messages
        asked = seam.engine(lm.model, "acall").score(
            lm, prompt, tuple(candidates), {"by": self.by, "shown": self.shown}
        )
        return cast(Likelihoods, await asked)


def _wrote(node: NodeRun, field: str) -> bool:
    """Whether a node asked a model for a field, and got it."""
    return node.kind == "module" and bool(node.calls) and field in node.outputs


def _as_written(
    spec: FieldSpec, accepted: list[Any], who: str, example: Example
) -> list[JSON]:
    """Labels as plain data of the output's type, each once."""
    made: list[JSON] = []
    for label in accepted:
        if label is None or label == "":
            continue  # "no answer" is no text that could be scored
        value = next(readings(spec, label), label)
        try:
            plainly = spec.dump(value)
        except ValueError:
            plainly = None
        if plainly is None:
            raise DataError(
                f"{who}: the label {label!r:.200} of {row_name(example)} is none that "
                f"the output {spec.name!r} could be, which is {spec.wanted}",
                hint="Write it as the output's type is written",
            )
        if plainly not in made:
            made.append(plainly)
    return made


def _score(found: Any, per: str) -> Score:
    best: tuple[float, Likelihood] | None = None
    for one in found:
        logprob = one.logprob if one.own is None else one.own
        if per == "token" and one.tokens:
            logprob /= one.tokens
        value = 0.0 if logprob <= LEAST_LOGPROB else math.exp(min(0.0, logprob))
        if best is None or value > best[0]:
            best = value, one
    value, one = cast("tuple[float, Likelihood]", best)
    most = "" if one.exact else "at most "
    each = " a token" if per == "token" and one.tokens else ""
    return Score(value, f"{one.answer!r:.200} was {most}{value:.1%} probable{each}")


def _spec(compared: FieldMetric, prediction: Any) -> FieldSpec | None:
    """The output's type, as the prediction tells it or the program did."""
    if isinstance(prediction, Signature):
        return spec_of(type(prediction)).outputs.get(compared.field)
    return compared.spec

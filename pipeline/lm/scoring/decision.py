"""A decision: the choice, how probable each one was, and how that was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

from ...ground.frozen import unchanging
from ...ground.shapes import as_dict, is_mapping
from .likelihoods import Likelihood, Likelihoods, Path

OUTPUT: Final = "output"
SEVERAL: Final = "decisions"


@unchanging
@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of one output.

    Args:
        choice: What the choice is called; "true" or "false" of a bool.
        probabilities: By choice, in the order of the type; they sum to 1. The prior is
            taken off and the temperature applied; weights and cuts are not.
        entropy: Of the probabilities, in nats.
        margin: Between the most probable choice and the next, in [0, 1].
        unsure: Whether the choice hangs on one of which it is only known that it is at
            most so probable, or its confidence is below the rule's `unsure_below`.
        confidence: The choice's share of the probabilities, in [0, 1]; weights and cuts
            are applied.
        expected: The mean of an ordered score by the probabilities, in its units; None
            where the choices are no numbers.
        scored_by: The way to the log-probabilities, such as "forced".
        logprobs: What was found of each choice, before anything is taken off.
        at_most: Of which of them that is a bound.
        calibrated: Whether a prior or a temperature was applied.
        prompt: The digest of model and prompt, which a prior is of.
    """

    choice: str
    probabilities: Mapping[str, float]
    entropy: float
    margin: float
    unsure: bool
    confidence: float = 0.0
    expected: float | None = None
    scored_by: str = ""
    logprobs: Mapping[str, float] = field(default_factory=dict[str, float])
    at_most: tuple[str, ...] = ()
    calibrated: bool = False
    prompt: str = ""

    @property
    def likelihoods(self) -> Likelihoods:
        """What was found, to be decided again by another rule; no call is made."""
        of = tuple(
            Likelihood(name, value, name not in self.at_most)
            for name, value in self.logprobs.items()
        )
        return Likelihoods(of, cast(Path, self.scored_by), 0)

    def facts(self) -> dict[str, Any]:
        """As plain data, for traces."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        held |= {
            "probabilities": dict(self.probabilities),
            "logprobs": dict(self.logprobs),
            "at_most": [*self.at_most],
        }
        return {name: value for name, value in held.items() if value is not None}


def facts_of_decisions(made: Mapping[str, Decision]) -> dict[str, Any]:
    """Decisions by output as a node's facts; one alone stands flat."""
    if len(made) == 1:
        [(output, one)] = made.items()
        return {OUTPUT: output, **one.facts()}
    return {
        SEVERAL: {output: one.facts() for output, one in made.items()},
        "unsure": any(one.unsure for one in made.values()),
    }


def decisions_in(facts: Mapping[str, Any]) -> dict[str, Decision]:
    """The inverse of `facts_of_decisions`; empty where nothing was decided."""
    several = facts.get(SEVERAL)
    if is_mapping(several):
        held = {str(name): as_dict(one) for name, one in several.items()}
        return {name: _from(one) for name, one in held.items() if "choice" in one}
    if OUTPUT in facts and "choice" in facts:
        return {str(facts[OUTPUT]): _from(facts)}
    return {}


def _from(facts: Mapping[str, Any]) -> Decision:
    known = {one.name for one in fields(Decision)}
    held: dict[str, Any] = {n: v for n, v in facts.items() if n in known}
    held["at_most"] = tuple(held.get("at_most", ()))
    held.setdefault("confidence", held["probabilities"][held["choice"]])
    return Decision(**held)

"""Questions for endpoints that are made for decisions, and what they answered.

Such an endpoint is sent an input and some questions about it, each with its choices,
and says how probable each choice is: OpenAI's `/v1/decisions`, and `/v1/systemone` of
SGLang. No reply is written, so none is searched.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from ...ground import strictjson
from ...ground.shapes import as_dict, as_list
from .likelihoods import Likelihood, Likelihoods
from .tokens import LEAST

Wire = Literal["decisions", "systemone"]
"""`/v1/decisions` as OpenAI has it, or `/v1/systemone` as SGLang has it."""

WIRES: Final[tuple[Wire, ...]] = get_args(Wire)

Kind = Literal["bool", "choice", "score"]

Probabilities = Mapping[str, "Mapping[str, float] | None"]
"""By question, how probable each choice is; None where the model declined."""

MOST_LEVELS: Final = 10
"""A score of more values is asked for as a choice."""

_MOST_QUESTIONS: Final = 400
_MOST_CHOICES: Final = 255
_NEAR: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Question:
    """One decision that an endpoint is asked for.

    Args:
        name: The output's name.
        kind: A "bool" has the choices "true" and "false"; a "score" has its values in
            rising order.
        instructions: What is to be decided.
        choices: What the choices are called, in order.
        said: What is said of each choice, in the same order; empty for nothing.
    """

    name: str
    kind: Kind
    instructions: str
    choices: tuple[str, ...]
    said: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """The question as plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "instructions": self.instructions,
            "choices": [*self.choices],
            "said": [*self.said],
        }


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of one request.

    Args:
        wire: Which endpoint is asked.
        of: The questions, in order.
    """

    wire: Wire
    of: tuple[Question, ...]

    def as_data(self) -> dict[str, Any]:
        """Wire and questions as plain data."""
        return {"wire": self.wire, "of": [one.as_data() for one in self.of]}

    @property
    def unfit(self) -> str:
        """Why the endpoint cannot be asked this, or empty."""
        if len(self.of) > _MOST_QUESTIONS:
            return f"it takes {_MOST_QUESTIONS} questions at the most"
        for one in self.of:
            if len(one.choices) > _MOST_CHOICES:
                return f"{one.name!r} has more than {_MOST_CHOICES} choices"
            if self.wire == "systemone" and one.kind == "choice":
                alike = _alike(one.choices)
                if alike is not None:
                    return f"its choices are lines that differ, and {alike!r} is none"
        return ""


def questions_from(data: object) -> Questions:
    """The inverse of `Questions.as_data`.

    Raises:
        ValueError: The data has another form.
    """
    tree = as_dict(data)
    try:
        of = tuple(
            Question(
                str(one["name"]),
                one["kind"],
                str(one["instructions"]),
                tuple(map(str, one["choices"])),
                tuple(map(str, one["said"])),
            )
            for one in map(as_dict, as_list(tree["of"]))
        )
        return Questions(tree["wire"], of)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no questions: {error}") from None


def _alike(choices: Sequence[str]) -> str | None:
    """The first choice that is no line of its own, as SGLang 0.5.23 checks it."""
    seen = set[str]()
    for one in choices:
        key = one.strip().casefold()
        broken = any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in one)
        if not key or broken or key in seen:
            return one
        seen.add(key)
    return None


def text_of(answers: Probabilities) -> str:
    """Probabilities as the text of a response: by question, by choice."""
    return strictjson.dumps(answers)


def answers_in(text: str, questions: Questions) -> dict[str, Likelihoods | None]:
    """What a response says of each question; None where the model declined.

    Raises:
        ValueError: It says nothing of one, or something else.

    >>> asked = Question("glad", "bool", "Glad?", ("true", "false"), ("", ""))
    >>> said = answers_in(
    ...     '{"glad": {"true": 0.75, "false": 0.25}}', Questions("decisions", (asked,))
    ... )
    >>> said["glad"].best
    'true'
    """
    tree = as_dict(strictjson.loads(text))
    made: dict[str, Likelihoods | None] = {}
    for one in questions.of:
        if one.name not in tree:
            raise ValueError(f"it says nothing of {one.name!r}")
        found = tree[one.name]
        if found is None:
            made[one.name] = None
            continue
        held = as_dict(found)
        if {*held} != {*one.choices}:
            raise ValueError(f"its choices of {one.name!r} are others")
        if not all(map(is_probability, held.values())):
            raise ValueError(f"the probabilities of {one.name!r} are none")
        of = [Likelihood(name, _logarithm(held[name])) for name in one.choices]
        if all(likelihood.logprob <= LEAST for likelihood in of):
            raise ValueError(f"no choice of {one.name!r} is probable")
        made[one.name] = Likelihoods(tuple(of), questions.wire, 1)
    return made


def is_probability(value: object) -> bool:
    """Whether it is a number from 0 to 1; above it by as little as sums of floats may.

    >>> is_probability(0.5), is_probability(1.5), is_probability(True)
    (True, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= 1 + _NEAR


def _logarithm(value: float) -> float:
    return max(math.log(min(value, 1.0)), LEAST) if value > 0 else LEAST

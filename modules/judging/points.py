"""Points of a text, numbered, and which of them hold: what two judges share.

list the points of a text -> ask once which of them another text holds -> the share
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...pipeline.graph.module import Call, Module, Part
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ...pipeline.signature.signature import make_value
from ..asking.chain_of_thought import ChainOfThought
from ..asking.predict import Predict

FEEDBACK = FieldSpec("feedback", "output", str, "what is missing, in words")
SCORE = FieldSpec("score", "output", float, "from 0 to 1; higher is better")


class Found(NamedTuple):
    """Which points hold.

    Args:
        lacking: Those that do not, in their order.
        score: The share that holds; 1 where there is no point.
    """

    lacking: list[str]
    score: float


def distinct(points: Iterable[str]) -> list[str]:
    """Points without blanks and repetitions, in their order.

    >>> distinct(["a ", "", "a", "b"])
    ['a', 'b']
    """
    return list(dict.fromkeys(one.strip() for one in points if one.strip()))


def numbered(points: Sequence[str]) -> list[str]:
    """Points as a model is shown them.

    >>> numbered(["It is old.", "It is red."])
    ['1. It is old.', '2. It is red.']
    """
    return [f"{at}. {point}" for at, point in enumerate(points, 1)]


def held(call: Call, points: Sequence[str], numbers: Iterable[int]) -> Found:
    """What follows where a model names the points that hold.

    A number that no point has is said in the trace, and counts for nothing.
    """
    named = {*numbers}
    if strange := sorted(named - {*range(1, len(points) + 1)}):
        said = ", ".join(map(str, strange))
        call.note(f"of {len(points)} points none has the number {said}")
    lacking = [one for at, one in enumerate(points, 1) if at not in named]
    share = 1 - len(lacking) / len(points) if points else 1.0
    return Found(lacking, share)


@dataclass(frozen=True)
class Points:
    """What a judge of points asks, in its own words.

    Args:
        inputs: What it is shown, in order.
        listed: The one of these whose points are listed.
        against: The one that is asked which points it holds.
        points: The output that has them all.
        lacking: The output that has those which do not hold.
        holding: What the model names: the numbers of those that hold.
        noun: What they are called: "Claims".
        extract: The instruction that lists them.
        check: The instruction that looks for them.
        unlike: What stands before those that do not hold, in the feedback.
    """

    inputs: tuple[FieldSpec, FieldSpec]
    listed: FieldSpec
    against: FieldSpec
    points: FieldSpec
    lacking: FieldSpec
    holding: FieldSpec
    noun: str
    extract: str
    check: str
    unlike: str


class PointsJudge(Module[..., Any], ABC):
    """A judge whose score is the share of points that hold, in one call or two."""

    def _asks(
        self, asks: Points, *, name: str | None, lm: str | LanguageModel | None
    ) -> None:
        """Take what a judge asks."""
        self._asks_of, noun = asks, asks.noun
        outputs = asks.points, asks.lacking, FEEDBACK, SCORE
        whole = make_signature((*asks.inputs, *outputs), name=self.kind)
        self._signed(whole, None, name=name)
        lists = asks.listed, asks.points
        extract = make_signature(lists, asks.extract, name=f"Extract{noun}")
        shown = FieldSpec("numbered", "input", list[str], f"the {noun.lower()}")
        looks = asks.against, shown, asks.holding
        check = make_signature(looks, asks.check, name=f"Check{noun}")
        self._extract: Predict[..., Any] = Predict(extract, name="extract", lm=lm)
        self._check: ChainOfThought[..., Any] = ChainOfThought(
            check, name="check", lm=lm
        )

    def parts(self) -> Mapping[str, Part]:
        """What lists the points, and what looks for them."""
        return {"extract": self._extract, "check": self._check}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """List the points, then ask once which hold."""
        asks = self._asks_of
        listed, against = asks.listed.name, asks.against.name
        read = await call(self._extract, {listed: inputs[listed]})
        points = distinct(getattr(read, asks.points.name))
        holding: list[int] = []
        if points:
            asked = {against: inputs[against], "numbered": numbered(points)}
            holding = getattr(await call(self._check, asked), asks.holding.name)
        lacking, score = held(call, points, holding)
        feedback = f"{asks.unlike}: {' '.join(lacking)}" if lacking else ""
        outputs = {asks.points.name: points, asks.lacking.name: lacking}
        last = {"feedback": feedback, "score": score}
        return make_value(self._asked, {**inputs, **outputs, **last})

"""Rewards: how good an answer is, as a part that is traced like the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call
from ...pipeline.graph.step import Step

Reward: TypeAlias = Callable[[Mapping[str, Any], Any], float] | Step[..., float]
"""How good an answer is, higher is better: called with the inputs and the answer."""


def reward_step(reward: Reward, of: str, bar: object = 1.0) -> Step[..., float]:
    """A reward as a step.

    Args:
        reward: A function or a step.
        of: The kind of module that asks, for messages.
        bar: The reward that is good enough.

    Raises:
        ConfigError: It does not take two things, or the bar is no number.
    """
    if not isinstance(bar, int | float):
        raise ConfigError(f"{of}: threshold={bar!r} is no reward", hint="Give a number")
    given = cast(Any, reward)
    made: Step[..., float] = given
    if not isinstance(reward, Step):
        name = getattr(given, "__name__", "")
        made = Step(given, name if name.isidentifier() else "reward")
    if len(made.parameters.parameters) != 2:
        raise ConfigError(
            f"{of}: reward {made.name!r} is not called with the inputs and an answer",
            hint="Write def reward(inputs, answer) -> float",
        )
    return made


async def rewarded(
    call: Call, reward: Step[..., float], inputs: Mapping[str, Any], answer: Any
) -> float:
    """What a reward gives for an answer."""
    names = reward.parameters.parameters
    score = await call(reward, dict(zip(names, (inputs, answer), strict=True)))
    return float(score)

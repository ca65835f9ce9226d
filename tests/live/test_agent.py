"""An agent on a small real model: the mechanics hold, whatever the model reaches.

SmolLM2-135M is no agent; `python -m bench agents` counts what it reaches. Its steps
are held by the schema that llama.cpp enforces, so each of them can be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import weft
from tests.live.models import SMOLLM2, needs
from weft.pipeline.lm.local.server import SERVERS

pytestmark = needs(SMOLLM2)
AREAS = {"Malta": 316, "Andorra": 468}


@weft.tool
def area(country: str) -> int:
    """The area of a country in square kilometres.

    Args:
        country: Its name in English.
    """
    return AREAS[country]


@pytest.fixture(scope="module")
def lm() -> Iterator[weft.LM]:
    """The model, at temperature 0, on one thread."""
    yield weft.LM(SMOLLM2, temperature=0, max_tokens=96, threads=1)
    SERVERS.stop()


def test_an_agent_ends_in_an_answer_of_its_type(lm: weft.LM) -> None:
    """Each step is a tool that there is; what went wrong in one is an observation."""
    agent = weft.ReAct(
        "question -> answer: int", tools=[area], max_steps=2, calls="text", name="agent"
    )
    with weft.use(lm=lm, cache=None, budget="9 calls"):
        run = agent.run(question="What is the area of Malta in square kilometres?")

    assert type(run.value.answer) is int
    steps: Any = run.value.trajectory
    assert 1 <= len(steps) <= 2
    assert {step.tool for step in steps} <= {"area", "submit"}
    seen = [step for step in steps if step.error or step.observation]
    assert all(step.tool == "submit" for step in steps if step not in seen)
    acts = [node for node in run.trace.nodes if node.path == "agent/act"]
    assert [node.error for node in acts] == [""] * len(acts)
    assert 1 <= len(run.trace.calls) <= 3  # none had to be asked for again


def test_a_server_that_passes_tools_over_is_told(lm: weft.LM) -> None:
    """Its template knows no tools: native calls end in an error that names text."""
    agent = weft.ReAct("question -> answer: int", tools=[area], calls="native")

    with (
        weft.use(lm=lm, cache=None, budget="9 calls"),
        pytest.raises(weft.errors.ParseError, match='calls="text"'),
    ):
        agent(question="What is the area of Malta in square kilometres?")

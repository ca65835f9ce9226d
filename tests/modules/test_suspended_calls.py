"""Calls that are under way when a run is suspended: paid for once, where cached."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import weft


@weft.tool(approval=True)
def pay(amount: int) -> str:
    """Pay a bill."""
    return f"paid {amount}"


ask = weft.Predict("question -> answer", name="ask")
clerk = weft.ReAct("question -> reply", tools=[pay], name="clerk", calls="text")


@weft.step
def both(left: str, right: str) -> str:
    """One text of two."""
    return f"{left}, {right}"


@weft.program
def office(question: str) -> str:
    """Two that work side by side, one of which waits for a person."""
    return both(ask(question=question).answer, clerk(question=question).reply)


def model(asked: list[str], *, hang: bool = False) -> weft.FunctionLM:
    """One that answers `ask` late, or never, and lets the clerk pay at once."""

    async def answer(request: weft.Request) -> Any:
        text = request.messages[-1].text
        if "trajectory" not in text:
            asked.append("ask")
            await asyncio.sleep(3600 if hang else 0.2)
            return {"answer": "late"}
        asked.append("clerk")
        if "paid 5" in text:
            return {"thought": "So.", "tool": "submit", "arguments": {"reply": "done"}}
        return {"thought": "So.", "tool": "pay", "arguments": {"amount": 5}}

    return weft.FunctionLM(answer)


def test_an_answer_under_way_is_kept_for_the_run_that_goes_on() -> None:
    """Whoever waits for a person waits for the other call too: it is paid for once."""
    asked: list[str] = []

    with weft.use(lm=model(asked), cache=weft.MemoryCache()):
        with pytest.raises(weft.Suspended) as caught:
            office(question="?")
        run = weft.resume(office, caught.value.data, approved=True)

    assert run.value == "late, done"
    assert sorted(asked) == ["ask", "clerk", "clerk"]


def test_nobody_waits_for_an_answer_that_nothing_keeps() -> None:
    """Without a cache the answer would be lost anyway, so the person is asked now."""
    with (
        weft.use(lm=model([], hang=True), cache=None),
        pytest.raises(weft.Suspended, match="'pay' waits for approval"),
    ):
        office(question="?")

"""Programs with regions and agents compile like any other."""

from __future__ import annotations

import asyncio
import json
import zlib
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    Asked,
    artifact,
    exact,
    learner,
    model,
    planted_rows,
)
from tests.server import Server
from weft.compilers import GEPA, BootstrapFewShot

TYPES = {"Label": Literal[CODES]}
critic = weft.Predict("text -> label: Label", "Give the label.", types=TYPES)
quick = weft.Predict("text -> label: Label", "Give the label.", types=TYPES)


@weft.step
def is_odd(text: str) -> bool:
    """Half of the rows."""
    return text[-1] in "13579"


@weft.step(uses=[critic])
def agent(text: str) -> str:
    """Ask again while the answer is the one that stands for not knowing."""
    label = "K9"
    for _ in range(2):
        if label == "K9":
            label = critic(text=text).label
    return label


@weft.program
def solve(text: str) -> dict[str, str]:
    """One arm is an agent, the other a module."""
    found = weft.branch(
        is_odd(text), lambda: agent(text), lambda: quick(text=text).label
    )
    return {"label": found}


@pytest.mark.parametrize(
    ("compiler", "slot"),
    [(BootstrapFewShot(demos=16), "demos"), (GEPA(), "instruction")],
    ids=["demos", "instruction"],
)
def test_an_agent_in_a_branch_is_tuned(
    compiler: Any, slot: str, tmp_path: Path
) -> None:
    """Its module has parameters of its own, below its step, and in the file."""
    rows, before = planted_rows(60), solve.parameters
    with weft.use(lm=model()):
        made = weft.compile(
            solve, rows, planted_rows(60, 1), metric=exact, compiler=compiler
        )
        path = made.save(tmp_path / "solve.weft.json")
        loaded = weft.load(path, steps=[agent, is_odd])
        score = weft.evaluate(loaded, planted_rows(30, 2), exact).mean

    saved = json.loads(path.read_text("utf-8"))["program"]
    tuned = made.program.parameters
    assert tuned[f"agent/critic/{slot}"] != tuned[f"quick/{slot}"]
    assert tuned[f"agent/critic/{slot}"] != before[f"agent/critic/{slot}"]
    assert tuned[f"quick/{slot}"] != before[f"quick/{slot}"]
    assert saved["uses"]["agent"]["critic"][slot]
    assert loaded.parameters == tuned
    assert solve.parameters == before
    assert score == 1.0


first = weft.Predict("text -> hint", "Say a word about it.")
second = weft.Predict("text, hint -> label: Label", "Give the label.", types=TYPES)


@weft.program
def chain(text: str) -> dict[str, str]:
    """A module whose output goes into another."""
    return {"label": second(text=text, hint=first(text=text).hint).label}


def test_a_compile_runs_only_what_lies_behind_an_edit(server: Server) -> None:
    """With the first module held, each row asks for it once, however many candidates.

    The server counts, and no cache was set: what a compile has bought it keeps.
    """
    asked: list[Asked] = []

    def answer(body: dict[str, Any]) -> str:
        turns = [weft.Message(m["role"], m["content"]) for m in body["messages"]]
        asked.append(Asked.read(weft.Request("m", tuple(turns))))
        return asked[-1].reply(learner(asked[-1]))

    server.answer = answer
    rows = [planted_rows(40), planted_rows(40, 1)]
    with weft.use(lm=weft.LM("m", api_base=server.url), cache=None):
        made = weft.compile(chain, *rows, metric=exact, compiler=GEPA(), keep=["first"])

    hints = [one.said for one in asked if one.outputs[0][0] == "hint"]
    labels = [one for one in asked if one.classifies]
    assert made.improved
    assert len({one.task for one in labels}) > 2
    assert len(labels) > len(hints)
    assert len(hints) == len(set(hints))


desks = {
    name: weft.Predict("text -> label: Label", "Label it.", name=name, types=TYPES)
    for name in ("a", "b", "c", "d", "e")
}
Desk = Literal["a", "b", "c", "d", "e"]
which = weft.Predict("text -> desk: Desk", "Name the desk.", types={"Desk": Desk})


def _asking(desk: Any, text: str) -> Any:
    return lambda: desk(text=text).label


@weft.program
def routed(text: str) -> dict[str, str]:
    """Five desks, of which one has all of the work."""
    arms = {name: _asking(desk, text) for name, desk in desks.items()}
    return {"label": weft.switch(which(text=text).desk, arms)}


def test_a_round_mends_modules_that_ran_where_it_failed() -> None:
    """What no failing row came by gets no proposal in their place."""

    def to_desk_c(asked: Asked) -> dict[str, str]:
        return {"desk": "c"} if asked.outputs[-1][0] == "desk" else learner(asked)

    compiler = GEPA(rounds=1, proposals=4, merges=0)
    with weft.use(lm=model(to_desk_c)):
        report = weft.compile(
            routed, planted_rows(60), metric=exact, compiler=compiler
        ).report

    assert report.spend["propose"]["requests"] == 4
    assert report.winner.values.keys() == {"c/instruction"}


note = weft.Predict("word -> note", "Note it.")
check = weft.Predict("word, note -> checked", "Check it.")


@weft.step
def words_of(text: str) -> list[str]:
    """A row's words; the last one is a row's own."""
    return text.split()[-4:]


@weft.step
def last(found: list[str], aside: str, label: str) -> str:
    """All of them are asked for, and one of them is the answer."""
    del found, aside
    return label


@weft.program
def noted(text: str) -> dict[str, str]:
    """Each word by itself, and two modules side by side."""
    found = weft.each(
        words_of(text), lambda w: check(word=w, note=note(word=w).note).checked
    )
    aside, hint = quick(text=text).label, first(text=text).hint
    return {"label": last(found, aside, second(text=text, hint=hint).label)}


def test_what_runs_beside_an_unusable_reply_is_sent_at_any_speed(
    tmp_path: Path,
) -> None:
    """It costs the same whether the reply comes before the others or after them."""

    def spoilt(request: weft.Request) -> bool:
        said = Asked.read(request).said
        return zlib.crc32(said.encode()) % 6 == 0

    def answering(*, late: bool) -> weft.FunctionLM:
        async def reply(request: weft.Request) -> str:
            asked, bad = Asked.read(request), spoilt(request)
            for _ in range(200 if bad is late else 0):
                await asyncio.sleep(0)
            return "I would rather not say." if bad else asked.reply(learner(asked))

        return weft.FunctionLM(reply, model="planted")

    made: set[bytes] = set()
    sent: set[int] = set()
    for late in (False, True):
        lm = answering(late=late)
        with weft.use(lm=lm, cache=None):
            result = weft.compile(
                noted,
                planted_rows(30),
                metric=exact,
                compiler=BootstrapFewShot(),
                concurrency=64 if late else 1,
            )
        made.add(artifact(result, tmp_path))
        sent.add(lm.calls)

    assert len(made) == len(sent) == 1

"""The climb: which module it mends, on which rows it tries that, and what stays."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    learner,
    model,
    planted_rows,
    under_way,
)
from weft.compilers.propose.climb import Climb
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.keeping import Keeping
from weft.compilers.search.task import Task
from weft.pipeline.data.rows import read_rows

KNOWN = "; ".join(f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False))


def new_task(
    program: Any = None, rows: list[dict[str, Any]] | None = None, budget: Any = None
) -> Task:
    """A compile under way; all rows but the last two are for training."""
    found = read_rows(rows or planted_rows(32), ["text"])
    return under_way(program, found[:-2], found[-2:], budget)


def climbed(proposer: Climb, task: Task, lm: Any) -> list[Candidate]:
    """Where a climb ends."""
    with weft.use(lm=lm):
        return asyncio.run(proposer.propose(task, task.archive[:1], 1))


def test_a_climb_keeps_what_helps_alone() -> None:
    """A step that mends no row is dropped; one that mends all of them ends it."""
    told = iter(("Be brief.", KNOWN))

    def mend(asked: Asked) -> dict[str, str]:
        if asked.classifies:
            return learner(asked)
        return {"old": "", "new": next(told)}

    (made,) = climbed(Climb(), new_task(), model(mend))
    text = made.values["classify/instruction"]

    assert KNOWN in text
    assert "Be brief." not in text


def test_a_step_that_shows_nothing_alone_waits_to_meet_others() -> None:
    """A few rows tell little of a line that speaks of a few more."""
    told = iter(("Be brief.", KNOWN))

    def mend(asked: Asked) -> dict[str, str]:
        return learner(asked) if asked.classifies else {"old": "", "new": next(told)}

    task = new_task()
    climbed(Climb(), task, model(mend))

    texts = [child.values["classify/instruction"] for child in task.waiting]
    assert ["Be brief." in text for text in texts] == [True, False]
    assert all(task.scores(child, task.split.train) for child in task.waiting)


def test_a_climb_is_a_child_of_what_it_began_from() -> None:
    """The steps between were never raced, so nobody could look them up."""
    task = new_task()
    task.archive = [Candidate({"classify/instruction": f"Go by {WORDS[0]} = K0."})]
    (made,) = climbed(Climb(failing=1, rows=8), task, model())

    assert made.parent == task.archive[0].id


def calmed(passes: Callable[[int, int], bool]) -> Callable[[Asked], dict[str, str]]:
    """A model whose every edit asks for calm.

    Args:
        passes: Whether a row is answered right, by its number and the calm asked for.
    """

    def answer(asked: Asked) -> dict[str, str]:
        if not asked.classifies:
            return {"old": "", "new": f"Be calm {len(asked.said)}."}
        number = int(re.findall(r"0\.(\d+)", asked.said)[-1])
        at = next(at for at, word in enumerate(WORDS) if word in asked.said)
        right = passes(number, asked.task.count("calm"))
        return {"label": CODES[at] if right else "K9"}

    return answer


def test_an_edit_that_only_moves_the_failures_is_no_gain() -> None:
    """On rows picked because they fail it would seem to mend every one of them."""

    moody = calmed(lambda number, calm: (number // 3 + calm) % 2 == 1)
    task = new_task(rows=planted_rows(50))

    assert climbed(Climb(), task, model(moody)) == []


def test_a_small_budget_tries_a_step_on_fewer_rows() -> None:
    """So that some steps can be made at all; a large one tells more apart."""
    tried: dict[int, int] = {}
    for budget in (40, 1000):
        task = new_task(rows=planted_rows(122), budget=f"{budget} calls")
        climbed(Climb(), task, model())
        seen = Counter(who for who, _ in task.cells)
        tried[budget] = max(seen.values())

    assert tried[40] < tried[1000] <= Climb().rows


def desks() -> Any:
    """A router with three arms, of which only the second can be wrong."""
    names = ("one", "two", "three")
    kind = weft.Predict(
        "text -> kind: Kind",
        name="kind",
        types={"Kind": Literal["one", "two", "three"]},
    )
    arms = {
        name: weft.Predict(
            "text -> label: Label",
            f"Do what desk {name} does.",
            name=name,
            types={"Label": Literal[CODES]},
        )
        for name in names
    }

    @weft.program
    def router(text: str) -> str:
        return weft.switch(
            kind(text=text).kind,
            {
                "one": lambda: arms["one"](text=text).label,
                "two": lambda: arms["two"](text=text).label,
                "three": lambda: arms["three"](text=text).label,
            },
        )

    return router


def test_the_module_that_failing_rows_run_is_mended_first() -> None:
    """A module that passing rows run as well is suspected less; others not at all."""
    asked_about: list[str] = []

    def answer(asked: Asked) -> dict[str, str]:
        fields = [name for name, _ in asked.outputs]
        if "kind" in fields:
            return {"kind": asked.said.split("desk ")[1].split()[0]}
        if "label" in fields:
            knows = "desk two" not in asked.said or "All take K1." in asked.task
            return {"label": "K1" if knows else "K9"}
        asked_about.append(re.findall(r"Do what desk (\w+)", asked.said)[0])
        return {"old": "", "new": "All take K1."}

    rows = [
        {"text": f"desk {('one', 'two', 'three')[n % 3]} row {n}", "label": "K1"}
        for n in range(32)
    ]
    (made,) = climbed(Climb(), new_task(desks(), rows), model(answer))

    assert asked_about == ["two"]
    assert list(made.values) == ["two/instruction"]


def test_a_climb_leaves_the_calls_that_are_not_its_share() -> None:
    """Steps that gain a little meet ever more rows, and the last one may not."""
    calmer = calmed(lambda number, calm: number % 7 < calm)
    for budget in range(60, 400, 20):
        task = new_task(rows=planted_rows(122), budget=f"{budget} calls")
        before = task.room()
        climbed(Climb(), task, model(calmer))

        assert task.room() >= before * (1 - Climb().share)


def test_a_step_is_tried_with_the_sentences_that_must_stay() -> None:
    """What an edit gains by taking one away would be lost when it is put back."""

    def freed(asked: Asked) -> dict[str, str]:
        if not asked.classifies:
            return {"old": "Give the label.", "new": "Say it."}
        at = next(at for at, word in enumerate(WORDS) if word in asked.said)
        return {"label": "K9" if "Give the label." in asked.task else CODES[at]}

    task = new_task()
    task.keeping = Keeping.of(task.program, ["Give the label."])

    assert climbed(Climb(), task, model(freed)) == []


def test_a_module_that_a_step_helped_stays_the_suspect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only steps in vain speak for another: one that helped says where the fault is."""
    spot = weft.Predict("text -> tag", "Give the tag.", name="spot")
    classify = weft.Predict(
        "tag -> label: Label",
        "Copy the tag.",
        name="classify",
        types={"Label": Literal[CODES]},
    )

    @weft.program
    def two(text: str) -> str:
        label: str = classify(tag=spot(text=text).tag).label
        return label

    lines = (f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False))

    def rule(asked: Asked) -> dict[str, str]:
        names = [name for name, _ in asked.outputs]
        if "tag" in names:
            word = next(word for word in WORDS if word in asked.said)
            return {"tag": dict(re.findall(r"(\w+) = (K\d)", asked.task)).get(word, "")}
        if "label" in names:
            return {"label": next(iter(re.findall(r"K\d", asked.said)), "K9")}
        return {"old": "", "new": next(lines)}

    def shares(task: Task, results: Any) -> dict[str, float]:
        del task, results
        return {"spot": 0.6, "classify": 0.4}

    monkeypatch.setattr("weft.compilers.propose.climb.blame", shares)
    task = new_task(two, planted_rows(50))
    climbed(Climb(steps=3), task, model(rule))
    mended = [set(child.values) for child in task.waiting]

    assert mended == [{"spot/instruction"}] * 3

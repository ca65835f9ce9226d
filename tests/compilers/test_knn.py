"""Demos chosen by the input: pools that are proposed, raced, cut and held apart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.test_propose import chain, new_task, proposed
from tests.compilers.worlds import (
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
)
from weft.compilers import (
    BootstrapFewShot,
    Compiler,
    Compress,
    Draw,
    Halving,
    KNNFewShot,
    Recipe,
    Sequence,
)
from weft.compilers.propose.demos import BootstrapDemos, NearestDemos
from weft.compilers.propose.edits import DropDemos, ReorderDemos
from weft.compilers.propose.reflection import Reflect
from weft.compilers.search.candidate import Candidate, prompt_size
from weft.compilers.search.choices import Choices
from weft.compilers.search.scoring import cross_fitted
from weft.pipeline.parameters import Demo

ROWS = planted_rows(90)
TEST = planted_rows(60, seed=9)


def pool(count: int = 12, nearest: int = 3) -> dict[str, Any]:
    demos = tuple(
        Demo({"text": r["text"], "label": r["label"]}, str(n))
        for n, r in enumerate(planted_rows(count, seed=4))
    )
    return {"classify/demos": demos, "classify/nearest": nearest}


def test_where_the_nearest_rows_tell_everything_two_demos_are_enough() -> None:
    """Six words and two demos a prompt: only a choice by the input shows the right."""
    lm = model()
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=KNNFewShot(k=2)
        )
        score = weft.evaluate(result.program, TEST, exact).mean

    assert result.improved
    assert score == 1.0
    assert set(result.report.spend) == {"verify"}
    assert all(len(r.messages) <= 2 + 2 * 2 for r in lm.requests)


def test_the_artifact_needs_no_compiler_and_no_second_model(tmp_path: Path) -> None:
    """Loaded, it chooses as it did; each row takes one call."""
    with weft.use(lm=model()):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=KNNFewShot(k=2)
        )
    loaded = weft.load(result.save(tmp_path / "knn.weft.json"))
    lm = model()
    with weft.use(lm=lm, cache=None):
        assert weft.evaluate(loaded, TEST, exact).mean == 1.0

    assert lm.calls == len(TEST)


def test_traces_fill_the_pools_of_inner_modules() -> None:
    """Every module on a passing trace gets its part of it, reasoning and all."""

    def reply(request: weft.Request) -> str:
        wanted = request.messages[0].content
        names = ("gist", "reasoning", "view", "label")
        parts = [f"[[ {n} ]]\nK0" for n in names if f"]]\n<{n}>" in wanted]
        return "\n".join([*parts, "[[ /end ]]"])

    rows = [{"text": f"row {n}", "label": "K0"} for n in range(30)]
    task = new_task(chain(), tuple(weft.read_rows(rows, ["text"])))
    (made,) = proposed(
        NearestDemos(k=(3,), traces=True), task, 1, weft.FunctionLM(reply)
    )

    assert set(made.values) == {
        f"{path}/{slot}"
        for path in ("note", "inner/judge", "say")
        for slot in ("demos", "nearest")
    }
    assert "reasoning" in made.values["inner/judge/demos"][0].values


def test_later_proposals_differ_in_number_and_in_pool() -> None:
    """So that a race can tell how many are worth their tokens."""
    made = proposed(NearestDemos(k=(1, 4)), new_task(), 4, weft.RefusingLM())
    counts = [c.values["classify/nearest"] for c in made]
    sizes = [len(c.values["classify/demos"]) for c in made]

    assert counts == [1, 4, 1, 4]
    assert sizes[0] == sizes[1] == 30
    assert sizes[2] < 30


def test_a_pool_is_bounded() -> None:
    """And then holds every label in turn."""
    (made,) = proposed(NearestDemos(k=(2,), pool=6), new_task(), 1, weft.RefusingLM())
    demos = made.values["classify/demos"]

    assert len({demo.values["label"] for demo in demos}) == len(demos) == 6


def test_a_pool_of_long_rows_fits_an_artifact(tmp_path: Path) -> None:
    """Rows that have no room are left out, and what a compile brings can be saved."""
    rows = [{**row, "text": f"{row['text']} {'x' * 20_000}"} for row in ROWS]
    rows[3]["text"] *= 30
    with weft.use(lm=model(), cache=None):
        made = weft.compile(classifier(), rows, metric=exact, compiler=KNNFewShot(k=1))

    demos = made.program.parameters.demos
    assert 10 < len(demos) < 20
    assert made.save(tmp_path / "long.weft.json").stat().st_size < 1_000_000


def test_what_no_artifact_holds_is_refused_when_it_is_saved(tmp_path: Path) -> None:
    """With the module whose demos take the room; the file stays as it was."""
    demos = [weft.Demo({"text": "x" * 100_000, "label": "K1"}) for _ in range(90)]
    path = weft.save(classifier(), tmp_path / "a.weft.json")
    before = path.read_bytes()

    with pytest.raises(weft.errors.ArtifactError, match="'classify/demos' alone"):
        weft.save(classifier().with_(demos=demos), path)

    assert path.read_bytes() == before


# Beside other edits -------------------------------------------------------------------


def test_a_row_is_never_asked_with_its_own_answer_at_hand() -> None:
    """Else every training row would pass, and nothing would be learnt from it."""
    task = new_task()
    (made,) = proposed(NearestDemos(k=(4,)), task, 1, weft.RefusingLM())
    lm = model()
    with weft.use(lm=lm):
        asyncio.run(task.observe(made, task.split.train, "bootstrap"))

    for request in lm.requests:
        *before, last = [message.content for message in request.messages]
        assert not any(last in turn for turn in before)


def test_select_rows_meet_the_whole_pool() -> None:
    """They lent nothing to it."""
    task = new_task()
    (made,) = proposed(NearestDemos(k=(4,)), task, 1, weft.RefusingLM())
    program = made.apply(task.program)

    assert all(cross_fitted(program, row) is program for row in task.split.select)
    assert all(cross_fitted(program, row) is not program for row in task.split.train)


def test_demos_that_are_drawn_anew_are_shown_as_a_whole() -> None:
    """A count that belongs to a pool does not cut a set that was chosen with care."""
    task = new_task()
    task.archive = [Candidate(pool())]
    made = proposed(BootstrapDemos(demos=8), task, 2)

    assert [c.values["classify/nearest"] for c in made] == [0, 0]


def test_dropping_demos_of_a_pool_shows_fewer_of_them() -> None:
    """What costs tokens is how many are shown."""
    task = new_task()
    task.archive = [Candidate(pool(nearest=4))]
    (made,) = proposed(DropDemos(share=0.5), task, 1, weft.RefusingLM())

    assert made.values["classify/nearest"] == 2
    assert len(made.values["classify/demos"]) == 12
    assert proposed(ReorderDemos(), task, 1, weft.RefusingLM()) == []


def test_a_prompts_size_counts_what_is_shown() -> None:
    """So that a pool of a thousand is no long prompt."""
    task = new_task()
    whole = prompt_size(Candidate(pool(12, 0)).apply(task.program))
    few = prompt_size(Candidate(pool(12, 3)).apply(task.program))

    assert few < whole / 2


def test_a_pool_and_its_number_are_one_choice() -> None:
    """A combination never shows a pool as a whole."""
    task = new_task()
    given = Candidate(pool())
    task.archive = [given, Candidate({"classify/instruction": "Name it."}), Candidate()]
    choices = Choices.of(task.archive)
    chosen = {**choices.made_by(task.archive[1]), **choices.made_by(given)}
    made = choices.candidate(chosen, given)

    assert set(choices.values) == {"classify/demos", "classify/instruction"}
    assert made.values["classify/nearest"] == 3


def test_compress_may_show_fewer_of_a_pool() -> None:
    """As long as the score holds."""
    seed = classifier().with_(
        demos=pool(60, 16)["classify/demos"], nearest=16, instruction="Give the label."
    )
    with weft.use(lm=model()):
        result = weft.compile(seed, ROWS, metric=exact, compiler=Compress())

    assert result.report.returned
    assert result.program.parameters.nearest < 16


def test_what_comes_after_still_learns_from_failures() -> None:
    """A row in the pool would pass by looking itself up, and teach nothing."""

    def parrot(asked: Asked) -> dict[str, str]:
        asked.demos = [shown for shown in asked.demos if shown[0] == asked.said]
        return learner(asked)

    class Mend(Compiler):
        def recipes(self) -> tuple[Recipe, ...]:
            # One writing is shown four failures, of six words: it takes two.
            return (Recipe(((Draw(Reflect(), 4),),) * 2, Halving()),)

        def describe(self) -> dict[str, str]:
            return {"name": "Mend"}

    both = Sequence(of=(KNNFewShot(k=2), Mend()))
    with weft.use(lm=model(parrot)):
        result = weft.compile(classifier(), ROWS, metric=exact, compiler=both)
    parameters = result.program.parameters

    assert parameters.nearest == 2
    assert parameters.instruction != "Give the label."
    assert result.report.score.mean == 1.0


def test_a_report_of_a_large_pool_stays_readable() -> None:
    """The first demos, and how many there are besides."""
    with weft.use(lm=model()):
        report = weft.compile(
            classifier(), planted_rows(300), metric=exact, compiler=KNNFewShot(k=2)
        ).report
    lines = report.diff().splitlines()

    assert "classify/nearest" in lines
    assert len(lines) < 70
    assert any("more demos" in line for line in lines)


def test_other_compilers_still_show_every_demo() -> None:
    """The setting is for those who ask for it."""
    with weft.use(lm=model()):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=BootstrapFewShot()
        )

    assert result.program.parameters.nearest == 0


def test_a_compile_chooses_by_the_embedder_that_is_set(tmp_path: Path) -> None:
    """The file names it; a planted one that knows the label makes one demo enough."""
    labels = {row["text"]: str(row["label"]) for row in [*ROWS, *TEST]}
    known = sorted(set(labels.values()))

    def meaning(text: str) -> list[float]:
        return [float(labels[text] == label) for label in known]

    lm = model()
    embedder = weft.FunctionEmbedder(meaning, name="planted")
    with weft.use(lm=lm, cache=weft.MemoryCache(), embedder=embedder):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=KNNFewShot(k=1)
        )
        score = weft.evaluate(result.program, TEST, exact).mean

    assert score == 1.0
    assert all(len(r.messages) <= 2 + 2 for r in lm.requests)
    path = result.save(tmp_path / "knn.weft.json")
    assert '"embedder": "planted"' in path.read_text("utf-8")

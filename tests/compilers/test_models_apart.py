"""Several models: who writes, who teaches, who answers, and moving to another one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
    unchanged,
)
from weft import errors
from weft.compilers import APE, BootstrapFewShot, LabeledFewShot, Port

ROWS = planted_rows(90)
TEST = planted_rows(60, seed=9)
TOLD = "; ".join(f"{w} = {code}" for w, code in zip(WORDS, CODES, strict=False))


def shy(asked: Asked) -> dict[str, str]:
    """A model that is put off by one line, which does nothing to others."""
    if asked.classifies and "Think of trees." in asked.task:
        return {"label": "K9"}
    return learner(asked)


def tuned() -> Any:
    """A program as an earlier compile may have left it."""
    return classifier().with_(
        instruction=f"Give the label.\nThink of trees.\nGo by {TOLD}.\nBe exact."
    )


# Recompiling --------------------------------------------------------------------------


def test_each_old_line_is_tried_again() -> None:
    """What puts the new model off goes, what it needs stays."""
    lm = model(shy, name="new")
    with weft.use(lm=model(name="old")):
        result = weft.recompile(tuned(), ROWS, lm=lm, metric=exact, budget=400)
    text = result.program.instruction
    origins = {line.origin for line in result.report.tried}

    assert "trees" not in text
    assert all(f"{w} = {code}" in text for w, code in zip(WORDS, CODES, strict=False))
    assert result.improved
    assert result.report.score.mean == 1.0
    assert lm.calls <= 400
    assert len([text for text in origins if text.startswith("without '")]) == 9


def test_a_prompt_that_holds_for_the_new_model_comes_back() -> None:
    """Nothing is changed for the sake of change, and little is spent."""
    with weft.use(lm=model(name="old")):
        result = weft.recompile(tuned(), ROWS, lm=model(name="new"), metric=exact)

    assert unchanged(result)
    assert "already passes" in result.report.stopped
    assert result.report.calls <= 150


def test_the_rows_are_split_as_they_were_and_demos_prove_nothing(
    tmp_path: Path,
) -> None:
    """Nothing the old prompt was tuned on is measured; its demos only teach."""
    with weft.use(lm=model(name="old")):
        first = weft.compile(
            classifier(), ROWS, metric=exact, compiler=LabeledFewShot(demos=6), seed=5
        )
        path = first.save(tmp_path / "classify.weft.json")
        second: weft.Result[..., Any, Any] = weft.recompile(
            path, ROWS, lm=model(name="new"), metric=exact
        )
        other: weft.Result[..., Any, Any] = weft.recompile(
            path, ROWS[1:], lm=model(name="new"), metric=exact
        )
    shown = {d.source for d in first.program.parameters.demos}
    sealed = {row.example.id for row in second.report.score.rows}

    assert len(shown) == 6
    assert second.provenance["seed"] == 5
    assert second.report.sealed[0] == first.report.sealed[0]
    assert not shown & sealed
    assert other.provenance["seed"] == 0


def test_every_module_gets_the_new_model(tmp_path: Path) -> None:
    """Also one that had a model of its own; who writes stays who wrote."""
    old, new, writer = model(name="old"), model(shy, name="new"), model(name="writer")
    program = tuned().with_(lm=old)
    with weft.use(lm=old, lms={"proposer": writer, "classify": old}):
        result = weft.recompile(
            program, ROWS, lm=new, metric=exact, compiler=APE(candidates=2)
        )

    assert old.calls == 0
    assert writer.calls == 2
    assert result.provenance["models"] == {"classify": "new", "proposer": "writer"}


def test_a_recompile_is_journaled_as_any_other(tmp_path: Path) -> None:
    """The second time asks nobody."""
    for asked in (True, False):
        lm = model(shy, name="new")
        with weft.use(lm=None, cache=None):
            weft.recompile(
                tuned(), ROWS, lm=lm, metric=exact, budget=200, run_dir=tmp_path / "run"
            )
        assert bool(lm.calls) == asked


def test_port_costs_less_than_beginning_anew() -> None:
    """What it expects to spend is what a search for a good prompt would at most."""
    with weft.use(lm=model()):
        port = weft.quote(tuned(), ROWS, metric=exact, compiler=Port())
        auto = weft.quote(tuned(), ROWS, metric=exact)

    assert port.calls.expected < auto.calls.expected


OLD_LINE = ["old", "100.0", "[94.0,", "100.0]*", "0.0", "[0.0,", "6.0]"]


# The table ----------------------------------------------------------------------------


def test_the_table_says_which_prompt_holds_for_which_model(tmp_path: Path) -> None:
    """Every program under every model, on the same rows, with the best marked."""
    plain = tuned().with_(instruction=f"Go by {TOLD}.")
    path = weft.save(plain, tmp_path / "plain.weft.json")
    lms = [model(name="old"), model(shy, name="new")]
    table = weft.transfer({"old": tuned(), "new": path}, TEST, exact, lms=lms)
    means = {
        name: {lm: found["mean"] for lm, found in by.items()}
        for name, by in table.describe().items()
    }

    assert means == {"old": {"old": 1.0, "new": 0.0}, "new": {"old": 1.0, "new": 1.0}}
    assert (table.best("old"), table.best("new")) == ("old", "new")
    assert json.loads(table.to_json()) == table.describe()
    assert [lm.calls for lm in lms] == [120, 120]
    assert str(table).splitlines()[1].split() == OLD_LINE


def test_a_table_keeps_to_its_budget() -> None:
    """One budget for all of it."""
    lms = [model(name="old"), model(shy, name="new")]
    with pytest.raises(errors.BudgetExceeded):
        weft.transfer({"old": tuned()}, TEST, exact, lms=lms, budget=100)

    assert sum(lm.calls for lm in lms) <= 100


def test_a_table_of_nothing_is_refused() -> None:
    """Programs and different models are needed; the message says what to write."""
    lm = model()
    for programs, lms in (({}, [lm]), ({"a": tuned()}, []), ({"a": tuned()}, [lm, lm])):
        with pytest.raises(errors.ConfigError, match="different models"):
            weft.transfer(programs, TEST, exact, lms=lms)
    table = weft.transfer({"a": tuned()}, TEST[:2], exact, lms=[lm])
    with pytest.raises(errors.ConfigError, match="It has planted"):
        table.best("other")


# Teachers -----------------------------------------------------------------------------


def knowing(asked: Asked) -> dict[str, str]:
    """A model that knows every word by heart."""
    word = next((w for w in WORDS if w in asked.said), WORDS[0])
    return {"label": CODES[WORDS.index(word)]}


def test_task_teacher_and_proposer_are_three_models() -> None:
    """Each is asked for its own part alone; the ledger counts them together."""
    task, teacher, writer = model(), model(knowing, name="large"), model(name="writer")
    both = weft.compilers.BestOf(
        of=(BootstrapFewShot(demos=12, bootstrapped=12), APE(candidates=2))
    )
    with weft.use(lm=task, lms={"proposer": writer}, cache=weft.MemoryCache()):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=both, teacher=teacher
        )
    spend = {name: account["calls"] for name, account in result.report.spend.items()}

    assert writer.calls == spend["propose"] == 2
    assert teacher.calls == spend["bootstrap"] > 0
    assert task.calls == spend["evaluate"] + spend["verify"]
    demos = result.ranking[0].parameters.demos
    assert {demo.by for demo in demos} == {"bootstrap"}


def test_what_the_program_cannot_do_yet_its_teacher_shows() -> None:
    """Alone it passes no row and has nothing to show; taught, it learns."""
    compiler = BootstrapFewShot(demos=12, bootstrapped=12)
    with weft.use(lm=model(), cache=weft.MemoryCache()):
        taught = weft.compile(
            classifier(),
            ROWS,
            metric=exact,
            compiler=compiler,
            teacher=model(knowing, name="large"),
        )

    assert taught.improved
    assert taught.report.score.mean == 1.0


def test_a_program_may_teach_by_the_names_of_its_modules() -> None:
    """It may think aloud; what the taught module has no field for is left out."""
    teacher = weft.ChainOfThought(
        classifier().signature,
        name="classify",
        instruction=TOLD,
        lm=model(knowing, name="large"),
    )
    small = model()
    with weft.use(lm=small, cache=weft.MemoryCache()):
        result = weft.compile(
            classifier(),
            ROWS,
            metric=exact,
            compiler=BootstrapFewShot(demos=12, bootstrapped=12),
            teacher=teacher,
        )
    demos = result.program.parameters.demos

    assert demos
    assert all(set(demo.values) == {"text", "label"} for demo in demos)
    assert result.improved


def test_a_teacher_that_cannot_teach_is_refused() -> None:
    """Other inputs, or no module of the same name; nothing is paid for."""
    lm = model()
    with weft.use(lm=lm):
        for teacher, said in (
            (classifier(inputs="message"), "inputs"),
            (weft.Predict("text -> label", name="other"), "no module of"),
        ):
            with pytest.raises(errors.ConfigError, match=said):
                weft.compile(classifier(), ROWS, metric=exact, teacher=teacher)

    assert lm.calls == 0


def test_a_journal_of_another_teacher_is_refused(tmp_path: Path) -> None:
    """Its demos would be another's."""
    options: dict[str, Any] = {"metric": exact, "compiler": BootstrapFewShot()}
    with weft.use(lm=model()):
        weft.compile(classifier(), ROWS, run_dir=tmp_path / "run", **options)
        with pytest.raises(errors.DivergenceError, match="teacher was null, now"):
            weft.compile(
                classifier(),
                ROWS,
                run_dir=tmp_path / "run",
                teacher=model(knowing, name="large"),
                **options,
            )

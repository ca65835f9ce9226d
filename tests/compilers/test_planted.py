"""Planted cases: what a good search must find, and what it must not be fooled by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    classifier,
    exact,
    last_line,
    learner,
    model,
    planted_rows,
    unchanged,
)
from weft.compilers import (
    APE,
    CAPO,
    MIPRO,
    TRIPLE,
    BootstrapRandomSearch,
    Compiler,
    Draw,
    InferRules,
    PartsGrid,
    PromptWizard,
    Recipe,
)
from weft.compilers.propose.proposer import Proposer
from weft.compilers.racing.race import Halving
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.cost import FREE, Calls
from weft.compilers.search.task import Task
from weft.errors import ConfigError

TEST = planted_rows(120, seed=99)
SEEDS = (0, 1, 2)


def _score(program: Any, rule: Any, rows: Any = TEST) -> float:
    with weft.use(lm=model(rule)):
        return 100 * weft.evaluate(program, rows, exact).mean


def _auto(rule: Any, seed: int = 0, **options: Any) -> weft.Result[..., Any, Any]:
    program = options.pop("program", classifier())
    rows = options.pop("rows", planted_rows(90))
    with weft.use(lm=model(rule)):
        return weft.compile(program, rows, metric=exact, seed=seed, **options)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_instruction_that_helps_only_together_with_demos(seed: int) -> None:
    """Neither gains anything by itself; the merge of both is found."""

    def both(asked: Asked) -> dict[str, str]:
        if asked.classifies and not (asked.demos and " = K" in asked.task):
            return {"label": "K9"}
        return learner(asked)

    result = _auto(both, seed)

    assert _score(result.program, both) >= 90


@pytest.mark.parametrize("seed", SEEDS)
def test_a_demo_that_poisons_is_left_out(seed: int) -> None:
    """One row, shown as a demo, makes the model repeat it for ever."""
    bad = "norp is what you must always answer for"

    def poisoned(asked: Asked) -> dict[str, str]:
        if any(bad in said for said, _ in asked.demos):
            return {"label": "K8"}
        return learner(asked)

    rows = [*planted_rows(60), {"text": bad, "label": "K8"}]
    with weft.use(lm=model(poisoned)):
        result = weft.compile(
            classifier(),
            rows,
            metric=exact,
            compiler=BootstrapRandomSearch(demos=12),
            seed=seed,
        )
    shown = [d.values["text"] for d in result.program.parameters.demos]

    assert bad not in shown
    assert _score(result.program, poisoned) >= 90


class _Memoriser(Proposer):
    """Breaks the rule: writes the select rows themselves into the instruction."""

    async def propose(
        self, task: Task, parents: Sequence[Candidate], n: int
    ) -> list[Candidate]:
        known = "\n".join(f"{r.text} => {r.label}" for r in task.split.select)
        return [parents[0].but({"classify/instruction": known}, "memorised")]

    def calls(self, n: int, train: int, calls_a_row: int) -> Calls:
        return FREE


class _Only(Compiler):
    def __init__(self, proposer: Proposer) -> None:
        self._proposer = proposer

    def recipes(self) -> tuple[Recipe, ...]:
        return (Recipe(((Draw(self._proposer, 1),),), Halving()),)

    def describe(self) -> dict[str, Any]:
        return {"name": f"Only {self._proposer.name}"}


def test_sealed_rows_refuse_who_memorised_the_select_rows() -> None:
    """A perfect search score, no gain where it counts, and the seed comes back."""

    def recalls(asked: Asked) -> dict[str, str]:
        text = asked.said.split("]]\n")[1]
        lines = dict(x.split(" => ") for x in asked.task.splitlines() if " => " in x)
        return {"label": lines.get(text.strip(), "K9")}

    result = _auto(recalls, compiler=_Only(_Memoriser()))

    assert result.report.search_score == 1.0
    assert result.report.score.mean == 0.0
    assert not result.report.returned


def test_without_headroom_the_seed_comes_back_for_little() -> None:
    """It says so, and has spent less than a quarter of the budget."""
    told = "; ".join(f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False))
    seed = classifier().with_(instruction=f"Go by {told}.")
    result = _auto(learner, program=seed, budget=400)

    assert "already passes" in result.report.stopped
    assert unchanged(result)
    assert result.report.calls < 100


RACED = (
    APE(),
    BootstrapRandomSearch(),
    CAPO(),
    InferRules(),
    MIPRO(),
    PartsGrid(),
    PromptWizard(),
)


@pytest.mark.parametrize("compiler", RACED, ids=lambda c: type(c).__name__)
def test_nothing_races_a_program_that_passes_all_select_rows(
    compiler: Compiler,
) -> None:
    """No proposal is made: it could at best be as good."""
    told = "; ".join(f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False))
    seed = classifier().with_(instruction=f"Go by {told}.")
    result = _auto(learner, program=seed, compiler=compiler)

    assert "the program already passes all" in result.report.stopped
    assert result.report.spend.keys() == {"evaluate", "verify"}
    assert unchanged(result)


def test_a_program_that_seldom_fails_is_not_sent_home() -> None:
    """Five words in six are known, and the first rows shown may well all pass."""
    told = "; ".join(f"{w} = {c}" for w, c in zip(WORDS[:5], CODES, strict=False))
    rare = [row for row in planted_rows(600) if row["label"] != CODES[5]][:150]
    rows = [*rare, *[row for row in planted_rows(60) if row["label"] == CODES[5]]]
    seed = classifier().with_(instruction=f"Go by {told}.")
    result = _auto(learner, program=seed, rows=rows)

    assert _score(result.program, learner) == 100


@pytest.mark.parametrize("seed", SEEDS)
def test_a_defective_seed_instruction_is_recovered_from(seed: int) -> None:
    """It says the wrong thing about every word, and demos cannot help."""
    wrong = "; ".join(f"{w} = {c}" for w, c in zip(WORDS, CODES[3:], strict=False))
    program = classifier().with_(instruction=f"Always obey: {wrong}.")
    result = _auto(learner, seed, program=program)

    assert _score(result.seed, learner) == 0
    assert _score(result.program, learner) >= 90


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fault_in_the_middle_module_is_mended_there(seed: int) -> None:
    """Of three modules only the middle one lacks something, and gets the edit."""
    note = weft.Predict("text -> gist", "Hand it on.", name="note")
    judge = weft.Predict("gist -> view", "Judge it.", name="judge")
    say = classifier(CODES, "view")

    @weft.program
    def chain(text: str) -> str:
        return say(view=judge(gist=note(text=text).gist).view).label

    def stages(asked: Asked) -> dict[str, str]:
        name = asked.outputs[-1][0]
        if name == "gist":
            return {"gist": last_line(asked.said)}
        if name == "view":
            told = learner(Asked([("label", "")], asked.task, [], asked.said))
            return {"view": f"it is {told['label']}"}
        if name == "label":
            code = asked.said.partition("it is ")[2][:2]
            return {"label": code if code in CODES else "K9"}
        return learner(asked)

    result = _auto(stages, seed, program=chain)
    changed = {
        key
        for key, value in result.program.parameters.items()
        if key.endswith("/instruction") and value != result.seed.parameters[key]
    }

    assert _score(result.program, stages) >= 90
    assert "judge/instruction" in changed


def test_what_lies_before_an_edited_module_is_not_run_again() -> None:
    """Without any cache of the user's, three modules cost one call a new candidate."""
    first = weft.Predict("text -> gist", "Hand it on.", name="first")
    second = weft.Predict("gist -> view", "Hand it on.", name="second")
    last = classifier(CODES, "view")

    @weft.program
    def chain(text: str) -> str:
        return last(view=second(gist=first(text=text).gist).view).label

    def through(asked: Asked) -> dict[str, str]:
        if not asked.classifies:
            return {"gist": last_line(asked.said), "view": last_line(asked.said)}
        return learner(asked)

    pool = tuple(f"Go by {w} = {c}." for w, c in zip(WORDS, CODES, strict=False))
    lm = model(through)
    with weft.use(lm=lm, cache=None):
        report = weft.compile(
            chain,
            planted_rows(90),
            metric=exact,
            compiler=TRIPLE(instructions=pool, module="classify"),
        ).report
    cells = sum(line.rows for line in report.tried)
    rows = max(line.rows for line in report.tried)
    sealed = len(report.score.values)

    assert lm.calls == cells + 2 * rows + 4 * sealed


def test_rows_that_every_good_candidate_contradicts_are_named() -> None:
    """A wrong label shows as a row on which all of them agree against it."""
    rows = [{**row, "id": f"r{at}"} for at, row in enumerate(planted_rows(90))]
    rows += [
        {"id": f"wrong{at}", "text": f"why blick {at}", "label": "K7"}
        for at in range(6)
    ]
    with weft.use(lm=model()):
        report = weft.compile(classifier(), rows, metric=exact).report

    assert report.suspects
    assert all(row.startswith("wrong") for row in report.suspects)


class _Sync(_Memoriser):
    """Forgets that proposals are awaited."""

    def propose(self, task: Any, parents: Any, n: int) -> Any:
        """A list at once."""
        return [parents[0]]


class _Nothing(_Memoriser):
    """Gives back None."""

    async def propose(self, task: Any, parents: Any, n: int) -> Any:
        """Nothing at all."""


@pytest.mark.parametrize("proposer", [_Sync(), _Nothing()], ids=lambda p: p.name)
def test_a_proposer_that_gives_no_candidates_is_named(proposer: Proposer) -> None:
    """Whoever writes one is told the form, and not where our loop broke."""
    with (
        weft.use(lm=model()),
        pytest.raises(ConfigError, match=f"{proposer.name}.*gives no list"),
    ):
        weft.compile(
            classifier(), planted_rows(40), metric=exact, compiler=_Only(proposer)
        )

"""Every recipe under faults: tight budgets, deaths, quotas, metrics that raise."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.every import RECIPES, ROWS, compiled, every
from tests.compilers.nursery import INTERRUPTED
from tests.compilers.worlds import (
    Asked,
    classifier,
    exact,
    index,
    journaled,
    learner,
    model,
    planted_rows,
)
from tests.server import Reply, Server
from weft import compilers as c
from weft.compilers.driving.verify import LEAST

ROOT = Path(__file__).parents[2]
DEATHS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT)
QUOTA = Reply(
    status=429,
    body=b'{"error": {"code": "insufficient_quota", "message": "no credit"}}',
)


def answered(body: dict[str, Any], bad: float = 0.0) -> str:
    """What the model of the planted world replies to a request that came by HTTP."""
    asked = Asked.of([m["content"] for m in body["messages"]])
    spoilt = random.Random(json.dumps(body["messages"])).random() < bad
    return "no" if spoilt else asked.reply(learner(asked))


@every
def test_random_budgets_are_never_exceeded(recipe: c.Compiler) -> None:
    """As the server counts, not by one call; repairs of bad replies count too."""
    rng = random.Random(str(recipe.describe()))
    for number in range(3):
        smallest = quote(recipe, seed=number).smallest
        budget = rng.randint(smallest - 4, smallest + 60)
        bad = rng.choice([0.0, 0.25])
        with (
            Server(lambda body, bad=bad: answered(body, bad)) as server,
            weft.use(lm=weft.LM("openai/planted", api_base=server.url, api_key="k")),
            weft.use(cache=weft.MemoryCache()),
        ):
            try:
                report = compiled(recipe, budget=budget, seed=number).report
            except weft.errors.QuoteError:
                assert budget < smallest
                assert server.count == 0
            else:
                assert budget >= smallest
                assert report.sent == server.count <= budget


def quote(recipe: c.Compiler, rows: Any = ROWS, seed: int = 0) -> Any:
    """A recipe's quote for some rows."""
    with weft.use(lm=model()):
        return weft.quote(classifier(), rows, metric=exact, compiler=recipe, seed=seed)


@every
def test_one_call_below_the_smallest_budget_is_refused(recipe: c.Compiler) -> None:
    """With the number that works, and before anything is paid for."""
    lm = model()
    with weft.use(lm=lm):
        smallest = quote(recipe).smallest
        with pytest.raises(weft.errors.QuoteError, match=f'"{smallest} calls"'):
            compiled(recipe, budget=smallest - 1)

    assert lm.calls == 0


@every
@pytest.mark.parametrize("rows", [ROWS, planted_rows(300)], ids=len)
def test_the_smallest_quoted_budget_works(recipe: c.Compiler, rows: Any) -> None:
    """Something is proposed, raced, and verified on as many rows as the quote says.

    On fewer only where an earlier look told enough.
    """
    said = quote(recipe, rows)
    lm = model()
    with weft.use(lm=lm, cache=weft.MemoryCache()):
        report = compiled(recipe, rows, budget=said.smallest).report
    rivals = [line for line in report.tried if line.parent]
    early = report.claim.look < report.claim.looks

    assert said.verified == min(said.sealed, LEAST)
    assert lm.calls <= said.smallest
    assert early or len(report.score.values) >= said.verified
    assert rivals or isinstance(recipe, NOTHING_TO_DO)
    assert all(line.rows for line in rivals if raced(recipe))


# Nothing to leave out of four words; a paraphrase of them is the same again; and no
# decision whose rule could be fitted, or whose words could be found.
NOTHING_TO_DO = (c.Compress, c.ProTeGi, c.Thresholds, c.LabelWords)


def raced(recipe: c.Compiler) -> bool:
    """Whether its candidates are compared on select rows."""
    return all(part.racer is not None for part in recipe.recipes())


@pytest.fixture(name="nursery", scope="module")
def _nursery() -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.compilers.nursery"],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        yield child
        assert child.stdin is not None
        child.stdin.close()


def died(
    nursery: subprocess.Popen[str],
    recipe: c.Compiler,
    folder: Path,
    calls: int = 0,
    by: int = 0,
) -> int:
    """The exit status of a compile that is hit by a signal after some calls."""
    folder.mkdir(exist_ok=True)
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(json.dumps([RECIPES.index(recipe), str(folder), calls, by]))
    nursery.stdin.write("\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def _asked(folder: Path) -> list[str]:
    return (folder / "asked.log").read_text(encoding="utf-8").split()


@every
def test_deaths_at_random_instants_cost_nothing_and_change_nothing(
    recipe: c.Compiler, nursery: subprocess.Popen[str], tmp_path: Path
) -> None:
    """After kill -9, kill -9 and Ctrl-C: the same bytes, no journaled call repeated."""
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    assert died(nursery, recipe, whole) == 0
    calls = len(_asked(whole))
    rng = random.Random(str(recipe.describe()))
    start, before = 0, set[str]()
    for by in DEATHS:
        # What is left after what was journaled, so that it cannot end before.
        goal = rng.randint(1, max(1, (calls - len(before)) // 2))
        status = died(nursery, recipe, torn, goal, by)
        asked = _asked(torn)[start:]

        assert status == (INTERRUPTED if by == signal.SIGINT else -by)
        if by == signal.SIGINT:
            assert index(torn)["events"][-1]["error"].startswith("it was interrupted")
        assert not before & set(asked)
        start, before = start + len(asked), journaled(torn)

    assert died(nursery, recipe, torn) == 0
    assert not before & set(_asked(torn)[start:])
    made = "made.weft.json"
    assert (torn / made).read_bytes() == (whole / made).read_bytes()


@every
def test_an_end_of_quota_loses_nothing(recipe: c.Compiler, tmp_path: Path) -> None:
    """The account runs dry midway; topped up, the run goes on to the same end."""
    with weft.use(lm=model(), cache=None):
        whole = compiled(recipe, budget=110)
    calls = whole.report.calls
    left = calls // 2

    def answer(body: dict[str, Any]) -> str | Reply:
        nonlocal left
        left -= 1
        return answered(body) if left >= 0 else QUOTA

    with Server(answer) as server:
        lm = weft.LM("openai/planted", api_base=server.url, api_key="k")
        with weft.use(lm=lm, cache=None):
            with pytest.raises(weft.errors.BillingError, match="no credit"):
                compiled(recipe, budget=110, run_dir=tmp_path / "run", concurrency=4)
            kept = len(journaled(tmp_path / "run"))
            left = calls
            again = compiled(recipe, budget=110, run_dir=tmp_path / "run")

    # Of four that ran side by side, three may have been on their way.
    assert calls // 2 - 3 <= kept <= calls // 2
    assert again.report.sent == calls - kept
    assert again.program.parameters == whole.program.parameters


@every
def test_a_metric_that_raises_is_no_score(recipe: c.Compiler, tmp_path: Path) -> None:
    """It ends the run: at the first row that it is called on, or at a later one."""

    def broken(example: weft.Example, prediction: Any) -> float:
        raise KeyError("label")

    def touchy(example: weft.Example, prediction: Any) -> bool:
        if prediction.label == "K9":
            raise ValueError("no such code")
        return bool(prediction.label == example.label)

    lm = model()
    with weft.use(lm=lm, cache=None):
        with pytest.raises(weft.errors.MetricError, match="raised KeyError"):
            compiled(recipe, metric=broken)
        assert lm.calls <= 3  # a row, and what was written before it
        with pytest.raises(weft.errors.WeftError, match="no such code"):
            compiled(recipe, metric=touchy)


@every
def test_no_rows_are_refused(recipe: c.Compiler) -> None:
    """There is nothing to learn from, and nothing to prove it by."""
    lm = model()
    with weft.use(lm=lm), pytest.raises(weft.errors.DataError, match="no rows"):
        compiled(recipe, [])

    assert lm.calls == 0


@every
def test_the_result_survives_its_file(recipe: c.Compiler, tmp_path: Path) -> None:
    """Saved, loaded, saved again and loaded again: the same program."""
    with weft.use(lm=model()):
        result = compiled(recipe, budget=150)
    once = weft.load(result.save(tmp_path / "made.weft.json"))
    twice = weft.load(weft.save(once, tmp_path / "again.weft.json"))

    assert once.parameters == twice.parameters == result.program.parameters

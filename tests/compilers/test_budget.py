"""The budget holds: proposals, repairs, retries and verification all count."""

from __future__ import annotations

import itertools
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    artifact,
    classifier,
    exact,
    last_line,
    learner,
    model,
    planted_rows,
    set_prices,
    unchanged,
)
from weft import compilers as c
from weft.compilers import (
    APE,
    OPRO,
    TRIPLE,
    Auto,
    BootstrapFewShot,
    BootstrapRandomSearch,
    KNNFewShot,
)
from weft.compilers.search.allowance import Allowance
from weft.compilers.search.cost import CallGuess
from weft.pipeline.calls.retry import RetryQuota
from weft.pipeline.errors import CompileError, QuoteError, ServerError

ROWS = planted_rows(40)
SEARCHES = [Auto(), APE(), BootstrapFewShot(), BootstrapRandomSearch(candidates=6)]
QUICK = weft.RetryPolicy(base=0.0, cap=0.0, quota=RetryQuota(1e9))


def flaky(seed: int, bad: float, down: float) -> weft.FunctionLM:
    """A model that is at times unreadable, and at times not there."""
    fallen: set[str] = set()

    def reply(request: weft.Request) -> str:
        draw = random.Random(f"{seed}/{request.key}").random()
        if draw < down and request.key not in fallen:
            fallen.add(request.key)
            raise ServerError("down for a moment")
        if draw > 1 - bad:
            return "I would rather not say."
        asked = Asked.read(request)
        return asked.reply(learner(asked))

    return weft.FunctionLM(reply, model="flaky")


@pytest.mark.parametrize("part", range(8))
def test_200_random_budgets_are_never_exceeded_by_one_call(part: int) -> None:
    """The model's own count is never above the budget, whatever goes wrong."""
    rng = random.Random(part)
    ran = 0
    for number in range(25):
        budget = rng.randint(1, 400)
        lm = flaky(number, bad=rng.choice([0, 0.2]), down=rng.choice([0, 0.2]))
        with weft.use(lm=lm, cache=weft.MemoryCache(), retry=QUICK):
            try:
                weft.compile(
                    classifier(),
                    ROWS,
                    metric=exact,
                    compiler=rng.choice(SEARCHES),
                    budget=budget,
                    concurrency=rng.choice([1, 8, 64]),
                    seed=number,
                )
            except QuoteError:
                assert lm.calls == 0
            else:
                ran += 1

        assert lm.calls <= budget

    assert ran >= 8


@pytest.mark.parametrize("compiler", SEARCHES, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("budget", ["16k tokens", "30k tokens"])
def test_a_budget_in_tokens_holds_and_leaves_the_verification_its_share(
    compiler: Any, budget: str
) -> None:
    """What is verified was set aside before the search began."""
    with weft.use(lm=model()):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=compiler, budget=budget
        )

    most = weft.Budget.parse(budget).tokens

    assert most is not None
    assert result.report.tokens <= most
    assert len(result.report.score.values) >= 10


@pytest.mark.parametrize("compiler", SEARCHES, ids=lambda c: type(c).__name__)
def test_a_budget_in_dollars_holds(compiler: Any) -> None:
    """Money is counted as tokens are, at the model's price."""
    lm = model(name="gpt-5-mini")
    with weft.use(lm=lm):
        quote = weft.quote(classifier(), ROWS, metric=exact, compiler=compiler)
        assert quote.usd is not None
        budget = 0.02 + quote.usd * quote.smallest
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=compiler, budget=f"${budget:.4f}"
        )

    assert result.report.usd is not None
    assert 0 < result.report.usd <= budget
    assert len(result.report.score.values) >= 10


AMPLE = [
    "1000 calls",
    "300k tokens",
    "30M tokens",
    "$5",
    "$500",
    "10 h",
    "9k calls, $90",
]


@pytest.mark.parametrize("budget", AMPLE)
def test_an_ample_budget_in_any_unit_searches(budget: str) -> None:
    """No unit is kept for later rounds until the first has none."""
    with weft.use(lm=model(name="gpt-5-mini"), cache=None):
        report = weft.compile(
            classifier(), planted_rows(60), metric=exact, budget=budget
        ).report

    assert report.improved
    assert len(report.tried) >= 5
    assert "budget" not in report.stopped


@pytest.mark.parametrize("budget", ["90 calls", "90k tokens", "$90", "90 s"])
@pytest.mark.parametrize("aside", [0, 8])
def test_a_part_of_the_room_is_that_part_in_every_unit(budget: str, aside: int) -> None:
    """What comes after a scope finds the rest, and scopes lie in one another."""
    ledger = weft.Ledger(weft.Budget.parse(budget), clock=lambda: 0.0)
    allowance = Allowance(ledger, 1, CallGuess(tokens=500.0, usd=0.5))
    allowance.took(1, 1.0, 1)
    with allowance.aside(aside):
        room = allowance.room()
        assert room >= 40
        with allowance.part(0.5):
            assert allowance.room() == pytest.approx(room / 2, abs=1)
            with allowance.part(0.5):
                assert allowance.room() == pytest.approx(room / 4, abs=1)
            assert allowance.room() == pytest.approx(room / 2, abs=1)
        assert allowance.room() == room
        with allowance.part(1.0):
            assert allowance.room() == room


def test_a_part_of_no_limit_is_none() -> None:
    """Nothing is short."""
    allowance = Allowance(weft.Ledger(weft.Budget()), 1, CallGuess())
    with allowance.part(0.1):
        assert math.isinf(allowance.room())


def test_training_takes_a_share_of_the_room() -> None:
    """Of what is left and not set aside; of no limit there is no share."""
    ledger = weft.Ledger(weft.Budget(seconds=90), clock=lambda: 0.0)
    allowance = Allowance(ledger, 1, CallGuess())
    allowance.took(1, 10.0, 1)

    assert allowance.seconds(0.5) == 45
    with allowance.part(0.5):
        assert allowance.seconds(0.5) == 22.5
    with allowance.aside(99):
        assert allowance.seconds(0.5) == 0
    unlimited = Allowance(weft.Ledger(weft.Budget(calls=9)), 1, CallGuess())
    assert math.isinf(unlimited.seconds(0.5))

    tokens = Allowance(weft.Ledger(weft.Budget(tokens=80_000)), 1, CallGuess())
    assert tokens.tokens(0.5) == 40_000
    with tokens.part(0.5):
        assert tokens.tokens(0.5) == pytest.approx(20_000, rel=0.1)
    assert math.isinf(unlimited.tokens(0.5))


def test_a_budget_in_seconds_ends_the_search() -> None:
    """Nothing is started after the time is up, and the end is reported."""
    ticks = itertools.count(step=0.1)
    ledger = weft.Ledger(weft.Budget(seconds=10), clock=lambda: next(ticks))
    with weft.use(lm=model()):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=Auto(), budget=ledger
        )

    assert result.report.stopped


def test_time_is_measured_in_blocks_of_rows() -> None:
    """Rows side by side take no longer than one; what is set aside keeps its time."""
    now = 0.0
    ledger = weft.Ledger(weft.Budget(seconds=60), clock=lambda: now)
    allowance = Allowance(ledger, 3, CallGuess())
    assert math.isinf(allowance.room())

    allowance.took(16, 2.0, 64)

    assert allowance.beside == 32
    assert allowance.room() == 30 * 32 * 3
    assert allowance.cells(24) == 30 * 32
    with allowance.aside(64):
        assert allowance.cells(24) == 27 * 32
        now = 54.0
        assert allowance.cells(24) == allowance.room() == 0
    assert allowance.cells(24) == 3 * 32


def test_a_model_that_never_answers_well_costs_no_more() -> None:
    """The program comes back as it was, and the report says that nothing was found."""
    lm = flaky(0, bad=1.0, down=0.0)
    with weft.use(lm=lm):
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=Auto(), budget=120
        )

    assert lm.calls <= 120
    assert "no improvement found" in result.report.verdict
    assert unchanged(result)


_labels = classifier()
_go_on = weft.Predict("text, hint -> more", "Go on.", name="go_on")


@weft.step(uses=[_go_on, _labels])
def _as_long_as_it_takes(text: str) -> str:
    """Nobody can count beforehand how often it asks."""
    hint = ""
    while hint.count("+") < 3 + int(text.rsplit(".", 1)[1]) % 7:
        hint = _go_on(text=text, hint=hint).more
    return str(_labels(text=text).label)


@weft.program
def _agent(text: str) -> dict[str, str]:
    return {"label": _as_long_as_it_takes(text)}


@pytest.mark.parametrize("budget", [84, 114, 138])
def test_whom_an_agents_last_calls_go_to_hangs_on_no_speed(
    budget: int, tmp_path: Path
) -> None:
    """Rows of which nobody knows how many calls they take are run with care."""

    def further(asked: Asked) -> dict[str, str]:
        if asked.outputs[-1][0] == "more":
            return {"more": "+" * (asked.said.count("+") + 1)}
        return learner(asked)

    made: set[bytes] = set()
    for concurrency in (1, 16, 16):
        with weft.use(lm=model(further, slow=concurrency > 1), cache=None):
            result = weft.compile(
                _agent,
                planted_rows(40),
                metric=exact,
                compiler=OPRO(steps=3, candidates=3),
                budget=budget,
                concurrency=concurrency,
            )
        made.add(artifact(result, tmp_path))

    assert result.report.stopped
    assert len(made) == 1


_first = weft.Predict("text -> gist", "Shorten it.", name="first")
_last = classifier(inputs="gist")


@weft.program
def _chain(text: str) -> str:
    return _last(gist=_first(text=text).gist).label


@pytest.mark.parametrize("budget", range(180, 188))
def test_whom_the_last_calls_go_to_hangs_on_no_speed(
    budget: int, tmp_path: Path
) -> None:
    """A row of two modules that the budget ends in is begun by one candidate alone."""

    def through(asked: Asked) -> dict[str, str]:
        gist = last_line(asked.said)
        return learner(asked) if asked.classifies else {"gist": gist}

    told = f"{WORDS[0]} = {CODES[0]}"  # too little to be claimed early
    made: set[bytes] = set()
    for concurrency in (1, 16):
        with weft.use(lm=model(through, slow=concurrency > 1), cache=None):
            result = weft.compile(
                _chain,
                planted_rows(120),
                metric=exact,
                compiler=TRIPLE(instructions=(told,)),
                budget=budget,
                concurrency=concurrency,
            )
        made.add(artifact(result, tmp_path))

    assert "sealed rows" in result.report.stopped
    assert len(made) == 1


def test_a_server_that_stays_down_scores_nobody() -> None:
    """A compile never counts an outage as a wrong answer."""

    def down(request: weft.Request) -> str:
        raise ServerError("down for good")

    lm = weft.FunctionLM(down)
    with (
        weft.use(lm=lm, retry=QUICK),
        pytest.raises(CompileError, match="could not be scored"),
    ):
        weft.compile(classifier(), ROWS, metric=exact, compiler=Auto())


def test_the_scopes_budget_is_the_compiles() -> None:
    """A ledger set for a scope holds for a compile in it."""
    lm = model()
    with weft.use(lm=lm, budget=90):
        weft.compile(classifier(), ROWS, metric=exact, compiler=Auto())

    assert lm.calls <= 90


@pytest.mark.parametrize(
    "compiler", [APE(), BootstrapRandomSearch(), KNNFewShot(), Auto()], ids=repr
)
def test_a_quoted_call_is_about_as_long_as_a_real_one(compiler: c.Compiler) -> None:
    """Demos are counted; too dear a quote is better than too cheap a one."""
    with weft.use(lm=model(), cache=None):
        offer = weft.quote(classifier(), ROWS, metric=exact, compiler=compiler)
        made = weft.compile(classifier(), ROWS, metric=exact, compiler=compiler)
    each = made.report.tokens / made.report.calls

    assert each < offer.tokens < each * 3


@pytest.fixture
def priced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted model has a price."""
    set_prices(monkeypatch, tmp_path, {"planted": (1, 1, 2)})


def within(budget: str, compiler: c.Compiler) -> weft.Report:
    """The report of a compile on 160 rows."""
    rows = planted_rows(160)
    with weft.use(lm=model(), cache=None):
        return weft.compile(
            classifier(), rows, metric=exact, compiler=compiler, budget=budget
        ).report


@pytest.mark.usefixtures("priced")
@pytest.mark.parametrize("budget", ["30k tokens", "60k tokens", "$0.06", "$0.09"])
@pytest.mark.parametrize("compiler", [APE(), OPRO()], ids=["APE", "OPRO"])
def test_a_writers_long_prompts_are_no_price_of_rows(
    budget: str, compiler: c.Compiler
) -> None:
    """What is set aside for rows costs what rows cost, so that a search goes on."""
    assert within(budget, compiler).improved


ROUNDS = [c.BootstrapRandomSearch(), c.MIPRO(), c.GEPA(), OPRO(), c.Auto()]


@pytest.mark.parametrize("compiler", ROUNDS, ids=lambda one: type(one).__name__)
def test_the_smallest_budget_in_tokens_pays_for_a_round(compiler: c.Compiler) -> None:
    with pytest.raises(QuoteError) as refused:
        within("1 token", compiler)
    named = re.search(r'budget="(\d+ tokens)"', str(refused.value))
    assert named is not None

    assert any(one.rows for one in within(named[1], compiler).tried if one.parent)


def test_no_time_is_no_budget() -> None:
    with pytest.raises(QuoteError, match="has no time for a call"):
        within("0 s", APE())


@pytest.mark.usefixtures("priced")
def test_where_nobody_ran_the_budget_is_named() -> None:
    """Candidates were written, and the rest was set aside for the last rows."""
    report = within("$0.03", OPRO())

    assert [one.rows for one in report.tried if one.parent][:3] == [0, 0, 0]
    assert not any(one.rows for one in report.tried if one.parent)
    assert report.stopped == "the budget ended the search"

"""What the first compilers must show, on real rows with the offline stand-in."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    artifact,
    banking_codes,
    classifier,
    exact,
    model,
    planted_rows,
    real_rows,
)
from weft.compilers import APE, Auto, BootstrapFewShot, BootstrapRandomSearch

SEEDS = (0, 1, 2)


@functools.cache
def _banking() -> dict[str, Any]:
    return banking_codes()


def _score(program: Any, rows: list[dict[str, Any]]) -> float:
    return 100 * weft.evaluate(program, rows, exact).mean


def _compiled(compiler: Any, seed: int) -> weft.Result[..., Any, Any]:
    rows = _banking()
    return weft.compile(
        classifier(),
        rows["train"],
        rows["dev"],
        metric=exact,
        compiler=compiler,
        seed=seed,
    )


def test_without_demos_opaque_codes_are_near_chance() -> None:
    """Nothing in the texts or the codes gives the ten answers away."""
    with weft.use(lm="embedded"):
        score = _score(classifier(), _banking()["test"])

    assert 5 <= score <= 15


@pytest.mark.parametrize("seed", SEEDS)
def test_bootstrap_few_shot_reaches_50(seed: int) -> None:
    """Sixteen demos lift opaque codes from chance to at least 50."""
    with weft.use(lm="embedded"):
        result = _compiled(BootstrapFewShot(demos=16), seed)
        score = _score(result.program, _banking()["test"])

    assert score >= 50
    assert result.improved


@pytest.mark.parametrize("seed", SEEDS)
def test_bootstrap_random_search_reaches_60(seed: int) -> None:
    """Choosing among draws of sixteen demos reaches at least 60."""
    with weft.use(lm="embedded"):
        result = _compiled(BootstrapRandomSearch(demos=16), seed)
        score = _score(result.program, _banking()["test"])

    assert score >= 60


@pytest.mark.parametrize("seed", SEEDS)
def test_an_instruction_alone_lifts_by_30_points(seed: int) -> None:
    """APE writes an instruction, shows no demos, and gains at least 30 points."""
    with weft.use(lm="embedded"):
        result = _compiled(APE(), seed)
        gain = _score(result.program, _banking()["test"])
        gain -= _score(result.seed, _banking()["test"])

    assert gain >= 30
    assert result.program.parameters.demos == ()


def test_korean_chat_gains_8_points() -> None:
    """Another language and script, three labels that mean something."""
    rows = real_rows("chatbot_ko")
    labels = tuple(sorted({row["label"] for row in rows["train"]}))
    seed = classifier(labels)
    with weft.use(lm="embedded"):
        result = weft.compile(
            seed,
            rows["train"],
            rows["dev"],
            metric=exact,
            compiler=BootstrapRandomSearch(demos=16),
        )
        gain = _score(result.program, rows["test"]) - _score(seed, rows["test"])

    assert gain >= 8


@pytest.mark.parametrize(
    ("compiler", "seed"),
    [*zip([BootstrapRandomSearch(), APE(), Auto()], SEEDS, strict=True)],
)
def test_where_nothing_can_be_learnt_no_gain_is_claimed(
    compiler: Any, seed: int
) -> None:
    """The negative control: the report says that no improvement was found."""
    rows = real_rows("scone_nli")
    program = classifier(("entailment", "neutral"), "premise, hypothesis")
    with weft.use(lm="embedded"):
        result = weft.compile(
            program,
            rows["train"],
            rows["dev"],
            metric=exact,
            compiler=compiler,
            seed=seed,
        )

    assert not result.improved
    assert "no improvement found" in result.report.verdict


COMPILERS = [BootstrapFewShot(), BootstrapRandomSearch(candidates=6), APE(), Auto()]


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: type(c).__name__)
def test_a_second_compile_asks_nobody(compiler: Any, tmp_path: Path) -> None:
    """The same compile again makes no call and writes the same bytes."""
    lm = model()
    with weft.use(lm=lm):
        first = weft.compile(
            classifier(), planted_rows(60), metric=exact, compiler=compiler
        )
        asked = lm.calls
        second = weft.compile(
            classifier(), planted_rows(60), metric=exact, compiler=compiler
        )

    assert asked > 0
    assert lm.calls == asked
    assert artifact(first, tmp_path) == artifact(second, tmp_path)
    assert second.report.sent == 0
    assert second.report.calls == first.report.calls


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("budget", [None, "150 calls", "24k tokens"])
def test_concurrency_and_latency_change_no_byte(
    compiler: Any, budget: str | None, tmp_path: Path
) -> None:
    """One row at a time or 64, quick or with random delays: the same artifact."""
    made: set[bytes] = set()
    for concurrency, slow in ((1, False), (64, False), (64, True)):
        lm = model(slow=slow)
        with weft.use(lm=lm, cache=weft.MemoryCache()):
            result = weft.compile(
                classifier(),
                planted_rows(60),
                metric=exact,
                compiler=compiler,
                budget=budget,
                concurrency=concurrency,
            )
        made.add(artifact(result, tmp_path))

    assert len(made) == 1

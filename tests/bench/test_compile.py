"""Outcomes of compiles are kept, compared in pairs, and held against the bars."""

from __future__ import annotations

from pathlib import Path

import weft
from bench.compile import duel, further_of, pairs_of, rows_of
from bench.rivals.kept import Kept
from bench.rivals.runs import Outcome, Run
from bench.rivals.tables import HELD, OURS, THIRD, Table, paired
from bench.rivals.weft_compile import compiler_of


def outcome(who: str, seed: int, score: float | None, calls: int = 100) -> Outcome:
    return Outcome(Run(who, "policy", seed), score, 0.2, 0.5, calls, 3, 900, 1.0)


TABLE = Table(
    [
        outcome("COPRO", 0, 0.3, 1000),
        outcome("COPRO", 1, 0.3, 1000),
        outcome("GEPA light", 0, 0.5, 600),
        outcome("GEPA light", 1, 0.4, 600),
        outcome(THIRD, 0, 0.4, 200),
        outcome(THIRD, 1, 0.6, 200),
    ]
)


def test_auto_is_held_against_the_best_of_the_others() -> None:
    """By score, and by calls for that score; a third of the calls is the bar."""
    score, calls = rows_of(TABLE, ["policy", "chain"])

    assert "GEPA light" in score.what
    assert score.ok
    assert calls.ok
    dearer = Table([*TABLE.outcomes[:4], outcome(THIRD, 0, 0.4, 300)])
    assert [row.ok for row in rows_of(dearer, ["policy"])] == [False, False]


def test_scores_are_compared_seed_by_seed() -> None:
    """A seed that one of the two has no result for counts for neither."""
    best = TABLE.best_of_theirs("policy")
    assert best is not None
    mine = Table([outcome(THIRD, 1, 0.6), outcome(THIRD, 2, 0.9)])

    assert paired(TABLE.line(THIRD, ["policy"]), best) == [0.4 - 0.5, 0.6 - 0.4]
    assert paired(mine.line(THIRD, ["policy"]), best) == [0.6 - 0.4]


def test_a_result_below_the_seed_is_counted() -> None:
    """Nothing is said of runs that did not come to an end."""
    table = Table([outcome("COPRO", 0, 0.1), outcome("COPRO", 1, None)])

    assert table.line("COPRO", ["policy"]).cells()[-1] == "1 of 1"


def test_outcomes_are_kept_as_they_come(tmp_path: Path) -> None:
    """One that failed is tried again; a torn line and another source are not used."""
    path = tmp_path / "kept.jsonl"
    book = Kept(path)
    book.add(outcome("COPRO", 0, 0.3))
    book.add(outcome("COPRO", 1, None))
    whole = path.read_text()
    foreign = whole.replace('"of": "', '"of": "x').replace('"seed": 0', '"seed": 5')
    path.write_text(f"{whole}{foreign}{whole[:40]}")

    again = Kept(path)

    assert list(again.found) == [Run("COPRO", "policy", 0)]
    assert again.missing([Run("COPRO", "policy", seed) for seed in (0, 1, 5)]) == [
        Run("COPRO", "policy", 1),
        Run("COPRO", "policy", 5),
    ]


def test_on_further_seeds_the_best_alone_meets_auto() -> None:
    """Who was picked on some seeds is judged on others, for the same third."""
    runs = further_of(TABLE, [("policy", 7), ("chain", 7)], {"policy": 200, "chain": 0})

    assert runs == [
        Run("GEPA light", "policy", 7),
        Run(THIRD, "policy", 7, 200),
        Run("weft Auto", "policy", 7),
    ]


def test_a_rival_meets_auto_alone() -> None:
    """Seed by seed, and held to the calls that are given."""
    runs = pairs_of([("policy", 7), ("policy", 8)], "GEPA light", 575)
    made = [
        outcome(HELD, 0, 0.5),
        outcome(HELD, 1, 0.7),
        outcome("GEPA light", 0, 0.4),
        outcome("GEPA light", 1, None),
    ]

    (row,) = duel(Table(made), ["policy"])

    assert runs[:2] == [Run("GEPA light", "policy", 7), Run(HELD, "policy", 7, 575)]
    assert pairs_of([("policy", 7)], "COPRO", 0)[1] == Run("weft Auto", "policy", 7)
    assert (row.ok, HELD in row.what) == (True, True)


def test_a_difference_stands_with_its_interval() -> None:
    """Three seeds at least; fewer have none to show."""
    more = [outcome("COPRO", seed, 0.3) for seed in range(4)]
    more += [outcome(THIRD, seed, 0.4 + seed / 100) for seed in range(4)]
    wide, narrow = (list(Table(some).summary())[2] for some in (TABLE.outcomes, more))

    assert "| +5.0 |" in wide
    assert "| +11.5 [+10." in narrow


def test_a_contender_is_called_as_it_is_made() -> None:
    """The published schedules stand beside those that weft comes with."""
    plain, published = (compiler_of(f"weft GEPA{more}") for more in ("", ", published"))

    assert plain == weft.compilers.GEPA()
    assert published == weft.compilers.GEPA(published=True)
    assert compiler_of(THIRD) == weft.compilers.Auto()
    assert all(compiler_of(name) for name in OURS)

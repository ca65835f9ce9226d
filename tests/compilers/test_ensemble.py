"""Ensembles: several programs, one answer."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from tests.compilers.worlds import CODES, WORDS, classifier, exact, model, planted_rows
from weft.compilers import Auto, ensemble, majority
from weft.pipeline.errors import ConfigError
from weft.pipeline.graph.program import as_program


def _knowing(*words: str) -> weft.Program[..., object]:
    told = "; ".join(
        f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False) if w in words
    )
    return as_program(classifier().with_(instruction=told))


def test_two_who_know_outvote_one_who_does_not() -> None:
    """Each word is known to two of three programs."""
    whole = ensemble(
        [_knowing(*WORDS[:4]), _knowing(*WORDS[2:]), _knowing(*WORDS[:2], *WORDS[4:])]
    )
    with weft.use(lm=model()):
        score = weft.evaluate(whole, planted_rows(30), exact).mean

    assert score == 1.0


def test_the_best_of_a_search_make_an_ensemble_that_can_be_saved(
    tmp_path: Path,
) -> None:
    """Loaded with its one step, it answers as it did."""
    rows = planted_rows(40)
    with weft.use(lm=model()):
        result = weft.compile(classifier(), rows, metric=exact, compiler=Auto(rounds=1))
        whole = ensemble(result.best(3))
        weft.save(whole, tmp_path / "whole.weft.json")
        again = weft.load(tmp_path / "whole.weft.json", steps=[majority])
        answers = [p(text="why norp 1") for p in (whole, again)]

    assert answers[0].label == answers[1].label == "K1"
    for count in ("x", -1, 0, True):
        with pytest.raises(ConfigError, match="is no number of programs"):
            result.best(count)  # type: ignore[arg-type]


def test_none_or_unlike_programs_are_refused() -> None:
    """With the difference named."""
    other = as_program(weft.Predict("question -> label", name="other"))

    with pytest.raises(ConfigError, match="no programs"):
        ensemble([])
    with pytest.raises(ConfigError, match="'other' has other inputs than 'classify'"):
        ensemble([_knowing(), other])


def test_modules_may_be_members() -> None:
    """A module is a program of one node here as elsewhere."""
    whole = ensemble([classifier(), classifier().with_(instruction="Otherwise.")])

    assert list(whole.modules) == ["member_1/classify", "member_2/classify"]

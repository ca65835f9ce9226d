"""Every public recipe, small enough to be run often."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, exact, planted_rows
from weft import compilers as c
from weft.pipeline.run.settings import current

NOTES = ("blick = K0", "norp = K1", "tavi = K2")
OTHER = weft.FunctionLM(lambda request: _usual().complete(request), model="other")
"""A model to choose: that of the scope, under another name."""


def _usual() -> Any:
    return current().lm


RECIPES: list[c.Compiler] = [
    c.LabeledFewShot(),
    c.BootstrapFewShot(),
    c.BootstrapRandomSearch(candidates=6),
    c.KNNFewShot(k=3),
    c.KNNFewShot(k=2, pool=12, traces=True),
    c.APE(candidates=4),
    c.OPRO(steps=3, candidates=3),
    c.COPRO(breadth=3, depth=2),
    c.MIPRO(candidates=3, trials=4, batch=2),
    c.MIPRO(candidates=2, trials=2, batch=2, sampler=c.OptunaTPE()),
    c.SIMBA(steps=2, candidates=4),
    c.GEPA(rounds=3, proposals=2),
    c.GEPA(rounds=2, proposals=2, gate=4, restarts=1),
    c.ACE(rounds=2, lessons=2),
    c.ProTeGi(rounds=2, gradients=2, paraphrases=1),
    c.EvoPrompt(population=3, generations=2),
    c.PromptWizard(iterations=1, candidates=4),
    c.CAPO(population=4, generations=1),
    c.InferRules(candidates=3),
    c.PartsGrid(candidates=6),
    c.Thresholds(),
    c.LabelWords(),
    c.TRIPLE(instructions=(*NOTES, "Give the label; zude = K3.")),
    c.ByHand(instructions=NOTES, contexts=(weft.Context(glossary={"K0": "blick"}),)),
    c.Glossary(rounds=2, candidates=2),
    c.Feedback(notes=NOTES),
    c.Compress(rounds=2, candidates=3),
    c.Port(lines=3, edits=2),
    c.Sequence(of=(c.APE(candidates=2), c.BootstrapFewShot())),
    c.BestOf(of=(c.APE(candidates=2), c.BootstrapRandomSearch(candidates=3))),
    c.UntilPlateau(of=c.OPRO(steps=1, candidates=2), patience=2, rounds=4),
    c.Choose(models={"other": OTHER}, descriptions=1, candidates=3, rounds=2),
    c.Choose(forms=("xml", "json"), descriptions=1, rounds=1),
    c.Auto(candidates=4, rounds=2),
]
TRAINED = (c.PromptTuning, c.PTuning, c.PrefixTuning, c.LoRA, c.TriggerTokens)
"""Those that ask a model in this process: tests/white has all of them."""
PUBLISHED: list[c.Compiler] = [
    c.APE(published=True),
    c.BootstrapRandomSearch(published=True),
    c.CAPO(published=True),
    c.COPRO(published=True),
    c.EvoPrompt(published=True),
    c.GEPA(published=True),
    c.InferRules(published=True),
    c.MIPRO(published=True),
    c.OPRO(published=True),
    c.PartsGrid(published=True),
    c.ProTeGi(published=True),
    c.SIMBA(published=True),
    c.TRIPLE(instructions=("blick = K0", "norp = K1", "tavi = K2"), published=True),
]
"""Recipes by their published schedules; a budget ends them."""
every = pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.describe()["name"])
ROWS = planted_rows(40)


def compiled(recipe: c.Compiler, rows: Any = ROWS, **options: Any) -> Any:
    """A compile with a recipe, of a classifier unless another program is given."""
    given: dict[str, Any] = {"metric": exact, **options}
    program = given.pop("program", classifier())
    return weft.compile(program, rows, compiler=recipe, **given)

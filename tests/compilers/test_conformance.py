"""Every recipe keeps every promise."""

from __future__ import annotations

import inspect
import json
import random
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    Asked,
    artifact,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
)
from weft import compilers as c
from weft.pipeline.errors import QuoteError

NOTES = ("blick = K0", "norp = K1", "tavi = K2")
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
    c.TRIPLE(instructions=(*NOTES, "Give the label; zude = K3.")),
    c.Feedback(notes=NOTES),
    c.Compress(rounds=2, candidates=3),
    c.Port(lines=3, edits=2),
    c.Sequence(of=(c.APE(candidates=2), c.BootstrapFewShot())),
    c.BestOf(of=(c.APE(candidates=2), c.BootstrapRandomSearch(candidates=3))),
    c.UntilPlateau(of=c.OPRO(steps=1, candidates=2), patience=2, rounds=4),
    c.Auto(candidates=4, rounds=2),
]
every = pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.describe()["name"])
ROWS = planted_rows(40)


def _compiled(recipe: c.Compiler, rows: Any = ROWS, **options: Any) -> Any:
    given: dict[str, Any] = {"metric": exact, **options}
    program = given.pop("program", classifier())
    return weft.compile(program, rows, compiler=recipe, **given)


def test_every_public_compiler_is_held_to_it() -> None:
    """A new name in `weft.compilers` is a new row here."""
    public = [getattr(c, name) for name in c.__all__]
    named = {
        kind
        for kind in public
        if inspect.isclass(kind) and issubclass(kind, c.Compiler)
    }

    assert {type(recipe) for recipe in RECIPES} == named - {c.Compiler}


@every
def test_a_recipe_is_short_and_names_its_settings(recipe: c.Compiler) -> None:
    """At most 80 lines a file, and every setting is documented."""
    path = inspect.getsourcefile(type(recipe))
    assert path is not None
    doc = inspect.getdoc(type(recipe)) or ""
    settings = set(recipe.describe()) - {"name"}

    assert len(Path(path).read_text(encoding="utf-8").splitlines()) <= 80
    assert all(f"{name}:" in doc for name in settings)
    assert json.loads(json.dumps(recipe.describe())) == recipe.describe()


@every
def test_the_given_program_is_untouched(recipe: c.Compiler) -> None:
    """And so are the rows."""
    program, rows = classifier(), planted_rows(40)
    before = program.parameters
    with weft.use(lm=model()):
        result = _compiled(recipe, rows, program=program)

    assert program.parameters == before
    assert rows == planted_rows(40)
    assert result.seed.parameters["classify/instruction"] == "Give the label."


@every
@pytest.mark.parametrize("budget", [None, 130])
def test_concurrency_and_latency_change_no_byte(
    recipe: c.Compiler, budget: int | None, tmp_path: Path
) -> None:
    """Same seed and answers, same artifact."""
    made: set[bytes] = set()
    for concurrency, slow in ((1, False), (64, True)):
        with weft.use(lm=model(slow=slow), cache=weft.MemoryCache()):
            result = _compiled(recipe, budget=budget, concurrency=concurrency)
        made.add(artifact(result, tmp_path))

    assert len(made) == 1


@every
def test_random_budgets_are_never_exceeded(recipe: c.Compiler) -> None:
    """Not by one call; unreadable replies and their repairs count as well."""
    rng = random.Random(str(recipe.describe()))
    for number in range(6):
        budget = rng.randint(20, 260)
        bad = rng.choice([0.0, 0.25])

        def reply(request: weft.Request, bad: float = bad) -> str:
            asked = Asked.read(request)
            spoilt = random.Random(request.key).random() < bad
            return "no" if spoilt else asked.reply(learner(asked))

        lm = weft.FunctionLM(reply)
        with weft.use(lm=lm, cache=weft.MemoryCache()):
            try:
                _compiled(recipe, budget=budget, seed=number)
            except QuoteError:
                assert lm.calls == 0

        assert lm.calls <= budget


@every
def test_the_smallest_quoted_budget_works(recipe: c.Compiler) -> None:
    """Something is proposed, and verified on every sealed row."""
    lm = model()
    with weft.use(lm=lm):
        quote = weft.quote(classifier(), ROWS, metric=exact, compiler=recipe)
        result = _compiled(recipe, budget=quote.smallest)

    assert lm.calls <= quote.smallest
    assert "sealed" not in result.report.stopped


@every
def test_what_is_returned_is_no_worse_or_says_so(recipe: c.Compiler) -> None:
    """On the sealed rows, with a metric that is mostly noise."""

    def noisy(example: weft.Example, prediction: Any) -> float:
        right = prediction.label == example.label
        heard = random.Random(f"{example.id}/{prediction.label}").random()
        return float(right) if heard < 0.7 else heard

    for seed in range(3):
        with weft.use(lm=model()):
            report = _compiled(recipe, metric=noisy, seed=seed).report

        assert not report.returned or report.score.mean >= report.seed_score.mean
        assert report.improved == report.verdict.startswith("improved")


@every
def test_a_killed_run_goes_on_where_it_was(recipe: c.Compiler, tmp_path: Path) -> None:
    """A journal cut at any byte: the same artifact, and no answer paid for twice."""
    folder = tmp_path / "run"
    with weft.use(lm=model(), cache=None):
        whole = artifact(_compiled(recipe, run_dir=folder), tmp_path)
    path = folder / "journal.jsonl"
    data = path.read_bytes()
    rng = random.Random(0)
    for _ in range(2):
        path.write_bytes(data[: rng.randrange(len(data))])
        kept = path.read_bytes().count(b"\n")
        lm = model()
        with weft.use(lm=lm, cache=None):
            again = artifact(_compiled(recipe, run_dir=folder), tmp_path)

        assert again == whole
        assert lm.calls <= data.count(b"\n") - max(1, kept)


TINY = {
    "four rows": planted_rows(4),
    "one class": [{**row, "label": "K1"} for row in planted_rows(12)],
    "contradictory": [
        {"text": row["text"], "label": label}
        for row in planted_rows(10)
        for label in ("K0", "K1")
    ],
}


@every
@pytest.mark.parametrize("kind", TINY)
def test_poor_data_bring_a_result_and_no_false_claim(
    recipe: c.Compiler, kind: str
) -> None:
    """Few rows can show nothing, and the report does not pretend that they do."""
    with weft.use(lm=model()):
        report = _compiled(recipe, TINY[kind]).report

    assert report.verdict
    assert kind == "one class" or not report.improved


@every
def test_a_model_that_never_answers_well_changes_nothing(recipe: c.Compiler) -> None:
    """Its replies score 0, and the program comes back as it was."""
    with weft.use(lm=weft.FunctionLM(lambda _: "I would rather not.")):
        result = _compiled(recipe, planted_rows(20))

    assert not result.report.returned or isinstance(recipe, c.Compress)
    assert not result.improved


@every
def test_a_report_survives_json(recipe: c.Compiler) -> None:
    """All of it is plain data."""
    with weft.use(lm=model()):
        report = _compiled(recipe).report

    assert json.loads(report.to_json()) == report.describe()


def _looped() -> Any:
    """note -> judge, in a program of its own -> refine, twice -> classify."""
    note = weft.Predict("text -> gist", "Shorten it.", name="note")
    judge = weft.ChainOfThought("gist -> view", "Judge it.", name="judge")
    refine = weft.Predict("draft -> view", "Say it better.", name="refine")
    say = classifier(CODES, "view")

    @weft.program
    def inner(gist: str) -> str:
        return judge(gist=gist).view

    @weft.program
    def outer(text: str) -> str:
        first = inner(gist=note(text=text).gist)
        last = weft.loop(first, lambda view: refine(draft=view).view, at_most=2)
        return say(view=last).label

    return outer


def through(asked: Asked) -> dict[str, str]:
    """Hands the word on from module to module; only the last one judges."""
    if asked.outputs[-1][0] in ("gist", "view"):
        return {"gist": asked.said, "view": asked.said}
    return learner(asked)


@every
def test_a_program_with_a_loop_and_a_program_in_it_compiles(
    recipe: c.Compiler,
) -> None:
    """Only known slots change, and no call beside the budget is made."""
    lm = model(through)
    with weft.use(lm=lm):
        result = _compiled(recipe, planted_rows(24), program=_looped(), budget=900)

    assert lm.calls <= 900
    assert set(result.program.parameters) == set(_looped().parameters)
    assert "sealed" not in result.report.stopped

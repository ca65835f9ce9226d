"""What is wrong with a compile is said before any call is paid for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.compilers.every import every
from tests.compilers.worlds import classifier, exact, model, planted_rows
from weft import compilers as c
from weft import errors
from weft.compilers import (
    APE,
    CAPO,
    SIMBA,
    Auto,
    BootstrapFewShot,
    BootstrapRandomSearch,
    Compiler,
    LabeledFewShot,
)
from weft.compilers.propose.edits import DropDemos

ROWS = planted_rows(60)


@pytest.fixture(name="lm")
def _lm() -> Iterator[weft.FunctionLM]:
    lm = model()
    with weft.use(lm=lm):
        yield lm
    assert lm.calls == 0, "something was paid for"


def test_an_empty_train_set_is_refused(lm: weft.FunctionLM) -> None:
    """There is nothing to learn from."""
    with pytest.raises(errors.DataError, match="no rows for train"):
        weft.compile(classifier(), [], metric=exact)


def test_rows_too_few_to_verify_with_are_refused(lm: weft.FunctionLM) -> None:
    """Where no row is left to verify on, nothing could be claimed: nothing is paid."""
    with pytest.raises(errors.DataError, match="too few different rows"):
        weft.compile(classifier(), planted_rows(1), metric=exact)


def test_rows_without_the_label_that_a_metric_reads_are_refused(
    lm: weft.FunctionLM,
) -> None:
    """Inputs alone say nothing about what is right, and nothing is paid."""
    rows = [{"text": row["text"]} for row in ROWS]

    def own(example: weft.Example, prediction: Any) -> bool:
        return bool(prediction.label == example.label)

    for metric in (exact, own):
        with pytest.raises(errors.DataError, match="'label'"):
            weft.compile(classifier(), rows, metric=metric)
    assert lm.calls == 0


def test_what_is_no_metric_is_refused(lm: weft.FunctionLM) -> None:
    """It could score nothing, and the remedy is named."""
    wrong: Any
    for wrong in ("exact", weft.metrics.exact, lambda example: 1.0, classifier()):
        with pytest.raises(errors.MetricError, match=r"example.*prediction"):
            weft.compile(classifier(), ROWS, metric=wrong)


def test_without_a_model_the_ways_to_set_one_are_named() -> None:
    """No model is ever chosen in silence."""
    with pytest.raises(errors.ConfigError, match=r"weft\.configure"):
        weft.compile(classifier(), ROWS, metric=exact)


def test_a_misspelt_option_is_refused(lm: weft.FunctionLM) -> None:
    """Of the call and of the compiler."""
    call: Any = weft.compile
    search: Any = BootstrapRandomSearch

    with pytest.raises(errors.ConfigError, match="Did you mean 'metric'"):
        call(classifier(), ROWS, metrik=exact)
    with pytest.raises(errors.ConfigError, match="Did you mean 'demos'"):
        search(demo=3)


def test_an_unreadable_line_is_named(lm: weft.FunctionLM, tmp_path: Path) -> None:
    """File and line, so that it can be mended."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a", "label": "K1"}\n{"text": \n', encoding="utf-8")

    with pytest.raises(errors.DataError, match=r"rows\.jsonl.*2"):
        weft.compile(classifier(), path, metric=exact)


def test_a_program_without_modules_is_refused(lm: weft.FunctionLM) -> None:
    """There is nothing to compile."""

    @weft.step
    def shout(text: str) -> str:
        return text.upper()

    @weft.program
    def plain(text: str) -> str:
        return shout(text)

    with pytest.raises(errors.ConfigError, match="nothing to compile"):
        weft.compile(plain, ROWS, metric=exact)


@pytest.mark.parametrize(
    "compiler",
    [Auto(), APE(), BootstrapFewShot(), BootstrapRandomSearch()],
    ids=lambda c: type(c).__name__,
)
def test_one_call_less_than_the_smallest_budget_is_refused(
    lm: weft.FunctionLM, compiler: Any
) -> None:
    """And the error names the smallest that works."""
    quote = weft.quote(classifier(), ROWS, metric=exact, compiler=compiler)

    with pytest.raises(errors.QuoteError, match=f'"{quote.smallest} calls"'):
        weft.compile(
            classifier(),
            ROWS,
            metric=exact,
            compiler=compiler,
            budget=quote.smallest - 1,
        )


@pytest.mark.parametrize(
    "compiler",
    [Auto(), APE(), BootstrapFewShot(), BootstrapRandomSearch()],
    ids=lambda c: type(c).__name__,
)
def test_the_smallest_budget_works(compiler: Any) -> None:
    """A candidate is made, compared, and verified until the claim is settled."""
    lm = model()
    with weft.use(lm=lm):
        quote = weft.quote(classifier(), ROWS, metric=exact, compiler=compiler)
        result = weft.compile(
            classifier(), ROWS, metric=exact, compiler=compiler, budget=quote.smallest
        )
    best, *others = result.report.tried

    assert lm.calls <= quote.smallest
    assert best.parent or any(line.parent for line in others)
    assert "sealed" not in result.report.stopped
    assert len(result.report.score.values) >= 16 or result.report.improved


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: LabeledFewShot(demos=-3), "demos=-3 is not a whole number, 0 or more"),
        (lambda: LabeledFewShot(demos="9"), "demos='9' is not a whole number"),
        (lambda: APE(candidates=0), "candidates=0 is not a whole number, 1 or more"),
        (lambda: Auto(rounds=-1), "rounds=-1 is not a whole number, 1 or more"),
        (lambda: Auto(patience=2.5), "patience=2.5 is not a whole number, 0 or more"),
        (lambda: SIMBA(temperature=0.0), "temperature=0.0 is not a number above 0"),
        (lambda: CAPO(z=float("nan")), "z=nan is not a number, 0 or more"),
        (lambda: DropDemos(share=1.5), "share=1.5 is not a number from 0 to 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    made: Callable[[], object], said: str
) -> None:
    """The setting, its rule and its default are named when the compiler is made."""
    with pytest.raises(errors.ConfigError, match=said) as caught:
        made()

    assert "The default is " in caught.value.hint


@every
def test_no_number_of_a_compiler_may_be_negative(recipe: Compiler) -> None:
    """Whatever a setting is called, and whoever wrote the compiler."""
    settings: Any = recipe
    for field in dataclasses.fields(settings):
        if type(getattr(recipe, field.name)) in (int, float):
            with pytest.raises(errors.ConfigError, match=rf"{field.name}=-1 is not a"):
                dataclasses.replace(settings, **{field.name: -1})


@pytest.mark.parametrize("where", ["train", "val"])
def test_a_row_without_its_label_is_refused(lm: weft.FunctionLM, where: str) -> None:
    """One row in sixty is found before it is paid for, not when it is scored."""
    bare = {"text": "a text that nobody labelled"}
    rows: dict[str, Any] = {"train": [*ROWS, bare]}
    if where == "val":
        rows = {"train": ROWS, "val": [*planted_rows(20, 1), bare]}

    with pytest.raises(errors.DataError, match="has no label 'label'"):
        weft.compile(classifier(), metric=exact, **rows)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: c.Sequence(of=()), "of=() is empty"),
        (lambda: c.BestOf(of=wrong(APE())), "is no tuple of compilers"),
        (lambda: c.Sequence(of=wrong((APE(), 3))), "is no tuple of compilers"),
        (lambda: c.UntilPlateau(of=wrong(3)), "of=3 is no compiler"),
        (lambda: c.TRIPLE(instructions=()), "instructions=() is empty"),
        (lambda: c.TRIPLE(instructions=wrong("Hm.")), "is no tuple of texts"),
        (lambda: c.Feedback(notes=wrong("Hm.")), "is no tuple of texts"),
        (lambda: c.PartsGrid(parts={}).recipes(), "names no choices"),
        (lambda: c.PartsGrid(parts=wrong({"a": "Hm."})).recipes(), "names no choices"),
    ],
)
def test_one_thing_is_not_several(build: Callable[[], Any], said: str) -> None:
    """A text would be taken for its letters, and no compilers for a compile."""
    with pytest.raises(errors.ConfigError) as caught:
        build()

    assert said in str(caught.value)


def wrong(value: Any) -> Any:
    """A value of a type that the setting does not have."""
    return value


@pytest.mark.parametrize(
    "compiler",
    [
        c.TRIPLE(instructions=("Hm.",), module="clasify"),
        c.PartsGrid(module="clasify"),
        c.Feedback(path="notes.jsonl"),
    ],
    ids=lambda c: type(c).__name__,
)
def test_a_module_that_is_not_there_is_refused(
    lm: weft.FunctionLM,
    compiler: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is said about it would help nobody, and nobody would know."""
    monkeypatch.chdir(tmp_path)
    Path("notes.jsonl").write_text('{"module": "clasify", "note": "Hm."}\n')

    with pytest.raises(errors.ConfigError, match="Did you mean 'classify'"):
        weft.compile(classifier(), ROWS, metric=exact, compiler=compiler)


class Idle(Compiler):
    """A compiler of somebody's own that proposes nothing."""

    def __init__(self, *recipes: c.Recipe) -> None:
        if recipes:
            self.given = recipes

    def recipes(self) -> tuple[c.Recipe, ...]:
        return getattr(self, "given", ())


@pytest.mark.parametrize(
    "compiler",
    [
        Idle(),
        Idle(c.Recipe(())),
        Idle(c.Recipe(((),))),
        c.Sequence(of=(Idle(),)),
        c.BestOf(of=(Idle(),)),
        c.UntilPlateau(of=Idle(c.Recipe(()))),
    ],
    ids=["no recipe", "no round", "no draw", "sequence", "best", "plateau"],
)
def test_a_compiler_that_proposes_nothing_is_refused(
    lm: weft.FunctionLM, compiler: Any
) -> None:
    """It would verify the program as it was against itself."""
    name = type(compiler).__name__
    said = rf"{name}.recipes\(\) proposes nothing"
    with pytest.raises(errors.ConfigError, match=said):
        weft.compile(classifier(), ROWS, metric=exact, compiler=compiler)


def test_settings_of_a_compiler_of_ones_own_are_known_by_name() -> None:
    """A journal must tell one setting from another; without any there is none."""
    assert Idle().describe() == {"name": "Idle"}
    with pytest.raises(errors.ConfigError, match=r"Idle has settings, given, and"):
        Idle(c.Recipe(())).describe()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"seed": "x"}, "seed='x' is no whole number"),
        ({"seed": 1.5}, "seed=1.5 is no whole number"),
        ({"run_dir": 5}, "run_dir=5 names no file and no folder"),
        ({"run_dir": ""}, "run_dir='' names no file and no folder: it is empty"),
        ({"run_dir": "a\0b"}, "names no file and no folder: embedded null byte"),
        ({"run_dir": "x" * 300}, "the name is too long"),
    ],
    ids=str,
)
def test_a_seed_and_a_folder_are_what_they_say(
    lm: weft.FunctionLM, option: dict[str, Any], said: str
) -> None:
    """A text as a seed would make another run of each way to write it."""
    with pytest.raises(errors.ConfigError, match=said):
        weft.compile(classifier(), ROWS, metric=exact, **option)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (c.Sequence, r"Sequence needs 'of'\. Write Sequence\(of=\.\.\.\)"),
        (c.BestOf, "BestOf needs 'of'"),
        (c.UntilPlateau, "UntilPlateau needs 'of'"),
        (c.TRIPLE, "TRIPLE needs 'instructions'"),
        (lambda: c.TRIPLE(instructions=("", "\ud800")), "holds a lone surrogate"),
        (lambda: c.ByHand(instructions=("\ud800",)), "holds a lone surrogate"),
        (lambda: c.PartsGrid(parts={"a": ("\ud800",)}), "holds a lone surrogate"),
        (lambda: c.Feedback(notes=("\ud800",)), "holds a lone surrogate"),
        (
            lambda: Auto(rounds=10**7),
            "rounds=10000000 is not a whole number, 1 or more, at most 1000",
        ),
        (lambda: c.OPRO(steps=10**12), "steps=1000000000000 is not a whole number"),
    ],
)
def test_settings_that_no_compile_can_begin_with(
    make: Callable[[], Any], said: str
) -> None:
    """What is missing, what no prompt can hold, and what would never be planned."""
    with pytest.raises(errors.ConfigError, match=said):
        make()

"""What the user pins stays, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from tests.compilers.worlds import classifier, exact, model, planted_rows, unchanged
from weft.compilers import (
    APE,
    GEPA,
    OPRO,
    Auto,
    ByHand,
    Choose,
    Feedback,
    Glossary,
)
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.cost import FREE
from weft.compilers.search.keeping import Keeping
from weft.pipeline.errors import ConfigError
from weft.pipeline.graph.program import as_program

RULE = "Never name a customer."


def _compiled(keep: Any, compiler: Any = None) -> weft.Result[..., Any, Any]:
    program = classifier().with_(instruction=f"Give the label. {RULE}")
    with weft.use(lm=model()):
        return weft.compile(
            program,
            planted_rows(60),
            metric=exact,
            compiler=compiler or Auto(candidates=4, rounds=2),
            keep=keep,
        )


def test_a_frozen_parameter_is_not_touched() -> None:
    """Demos still may be."""
    result = _compiled(["classify/instruction"])

    assert result.program.instruction.endswith(RULE)
    assert result.program.parameters.demos
    assert result.improved


def test_a_frozen_module_is_not_touched_at_all() -> None:
    """Nothing is left to change, and the report says that nothing was found."""
    result = _compiled(["classify"])

    assert unchanged(result)
    assert not result.improved


@pytest.mark.parametrize("half", ["demos", "nearest"])
def test_a_pool_and_its_number_stay_together(half: str) -> None:
    """Else a whole pool would be shown, or some of the kept demos left out."""
    result = _compiled([f"classify/{half}"], Auto())
    seen = [program.parameters for program in result.ranking]

    assert len(seen) > 2
    assert not any(one.nearest for one in seen)
    assert all(len(one.demos) <= 16 for one in seen)
    assert half == "nearest" or not any(one.demos for one in seen)


@pytest.mark.parametrize("compiler", [APE(), Auto(candidates=4, rounds=2)])
def test_a_pinned_sentence_is_in_every_candidate(compiler: Any) -> None:
    """It is put back where a writer drops it, and the rest may still get better."""
    result = _compiled([RULE], compiler)
    texts = [p.instruction for p in result.ranking]

    assert all(RULE in text for text in texts)
    assert result.improved


@pytest.mark.parametrize("wish", ["clasify/instruction", "Never shout.", " "])
def test_a_wish_that_fits_nothing_is_refused(wish: str) -> None:
    """Before any call is paid for."""
    with pytest.raises(ConfigError, match="names no parameter"):
        _compiled([wish])


def test_one_text_is_one_wish() -> None:
    """Not a wish for each of its letters."""
    result = _compiled("classify")

    assert unchanged(result)
    assert result.report.stopped == (
        "keep= leaves no instruction and no demos to change"
    )


def test_a_wish_is_a_text() -> None:
    """Anything else is a mistake that is named."""
    with pytest.raises(ConfigError, match=r"keep=\[3\] is no list of texts"):
        _compiled([3])


@pytest.mark.parametrize("compiler", [GEPA(), OPRO()], ids=["failures", "history"])
def test_no_model_is_asked_to_write_what_must_stay(compiler: Any) -> None:
    """Its answer could not be used; the report says why nothing was tried."""
    report = _compiled("classify/instruction", compiler).report

    assert "propose" not in report.spend
    assert report.stopped == (
        "keep= leaves no instruction to change, and no demo was found"
    )


@pytest.mark.parametrize("compiler", [APE(), OPRO(), Auto(candidates=4, rounds=1)])
def test_an_instruction_that_no_prompt_shows_is_not_rewritten(compiler: Any) -> None:
    """Calls were spent on writing it, and candidates met that sent the same prompt."""
    form = weft.cloze("[text] is [z].")
    program = classifier().with_(adapter=form, instruction="Give the label.")
    written: list[str] = []

    def writes(prompt: Any) -> str:
        written.append(str(prompt))
        return "Name the label."

    asked = weft.FunctionLM(lambda _: "K0")
    with weft.use(lm=asked, lms={"proposer": weft.FunctionLM(writes)}):
        result = weft.compile(
            program, planted_rows(60), metric=exact, compiler=compiler
        )

    assert result.program.instruction == "Give the label."
    assert not written
    if len(result.report.tried) == 1:
        assert "no prompt shows 'classify/instruction'" in result.report.stopped
        assert "[instruction]" in result.report.stopped


def _by_template(template: str, compiler: Any, **options: Any) -> Any:
    """A compile of a module in a template, and what was asked of the writer."""
    written: list[str] = []

    def writes(prompt: Any) -> str:
        written.append(str(prompt))
        return "[[ term ]]\nblick\n[[ meaning ]]\nK0\n[[ /end ]]"

    program = classifier().with_(adapter=weft.cloze(template), **options)
    with weft.use(
        lm=weft.FunctionLM(lambda _: "K0"),
        lms={"proposer": weft.FunctionLM(writes)},
    ):
        rows = planted_rows(60)
        result = weft.compile(program, rows, metric=exact, compiler=compiler)
    return result, written


TOLD = "[instruction]\n\n[text] is [z]."


@pytest.mark.parametrize(
    ("template", "compiler", "hidden"),
    [
        ("[text] is [z].", Glossary(rounds=2), "glossary"),
        ("[text] is [z].", Choose(descriptions=2), "descriptions"),
        (TOLD, Choose(descriptions=2), "descriptions"),
        ("[text] is [z].", Feedback(notes=("blick = K0",)), "instruction"),
    ],
)
def test_what_no_prompt_shows_is_not_written(
    template: str, compiler: Any, hidden: str
) -> None:
    """A template describes no field, and what is told stands by its instruction."""
    result, written = _by_template(template, compiler)

    assert not written
    assert f"no prompt shows 'classify/{hidden}'" in result.report.stopped
    remedy = "Say in the template" if hidden == "descriptions" else "[instruction]"
    assert remedy in result.report.stopped
    assert "propose" not in result.report.spend
    assert result.report.quote.accounts.get("propose", FREE).expected == 0


@pytest.mark.parametrize("given", ["glossary", "instruction"])
def test_candidates_that_send_the_same_prompt_are_one(given: str) -> None:
    """Rows were spent on telling them apart."""
    note = {"glossary": {"K0": "blick"}, "instruction": "blick = K0"}[given]
    by_hand = ByHand(values=({f"classify/{given}": note},))

    bare, _ = _by_template("[text] is [z].", by_hand)
    told, _ = _by_template(TOLD, by_hand)

    assert len(bare.report.tried) == 1
    assert len(told.report.tried) == 2


def test_what_another_form_shows_may_change_with_it() -> None:
    """A candidate that brings a template of its own is shown by that one."""
    values = {
        "classify/adapter": weft.cloze(TOLD),
        "classify/instruction": "blick = K0",
    }
    result, _ = _by_template("[text] is [z].", ByHand(values=(values,)))

    assert result.ranking[1].instruction == "blick = K0"


def test_a_form_that_a_search_goes_on_with_may_show_what_the_seed_hides() -> None:
    """As where replies in the template could not be read, so that it was given up."""
    program = as_program(classifier().with_(adapter=weft.cloze("[text] is [z].")))
    keeping = Keeping.of(program, ["classify/glossary"])
    chat = Candidate({"classify/adapter": "chat"})

    assert not keeping.free("classify")
    assert not keeping.free("classify", Candidate({"classify/nearest": 2}))
    assert keeping.free("classify", chat)
    assert not keeping.may("classify/glossary", chat)
    rewritten = chat.but({"classify/instruction": "blick = K0"}, "")
    assert keeping.within(rewritten) == rewritten


@pytest.mark.parametrize("keep", [["classify/instruction"], ["classify"]])
def test_a_quote_counts_nobody_who_has_nothing_to_change(keep: list[str]) -> None:
    with weft.use(lm=model()):
        rows = planted_rows(60)
        quote = weft.quote(classifier(), rows, metric=exact, compiler=APE(), keep=keep)

    assert "propose" not in quote.accounts


def test_an_instruction_that_a_template_begins_with_is_rewritten() -> None:
    form = weft.cloze("[instruction]\n\n[text] is [z].")
    program = classifier().with_(adapter=form)

    with weft.use(lm=model()):
        result = weft.compile(
            program, planted_rows(60), metric=exact, compiler=APE(), budget="200 calls"
        )

    assert len(result.report.tried) > 1

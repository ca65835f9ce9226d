"""Long texts: rows, instructions, and prompts that are too long for their model."""

from __future__ import annotations

import re
from typing import Any

import pytest

import weft
from tests.compilers.every import compiled, every
from tests.compilers.test_propose import new_task, proposed
from tests.compilers.worlds import (
    WORDS,
    Asked,
    classifier,
    exact,
    learner,
    model,
    planted_rows,
)
from weft import compilers as c
from weft.compilers.propose.evidence import MOST_CHARS, within
from weft.compilers.propose.playbook import Bullets
from weft.compilers.propose.reflection import Reflect
from weft.errors import CompileError, ContextLengthError
from weft.pipeline.ground import strictjson

PAGES = "lorem ipsum " * 1500
WINDOW = 40_000
ROWS = [{**row, "text": f"{PAGES}{row['text']}"} for row in planted_rows(60)]
WRITING = [c.APE(), c.GEPA(), c.ProTeGi(), c.ACE(), c.InferRules(demos=0)]


def _small(window: int = WINDOW) -> weft.FunctionLM:
    """The planted model with a context window of so many characters."""

    def reply(request: weft.Request) -> str:
        if sum(len(message.content) for message in request.messages) > window:
            raise ContextLengthError("the prompt is longer than the context window")
        asked = Asked.read(request)
        return asked.reply(learner(asked))

    return weft.FunctionLM(reply, model="small")


def test_cases_that_fit_are_shown_as_they_are() -> None:
    """As many as one request has room for."""
    cases = [{"inputs": {"text": "a" * 6_000}}] * 4

    assert within(cases) == cases[:2]


def test_of_a_case_longer_than_a_request_both_ends_are_shown() -> None:
    """Several of them fit, and short ones beside them stay as they are."""
    long = {"inputs": {"text": f"start {PAGES} end", "k": 3}, "wanted": ["K1", PAGES]}
    short = {"inputs": {"text": "norp"}}
    first, second, last = within([long, long, short])

    assert re.fullmatch(r"start .* \[\.\.\.\] .* end", first["inputs"]["text"])
    assert (first["inputs"]["k"], first["wanted"][0]) == (3, "K1")
    assert first == second
    assert last == short
    assert len(strictjson.dumps(first)) <= MOST_CHARS // 4


@pytest.mark.parametrize("compiler", WRITING, ids=lambda r: r.describe()["name"])
def test_rows_of_many_pages_are_learnt_from(compiler: c.Compiler) -> None:
    """A writer that is shown none of them has nothing to say."""
    with weft.use(lm=model()):
        result = weft.compile(classifier(), ROWS, metric=exact, compiler=compiler)

    assert result.improved


@pytest.mark.parametrize("proposer", [Reflect(), Bullets()], ids=lambda p: p.name)
def test_what_is_added_to_a_long_instruction_is_not_cut_off(proposer: Any) -> None:
    """An instruction may become twice as long as it was."""
    task = new_task(classifier().with_(instruction=f"{PAGES}\nGive the label."))
    made = proposed(proposer, task)
    texts = [candidate.values["classify/instruction"] for candidate in made]

    assert texts
    assert all(text.startswith(f"{PAGES}\nGive the label.") for text in texts)
    assert all(any(f"{word} = K" in text for word in WORDS) for text in texts)


@every
def test_a_candidate_too_long_for_the_model_loses(recipe: c.Compiler) -> None:
    """With sixteen demos of many pages; it does not end the compile."""
    with weft.use(lm=_small()):
        made = compiled(recipe, ROWS[:30], budget=300).program.parameters
    demos = len(made.demos)

    assert min(demos, made.nearest or demos) <= 1


def test_a_program_that_is_too_long_as_it_was_is_an_error() -> None:
    """No search can mend rows that do not fit; it is no wrong answer."""
    with (
        weft.use(lm=_small(window=len(PAGES))),
        pytest.raises(CompileError, match="ContextLengthError"),
    ):
        weft.compile(classifier(), ROWS, metric=exact, compiler=c.PartsGrid())

"""Reasons before an answer: typed steps, what they were worth, and sub-questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest

import weft
from weft import Request
from weft.errors import ConfigError, ParseError, SignatureError
from weft.pipeline.graph.program import as_program

ASK = "question -> answer"


class Step(pydantic.BaseModel):
    """A step of a user's own."""

    claim: str
    sure: bool = True


def given(form: str, *pairs: tuple[str, str]) -> str:
    """A reply in a form, its fields in this order."""
    if form == "json":
        return json.dumps(dict(pairs))
    shown = {
        "chat": "[[ {} ]]\n{}",
        "xml": "<{0}>{1}</{0}>",
        "plain": "{}: {}",
    }[form]
    return "\n".join(shown.format(name, value) for name, value in pairs)


@pytest.mark.parametrize("form", ["chat", "json", "xml", "plain"])
@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ((("reasoning", "r"), ("answer", "a")), None),
        ((("answer", "a"), ("reasoning", "r")), "after the answer"),
        ((("reasoning", ""), ("answer", "a")), "empty"),
        ((("answer", "a"), ("reasoning", " ")), "empty"),
    ],
)
def test_a_reasoning_that_led_to_nothing_is_told(
    form: str, pairs: Any, said: str | None
) -> None:
    """Empty, and written behind the answer: two things, and neither is an error."""
    ask = weft.ChainOfThought(ASK, adapter=form, repairs=0)
    with weft.use(lm=weft.ScriptedLM([given(form, *pairs)]), cache=None):
        made = ask(question="q")

    assert made.answer == "a"
    assert weft.info(made).facts.get("reasoning") == said
    assert weft.info(made).repairs == ()


def test_what_was_thought_apart_is_a_reasoning() -> None:
    """A model that thinks natively and writes no reasons has not left them out."""
    thinking = weft.FunctionLM(
        lambda r: weft.Response("[[ reasoning ]]\n\n[[ answer ]]\na", reasoning="why")
    )
    with weft.use(lm=thinking, cache=None):
        made = weft.ChainOfThought(ASK)(question="q")
    assert made.reasoning == "why"
    assert weft.info(made).facts == {}


def test_a_field_of_that_name_elsewhere_is_no_reasoning() -> None:
    """Only one that is asked first is to come first."""
    ask = weft.Predict("question -> answer, reasoning")
    reply = "[[ answer ]]\na\n[[ reasoning ]]\nr"
    with weft.use(lm=weft.ScriptedLM([reply]), cache=None):
        assert weft.info(ask(question="q")).facts == {}


def test_steps_are_typed() -> None:
    """They are checked as every output is, a wrong one is repaired once."""
    ask = weft.ChainOfThought(ASK, steps=Step)
    wrong = '[[ reasoning ]]\n[{"sure": 1}]\n[[ answer ]]\na'
    right = '[[ reasoning ]]\n[{"claim": "c"}]\n[[ answer ]]\na'
    lm = weft.ScriptedLM(
        [wrong, right, wrong, wrong, right.replace('{"claim": "c"}', "")]
    )
    with weft.use(lm=lm, cache=None):
        made = ask(question="q")
        assert made.reasoning == [Step(claim="c")]
        assert isinstance(made, ask.signature)
        with pytest.raises(ParseError, match="reasoning"):
            ask(question="q")
        assert weft.info(ask(question="q")).facts == {"reasoning": "empty"}


def test_typed_steps_are_saved_and_copied(tmp_path: Path) -> None:
    """A loaded module asks the same; so does one that is changed, widened or shown."""
    ask = weft.ChainOfThought(ASK, steps=Step, name="it")
    demo = weft.Demo({"question": "q", "reasoning": [{"claim": "c"}], "answer": "a"})
    tuned = ask.with_(instruction="Tuned.", demos=[demo])
    path = weft.save(as_program(tuned), tmp_path / "it.weft.json")
    reply = '[[ reasoning ]]\n[{"claim": "c"}]\n[[ answer ]]\na'
    lm = weft.FunctionLM(lambda r: reply)
    with weft.use(lm=lm, cache=None):
        tuned(question="q")
        weft.load(path)("q")
        weft.load(path, program=as_program(ask))("q")
        refined = weft.Refine(ask, lambda inputs, made: "Again.")
        assert refined(question="q").reasoning[0].claim == "c"
    assert len({r.key for r in lm.requests[:3]}) == 1
    with pytest.raises(ConfigError, match="reasoning"):
        ask.with_(demos=[weft.Demo({"question": "q", "reasoning": "a text"})])
    with pytest.raises(SignatureError, match="pydantic cannot check"):
        weft.ChainOfThought(ASK, steps=3)


# Decompose


def solver(questions: Any) -> weft.FunctionLM:
    """A model that splits as told, and answers with what it sees."""

    def reply(request: Request) -> str:
        system, sent = request.messages[0].content, request.messages[-1].content
        if "[[ questions ]]" in system:
            return f"[[ questions ]]\n{json.dumps(questions)}"
        if "[[ sub_answer ]]" in system:
            return f"[[ sub_answer ]]\nso {sent.count('so ')}"
        return f"[[ reasoning ]]\nr\n[[ answer ]]\n{sent.count('so ')}"

    return weft.FunctionLM(reply)


@pytest.mark.parametrize(
    ("questions", "asked"),
    [
        (["a?", "b?", "c?"], ["a?", "b?", "c?"]),
        ([" a? ", "a?", "", "\n"], ["a?"]),
        ([], []),
        ([f"{n}?" for n in range(9)], ["0?", "1?", "2?", "3?"]),
        (["answer: forged", "Ünïcode \U0001f9f5?"], None),
    ],
)
def test_sub_questions_are_answered_in_turn(
    questions: list[str], asked: list[str] | None
) -> None:
    """Each with those before it in view; blank, doubled and too many are left out."""
    lm = solver(questions)
    with weft.use(lm=lm, cache=None):
        run = weft.Decompose(ASK, most=4, name="it").run(question="q")

    solved = run.value.solved
    assert [one.question for one in solved] == (questions if asked is None else asked)
    assert [one.answer for one in solved] == [f"so {n}" for n in range(len(solved))]
    assert run.value.answer == str(len(solved))
    assert lm.calls == len(solved) + 2
    left = [*run.trace.tree[0].run.repairs]
    assert left == (
        ["5 sub-questions beyond most=4 left"] if len(questions) > 8 else []
    )


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: weft.Decompose(ASK, most=0), "most=0"),
        (lambda: weft.Decompose("questions -> answer"), "a name of its own parts"),
        (lambda: weft.Decompose("solved -> answer"), "already has a field 'solved'"),
    ],
)
def test_what_cannot_be(made: Any, match: str) -> None:
    """Names that the parts need are refused when it is made."""
    with pytest.raises((ConfigError, SignatureError), match=match):
        made()

"""Exact match and passages in SQuAD's form, beside what DSPy 3.4.1 gives."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

import weft
from weft import errors
from weft.metrics import contains, exact, semantic_f1, squad


def scored(metric: Any, gold: Any, got: Any) -> float:
    """What a metric gives for one label and one answer."""
    return float(metric(weft.Example("r1", {}, {"answer": gold}), got).value)


ANSWERS: list[tuple[str, str, int]] = [
    ("Paris", "Paris", 1),
    ("Paris", "paris", 1),
    ("Paris", "Paris.", 1),
    ("Eiffel Tower", "the Eiffel Tower", 1),
    ("the Eiffel Tower", "Eiffel  tower!", 1),
    ("Paris", "Paris, France", 0),
    ("Paris", "Lyon", 0),
    ("", "", 1),
    ("the", "", 1),
    ("a", "an", 1),
    ("3.5", "35", 1),
    ("-5", "5", 1),
    ("1,000", "1000", 1),
    ("café", "cafe\u0301", 1),
    ("café", "cafe", 0),
    ("Zürich", "ZÜRICH", 1),
    ("Zürich", "Zurich", 0),
    ("U.S.A.", "usa", 1),
    ("New-York", "New York", 0),
    ("New-York", "newyork", 1),
    ("an apple a day", "apple day", 1),
    ("theatre", "atre", 0),
    ("it's", "its", 1),
    ("“Paris”", "Paris", 0),
    ("Straße", "strasse", 0),
    ("東京", "東京。", 0),
    ("서울", "서울은", 0),
    ("İstanbul", "istanbul", 0),
    ("yes", "Yes!", 1),
    ("yes", "no", 0),
    ("rock & roll", "rock roll", 1),
    ("C++", "C", 1),
    ("½", "1/2", 0),
    ("x\ty", "x y", 1),
    ("The  The", "the", 1),
    ("ａｂｃ", "abc", 0),
]
"""A label, an answer, and the score of DSPy's answer_exact_match."""


@pytest.mark.parametrize(("gold", "got", "score"), ANSWERS)
def test_an_answer_in_the_form_of_squad(gold: str, got: str, score: int) -> None:
    """Alone, and as one of several that are accepted."""
    metric = exact("answer", normalize=squad)

    assert scored(metric, gold, got) == score
    assert scored(metric, ["something else", gold], got) == score


PASSAGES: list[tuple[str, list[str], int]] = [
    ("Eiffel Tower", ["The Eiffel Tower is in Paris.", "..."], 1),
    ("Eiffel Tower", ["The Eiffel", "Tower is tall"], 0),
    ("art", ["a party"], 0),
    ("art", ["Modern Art."], 1),
    ("Paris", [], 0),
    ("", ["x"], 1),
    ("", [], 0),
    ("", [""], 1),
    ("U.S.", ["the US army"], 1),
    ("New York", ["new-york"], 0),
    ("New-York", ["new york"], 0),
    ("18", ["180 men"], 0),
    ("18", ["it was 18."], 1),
    ("3.5", ["about 35 km"], 1),
    ("café", ["the cafe\u0301 is shut"], 1),
    ("東京", ["東京は首都"], 0),
    ("東京", ["東京 は"], 1),
    ("5", ["it costs €5 now"], 1),
    ("€", ["costs €5"], 1),
    ("the", ["anything"], 1),
    ("Straße", ["die straße ist lang"], 1),
    ("Paris", ["he said “Paris” twice"], 1),
    ("x\u200by", ["x y"], 1),
    ("two words", ["two\nwords here"], 1),
]
"""A label, passages, and the score of DSPy's answer_passage_match."""


@pytest.mark.parametrize(("gold", "passages", "score"), PASSAGES)
def test_an_answer_in_passages(gold: str, passages: list[str], score: int) -> None:
    """Looked for in another field, token by token, in each passage by itself."""
    metric = contains("answer", within="context", normalize=squad)

    assert scored(metric, gold, {"context": passages}) == score
    assert scored(metric, ["zzz", gold], {"context": tuple(passages)}) == score


@pytest.mark.parametrize(
    ("gold", "got", "score"),
    [
        ("Paris", "Paris", 1),
        (" New  York", "New York", 1),
        ("café", "cafe\u0301", 1),
        ("Paris", "paris", 0),
        ("Paris", "Paris.", 0),
        ("Eiffel Tower", "the Eiffel Tower", 0),
    ],
)
def test_without_a_form_case_and_punctuation_count(
    gold: str, got: str, score: int
) -> None:
    """As they always did: a form is asked for."""
    assert scored(exact("answer"), gold, got) == score


class Town(Enum):
    PARIS = "Paris"


@pytest.mark.parametrize(
    ("gold", "got", "score"),
    [
        (35, "3.5", 0),
        ("3.5", 35, 0),
        ("3", 3, 1),
        (Town.PARIS, "paris.", 1),
        ("the paris", Town.PARIS, 1),
        (["a b", "c"], ["A B.", "c"], 1),
        (["New", "York"], "new york", 0),
        ({"town": "Paris"}, {"town": "paris."}, 1),
        (True, "true", 1),
        (None, None, 1),
        (None, "", 0),
    ],
)
def test_what_is_no_text_is_compared_as_ever(gold: Any, got: Any, score: int) -> None:
    """No point is lost out of a number, and no list is taken for a sentence."""
    assert scored(exact("answer", normalize=squad), gold, {"answer": got}) == score


def test_any_function_of_a_text_is_a_form() -> None:
    """It stands in the metric's name, and is all that is done to both texts."""
    loose, strict = (exact("answer", normalize=f) for f in (str.casefold, str.strip))

    assert (loose.name, strict.name) == (
        "exact(answer, normalize=casefold)",
        "exact(answer, normalize=strip)",
    )
    assert (scored(loose, "Paris", "PARIS"), scored(loose, "Paris", "paris ")) == (1, 0)
    assert (scored(strict, "a b", " a b"), scored(strict, "a b", "a  b")) == (1, 0)
    assert contains("answer", within="context", normalize=squad).name == (
        "contains(answer, within=context, normalize=squad)"
    )


@pytest.mark.parametrize("form", ["squad", 3, ["lower"]])
def test_a_form_is_a_function(form: Any) -> None:
    """A name would be guessed at."""
    for metric in (exact, contains):
        with pytest.raises(errors.ConfigError, match=r"normalize=weft\.metrics\.squad"):
            metric("answer", normalize=form)


def judged(recall: object, precision: object) -> weft.ScriptedLM:
    """A judge that says the same of every answer."""
    fields = {"reasoning": "Hm.", "recall": recall, "precision": precision}
    said = "\n\n".join(f"[[ {name} ]]\n{value}" for name, value in fields.items())
    return weft.ScriptedLM([f"{said}\n\n[[ /end ]]"] * 9)


@pytest.mark.parametrize(
    ("recall", "precision", "score"),
    [
        (1, 1, 1.0),
        (0, 0, 0.0),
        (0.5, 1, 2 / 3),
        (0.5, 1.2, 2 / 3),
        (1, -0.1, 0.0),
        (0.3, 0.7, 0.42),
        (0, 1, 0.0),
    ],
)
def test_semantic_f1_is_the_harmonic_mean_of_what_a_judge_says(
    recall: float, precision: float, score: float
) -> None:
    """Shares beyond 0 and 1 are cut, as DSPy's SemanticF1 does."""
    answer = weft.Predict("question -> response", name="answer")
    rows = [{"question": "Why?", "response": "So."}]
    lm = weft.ScriptedLM(["[[ response ]]\nBecause.\n\n[[ /end ]]"])

    with weft.use(lm=lm, lms={"judge": judged(recall, precision)}, cache=None):
        found = weft.evaluate(answer, rows, semantic_f1("response"))

    assert found.metric == "semantic_f1(response)"
    assert found.mean == pytest.approx(score)


def test_the_judge_of_semantic_f1_is_a_module() -> None:
    """It may be asked by a model of its own, and be another one."""
    metric = semantic_f1("answer", question="text")
    told = metric.judge.prompt(question="Why?", reference="So.", response="Thus.")
    own = weft.Predict(
        "question, reference, response -> recall: float, precision: float", name="own"
    )

    assert all(word in str(told) for word in ("Why?", "So.", "Thus.", "recall"))
    assert semantic_f1("answer", judge=own).judge is own


async def test_of_several_references_the_best_one_counts() -> None:
    """A list as the label means any of these, here too."""
    replies = {
        "one": "[[ recall ]]\n0.2\n\n[[ precision ]]\n0.2\n\n[[ /end ]]",
        "two": "[[ recall ]]\n0.8\n\n[[ precision ]]\n0.8\n\n[[ /end ]]",
    }
    own = weft.Predict(
        "question, reference, response -> recall: float, precision: float",
        lm=weft.ScriptedLM(replies),
    )
    row = weft.Example("r1", {"question": "?"}, {"answer": ["one", "two"]})

    with weft.use(cache=None):
        score = await semantic_f1("answer", judge=own)(row, "x")
        nothing = await semantic_f1("answer", judge=own)(row, {"answer": None})

    assert score.value == pytest.approx(0.8)
    assert "80% of what was wanted is in it" in score.feedback
    assert nothing.value == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "?"}, "no label 'answer'"),
        ({"question": "?", "anser": "x"}, "Did you mean 'anser'"),
        ({"question": "?", "answer": "x"}, ""),
    ],
)
def test_what_semantic_f1_needs_is_in_the_rows(row: dict[str, str], said: str) -> None:
    """Else nothing is asked."""
    lm = weft.FunctionLM(lambda _: "[[ answer ]]\nx\n\n[[ /end ]]")
    qa = weft.Predict("question -> answer", name="qa")
    other = "question" if said else "text"
    with weft.use(lm=lm), pytest.raises(errors.DataError, match=said or "'text'"):
        weft.evaluate(qa, [row], semantic_f1("answer", question=other))

    assert lm.calls == 0

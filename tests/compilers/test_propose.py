"""Proposers: what they learn from, and what they leave alone."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    classifier,
    kinds_of,
    learner,
    model,
    planted_rows,
    under_way,
)
from weft.compilers.deciding.rules import FitRules
from weft.compilers.deciding.words import FindWords
from weft.compilers.propose.choices import ChooseForm, ChooseModels
from weft.compilers.propose.climb import Climb, Mend
from weft.compilers.propose.combine import Combine, Crossover, Exchange, Merge, Pair
from weft.compilers.propose.demos import (
    BootstrapDemos,
    LabeledDemos,
    NearestDemos,
    passing_of_anyone,
)
from weft.compilers.propose.edits import (
    Bare,
    DropDemos,
    DropSentence,
    Given,
    LeaveOut,
    Parts,
    ReorderDemos,
)
from weft.compilers.propose.instructions import (
    Grounded,
    History,
    Induce,
    Notes,
    Paraphrase,
    Restart,
    Rules,
    Shorten,
)
from weft.compilers.propose.knowledge import Define, Describe, FromText
from weft.compilers.propose.meeting import Meet
from weft.compilers.propose.playbook import Bullets
from weft.compilers.propose.proposer import Proposer
from weft.compilers.propose.reflection import Contrast, Gradient, Refine, Reflect
from weft.compilers.racing.optuna_tpe import OptunaTPE
from weft.compilers.search.allowance import Allowance
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.cost import CallGuess
from weft.compilers.search.task import Split, Task
from weft.pipeline.data.rows import read_rows
from weft.pipeline.parameters import Demo

ROWS = tuple(read_rows(planted_rows(60), ["text"]))


def new_task(program: Any = None, rows: Any = ROWS) -> Task:
    """A compile under way; the first 30 rows are for training."""
    return under_way(program, rows[:30], rows[30:])


def proposed(
    proposer: Proposer, task: Task, n: int = 4, lm: Any = None
) -> list[Candidate]:
    """Candidates of a proposer, from the archive's best."""
    with weft.use(lm=lm or model()):
        return asyncio.run(proposer.propose(task, task.archive[:1] * n, n))


def chain() -> Any:
    """Three modules in a row: note, then judge in a program of its own, then say."""
    note = weft.Predict("text -> gist", "Shorten it.", name="note")
    judge = weft.ChainOfThought("gist -> view", "Judge it.", name="judge")
    say = weft.Predict("view -> label", "Give the label.", name="say")

    @weft.program
    def inner(gist: str) -> str:
        return judge(gist=gist).view

    @weft.program
    def outer(text: str) -> str:
        return say(view=inner(gist=note(text=text).gist)).label

    return outer


def test_labelled_demos_show_every_label() -> None:
    """Balanced over the labels, from training rows, without a call."""
    task = new_task()
    (made,) = proposed(LabeledDemos(demos=6), task, 1, weft.RefusingLM())
    demos = made.values["classify/demos"]

    assert len({demo.values["label"] for demo in demos}) == 6
    assert {demo.source for demo in demos} <= {row.id for row in task.split.train}


def test_bootstrapped_demos_passed_the_metric() -> None:
    """A trace is shown only where the program was right."""
    (made,) = proposed(BootstrapDemos(demos=8, bootstrapped=4), new_task(), 1)
    demos = made.values["classify/demos"]

    assert [demo.by for demo in demos].count("bootstrap") == 4
    assert len(demos) == 8


def test_where_nothing_is_quite_right_the_nearest_traces_stand_in() -> None:
    """With token overlap hardly any answer scores 1."""

    def half(example: weft.Example, prediction: Any) -> float:
        return 0.6 if prediction.label == example.label else 0.2

    task = new_task()
    task.metric = half
    (made,) = proposed(BootstrapDemos(demos=8, bootstrapped=4), task, 1)
    demos = [d for d in made.values["classify/demos"] if d.by == "bootstrap"]
    labels = {row.id: row.label for row in ROWS}

    assert len(demos) == 4
    assert all(demo.values["label"] == labels[demo.source] for demo in demos)


def test_no_row_teaches_itself() -> None:
    """The teacher of a row is never shown that row."""
    lm = model()
    task = new_task()
    proposed(BootstrapDemos(), task, 1, lm)

    for request in lm.requests:
        *before, last = [message.content for message in request.messages]
        assert not any(last in turn for turn in before)


def test_every_module_of_a_nested_program_gets_its_part_of_a_trace() -> None:
    """Also one inside a program that is called in the program."""

    def reply(request: weft.Request) -> str:
        names = ("gist", "reasoning", "view", "label")
        asked = request.messages[0].content
        wanted = [name for name in names if f"]]\n<{name}>" in asked]
        parts = [f"[[ {name} ]]\nK0" for name in wanted]
        return "\n".join([*parts, "[[ /end ]]"])

    task = new_task(chain())
    (made,) = proposed(BootstrapDemos(), task, 1, weft.FunctionLM(reply))

    assert set(made.values) == {"note/demos", "inner/judge/demos", "say/demos"}
    assert "reasoning" in made.values["inner/judge/demos"][0].values


def test_a_demo_without_reasoning_never_stands_last() -> None:
    """The last thing a model sees is the whole form."""
    program = weft.ChainOfThought("text -> label", name="classify")
    (made,) = proposed(BootstrapDemos(demos=8), new_task(program), 1)
    demos = made.values["classify/demos"]

    assert "reasoning" not in demos[0].values
    assert "reasoning" in demos[-1].values


def test_induced_instructions_say_what_the_examples_imply() -> None:
    """And no select row was shown for it."""
    lm = model()
    task = new_task()
    made = proposed(Induce(), task, 3, lm)
    asked = "".join(m.content for r in lm.requests for m in r.messages)

    assert "blick = K0" in made[0].values["classify/instruction"]
    assert not any(row.inputs["text"] in asked for row in task.split.select)


@pytest.mark.parametrize("text", ["", "   ", "I cannot do that."])
def test_an_unusable_instruction_is_left_out(text: str) -> None:
    """An empty one, or a refusal that is no reply in the form."""
    reply = f"[[ instruction ]]\n{text}\n[[ /end ]]" if not text.strip() else text

    assert proposed(Induce(), new_task(), 2, weft.FunctionLM(lambda _: reply)) == []


def test_a_proposer_changes_nothing_it_was_given() -> None:
    """Programs and candidates are values."""
    task = new_task()
    before = task.program.parameters
    proposed(BootstrapDemos(), task)
    proposed(Induce(), task)

    assert task.program.parameters == before
    assert task.archive == [Candidate()]


WRITERS = [
    Reflect(),
    Refine(),
    Bullets(),
    Restart(),
    Gradient(),
    Contrast(),
    Paraphrase(),
    Shorten(),
    History(),
    Rules(),
    Grounded(),
    Crossover(),
    Notes(notes=(("", "blick = K0"),)),
    Induce(),
    Pair(),
    Climb(),
    Mend(),
    Describe(),
    Define(),
    FromText(document="Say what each word stands for.", source="a page"),
]
FREE = [
    Given(values=({"instruction": "Go by norp = K1."},)),
    LabeledDemos(),
    BootstrapDemos(),
    DropDemos(),
    LeaveOut(),
    ReorderDemos(),
    DropSentence(),
    Merge(),
    Meet(),
    Parts(),
    Combine(),
    Combine(sampler=OptunaTPE()),
    Exchange(),
    NearestDemos(k=(2, 3)),
    Bare(),
    ChooseModels(),
    ChooseForm(forms=("json", "plain")),
    FitRules(),
]


def rich_task() -> Task:
    """A task whose archive holds instructions and demos that were raced."""
    task = new_task()
    demos = tuple(
        Demo({"text": row.text, "label": row.label}, row.id) for row in ROWS[:6]
    )
    task.archive = [
        Candidate({"classify/instruction": "Go by blick = K0. Go by norp = K1."}),
        Candidate({"classify/demos": demos}),
        Candidate(),
    ]
    with weft.use(lm=model()):
        asyncio.run(task.observe_all(task.archive, task.rows[:12], "evaluate"))
    return task


def test_every_proposer_is_held_to_it() -> None:
    """A new one is a new row here; those that train, or find words, have their own."""
    known = {type(proposer) for proposer in (*WRITERS, *FREE)}
    training = {one for one in kinds_of(Proposer) if ".training." in one.__module__}

    assert known == kinds_of(Proposer) - training - {FindWords}


@pytest.mark.parametrize("proposer", [*WRITERS, *FREE], ids=lambda p: p.name)
def test_proposals_are_new_named_and_repeatable(proposer: Proposer) -> None:
    """Each says how it was made; the same task gives the same ones."""
    made = proposed(proposer, rich_task(), 3)

    assert len(made) <= 3
    assert all(c.origin and c.parent for c in made)
    assert not set(made) & set(rich_task().archive)
    assert made == proposed(proposer, rich_task(), 3)


@pytest.mark.parametrize("proposer", [*WRITERS, *FREE], ids=lambda p: p.name)
def test_no_select_row_is_ever_shown_to_a_writer(proposer: Proposer) -> None:
    """They are for choosing: who writes learns from training rows alone."""
    task = rich_task()
    lm = model()
    proposed(proposer, task, 3, lm)
    asked = "".join(m.content for r in lm.requests for m in r.messages)

    assert not any(row.inputs["text"] in asked for row in task.split.select)


@pytest.mark.parametrize("proposer", [*WRITERS, *FREE], ids=lambda p: p.name)
def test_a_proposer_stays_within_its_quote(proposer: Proposer) -> None:
    """The high figure is never exceeded; those without models call none."""
    task = rich_task()
    lm = model()
    proposed(proposer, task, 3, lm)

    assert lm.calls <= proposer.calls(3, len(task.split.train), 1).high


@pytest.mark.parametrize("proposer", WRITERS, ids=lambda p: p.name)
def test_a_writer_can_be_seen_as_a_module(proposer: Proposer) -> None:
    """Its prompt is a signature like any other, with every field described."""
    for module in proposer.asks:
        fields = module.spec.fields

        assert module.parameters.instruction
        assert all(field.description for field in fields)


@pytest.mark.parametrize("proposer", WRITERS, ids=lambda p: p.name)
def test_a_spent_ledger_leaves_proposals_out(proposer: Proposer) -> None:
    """Without calls there is nothing to say, and nothing is raised."""
    task = rich_task()
    task.allowance = Allowance(weft.Ledger(weft.Budget(calls=0)), 1, CallGuess())
    lm = model()
    proposed(proposer, task, 3, lm)

    assert lm.calls == 0


def test_an_edit_changes_one_place_and_nothing_else() -> None:
    """What works stays, word for word."""

    def mend(asked: Any) -> dict[str, str]:
        if asked.classifies:
            return learner(asked)
        return {"old": "Go by norp = K4.", "new": "Go by norp = K1."}

    task = new_task()
    text = "Go by blick = K0. Go by norp = K4. Be brief."
    task.archive = [Candidate({"classify/instruction": text})]
    (made, *_) = proposed(Reflect(), task, 1, model(mend))

    assert made.values["classify/instruction"] == text.replace("K4", "K1")


def test_where_nothing_fails_there_is_nothing_to_mend() -> None:
    """No request is written for it."""
    task = new_task()
    known = "; ".join(f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False))
    task.archive = [Candidate({"classify/instruction": known})]
    lm = model()

    assert proposed(Reflect(), task, 2, lm) == []
    assert lm.calls == 16


def test_traces_of_rows_that_somebody_failed_come_first() -> None:
    """They show what is not known already."""
    task = new_task()
    some = "; ".join(f"{w} = {c}" for w, c in zip(WORDS[:3], CODES, strict=False))
    known = "; ".join(f"{w} = {c}" for w, c in zip(WORDS, CODES, strict=False))
    tried = [Candidate({"classify/instruction": text}) for text in (some, known)]
    with weft.use(lm=model()):
        asyncio.run(task.observe_all(tried, task.split.train, "bootstrap"))
    hard = [row for row in task.split.train if task.mean(tried[0], [row]) < 1]
    found = [result.example for result in passing_of_anyone(task, tried[0])]

    assert 0 < len(hard) < len(found)
    assert {row.id for row in found[: len(hard)]} == {row.id for row in hard}


def test_runs_are_contrasted_however_many_rows_there_are() -> None:
    """Each candidate runs on the same few of them, whatever it was run on before."""
    rows = tuple(read_rows(planted_rows(600), ["text"]))
    task = new_task(rows=rows)
    task.split = Split(rows[:500], rows[500:], ())
    task.archive = [Candidate({"classify/instruction": "norp = K1"}), Candidate()]
    with weft.use(lm=model()):
        asyncio.run(task.observe(Candidate(), rows[:16], "bootstrap"))
    made = proposed(Contrast(rows=16), task, 2)
    runs = [task.result(c, row) for c in task.archive for row in rows[:500]]

    assert [r.example.digest for r in runs if r] == [r.digest for r in rows[:16]] * 2
    assert made


def test_every_part_is_tried_about_as_often() -> None:
    """A share of the grid is balanced over its parts."""
    made = proposed(Parts(), new_task(), 9, weft.RefusingLM())
    texts = [c.values["classify/instruction"] for c in made]
    counts = [sum(part in text for text in texts) for part in ("expert", "precise")]

    assert len(made) == 9
    assert all(2 <= count <= 4 for count in counts)


def test_a_combination_takes_what_the_good_ones_had() -> None:
    """The likeliest combination is the best instruction with the best demos."""
    made = proposed(Combine(), rich_task(), 1)

    assert set(made[0].values) == {"classify/instruction", "classify/demos"}


@pytest.mark.parametrize("writer", [Reflect(), Gradient(), Refine()])
def test_writers_are_told_which_choices_are_mixed_up(writer: Proposer) -> None:
    """Pairs with their count and two rows each, as data; else not a word of it.

    The planted model says K0 for K1. Where the output is no choice, or nothing is wrong
    three times, a request is what it was before there was such a thing.
    """
    asked: list[str] = []
    known = dict(zip(WORDS, CODES, strict=False))
    wrong = {"K1": "K0"}

    def answers(request: weft.Request) -> str:
        head, text = request.messages[0].text, request.messages[-1].text
        if "\n[[ label ]]\n" in head:
            right = next(c for w, c in known.items() if w in text)
            return f"[[ label ]]\n{wrong.get(right, right)}"
        asked.append(text)
        names = ("old", "new", "reasons", "strengths", "weaknesses", "instruction")
        fields = [name for name in names if f"\n[[ {name} ]]\n" in head]
        return "\n".join(f"[[ {name} ]]\nWatch the odd word." for name in fields)

    lm = weft.FunctionLM(answers)
    assert proposed(writer, new_task(classifier()), n=1, lm=lm)
    (pair,) = json.loads(
        re.findall(r"\[\[ mixed_up \]\]\n(.*?)(?=\n\n|$)", asked[0])[0]
    )
    assert (pair["label"], pair["taken_for"]) == ("K1", "K0")
    assert pair["times"] >= len(pair["rows"]) == 2
    for row in pair["rows"]:
        assert "norp" in row["inputs"]["text"]
        assert (row["outputs"]["label"], row["wanted"]["label"]) == ("K0", "K1")

    asked.clear()
    bare = weft.Predict("text -> label", "Give the label.", name="classify")
    assert proposed(writer, new_task(bare), n=1, lm=lm)
    assert asked
    assert "mixed_up" not in asked[0]

"""Edits that meet: operations on lines, their union, and the lines that are dropped."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.compilers.worlds import (
    CODES,
    WORDS,
    Asked,
    learner,
    model,
    planted_rows,
    under_way,
)
from weft.compilers.driving.rounds import search
from weft.compilers.pacing import met_again, still_hoped
from weft.compilers.propose.lines import (
    MOST_EDITS,
    LineEdit,
    commuting,
    edited,
    edits_between,
    sentences,
)
from weft.compilers.propose.meeting import (
    Meet,
    findings,
    rejected,
    spoken_of,
    together,
)
from weft.compilers.propose.proposer import Parents, Proposer
from weft.compilers.propose.reflection import Reflect
from weft.compilers.racing.race import Halving
from weft.compilers.recipe import Draw, Recipe
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.task import Task
from weft.pipeline.data.rows import read_rows

SLOT = "classify/instruction"
LINES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True)


def text_of(lines: list[str]) -> str:
    """Lines that have no word in common."""
    return "\n".join(f"Word {line * 3}." for line in lines)


def told(*numbers: int, wrong: bool = False) -> Candidate:
    """The seed's child that is told the codes of some words."""
    lines = [f"Go by {WORDS[n]} = {'K8' if wrong else CODES[n]}." for n in numbers]
    return Candidate({SLOT: "\n".join(["Give the label.", *lines])}, parent=SEED.id)


SEED = Candidate()


def raced(*children: Candidate) -> Task:
    """A compile in which some children of the seed were raced."""
    rows = read_rows(planted_rows(36), ["text"])
    task = under_way(None, rows[:18], rows[18:])
    task.archive = [*children, SEED]
    with weft.use(lm=model()):
        asyncio.run(task.observe_all(task.archive, task.rows, "evaluate"))
    return task


def knows_one(asked: Asked) -> dict[str, str]:
    """A model that knows a word by itself, until it is told of it."""
    known = WORDS[3] in asked.said and f"{WORDS[3]} = " not in asked.task
    return {"label": CODES[3]} if known else learner(asked)


def met(task: Task, n: int = 1) -> list[Candidate]:
    """What the edits make together."""
    return asyncio.run(Meet().propose(task, task.archive[:1] * n, n))


@given(LINES, LINES)
def test_edits_lead_from_one_text_to_the_other(
    before: list[str], new: list[str]
) -> None:
    """Whatever was added, replaced or deleted, no line is lost and none is left."""
    one, other = text_of(before), text_of(new)
    made = edited(one, edits_between(one, other))

    assert sorted(sentences(made)) == sorted(sentences(other))


@given(LINES, LINES, LINES)
def test_edits_of_other_lines_commute(
    base: list[str], one: list[str], other: list[str]
) -> None:
    """In either order they make the same lines."""
    text = text_of(base)
    lines = [edits_between(text, text_of([*base, *new])) for new in (one, other)]
    there = edited(text, [*lines[0], *lines[1]])
    back = edited(text, [*lines[1], *lines[0]])

    assert sorted(sentences(there)) == sorted(sentences(back))


def test_of_two_edits_of_one_line_the_first_is_made() -> None:
    """They cannot both be: whoever scored more comes first."""
    edits = [LineEdit("Be brief.", "Use ten words."), LineEdit("Be brief.", "")]

    assert commuting(edits) == edits[:1]


def test_edits_of_one_round_meet() -> None:
    """Each knows a word of its own; together they know all of them."""
    task = raced(told(0), told(1), told(2))
    (made,) = met(task)

    assert all(f"{WORDS[n]} = {CODES[n]}" in made.values[SLOT] for n in range(3))


def test_what_was_written_and_never_raced_meets_the_others() -> None:
    """A race would have cost rows; its line costs none."""
    task = raced(told(0), told(1))
    task.waiting = [told(2)]
    (made,) = met(task)

    assert all(f"{WORDS[n]} = {CODES[n]}" in made.values[SLOT] for n in range(3))
    assert rejected(task, "classify") == []


class OneEach(Proposer):
    """Says one word's code a round."""

    async def propose(self, task: Task, parents: Parents, n: int) -> list[Candidate]:
        """The round's word."""
        del parents, n
        return [told(task.number)]


def test_what_a_round_writes_meets_in_that_round() -> None:
    """After the last one it would meet nobody."""
    task = raced()
    draws = (Draw(OneEach(), 1),)
    recipe = Recipe((draws, draws, draws), Halving(), meeting=Meet())
    with weft.use(lm=model()):
        asyncio.run(search(task, [recipe], lambda best: None))

    best = task.archive[0]
    assert best.by == "Meet"
    assert all(f"{WORDS[n]} = {CODES[n]}" in best.values[SLOT] for n in range(3))


def test_a_waiting_line_that_was_seen_to_cost_rows_stays_out() -> None:
    """A step of a climb was run, if on training rows alone."""
    task, lost = raced(told(0)), told(3, wrong=True)
    task.waiting, task.cells = [lost, told(1)], {}
    with weft.use(lm=model(knows_one, name="knowing")):
        asyncio.run(task.observe_all(task.archive, task.rows, "evaluate"))
        asyncio.run(task.observe_all([lost, SEED], task.split.train, "bootstrap"))
    (made,) = met(task)

    assert f"{WORDS[3]} = " not in made.values[SLOT]
    assert all(f"{WORDS[n]} = {CODES[n]}" in made.values[SLOT] for n in range(2))


def test_a_line_after_which_its_rows_went_wrong_is_dropped() -> None:
    """By rows that are paid for: the seed knows a word, and an edit unlearns it."""
    task = raced()
    mixed = Candidate(
        {SLOT: f"{told(0, 1).values[SLOT]}\nGo by {WORDS[3]} = K8."}, parent=SEED.id
    )
    task.archive, task.cells = [mixed, told(2), SEED], {}
    with weft.use(lm=model(knows_one, name="knowing")):
        asyncio.run(task.observe_all(task.archive, task.rows, "evaluate"))
    (made,) = met(task)

    assert f"{WORDS[3]} = " not in made.values[SLOT]
    assert all(f"{WORDS[n]} = {CODES[n]}" in made.values[SLOT] for n in range(3))


def test_a_rewriting_is_no_edit() -> None:
    """It leaves nothing of its parent for others to meet on."""
    task = raced(Candidate({SLOT: "Go by blick = K0."}, parent=SEED.id))

    assert findings(task, "classify", task.archive) == []


def test_a_writer_is_told_what_was_rejected() -> None:
    """With what it cost, so that it does not write the same again."""
    asked: list[str] = []

    def knows(request: Asked) -> dict[str, str]:
        if not request.classifies:
            asked.append(request.said)
            return {"old": "", "new": "Go by norp = K1."}
        wrong = "K8" in request.task or WORDS[0] not in request.said
        return {"label": "K9" if wrong else CODES[0]}

    task = raced()
    task.archive, task.cells = [SEED, told(1, wrong=True)], {}
    with weft.use(lm=model(knows, name="knowing")):
        asyncio.run(task.observe_all(task.archive, task.rows, "evaluate"))
        asyncio.run(Reflect().propose(task, [SEED], 1))

    (line,) = rejected(task, "classify")
    assert line == "add 'Go by norp = K8.': -3 on 18 rows"
    assert line in asked[0]


def test_an_edit_changes_a_few_lines_at_the_most() -> None:
    """A writer that rewrites everything is cut short."""
    many = "\n".join(f"Rule number {n} stands here." for n in range(3 * MOST_EDITS))

    def knows(request: Asked) -> dict[str, str]:
        return learner(request) if request.classifies else {"old": "", "new": many}

    task = raced()
    with weft.use(lm=model(knows, name="knowing")):
        (made,) = asyncio.run(Reflect().propose(task, [SEED], 1))

    assert len(edits_between("Give the label.", made.values[SLOT])) == MOST_EDITS


def test_several_drafts_are_one_proposal() -> None:
    """A request costs less than the rows that would tell which of them is right."""
    lines = iter(f"Go by {WORDS[n]} = {CODES[n]}." for n in range(3))

    def knows(request: Asked) -> dict[str, str]:
        if request.classifies:
            return learner(request)
        return {"old": "", "new": next(lines)}

    task = raced()
    with weft.use(lm=model(knows, name="knowing")):
        made = asyncio.run(Reflect(drafts=3).propose(task, [SEED], 1))

    assert made[0].origin == "3 edits in one"
    assert all(f"{WORDS[n]} = {CODES[n]}" in made[0].values[SLOT] for n in range(3))


def test_what_was_made_side_by_side_is_raced_together_too() -> None:
    """The first instruction with the first demos; neither may gain alone."""
    demos = Candidate({"classify/demos": ()}, "demos", SEED.id)
    both = together([told(0), told(1), demos])

    assert both
    assert both.values == {**told(0).values, **demos.values}
    assert together([told(0), told(1)]) is None


_LIKE = """
from collections import Counter
from weft.compilers.propose.lines import alike, words_of
lines = [f"rule {n}: where {w} is said the desk is {w} {n}" for n in range(7)
         for w in ("card", "loan", "rate", "fee", "tax")]
common = Counter(word for line in lines for word in words_of(line))
print([alike(one, other, common).hex() for one in lines for other in lines])
"""


def test_what_is_alike_is_so_in_every_process() -> None:
    """Sets come in another order in each; a compile may not hang on that."""
    said = {
        subprocess.run(
            [sys.executable, "-c", _LIKE],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(4)
    }

    assert len(said) == 1


def test_the_rows_that_edits_speak_of_come_line_by_line() -> None:
    """A row that no changed line speaks of tells the two apart by luck alone."""
    task = raced()
    rows = spoken_of(task, told(0, 1, 2), told(2))
    said = [next(w for w in WORDS if w in row.inputs["text"]) for row in rows]

    assert said == [WORDS[0], WORDS[1]] * 3
    assert spoken_of(task, told(0), told(0)) == []


def met_once_more(*children: Candidate, seen: int = 0) -> Task:
    """The first child leads; all that was written meets over it."""
    task = raced(*children)
    task.cells = {}
    with weft.use(lm=model(knows_one, name="knowing")):
        asyncio.run(task.observe_all(task.archive, task.rows[:seen], "evaluate"))
        asyncio.run(met_again(task))
    return task


def test_what_was_written_meets_once_more_where_it_speaks() -> None:
    """No row has told anything of two of the lines; the leader's own is kept."""
    task = met_once_more(told(0), told(1), told(2))
    best = task.archive[0]

    assert best.by == "Meet"
    assert all(f"{WORDS[n]} = {CODES[n]}" in best.values[SLOT] for n in range(3))
    assert len(task.scores(best, task.rows)) == 6


def test_of_what_meets_once_more_a_line_that_loses_its_rows_is_left_out() -> None:
    """The rest of the union meets again, without it."""
    task = met_once_more(told(0), told(3, wrong=True), told(1))
    best = task.archive[0]

    assert f"{WORDS[3]} = " not in best.values[SLOT]
    assert all(f"{WORDS[n]} = {CODES[n]}" in best.values[SLOT] for n in range(2))


def test_where_no_call_is_left_the_leader_stays() -> None:
    """A union that met no row is nobody's gain."""
    rows = read_rows(planted_rows(36), ["text"])
    task = under_way(None, rows[:18], rows[18:], budget="0 calls")
    task.archive = [told(0), told(1), SEED]
    asyncio.run(met_again(task))

    assert task.archive == [told(0), told(1), SEED]


@pytest.mark.parametrize("wrong", [False, True])
def test_a_gain_on_few_rows_is_seen_before_a_task_is_given_up(wrong: bool) -> None:
    """Rows that the program fails, first, and only those that the lines speak of."""

    def knows_most(asked: Asked) -> dict[str, str]:
        word = next(w for w in WORDS if w in asked.said)
        own = {"label": CODES[WORDS.index(word)]}
        return own if word != WORDS[0] else learner(asked)

    task, line = raced(), told(0, wrong=wrong)
    task.archive, task.waiting, task.cells = [SEED], [line], {}
    with weft.use(lm=model(knows_most, name="most")):
        asyncio.run(task.observe_all([SEED], task.rows, "evaluate"))
        hoped = asyncio.run(still_hoped(task))

    assert hoped is not wrong
    assert (task.archive[0].values == {}) is wrong
    assert len(task.cells) == len(task.rows) + 3


def test_a_line_that_gained_more_takes_the_place_of_its_rival() -> None:
    """What stands there is first only where its rows gained as much."""

    def says(code: str) -> str:
        return f"If a text has the word {WORDS[1]}, then {WORDS[1]} = {code}."

    lines = [told(0).values[SLOT], says("K8")]
    leader = Candidate({SLOT: "\n".join(lines)}, parent=SEED.id)
    other = Candidate({SLOT: f"Give the label.\n{says(CODES[1])}"}, parent=SEED.id)
    (made,) = met(raced(leader, other))

    assert sentences(made.values[SLOT]) == [*sentences(lines[0]), says(CODES[1])]


def test_an_edit_that_undoes_another_gives_way_where_it_gained_less() -> None:
    """It was tried on no row that the line speaks of."""
    both = told(0, 1)
    less = Candidate(told(1).values, parent=both.id)
    task = raced(both)
    others = [row for row in task.rows if WORDS[0] not in row.inputs["text"]]
    task.archive = [less, both, SEED]
    with weft.use(lm=model()):
        asyncio.run(task.observe_all([less], others, "evaluate"))
    (made,) = met(task)

    assert f"{WORDS[0]} = {CODES[0]}" in made.values[SLOT]


@pytest.mark.parametrize("good", [True, False])
def test_a_draw_goes_to_the_union_of_a_writer_with_a_good_record(good: bool) -> None:
    """A line that changes no row is kept for what the other lines gained, or not."""
    idle = "Zude is a kind of tea."
    plain = Candidate({SLOT: f"Give the label.\n{idle}"}, parent=SEED.id)
    leader = told(0) if good else SEED
    task = raced()
    task.archive = [leader, *([SEED] if good else [told(3, wrong=True), SEED])]
    task.waiting, task.cells = [plain], {}
    with weft.use(lm=model(knows_one, name="knowing")):
        asyncio.run(task.observe_all(task.archive, task.rows, "evaluate"))
        asyncio.run(met_again(task))
    best = task.archive[0]

    assert (idle in best.values.get(SLOT, "")) is good


def test_what_met_and_lost_is_counted_among_those_that_were_tried() -> None:
    """The best of many owes its luck to all whose rows were looked at."""
    task = met_once_more(told(0), told(3, wrong=True))

    assert {who for who, _ in task.cells} <= {one.id for one in task.archive}
    assert len(task.archive) == len({one.id for one in task.archive})

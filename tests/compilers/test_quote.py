"""The quote: what a compile took lies between low and high, whatever the program."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

import weft
from tests.compilers.every import RECIPES
from tests.compilers.worlds import CODES, WORDS, Rows, planted_rows
from weft import compilers as c
from weft.compilers.search.cost import CallGuess, Calls, Quote
from weft.pipeline.calls.budget import Budget

TYPES = {"Label": Literal[CODES]}
KNOWN = "Give the label. " + " ".join(
    f"{word} = {code}." for word, code in zip(WORDS, CODES, strict=False)
)
_FIELDS = re.compile(r"\[\[ (\w+) \]\]\n<\1>")


def shared() -> Any:
    """Two modules of three are asked the same on most rows."""
    find = weft.Predict("text -> word", "Name the odd word.", name="find")
    pick = weft.Predict("word -> label: Label", "Give it.", name="pick", types=TYPES)
    last = weft.Predict("label -> code", "Copy the label.", name="last")

    @weft.program
    def solve(text: str) -> str:
        return last(label=pick(word=find(text=text).word).label).code

    return solve


@weft.step
def is_long(text: str) -> bool:
    """A row in so many is."""
    return len(text) > 40


def one_arm() -> Any:
    """A call on some rows, and none on the others."""
    pick = weft.Predict("text -> label: Label", "Give it.", name="pick", types=TYPES)

    @weft.step
    def blank(text: str) -> str:
        return text[:1]

    @weft.program
    def solve(text: str) -> str:
        return weft.branch(
            is_long(text), lambda: pick(text=text).label, lambda: blank(text)
        )

    return solve


def perfect() -> Any:
    """A program that is right already."""
    return weft.Predict("text -> label: Label", KNOWN, name="pick", types=TYPES)


def answers(request: weft.Request) -> str:
    """A model that looks words up in its instruction, and copies else."""
    system, said = request.messages[0].content, request.messages[-1].content
    word = next((word for word in WORDS if word in said), "none")
    found = re.search(rf"{word} = (K\d)", system)
    values = {"word": word, "label": found[1] if found else "K9"}
    names = _FIELDS.findall(system)
    lines = [f"[[ {name} ]]\n{values.get(name, 'K9')}" for name in names]
    return "\n".join([*lines, "[[ /end ]]"])


def right(row: weft.Example, answer: Any) -> bool:
    """A text, or a signature's value."""
    return bool(getattr(answer, "label", answer) == row.label)


def doubled() -> Rows:
    """Few rows, each of them many times."""
    return planted_rows(9) * 4


@pytest.mark.parametrize(
    ("program", "rows"),
    [(shared, planted_rows(30)), (one_arm, planted_rows(30)), (perfect, doubled())],
    ids=["shared calls", "one arm", "rows given often"],
)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.describe()["name"])
def test_what_a_compile_took_lies_within_its_quote(
    recipe: c.Compiler, program: Callable[[], Any], rows: Rows
) -> None:
    """Low counts no call that rows may share, or that a run may not come to."""
    with weft.use(lm=weft.FunctionLM(answers, model="copyist"), cache=None):
        said = weft.quote(program(), rows, metric=right, compiler=recipe)
        made = weft.compile(program(), rows, metric=right, compiler=recipe)

    assert said.calls.low <= made.report.calls <= said.calls.high
    assert said.calls.low <= said.calls.expected <= said.calls.high
    assert said.bounded


def test_rounds_that_must_be_earned_are_not_all_expected() -> None:
    """Whether five rounds are allowed or fifty, a plateau comes as soon."""
    rows, plateau = planted_rows(60), c.OPRO(steps=1, candidates=4)

    def said(rounds: int) -> Any:
        recipe = c.UntilPlateau(of=plateau, patience=2, rounds=rounds)
        with weft.use(lm=weft.RefusingLM()):
            return weft.quote(perfect(), rows, metric=right, compiler=recipe).calls

    few, many = said(5), said(50)

    assert many.expected < 1.2 * few.expected
    assert many.high > 5 * few.high


def over_items(items: int, *, held: bool) -> tuple[Any, Rows]:
    """A call for each item of a list, which the rows hold, or a step makes."""
    name = weft.Predict("item -> label: Label", "Give it.", name="name", types=TYPES)

    @weft.step
    def parts(items: list[str]) -> list[str]:
        return items

    @weft.program
    def solve(items: list[str]) -> list[str]:
        listed = items if held else parts(items)
        return weft.each(listed, lambda item: name(item=item).label)

    rows = [
        {"items": [f"{WORDS[i % 3]} {row}.{i}" for i in range(items)], "label": "K0"}
        for row in range(12)
    ]
    return solve, rows


def first(row: weft.Example, labels: list[str]) -> bool:
    """Whether the first item is of the first kind."""
    return bool(labels[0] == row.label)


def test_lists_that_the_rows_hold_are_counted() -> None:
    """Twenty items are twenty calls a row, and no guess."""
    solve, rows = over_items(20, held=True)
    recipe = c.LabeledFewShot()
    with weft.use(lm=weft.FunctionLM(answers, model="copyist"), cache=None):
        said = weft.quote(solve, rows, metric=first, compiler=recipe)
        made = weft.compile(solve, rows, metric=first, compiler=recipe)

    sealed = len(made.report.score.values)

    assert said.bounded
    assert "assumed" not in str(said)
    assert said.accounts["verify"].expected == 2 * sealed * 20
    assert made.report.calls <= said.calls.high


def test_a_quote_says_what_it_assumes() -> None:
    """No row tells how long a list is that a step makes."""
    solve, rows = over_items(20, held=False)
    with weft.use(lm=weft.FunctionLM(answers, model="copyist"), cache=None):
        said = weft.quote(solve, rows, metric=first, compiler=c.LabeledFewShot())

    assert not said.bounded
    assert str(said).endswith(
        "assumed: 8 items in a list that no row holds, one call of each module that a "
        "step uses"
    )


QUOTED = Quote({"evaluate": Calls(0, 900, 2000)}, 9, 0, 9, 9, True, CallGuess(0, 0))
PRICED = replace(QUOTED, guess=CallGuess(likely_tokens=100, likely_usd=0.01))


@pytest.mark.parametrize(
    ("quote", "budget", "calls"),
    [
        (QUOTED, Budget(), 900),
        (QUOTED, Budget(calls=150), 150),
        (QUOTED, Budget(calls=5_000), 900),
        (QUOTED, Budget(seconds=1.0), 900),
        (QUOTED, Budget(tokens=10, usd=0.1), 900),  # of a call nothing is known
        (PRICED, Budget(tokens=20_000), 200),
        (PRICED, Budget(usd=2.5), 250),
        (PRICED, Budget(calls=300, usd=2.5), 250),
        (PRICED, Budget(calls=0), 0),
    ],
)
def test_what_to_expect_where_a_budget_holds(
    quote: Quote, budget: Budget, calls: int
) -> None:
    """As many calls as were quoted, or as fit."""
    assert quote.within(budget) == calls


def _size(text: str) -> list[float]:
    return [float(len(text)), 1.0]


def test_the_nearest_demos_cost_an_embedders_calls() -> None:
    """One for each input that is shown them, and one for the pool."""
    rows = planted_rows(30)
    found: list[tuple[Calls, int]] = []
    with weft.use(lm=weft.FunctionLM(answers, model="copyist"), cache=None):
        for near in (None, weft.FunctionEmbedder(_size)):
            told: dict[str, Any] = {"metric": right, "compiler": c.KNNFewShot(k=2)}
            with weft.use(embedder=near):
                said = weft.quote(perfect(), rows, **told)
                made = weft.compile(perfect(), rows, **told)
            assert said.bounded
            assert said.calls.low <= made.report.calls <= said.calls.high
            found.append((said.calls, made.report.calls))

    (plain, _), (dear, ran) = found
    assert dear.low == plain.low
    assert dear.expected == 2 * plain.expected + 1
    assert dear.high > plain.high
    assert plain.expected < ran <= dear.expected


def test_a_search_by_vectors_is_a_call() -> None:
    """And by words it is none."""
    index = weft.Index(["One text.", "Another one."], name="town")
    with weft.use(cache=None):
        by_meaning = index.embedded(weft.FunctionEmbedder(_size), by="vectors")
    counted = dict[str, tuple[int, int]]()
    for what, held in (("words", index), ("vectors", by_meaning)):
        solve, rows = _searching(held), planted_rows(30)
        told: dict[str, Any] = {"metric": right, "compiler": c.LabeledFewShot(demos=2)}
        with weft.use(lm=weft.FunctionLM(answers, model="copyist"), cache=None):
            said = weft.quote(solve, rows, **told)
            calls = len(solve.run(text="one").trace.calls)
            made = weft.compile(solve, rows, **told)
        assert said.bounded
        assert said.calls.low <= made.report.calls <= said.calls.high
        counted[what] = calls, said.accounts["verify"].expected

    assert (counted["words"][0], counted["vectors"][0]) == (1, 2)
    assert counted["vectors"][1] == 2 * counted["words"][1]


def _searching(index: weft.Index) -> Any:
    search = weft.Retrieve(index, k=1, name="search")
    pick = weft.Predict("text, passages: list[Passage] -> label", name="pick")

    @weft.program
    def solve(text: str) -> str:
        return pick(text=text, passages=search(query=text).passages).label

    return solve

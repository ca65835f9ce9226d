"""Several calls for one answer, beside one: score, calls and tokens, by a real server.

The server is on the loopback and counts for itself. Its models are planted: each knows
products of two numbers and is wrong at random, by a share that is its own; told what is
wrong it is right more often, shown attempts it mostly picks a right one that is among
them, and it tells right answers from wrong ones now and then. A product by tens or by
ones alone is easier, and so is the sum of two that it has already. What a module gains
here is arithmetic of these shares, so the table shows the mechanics and the price, and
says nothing about any model. The same for one long text: the model sees a sentence only
where it stands in the first 6,000 characters that it is sent.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import weft
from weft.compilers.search.counting import calls_bound
from weft.errors import BudgetExceeded, ModelError
from weft.pipeline.graph.module import Module
from weft.pipeline.graph.program import as_program
from weft.testing import FaultServer, Reply

from . import Findings, Row

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-sampling.md"
ROWS = 200
RIGHT = {"small": 0.6, "large": 0.92, "flaky": 0.6}
TOLD, PICKS, JUDGES, GARBLED, DOWN = 0.25, 0.9, 0.85, 0.04, 0.2
EASY, SUMS = 0.9, 0.95
EXAMPLE = "(an example of the form)"
WINDOW, NEEDLES, SENTENCES = 6_000, 12, 3_000
_PRODUCT = re.compile(r"What is (\d+) \* (\d+)\?")
_HEAD = """\
# Several calls for one answer, measured

Written by `python -m bench sampling --write`; nothing in it is chosen by hand. A server
on the loopback counts the calls and the words. Its models are planted, and wrong at
random: `small` knows {small:.0%} of the answers, `large` {large:.0%}; `flaky` is
`small`, and down for {down:.0%} of the questions. Each knows {easy:.0%} of the products
by tens or by ones alone, and adds two of them rightly in {sums:.0%}. So this is what
the modules of [several calls](sampling.md) cost and how they work, and nothing about
any real model.
"""


@dataclass
class Counted:
    """What a server counts: calls and words, sent and answered."""

    calls: int = 0
    words: int = 0


class Planted:
    """The answers of the planted models.

    Args:
        counted: What is counted, for whoever measures.
    """

    def __init__(self) -> None:
        self.counted = Counted()

    def __call__(self, body: dict[str, Any]) -> Reply:
        """One answer."""
        turns = [str(turn["content"]) for turn in body["messages"]]
        if EXAMPLE in turns[1]:  # a form shows one where no demo does
            del turns[1:3]
        text = self.text(body["model"], turns, body.get("seed"))
        self.counted.calls += 1
        self.counted.words += sum(len(turn.split()) for turn in [*turns, text or ""])
        return Reply(status=503) if text is None else Reply(text)

    def text(self, model: str, turns: Sequence[str], seed: object) -> str | None:
        """What a model writes; None where it is down."""
        system, sent = turns[0], turns[1]
        rng = random.Random(f"{model}/{seed}/{len(turns)}/{system}/{sent}")
        found = _PRODUCT.search(sent)
        if found is None:
            return _read(system, sent[:WINDOW])
        if model == "flaky" and random.Random(f"down/{sent}").random() < DOWN:
            return None
        if rng.random() < GARBLED:
            return "I would rather not say."
        truth = int(found[1]) * int(found[2])
        if "[[ questions ]]" in system or "[[ solved ]]" in sent:
            return _split(system, sent, rng)
        if "[[ score ]]" in system:
            given = re.search(r"\[\[ answer \]\]\n(-?\d+)", sent)
            right = given is not None and int(given[1]) == truth
            return f"[[ score ]]\n{float(right == (rng.random() < JUDGES))}"
        if "[[ advice ]]" in system and "[[ answer ]]" not in system:
            return "[[ advice ]]\nMultiply again, digit by digit."
        share = RIGHT[model]
        if "[[ attempts ]]" in sent:
            share = PICKS if f"{truth}" in sent else share / 2
        elif "[[ advice ]]" in sent or "[[ problem ]]" in sent:
            share = min(1.0, share + TOLD)
        off = rng.choice((-100, -20, -10, -9, -2, -1, 1, 2, 9, 10, 20, 100))
        answer = truth if rng.random() < share else truth + off
        reasoning = "[[ reasoning ]]\nI did.\n" if "[[ reasoning ]]" in system else ""
        return f"{reasoning}[[ answer ]]\n{answer}"


def _split(system: str, sent: str, rng: random.Random) -> str:
    """What a model makes of a question in parts: by the tens, by the ones, and both."""
    *_, (one, other) = _PRODUCT.findall(sent)
    if "[[ questions ]]" in system:
        ones = int(other) % 10
        parts = [f"What is {one} * {n}?" for n in (int(other) - ones, ones)]
        return f"[[ questions ]]\n{json.dumps(parts)}"
    off = rng.choice((-10, -1, 1, 10))
    if "[[ sub_answer ]]" in system:
        truth = int(one) * int(other)
        return f"[[ sub_answer ]]\n{truth + off * (rng.random() >= EASY)}"
    made = sum(map(int, re.findall(r'"answer": "(-?\d+)"', sent)))
    made += off * (rng.random() >= SUMS)
    return f"[[ reasoning ]]\nI added them.\n[[ answer ]]\n{made}"


def _read(system: str, seen: str) -> str:
    """What a model says of a text: the year, where the sentence is in what it sees."""
    name = next(n for n in ("merged", "answer", "note") if f"[[ {n} ]]" in system)
    year = re.search(r"lighthouse was built in (\d{4})", seen)
    noted = re.search(r"\b(1[5-9]\d\d)\b", seen)
    found = year or (noted if name != "note" else None)
    return f"[[ {name} ]]\n{found[1] if found else 'not said'}"


def nines(inputs: Mapping[str, Any], made: Any) -> bool | str:
    """Casting out nines: an old check of a product, which one error in nine passes."""
    found = _PRODUCT.search(inputs["question"])
    assert found is not None
    product = int(found[1]) % 9 * (int(found[2]) % 9)
    return made.answer % 9 == product % 9 or "Casting out nines, that is no product."


def passes(inputs: Mapping[str, Any], made: Any) -> bool:
    """The same without a word."""
    return nines(inputs, made) is True


def modules(lm: Callable[[str], Any]) -> dict[str, Module[..., Any]]:
    """What is measured, by name; the first is one call."""
    ask = weft.Predict("question -> answer: int", lm=lm("small"))
    large = ask.with_(lm=lm("large"))
    other = [ask.with_(instruction=text) for text in ("Multiply.", "Be exact.")]
    judge = weft.Predict(
        "question, answer: int -> score: float",
        "Say whether the answer is right, from 0 to 1.",
        lm=lm("small"),
    )
    return {
        "`Predict`, small": ask,
        "`Predict`, large": large,
        "`Vote(n=3)`": weft.Vote(ask, 3),
        "`Vote(n=5)`": weft.Vote(ask, 5),
        "`Vote(n=5)`, weighed by a judge": weft.Vote(ask, 5, weight=judge),
        "`BestOfN(n=3)`, a check": weft.BestOfN(ask, nines, 3),
        "`BestOfN(n=3)`, a check, one by one": weft.BestOfN(ask, nines, 3, threshold=1),
        "`BestOfN(n=3)`, a judge": weft.BestOfN(ask, judge, 3),
        "`Refine(n=3)`, a check's words": weft.Refine(ask, nines, 3),
        "`Refine(n=3)`, a critic": weft.Refine(
            ask, lambda i, m: nines(i, m) is True, 3
        ),
        "`Check(repairs=2)`": weft.Check(ask, [nines], repairs=2, required=False),
        "`Compare(n=3)`": weft.Compare(ask, 3),
        "`Ensemble` of 3 instructions": weft.Ensemble([ask, *other]),
        "`Decompose`": weft.Decompose("question -> answer: int", lm=lm("small")),
        "`Predict`, flaky": ask.with_(lm=lm("flaky")),
        "`Fallback`, flaky then small": weft.Fallback(
            ask.with_(lm=lm("flaky")), [lm("small")]
        ),
        "`Cascade`, a check": weft.Cascade(ask, large, checks=[nines]),
        "`Cascade(n=3)`, agreement": weft.Cascade(ask, large, n=3),
    }


@dataclass(frozen=True)
class Cell:
    """How one module did.

    Args:
        score: The share of right answers; an unusable one is wrong.
        calls: Calls a question, as the server counted them.
        words: Words a question, sent and answered, as the server counted them.
        unbooked: Calls that the server counted and the ledger did not.
        beyond: Calls beyond the bound that is known before a run.
    """

    score: float
    calls: float
    words: float
    unbooked: int
    beyond: int


def measured(
    module: Any,
    rows: Sequence[Mapping[str, Any]],
    truths: Sequence[Any],
    model: Planted,
) -> Cell:
    """Run a module on rows."""
    model.counted = counted = Counted()
    ledger = weft.Ledger(weft.Budget.of("1000000 calls"))
    with weft.use(budget=ledger):
        made = module.batch(rows, concurrency=16, on_error="keep")
    right = [
        not isinstance(one, ModelError) and one.answer == truth
        for one, truth in zip(made, truths, strict=True)
    ]
    most = calls_bound(as_program(module)) * len(rows)
    return Cell(
        sum(right) / len(rows),
        counted.calls / len(rows),
        counted.words / len(rows),
        counted.calls - ledger.spent().calls,
        max(0, counted.calls - most),
    )


def overspent(module: Any, row: Mapping[str, Any], most: int, model: Planted) -> int:
    """Calls beyond a budget that ends in the middle of an answer."""
    model.counted = Counted()
    try:
        with weft.use(budget=f"{most} calls"):
            module(**row)
    except (BudgetExceeded, ModelError):
        pass  # either way the server has counted
    return max(0, model.counted.calls - most)


def run(write: bool = False, rows: int = ROWS) -> list[Row]:
    """The rows of this part.

    Args:
        write: Whether the page in docs/ is written.
        rows: How many questions.
    """
    rng = random.Random(7)
    pairs = [(rng.randrange(12, 100), rng.randrange(12, 100)) for _ in range(rows)]
    asked = [{"question": f"What is {a} * {b}?"} for a, b in pairs]
    truths = [a * b for a, b in pairs]
    model = Planted()
    with FaultServer(model) as server:

        def lm(name: str) -> Any:
            return weft.LM(f"openai/{name}", api_base=server.url, api_key="none")

        retry = weft.RetryPolicy(retries=0)
        with weft.use(cache=None, retry=retry, adapter="chat"):
            made = modules(lm)
            cells = {
                name: measured(one, asked, truths, model) for name, one in made.items()
            }
            over = sum(overspent(one, asked[0], 2, model) for one in made.values())
            reading, cut, spent = _long(lm("small"), model)
    return _found(cells, reading, over + spent, cut, write)


def _long(lm: Any, model: Planted) -> tuple[dict[str, Cell], int, int]:
    """One call and `MapReduce` on long texts with one sentence that matters."""
    rng = random.Random(11)
    one = weft.Predict("question, text -> answer", lm=lm)
    note = weft.Predict("question, text -> note", lm=lm)
    last = weft.Predict("question, notes: list[str] -> answer", lm=lm)
    read = weft.MapReduce(note, last, size=5_000, overlap=200)
    tight = weft.MapReduce(note, last, size=5_000, overlap=200, room=30)
    rows, truths = list[dict[str, str]](), list[str]()
    for number in range(NEEDLES):
        year = f"{rng.randrange(1500, 2000)}"
        lines = [
            f"Wave {rng.randrange(10**6)} came and went." for _ in range(SENTENCES)
        ]
        place = number * SENTENCES // NEEDLES
        lines.insert(place, f"The lighthouse was built in {year}.")
        question = "When was the lighthouse built?"
        rows.append({"question": question, "text": " ".join(lines)})
        truths.append(year)
    cells = {
        "`Predict`": measured(one, rows, truths, model),
        "`MapReduce(size=5000)`": measured(read, rows, truths, model),
        "`MapReduce(size=5000, room=30)`, merging": measured(
            tight, rows, truths, model
        ),
    }
    over = sum(overspent(read, rows[0], most, model) for most in (1, 3, 5))
    return cells, len(rows[0]["text"]), over


def _found(
    cells: Mapping[str, Cell],
    reading: Mapping[str, Cell],
    over: int,
    size: int,
    write: bool,
) -> Findings:
    plain = next(iter(cells.values()))
    both = [*cells.values(), *reading.values()]
    rows = [
        Row.limit("calls of the server beyond the ledger's", _sum(both, "unbooked"), 0),
        Row.limit("calls beyond the bound known before", _sum(both, "beyond"), 0),
        Row.limit("calls beyond a budget that ends in the middle", over, 0),
    ]
    for name, cell in [*cells.items()][1:]:
        rows.append(Row(f"{name}: score beside one call", cell.score, plain.score))
    alone, *mapped = reading.values()
    for name, cell in zip([*reading][1:], mapped, strict=True):
        rows.append(Row(f"{name}: score beside one call", cell.score, alone.score))
    shares = {"small": RIGHT["small"], "large": RIGHT["large"], "down": DOWN}
    shares |= {"easy": EASY, "sums": SUMS}
    details = "\n".join(
        [
            _HEAD.format(**shares),
            "## Questions\n",
            *_table(cells),
            f"\n## One sentence in {size:,} characters\n",
            f"The model sees the first {WINDOW:,} characters of what it is sent.\n",
            *_table(reading),
            "\n## Promises\n",
            "| what | counted |\n|---|---:|",
            *(f"| {row.what} | {row.weft:g} |" for row in rows[:3]),
        ]
    )
    if write:
        PAGE.write_text(f"{details}\n", "utf-8")
    return Findings(rows, details)


def _sum(cells: Sequence[Cell], name: str) -> int:
    return sum(abs(getattr(cell, name)) for cell in cells)


def _table(cells: Mapping[str, Cell]) -> list[str]:
    """Score, calls and words a question."""
    lines = ["| module | score | calls | words |", "|---|---:|---:|---:|"]
    for name, cell in cells.items():
        lines.append(
            f"| {name} | {cell.score:.3f} | {cell.calls:.2f} | {cell.words:,.0f} |"
        )
    return lines

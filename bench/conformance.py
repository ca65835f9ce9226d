"""Every module by every compiler: whether a compile of it does what it promises.

`python -m bench conformance` takes each kind of module of `tests/modules/`, a program
of several modules, and each recipe of `tests/compilers/`, gives them at most 40 calls,
and looks at what comes back: no call beyond the budget or the quote, the same bytes at
concurrency 1 and 64, and a file that is loaded and asks the same again. The model is
planted: it answers every other question right, and all of them once it is shown a
demonstration or told what a writer, planted too, always writes. So the table tells that
things hold, and nothing of how well a compiler searches. `--kinds` and `--compilers`
choose some; `--write` writes the page in docs/, of all of them in one run.
"""

from __future__ import annotations

import math
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import weft
from tests.compilers.every import RECIPES
from tests.modules.test_conformance import MAKERS, in_two, said
from weft import compilers as c
from weft.pipeline.graph.program import as_program

from . import BenchError, Findings, Row

__all__ = ["CALLS", "FAULTS", "KINDS", "Cell", "cell", "run"]

CALLS = 40
ROWS = (16, 12, 8, 6, 4, 3)
TOLD = "Say what the rows say."
PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-conformance.md"
HEAD = Path(__file__).with_name("conformance.md")
FAULTS = {
    "budget": "more calls than the budget were sent",
    "quote": "more calls than the quote's highest were needed",
    "bytes": "other bytes at concurrency 64 than at 1",
    "load": "the loaded program asks or answers otherwise",
    "raised": "an error that is none of a budget too small",
}
"""What a cell may be found to do wrong."""
SPECIAL = {
    "old": "",
    "field": "answer",
    **dict.fromkeys(("helpful", "harmful", "change", "remove"), "none"),
}
"""What a writer writes into fields that are not for words of its own."""
_NUMBER = re.compile(r"\bq(\d+)\b")
_ANSWER = re.compile(r"answer \d+")
_NOTE = re.compile(r"(\[\[ note \]\]\n)note \d+")
_FIELD = re.compile(r"^- (\w+)", re.MULTILINE)
EXACT = weft.metrics.exact("answer")
KINDS: dict[str, Callable[[], Any]] = {**MAKERS, "a program": lambda: in_two}
"""What is compiled: each kind of module, and a program of two modules and a step."""


def _by_name() -> dict[str, c.Compiler]:
    found: dict[str, c.Compiler] = {}
    for recipe in RECIPES:
        name = str(recipe.describe()["name"])
        also = sum(known.partition(" ")[0] == name for known in found)
        found[f"{name} ({also + 1})" if also else name] = recipe
    return found


COMPILERS = _by_name()
"""Every public recipe, small; where one stands there twice, with other settings."""


@dataclass(frozen=True)
class Cell:
    """What one compile of one kind of module did.

    Args:
        kind: The module's.
        compiler: The recipe's name.
        rows: How many rows were given; the most for which one round is affordable.
        calls: How many calls the report counts.
        smallest: The smallest budget for one round of the fewest rows, where it is more
            than there is; else 0.
        gained: Whether the compiled program scores more on all rows.
        faults: Keys of `FAULTS`, with what was seen.
    """

    kind: str
    compiler: str
    rows: int = 0
    calls: int = 0
    smallest: int = 0
    gained: bool = False
    faults: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def mark(self) -> str:
        """The cell as the page's table shows it."""
        if self.faults:
            return "**" + ", ".join(self.faults) + "**"
        if self.smallest:
            return f"> {CALLS}"
        return "+" if self.gained else "="


def planted(request: weft.Request) -> Any:
    """Answers as the module's tests have it; right once it was told or shown."""
    reply: Any = said(request)
    numbers = _NUMBER.findall(request.messages[-1].text)
    if not numbers:
        return reply
    right = int(numbers[-1]) % 2
    knows = TOLD in request.messages[0].text or len(request.messages) > 2
    if isinstance(reply, str):  # a note keeps the question for whoever answers from it
        reply = _NOTE.sub(rf"\1q{numbers[-1]}", reply)
        return _ANSWER.sub(f"answer {right}", reply) if knows else reply
    return likely(right if knows else 0) if reply.logprobs else reply


def likely(answer: int) -> weft.Response:
    """A reply with what a server shows of its tokens: 0 and 1 are likely answers."""
    surely, less = math.log(0.7), math.log(0.2)
    shown = ((str(answer), surely), (str(1 - answer), less))
    tokens = (
        weft.TokenLogprob("[[ answer ]]\n", 0.0, (("[[ answer ]]\n", 0.0),)),
        weft.TokenLogprob("answer ", 0.0, (("answer ", 0.0),)),
        weft.TokenLogprob(str(answer), surely, shown),
        weft.TokenLogprob("\n", 0.0, (("\n", 0.0),)),
    )
    return weft.Response("".join(one.token for one in tokens), logprobs=tokens)


def writer(request: weft.Request) -> dict[str, str]:
    """Writes the one thing worth saying into whatever fields it is asked for."""
    _, _, fields = request.messages[0].text.partition("You write these fields:\n")
    names = _FIELD.findall(fields.partition("\n\n")[0])
    return {name: SPECIAL.get(name, TOLD) for name in names}


def cell(kind: str, compiler: str) -> Cell:
    """Compile one kind of module by one recipe, and look at what came back.

    Args:
        kind: A key of `KINDS`.
        compiler: A key of `COMPILERS`.
    """
    recipe, smallest = COMPILERS[compiler], 0
    for count in ROWS:
        try:
            rows = rows_of(count)
            with weft.use(lm=weft.FunctionLM(planted)):
                quote = weft.quote(KINDS[kind](), rows, metric=EXACT, compiler=recipe)
            if quote.smallest <= CALLS:
                return _compiled(kind, compiler, rows, quote)
        except Exception as error:  # noqa: BLE001 - whatever it is, the table says so
            what = f"{type(error).__name__}: {error}"
            return Cell(kind, compiler, count, faults={"raised": what[:300]})
        smallest = quote.smallest
    return Cell(kind, compiler, smallest=smallest)


def rows_of(count: int) -> list[dict[str, str]]:
    """Questions, every other one of which the planted model answers by itself."""
    return [
        {"question": f"what is q{n}", "answer": f"answer {n % 2}"} for n in range(count)
    ]


def _compiled(kind: str, compiler: str, rows: list[dict[str, str]], quote: Any) -> Cell:
    program = as_program(KINDS[kind]())
    made: list[bytes] = []
    faults: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.weft.json")
        for concurrency in (1, 64):
            asked = weft.FunctionLM(planted)
            wrote = weft.FunctionLM(writer, model="writer")
            others = {"proposer": wrote, "spare": asked}  # a kind may name a spare one
            with weft.use(lm=asked, lms=others, cache=None):
                result = weft.compile(
                    program,
                    rows,
                    metric=EXACT,
                    compiler=COMPILERS[compiler],
                    budget=CALLS,
                    concurrency=concurrency,
                )
            made.append(result.save(path).read_bytes())
            if (sent := asked.calls + wrote.calls) > CALLS:
                faults["budget"] = f"{sent} calls at concurrency {concurrency}"
        loaded = weft.load(path, program=program)
    calls = result.report.calls
    if calls > quote.calls.high:
        faults["quote"] = f"{calls} calls, and {quote.calls.high} at the most"
    if made[0] != made[1]:
        faults["bytes"] = f"{len(made[0])} and {len(made[1])} bytes"
    before, after = _asks(result.program, rows), _asks(loaded, rows)
    if before != after:
        faults["load"] = f"{before} and then {after}"[:300]
    gained = _score(before, rows) > _score(_asks(program, rows), rows)
    return Cell(kind, compiler, len(rows), calls, 0, gained, faults)


def _asks(program: Any, rows: list[dict[str, str]]) -> dict[str, Any]:
    """What a program answers, and by which requests."""
    lm = weft.FunctionLM(planted)
    with weft.use(lm=lm, lms={"spare": lm}, cache=None):
        made = program.batch([{"question": row["question"]} for row in rows])
    return {
        "answers": [one.answer for one in made],
        "keys": sorted(r.key for r in lm.requests),
    }


def _score(asked: Mapping[str, Any], rows: list[dict[str, str]]) -> int:
    return sum(
        a == row["answer"] for a, row in zip(asked["answers"], rows, strict=True)
    )


def run(
    kinds: str | None = None, compilers: str | None = None, write: bool = False
) -> list[Row]:
    """A row a kind of module: how many compilers keep every promise.

    Args:
        kinds: Which kinds of modules, with commas between; all of them by default.
        compilers: Which compilers, by the name of their class; all by default.
        write: Whether the page in docs/ is written; of all of them only.

    Raises:
        BenchError: A name is unknown, or the page is asked for of some.
    """
    chosen = _chosen(kinds, KINDS, "kind of module")
    names = _chosen(compilers, COMPILERS, "compiler")
    if write and (kinds or compilers):
        raise BenchError("conformance: the page is written of all kinds and compilers")
    cells: list[list[Cell]] = []
    for kind in chosen:
        cells.append([cell(kind, name) for name in names])
        told = [*_faults(cells[-1]), f"{kind}, {len(chosen) - len(cells)} to go"]
        print("conformance:", "; ".join(told), file=sys.stderr, flush=True)
    if write:
        PAGE.write_text(page(cells), encoding="utf-8")
    rows = [
        Row(
            f"{row[0].kind}: compilers that keep every promise",
            sum(not one.faults for one in row),
            len(row),
            "all",
            not any(one.faults for one in row),
        )
        for row in cells
    ]
    return Findings(rows, "\n".join(_told(cells)))


def _chosen(given: str | None, known: Iterable[str], what: str) -> list[str]:
    names = list(dict.fromkeys(known))
    if given is None or given in names:
        return [given] if given else names
    wanted = [name.strip() for name in given.split(",")]
    if unknown := [name for name in wanted if name not in names]:
        raise BenchError(
            f"there is no {what} {unknown[0]!r}; there are {', '.join(names)}"
        )
    return wanted


def _told(cells: list[list[Cell]]) -> list[str]:
    every = [one for row in cells for one in row]
    counts = Counter("faults" if one.faults else one.mark for one in every)
    return [*_faults(every), f"{len(every)} cells: {dict(counts)}"]


def _faults(cells: Iterable[Cell]) -> list[str]:
    return [
        f"{one.kind} by {one.compiler}: {fault}: {what}"
        for one in cells
        for fault, what in one.faults.items()
    ]


def page(cells: list[list[Cell]]) -> str:
    """The page in docs/: what was looked at, and a table of all cells."""
    kinds = [row[0].kind for row in cells]
    lines = [
        HEAD.read_text("utf-8").rstrip(),
        "",
        f"| compiler | {' | '.join(kinds)} |",
        f"|---|{'---|' * len(kinds)}",
    ]
    for column in zip(*cells, strict=True):
        marks = " | ".join(one.mark for one in column)
        lines.append(f"| {column[0].compiler} | {marks} |")
    every = [one for row in cells for one in row]
    held = sum(not one.faults for one in every)
    most = max(one.calls for one in every)
    told = f"{held} of {len(every)} cells keep every promise; no compile takes more"
    return "\n".join([*lines, "", f"{told} than {most} calls."]) + "\n"

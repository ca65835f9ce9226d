"""Small worlds for the compilers' tests: rows, programs, and models that obey rules.

In a planted world each text holds one made-up word, and each word stands for a code.
The model knows none of them. It answers right where the instruction says `word = code`
or a demonstration shows the word; asked to write, it states what the examples that it
is shown say. So what a compiler does decides the score, and nothing else does.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import inspect
import json
import pkgutil
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

import weft
from weft import compilers
from weft.compilers.search.allowance import Allowance
from weft.compilers.search.candidate import Candidate
from weft.compilers.search.cost import CallGuess
from weft.compilers.search.task import Split, Task
from weft.pipeline.graph.program import as_program

DATA = Path(__file__).parents[3] / "shared" / "data"
CODES = tuple(f"K{number}" for number in range(10))
WORDS = ("blick", "norp", "tavi", "zude", "grell", "mosk")
FILLER = ("please", "could", "anyone", "say", "why", "this", "again", "today")
Rows = list[dict[str, Any]]
exact = weft.metrics.exact("label")

_FORM = re.compile(r"\[\[ (\w+)(#\d+)? \]\]\n<\1>")
_SAID = re.compile(rf"({'|'.join(WORDS)})(?! = )")
_CLAUSE = re.compile(r"(\w+) = (K\d)")


def real_rows(name: str) -> dict[str, Rows]:
    """Rows of a data file beside the checkout by split; the test skips without it."""
    path = DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"needs the rows of ../shared: {path}")
    found: dict[str, Rows] = {"train": [], "dev": [], "test": []}
    with path.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            flat = {**row["inputs"], **row["outputs"], "id": row["id"]}
            found[row["split"]].append(flat)
    return found


def journaled(folder: Path) -> set[str]:
    """The keys of the requests that a run's journal holds."""
    path = folder / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    records = [json.loads(line[9:]) for line in lines[1:]]
    return {record["key"] for record in records if "key" in record}


def index(folder: Path) -> dict[str, Any]:
    """What the index of a run folder says."""
    found: dict[str, Any] = json.loads((folder / "index.json").read_text("utf-8"))
    return found


def banking_codes() -> dict[str, Rows]:
    """banking10 with its labels replaced by codes that say nothing."""
    rows = real_rows("banking10")
    names = sorted({row["label"] for part in rows.values() for row in part})
    code = dict(zip(names, CODES, strict=True))
    return {
        split: [{**row, "label": code[row["label"]]} for row in part]
        for split, part in rows.items()
    }


def classifier(labels: tuple[str, ...] = CODES, inputs: str = "text") -> Any:
    """A module that names one of the labels."""
    return weft.Predict(
        f"{inputs} -> label: Label",
        "Give the label.",
        name="classify",
        types={"Label": Literal[labels]},
    )


def planted_rows(count: int, seed: int = 0, words: int = len(WORDS)) -> Rows:
    """Rows whose code is that of the one made-up word in the text."""
    rng = random.Random(seed)
    rows: Rows = []
    for number in range(count):
        at = number % words
        said: list[str] = rng.choices(FILLER, k=5)
        said.insert(rng.randrange(6), WORDS[at])
        rows.append({"text": f"{' '.join(said)} {seed}.{number}", "label": CODES[at]})
    return rows


@dataclass
class Asked:
    """A request, read as the model in these worlds reads it."""

    outputs: list[tuple[str, str]]
    task: str
    demos: list[tuple[str, str]]
    said: str

    @classmethod
    def read(cls, request: weft.Request) -> Asked:
        return cls.of([m.content for m in request.messages])

    @classmethod
    def of(cls, messages: list[str]) -> Asked:
        system, *turns, last = messages
        if last.startswith("That reply could not be used"):
            *turns, last, _ = turns
        form, _, task = system.partition("\n\nYour task:\n")
        pairs = list(zip(turns[::2], turns[1::2], strict=True))
        return cls(_FORM.findall(form), task, pairs, last)

    @property
    def classifies(self) -> bool:
        return not self.outputs or self.outputs[-1][0] == "label"

    def reply(self, values: dict[str, str]) -> str:
        if not self.outputs:
            return "I answer under headings alone."
        lines: list[str] = []
        for name, fence in self.outputs:
            lines += [f"[[ {name}{fence} ]]", values.get(name, "because")]
        return "\n".join([*lines, f"[[ /end{self.outputs[0][1]} ]]"])


def learner(asked: Asked) -> dict[str, str]:
    """The rule of a planted world: by instruction or by demonstration, else K9."""
    if not asked.classifies:
        return dict.fromkeys([name for name, _ in asked.outputs], written(asked.said))
    word = next((w for w in WORDS if w in asked.said), "")
    told = dict(_CLAUSE.findall(asked.task))
    shown = [re.findall(r"K\d", out)[-1] for said, out in asked.demos if word in said]
    return {"label": told.get(word) or (shown[-1] if shown else "K9")}


def written(said: str) -> str:
    """Every `word = code` that a request's examples say, and the clauses it holds."""
    known: dict[str, str] = {}
    places = [(m.start(), m.group()) for m in _SAID.finditer(said)]
    for at, word in places:
        code = re.search(r"(?:wanted '|label\W+)(K[0-8])\b", said[at : at + 300])
        if code:
            known.setdefault(word, code.group(1))
    known = dict(_CLAUSE.findall(said)) | known
    clauses = [f"{word} = {code}" for word, code in sorted(known.items())]
    return "; ".join(["Give the label", *clauses]) + "."


Rule = Callable[[Asked], dict[str, str]]


def model(
    rule: Rule = learner, *, slow: bool = False, name: str = "planted"
) -> weft.FunctionLM:
    """A model that follows a rule; slow ones take a different time for each request."""

    def text(request: weft.Request) -> str:
        asked = Asked.read(request)
        return asked.reply(rule(asked))

    async def later(request: weft.Request) -> str:
        mark = hashlib.sha256((request.key + str(random.random())).encode()).digest()
        for _ in range(mark[0] // 8):
            await asyncio.sleep(0)
        return text(request)

    function: Callable[[weft.Request], str | Awaitable[str]] = later if slow else text
    return weft.FunctionLM(function, model=name)  # type: ignore[arg-type]


def under_way(
    program: Any = None,
    train: Sequence[Any] = (),
    select: Sequence[Any] = (),
    budget: Any = None,
) -> Task:
    """A compile in which nothing was tried yet but the program as it is."""
    allowance = Allowance(weft.Ledger(weft.Budget.of(budget)), 1, CallGuess())
    split = Split(tuple(train), tuple(select), ())
    task = Task(as_program(program or classifier()), split, exact, allowance)
    task.archive = [Candidate()]
    return task


def kinds_of(base: type) -> set[type]:
    """Every concrete class of `weft.compilers` that is one, exported or not."""
    for found in pkgutil.walk_packages(compilers.__path__, "weft.compilers."):
        importlib.import_module(found.name)
    below = set(base.__subclasses__())
    while more := {sub for kind in below for sub in kind.__subclasses__()} - below:
        below |= more
    return {
        kind
        for kind in below
        if kind.__module__.startswith("weft.compilers.")
        and not inspect.isabstract(kind)
    }


def set_prices(
    monkeypatch: pytest.MonkeyPatch, folder: Path, prices: Mapping[str, Sequence[float]]
) -> None:
    """Prices of models by name, in dollars a million tokens: in, cached, out."""
    file = folder / "prices.json"
    file.write_text(json.dumps({"models": prices}), "utf-8")
    monkeypatch.setenv("WEFT_PRICES", str(file))


def artifact(result: weft.Result[..., Any, Any], tmp_path: Path) -> bytes:
    """A result's artifact as it would be saved."""
    return result.save(tmp_path / "made.weft.json").read_bytes()


def unchanged(result: weft.Result[..., Any, Any]) -> bool:
    """Whether the result is the program as it was, but for the form written down."""
    seed, made = as_program(result.seed), as_program(result.program)
    before, after = seed.parameters, made.parameters
    slots = {slot for slot in before if before[slot] != after[slot]}
    return all(slot.endswith("/adapter") for slot in slots)


def last_line(said: str) -> str:
    """The value alone of a turn of one input: its heading is no text of a field."""
    return said.rpartition("\n")[2]

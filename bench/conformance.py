"""Every module compiled by every compiler, on a scripted model: the full cross.

The suites of the tests hold each module to one compiler or a few, and each compiler to
one program. Here each pair compiles once: it ends, or says that the budget is too small
for one round; it spends no call more than its budget; the parts stay the same, and the
program that it gives is saved and loaded as it is.
"""

from __future__ import annotations

import importlib
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import weft
from weft.errors import QuoteError, WeftError
from weft.pipeline.graph.digest import program_digest
from weft.pipeline.graph.program import as_program

from . import Findings, Row

__all__ = ["run"]

BUDGET, ROWS = 400, 14
_FIELD = re.compile(r"\[\[ (\w+)(?:#\d+)? \]\]\n<")


def run() -> list[Row]:
    """The rows of this part."""
    suite: Any = importlib.import_module("tests.modules.test_conformance")
    recipes: Any = importlib.import_module("tests.compilers.every").RECIPES
    names = [recipe.describe()["name"] for recipe in recipes]
    cells: dict[tuple[str, str], str] = {}
    for kind in suite.MAKERS:
        for number, recipe in enumerate(recipes):
            cells[kind, f"{names[number]} {number}"] = _cell(suite, kind, recipe)
    said = Counter(cells.values())
    wrong = {cell: what for cell, what in cells.items() if what not in ("ok", "small")}
    rows = [
        Row("pairs of a module and a compiler", len(cells)),
        Row("of those compiled", said["ok"]),
        Row(f"whose round costs more than {BUDGET} calls", said["small"]),
        Row.limit("pairs that go wrong", len(wrong), 0),
    ]
    details = "\n".join(f"{kind}, {name}: {wrong[kind, name]}" for kind, name in wrong)
    return Findings(rows, details or "Every pair does what it promises.")


def _cell(suite: Any, kind: str, recipe: Any) -> str:
    """What came of one pair: "ok", "small" for a budget, or what went wrong."""
    program = as_program(suite.MAKERS[kind]())
    rows = [{"question": str(n), "answer": "answer 0"} for n in range(ROWS)]
    lm = weft.FunctionLM(lambda request: _reply(suite, request))

    def metric(row: Any, made: Any) -> weft.Score:
        good = len(str(row.question)) == 1 and made.answer.startswith("answer")
        return weft.Score(float(good), "The question is too long.")

    with weft.use(lm=lm, lms={"spare": lm}, cache=None):
        try:
            result = weft.compile(
                program, rows, metric=metric, compiler=recipe, budget=f"{BUDGET} calls"
            )
        except QuoteError:
            return "small"
        except WeftError as error:
            return f"{type(error).__name__}: {error}"[:300]
        if lm.calls > BUDGET:
            return f"{lm.calls} calls"
        if [*result.program.modules] != [*program.modules]:
            return f"its modules are {', '.join(result.program.modules)}"
        with tempfile.TemporaryDirectory() as folder:
            path = weft.save(result.program, Path(folder) / "it.weft.json")
            again = weft.load(path, program=program)
    same = program_digest(again) == program_digest(as_program(result.program))
    return "ok" if same else "loaded, it is another program"


def _reply(suite: Any, request: weft.Request) -> str:
    """What the suite's model says; a text of no use where a compiler asks."""
    text: str = suite.said(request)
    fields = _FIELD.findall(request.messages[0].text)
    return text or "\n".join(f"[[ {name} ]]\nBe good." for name in fields)

"""Run the benchmarks: `python -m bench [part ...] [--json] [--seeds N] ...`."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import BenchError, Findings, Row

CAVEAT = (
    "Ratios within one run are what counts. On a machine that is shared with other "
    "work\nthe absolute numbers prove nothing; do not compare them between runs."
)
HEADINGS = ("what", "weft", "other", "ratio", "bar", "")


def part_names() -> list[str]:
    """The parts: every public module of this package with a `run`, and its packages."""
    files = Path(__file__).parent.glob("[!_]*.py")
    parts = [path.stem for path in files if "\ndef run(" in path.read_text("utf-8")]
    return sorted([*parts, "mcp", "planted", "real", "whitebox"])


def run_part(name: str, options: Mapping[str, Any]) -> list[Row]:
    """The rows of one part, which takes of the options what it knows."""
    run = importlib.import_module(f"bench.{name}").run
    known = inspect.signature(run).parameters
    rows: list[Row] = run(**{key: options[key] for key in options if key in known})
    return rows


def number(value: float | None) -> str:
    """Three significant digits, and a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(row: Row) -> tuple[str, ...]:
    """One row as the table shows it."""
    verdict = {None: "", True: "ok", False: "MISSED"}[row.ok]
    numbers = (number(row.weft), number(row.other), number(row.ratio))
    return (row.what, *numbers, row.bar or "-", verdict)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as aligned lines of plain text, headings first."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *middle, bar, verdict = (
            cell.rjust(width) if 0 < i < 4 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join([first, *middle, bar, verdict]).rstrip()


def parser() -> argparse.ArgumentParser:
    """The command line; an option goes to the parts that know it."""
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    made.add_argument("part", nargs="*", help=f"of: {', '.join(part_names())}")
    made.add_argument("--json", action="store_true", help="print JSON, not a table")
    given = made.add_argument_group("options of parts")
    given.add_argument(
        "--seeds",
        type=int,
        help="compile, induction, planted, real, realdata, whitebox: of each task",
    )
    given.add_argument(
        "--more", type=int, help="compile: further seeds, for Auto and DSPy's best"
    )
    given.add_argument("--first", type=int, help="compile: number of the first seed")
    given.add_argument("--rival", help="compile: one of DSPy's, to meet Auto alone")
    given.add_argument("--held", type=int, help="compile: calls of Auto beside a rival")
    given.add_argument("--minutes", type=float, help="compile, planted: when to stop")
    given.add_argument("--bound", type=float, help="compile: seconds of one compile")
    given.add_argument(
        "--tasks", help="compile, induction, real, whitebox: which tasks, with commas"
    )
    given.add_argument(
        "--kept", type=Path, help="compile, planted: the file of outcomes"
    )
    given.add_argument(
        "--write",
        action="store_true",
        default=None,
        help="adapters, bfcl, compile, hops, injections, judges, nearest, planted, "
        "priors, real, retrieval, sampling, schemas, unsure, whitebox, words: the page "
        "in docs/; replies: the tests' figures",
    )
    given.add_argument(
        "--rows",
        type=int,
        help="agents, calls, hops, injections, judges, nearest, priors, real, rows, "
        "sampling, unsure, whitebox, words: how many",
    )
    given.add_argument(
        "--models",
        help="agents, hops, judges, nearest, real, replies, retrieval: NAME=URL or "
        "NAME=FILE.gguf, commas between",
    )
    given.add_argument("--lm", help="induction: a model, in place of the simulated one")
    given.add_argument("--api-base", help="induction: where that model answers")
    given.add_argument(
        "--against",
        type=Path,
        help="against, house: another checkout; planted: a file of outcomes",
    )
    given.add_argument(
        "--local",
        help="injections, local, priors, unsure, words: a model that runs here",
    )
    given.add_argument("--ways", help="whitebox: which ways, with commas between")
    given.add_argument("--families", help="planted: which, with commas between")
    given.add_argument("--kinds", help="conformance: which modules, with commas")
    given.add_argument("--compilers", help="conformance: which, with commas between")
    given.add_argument(
        "--parts", help="planted: of families, fault and claims, commas between"
    )
    given.add_argument(
        "--full", action="store_true", default=None, help="planted: all of it"
    )
    given.add_argument("--arms", help="real: which arms, with commas between")
    given.add_argument(
        "--compile",
        dest="compiling",
        action="store_true",
        default=None,
        help="real: the compiles, in place of the zero-shot cells",
    )
    given.add_argument(
        "--drop",
        action="store_true",
        default=None,
        help="real, replies: forget what is chosen, and ask for nothing",
    )
    given.add_argument("--folder", type=Path, help="schemas: of JSONSchemaBench")
    given.add_argument(
        "--suite",
        type=Path,
        help="schemas: of JSON-Schema-Test-Suite; mcp: where npm has the suite",
    )
    given.add_argument("--dspy", type=Path, help="adapters: of DSPy's repository")
    given.add_argument("--rounds", type=int, help="calls, imports: turns of each side")
    given.add_argument(
        "--file",
        type=Path,
        help="replay: another file of outcomes; openapi: the description",
    )
    given.add_argument("--draws", type=int, help="replay: races of each arm on a pool")
    given.add_argument("--pools", type=int, help="replay: only the first so many")
    given.add_argument("--distinct", type=int, help="calls: calls of the memory row")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts named, or all; 1 if a bar was missed, 2 if a part cannot run."""
    made = parser()
    given = vars(made.parse_args(arguments))
    parts, as_json = given.pop("part"), given.pop("json")
    options = {name: value for name, value in given.items() if value is not None}
    if unknown := set(parts) - set(part_names()):
        made.error(f"no part {sorted(unknown)}; there are {part_names()}")
    rows: list[Row] = []
    try:
        for name in parts or part_names():
            found = run_part(name, options)
            if isinstance(found, Findings) and not as_json:
                print(f"{found.details}\n")
            rows += found
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows]))
    elif rows:
        print(f"Python {platform.python_version()}, {platform.platform()}\n")
        print(*table(rows), sep="\n")
        print(f"\n{CAVEAT}")
    return int(any(row.ok is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())

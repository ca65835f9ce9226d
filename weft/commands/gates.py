"""The commands that test prompts: a gate, prompts side by side, people as judges."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..gates.by_hand import SKIP
from ..gates.by_hand import take_eval as taken
from ..gates.gate import gate as gated
from ..gates.gate import quote_gate
from ..gates.side_by_side import side_by_side as beside
from ..gates.terms import SUITES
from ..gates.verdict import Gate
from ..pipeline.errors import ConfigError, MetricError
from ..pipeline.graph.program import Program
from ..pipeline.ground.words import counted
from ..review.blind import BlindDesk, BlindTest
from ..review.server import held
from ..review.sheet import file_of, read_sheet
from .arguments import measured, metric_named, pair, rows_at, settings
from .files import require_writable, write_text
from .output import Outcome, Spent, asked, calls_shown, remark
from .targets import program_named
from .tools import serve


def gate(arguments: argparse.Namespace) -> Outcome:
    """Run the suites; exit 3 where one failed, 1 where rows could not be answered."""
    program, metric, rows = measured(arguments)
    fail_under = _thresholds(arguments.fail_under)
    terms: dict[str, Any] = {
        "suites": arguments.suite or SUITES,
        "fields": arguments.field,
        "most": arguments.most,
        "seed": arguments.seed,
    }
    if arguments.html:
        require_writable(Path(arguments.html))
    with settings(arguments):
        offer = quote_gate(program, rows, metric, **terms)
        if arguments.quote:
            return Outcome(str(offer), {"quote": dataclasses.asdict(offer)})
        remark(str(offer), quiet=arguments.quiet)
        title = f"gate {program.name}"
        with calls_shown(title, offer.calls, quiet=arguments.quiet):
            found = gated(
                program,
                rows,
                metric,
                fail_under=fail_under,
                each=arguments.each,
                concurrency=arguments.concurrency,
                **terms,
            )
    if arguments.html:
        write_text(Path(arguments.html), found.to_html())
    return Outcome(str(found), found.describe(), _code(found), _failed(found))


def _code(found: Gate) -> int:
    """A failed suite comes before what could not be answered, or was not run."""
    if any(suite.verdict == "FAILED" for suite in found.suites):
        return 3
    return 0 if found.passed else 1


def _failed(found: Gate) -> str:
    """Each failed suite with its first case."""
    said = [
        f"{suite.name} failed: {suite.cases[0]}"
        if suite.cases
        else f"{suite.name} failed"
        for suite in found.failed
    ]
    return "\n".join([*said, *filter(None, [found.stopped])])


def _thresholds(texts: Sequence[str]) -> float | dict[str, float] | None:
    """What --fail-under says: a share for each suite, or one for all."""
    if not texts:
        return None
    if len(texts) == 1 and "=" not in texts[0]:
        return _share(texts[0], texts[0])
    pairs = [pair(text, "--fail-under noise=0.8") for text in texts]
    return {name: _share(value, f"{name}={value}") for name, value in pairs}


def _share(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"--fail-under {whole} is no share in [0, 1]",
            hint="Write for example --fail-under noise=0.8",
        ) from None


def side_by_side(arguments: argparse.Namespace) -> Outcome:
    """Run each target on the rows, and the first with each further instruction."""
    named = [*arguments.target, *arguments.instruction]
    if twice := [text for text in named if named.count(text) > 1]:
        raise ConfigError(f"two columns would be named {twice[0]!r}")
    columns = {text: program_named(text) for text in arguments.target}
    first = columns[arguments.target[0]]
    for text in arguments.instruction:
        columns[text] = _instructed(first, text)
    metric = None if arguments.metric is None else metric_named(arguments.metric)
    rows = rows_at(arguments.data, first)
    if arguments.html:
        require_writable(Path(arguments.html))
    said = f"{counted(len(columns), 'column')} by {counted(len(rows), 'row')}"
    remark(said, quiet=arguments.quiet)
    with settings(arguments):
        found = beside(columns, rows, metric, concurrency=arguments.concurrency)
    if arguments.html:
        write_text(Path(arguments.html), found.to_html())
    cells = [cell for row in found.results for cell in row]
    spent = Spent.on([call for cell in cells for call in cell.trace.calls])
    failed = sum(bool(cell.error) for cell in cells)
    told = f"{spent}; {counted(failed, 'cell')} failed" if failed else str(spent)
    return Outcome(str(found), found.describe(), int(failed > 0), told)


def _instructed(program: Program[..., Any], text: str) -> Program[..., Any]:
    """A program whose one module has another instruction.

    Raises:
        ConfigError: It has several modules, and nobody knows which is meant.
    """
    if len(program.modules) != 1:
        raise ConfigError(
            f"--instruction is for one module, and {program.name!r} has "
            f"{', '.join(program.modules) or 'none'}",
            hint="Name a program for each column instead",
        )
    return program.with_parameters({f"{next(iter(program.modules))}/instruction": text})


def take_eval(arguments: argparse.Namespace) -> Outcome:
    """Ask on stderr, read from stdin, and score what was typed."""
    program, metric, rows = measured(arguments)
    if arguments.save:
        require_writable(Path(arguments.save))
    out = _answers_at(arguments)
    require_writable(out)
    said = (
        f"{counted(len(rows), 'row')}; {SKIP} leaves one out, Ctrl-D ends it; what is "
        f"typed is in {out}, and the same command goes on from there"
    )
    remark(said, quiet=arguments.quiet)
    try:
        found = taken(program, rows, metric, ask=asked, out=out)
    except MetricError:
        remark(f"what was typed is in {out}", quiet=False)
        raise
    if arguments.save:
        write_text(Path(arguments.save), found.to_json(prompts=True))
    left = len(rows) - len(found.rows)
    told = f"{counted(left, 'row')} not answered" if left else ""
    return Outcome(str(found), json.loads(found.to_json()), 0, told)


def _answers_at(arguments: argparse.Namespace) -> Path:
    """Where what is typed is kept: as it was named, or beside the rows.

    Raises:
        ConfigError: --save names the same file.
    """
    data = Path(arguments.data)
    beside_rows = data.with_name(f"{data.stem}.answers.jsonl")
    out = Path(arguments.out or (beside_rows if data.is_file() else beside_rows.name))
    if arguments.save and Path(arguments.save).resolve() == out.resolve():
        raise ConfigError(
            f"--save {arguments.save} is where what is typed is kept",
            hint="Name another file with --save",
        )
    return out


def blind(arguments: argparse.Namespace) -> Outcome:
    """Serve the blind page until Ctrl-C, then tell the result if all is judged."""
    paths = [file_of(Path(text)) for text in arguments.file]
    names = [path.stem.removesuffix(".eval") for path in paths]
    if len({*names}) < len(names):
        names = [str(path) for path in paths]
    out = Path(arguments.out or paths[0].with_name("blind.jsonl"))
    require_writable(out)
    sheets = {n: read_sheet(path) for n, path in zip(names, paths, strict=True)}
    with held(out) as place:
        test = BlindTest(sheets, out, arguments.seed)
        lone = len({r.key for s in sheets.values() for r in s.rows}) - len(test.keys)
        if lone:
            told = f"{counted(lone, 'row')} not in every evaluation, and left out"
            remark(told, quiet=arguments.quiet)
        serve(BlindDesk(test), place, arguments)
    return Outcome(str(test), test.describe(), 0, f"what was picked is in {out}")

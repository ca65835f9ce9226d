"""The commands of those who write prompts: drafts, questions, rows that are made up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..authoring.asking import Draft, Target, as_target
from ..authoring.critique import Critique, cold_read, critique
from ..authoring.draft import draft, revise, technique_from_text
from ..authoring.faithfulness import faithfulness
from ..authoring.interview import interview
from ..authoring.synthesize import synthesize
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.data.rows import read_rows
from ..pipeline.errors import ConfigError
from ..pipeline.graph.program import as_given, as_program
from ..pipeline.signature.signature import Signature
from .arguments import rows_at, settings
from .files import require_writable
from .output import Outcome, asked, remark
from .targets import object_named, program_named


def target_named(arguments: argparse.Namespace) -> Target | type[Signature]:
    """The program, the module or the signature that a TARGET names."""
    text: str = arguments.target
    if arguments.program is None and ":" in text and not text.endswith(".json"):
        found = object_named(text)
        if isinstance(found, type) and issubclass(found, Signature):
            return found
    return as_given(program_named(text, arguments.program))


def write_draft(arguments: argparse.Namespace) -> Outcome:
    """Have a first instruction written."""
    out, target = _writable(arguments.out), target_named(arguments)
    with settings(arguments):
        made: Draft[Any] = draft(arguments.task, target)
    return _told(made, out)


def write_revision(arguments: argparse.Namespace) -> Outcome:
    """Have an instruction changed, by a note or by the technique of a document."""
    target = target_named(arguments)
    out = _writable(arguments.out)
    module = arguments.module or ""
    made: Draft[Any]
    with settings(arguments):
        if arguments.paper is None:
            made = revise(target, arguments.note, module=module)
        else:
            text = _text_at(arguments.paper)
            source = Path(arguments.paper).name
            made = technique_from_text(text, target, source=source, module=module)
    return _told(made, out, replaces=arguments.keep)


def criticize(arguments: argparse.Namespace) -> Outcome:
    """Say what is unclear in the prompts; with rows, what a stranger lacks too."""
    target = as_target(target_named(arguments))
    with settings(arguments):
        found = critique(target, module=arguments.module or "")
        if arguments.data is not None:
            rows = rows_at(arguments.data, as_program(target))
            cold = cold_read(target, rows, k=arguments.inputs)
            found = Critique(found.unclear, cold.missing, found.misquoted)
    unclear = [
        {"path": one.path, "span": one.span, "question": one.question}
        for one in found.unclear
    ]
    missing = {path: [*facts] for path, facts in (found.missing or {}).items()}
    data = {"unclear": unclear, "missing": missing, "misquoted": found.misquoted}
    return Outcome(str(found), data)


def hold_interview(arguments: argparse.Namespace) -> Outcome:
    """Ask on stderr, read answers from stdin, a line each; its end ends the asking."""
    out, target = _writable(arguments.out), target_named(arguments)
    beside = out or Path(as_program(as_target(target)).name)
    typed = f"{beside.name.removesuffix(SUFFIX)}.interview.jsonl"
    answers = Path(arguments.answers or beside.with_name(typed))
    require_writable(answers)
    said = (
        f"Ctrl-D ends it; what is typed is in {answers}, and the same command goes on "
        "from there"
    )
    remark(said, quiet=arguments.quiet)
    task, most = arguments.task, arguments.most
    with settings(arguments):
        made = interview(target, _answer, task=task, most=most, out=answers)
    told = _told(made.draft, out)
    questions = [
        {"question": a.question, "answer": a.answer, "by": a.by} for a in made.asked
    ]
    data = {**told.data, "asked": questions, "open": [*made.open]}
    return Outcome(f"{made}{told.text[len(str(made.draft)) :]}", data, 0, told.remark)


def _answer(question: str) -> str | None:
    try:
        return asked(f"{question}\n> ")
    except EOFError:
        return None


def make_rows(arguments: argparse.Namespace) -> Outcome:
    """Have rows made up, and write them as drafts."""
    out, target = Path(arguments.out), target_named(arguments)
    require_writable(out)
    inputs = [*as_program(as_target(target)).inputs.inputs]
    given = [row for path in arguments.data for row in read_rows(path, inputs)]
    with settings(arguments):
        made = synthesize(target, arguments.rows, rows=given)
    if not made.rows:
        refused, short = dict(made.refused), dict(made.short)
        empty = {"out": None, "rows": 0, "refused": refused, "short": short}
        return Outcome(str(made), empty, 1, "nothing was written")
    made.write(out)
    data = {"out": str(out), "rows": len(made.rows)}
    data |= {"refused": dict(made.refused), "short": dict(made.short)}
    said = f'go through {out}, and set "edited": true; weft.read_drafts takes those'
    return Outcome(f"{made}\n{out}", data, int(bool(made.short)), said)


def probe_reasoning(arguments: argparse.Namespace) -> Outcome:
    """Change the reasoning, and count the answers that change."""
    program = program_named(arguments.target, arguments.program)
    rows = rows_at(arguments.data, program)
    with settings(arguments):
        found = faithfulness(
            program,
            rows,
            module=arguments.module or "",
            concurrency=arguments.concurrency,
        )
    arms = {
        name: {"rate": arm.rate, "rows": arm.rows, "failed": arm.failed}
        for name, arm in found.arms.items()
    }
    data = {"module": found.module, "rows": found.rows, "arms": arms}
    return Outcome(str(found), {**data, "structure": dict(found.structure)})


def _writable(path: str | None) -> Path | None:
    """Where something is to be written, found out before anything is paid for."""
    if path is None:
        return None
    place = Path(path)
    require_writable(place)
    return place


def _told(made: Draft[Any], out: Path | None, *, replaces: bool = False) -> Outcome:
    data: dict[str, Any] = {"instructions": dict(made.instructions), "out": None}
    if out is None:
        said = "nothing was written; --out NAME.weft.json keeps it"
        return Outcome(str(made), data, remark=said)
    made.save(out, replaces=replaces)
    said = f"next: weft critique {out}"
    return Outcome(f"{made}\n\n{out}", {**data, "out": str(out)}, remark=said)


def _text_at(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read as text: {error}",
            hint="Give a file of plain text, such as what pdftotext writes",
        ) from None

"""`weft trace`: runs of a trace log as trees; the file may still be being written."""

from __future__ import annotations

import argparse
import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..pipeline.artifact.describe import visibly
from ..pipeline.errors import DataError
from ..pipeline.ground.strictjson import spelt
from ..pipeline.ground.words import counted
from ..pipeline.lm.message import Message
from ..pipeline.lm.prices import money
from ..pipeline.run.trace_data import SCHEMA, plain_data, run_of
from ..pipeline.run.trace_log import trace_line, whole_lines
from ..pipeline.run.watch import TracedRun
from ..pipeline.trace import Branch, Call, NodeRun
from .output import Outcome, Spent, indented

_MOST_COLUMNS = 120
_LEAST_ROOM = 24
# Cheaper than to read each line of a long log as JSON, and no other file's lines count.
_KIND = SCHEMA.partition("/")[0].encode() + b"/"


def trace(arguments: argparse.Namespace) -> Outcome:
    """Print the last runs, or one that is named."""
    found = _found(arguments.file, arguments.run, arguments.last)
    if arguments.run and not found.runs:
        raise DataError(
            f"{arguments.file!r} has no run {arguments.run!r} among its {found.whole}",
            hint="Give the beginning of an id, as weft trace show --last N prints it",
        )
    if found.damaged and not found.whole:
        raise DataError(
            f"{arguments.file!r} is no trace log: no line of it holds a trace",
            hint='Name a file that weft.configure(trace_log="FILE") has written',
        )
    columns = min(_MOST_COLUMNS, shutil.get_terminal_size().columns)
    texts = [shown(run_of(d), columns, arguments.prompts) for d in found.runs]
    return Outcome("\n\n".join(texts), found.runs, remark=found.remark)


@dataclass
class _Found:
    """Runs as their lines hold them; how many lines are whole, how many are damaged."""

    runs: list[dict[str, Any]]
    whole: int = 0
    damaged: int = 0

    @property
    def remark(self) -> str:
        """What was passed over, and how many more there are."""
        said: list[str] = []
        if self.damaged:
            one = self.damaged == 1
            lines, be = ("line holds", "was") if one else ("lines hold", "were")
            said.append(f"{self.damaged} {lines} no trace and {be} passed over")
        if not self.whole:
            said.append("no run has ended yet")
        elif len(self.runs) < self.whole:
            said.append(f"{len(self.runs)} of {self.whole:,} runs; --last N shows more")
        return "\n".join(said)


def _found(path: str, run: str | None, last: int) -> _Found:
    kept = deque[tuple[int, bytes]](maxlen=None if run else last)
    found = _Found([])
    for number, line in whole_lines(path):
        if _KIND not in line or not line.rstrip().endswith(b"}"):
            found.damaged += 1
            continue
        found.whole += 1
        if run is None or run.encode() in line:
            kept.append((number, line))
    for number, line in kept:
        try:
            data = trace_line(line, path, number)
            run_of(data)
        except ValueError:
            found.whole, found.damaged = found.whole - 1, found.damaged + 1
            continue
        if run is None or data["run"].startswith(run):
            found.runs.append(data)
    return found


def shown(run: TracedRun, columns: int, prompts: bool = False) -> str:
    """A run as a tree of lines.

    Args:
        run: The run.
        columns: How wide lines of values may be; prompts are shown as they are.
        prompts: Whether every message and reply is shown, in full.
    """
    parts = [
        f"{run.program} {run.trace.run_id}",
        run.state if run.content else f"{run.state}, logged without content",
        f"{run.started:%Y-%m-%d %H:%M:%SZ}",
        _time(run.seconds),
        str(Spent.on(run.trace.calls)),
    ]
    lines = [visibly("  ".join(parts)), *_values(run.inputs, columns - 2, "  ")]
    lines += [
        indented(line) for line in _branches(run.trace.tree, columns - 2, prompts)
    ]
    if run.error:
        lines.append(_line("  error", run.error, columns))
    elif run.content:
        lines.append(_line("  ->", spelt(plain_data(run.value)), columns, " "))
    return "\n".join(lines)


def _branches(
    branches: tuple[Branch, ...], columns: int, prompts: bool
) -> Iterator[str]:
    for turn, those in groupby(branches, lambda branch: branch.turn):
        if turn:
            yield turn
        room, by = (columns - 2, "  ") if turn else (columns, "")
        for branch in those:
            for line in _branch(branch, room, prompts):
                yield indented(line, by)


def _branch(branch: Branch, columns: int, prompts: bool) -> Iterator[str]:
    node, room = branch.run, columns - 2
    yield visibly(_head(node))
    yield from _values(node.inputs, columns, "  ")
    for call in (*node.calls, *([node.failed] if node.failed else [])):
        yield _line("  call", _call(call), columns)
        if prompts:
            yield indented(_prompt(call), "    ")
    for repair in node.repairs:
        yield _line("  repaired", repair, columns)
    for line in _branches(branch.children, room, prompts):
        yield indented(line)
    if node.error:
        yield _line("  error", node.error, columns)
    yield from _values(node.facts, columns, "  fact ")
    yield from _values(node.outputs, columns, "  -> ")


def _head(node: NodeRun) -> str:
    text = f"{node.path}: {node.kind}, {_time(node.seconds)} from {_time(node.started)}"
    return f"{text}, reused" if node.reused else text


def _call(call: Call) -> str:
    parts = [call.model, _time(call.seconds)]
    if call.usage is not None:
        parts.append(
            f"{call.usage.input_tokens} + {counted(call.usage.output_tokens, 'token')}"
        )
    parts.append(money(call.cost))
    if call.cached:
        parts.append("from the cache")
    if call.retries:
        parts.append(f"{counted(call.retries, 'retry')}")
    if call.without:
        parts.append(f"without {', '.join(call.without)}")
    parts.append(call.error or call.finish_reason)
    return ", ".join(part for part in parts if part)


def _prompt(call: Call) -> str:
    turns: list[tuple[str, str]] = [(m.role, m.shown) for m in call.messages]
    if call.reasoning:
        turns.append(("reasoning", call.reasoning))
    if not call.error:
        said = Message("assistant", call.reply, call.tool_calls)
        turns.append(("reply", said.shown))
    return "\n".join(f"[{role}]\n{indented(visibly(text))}" for role, text in turns)


def _values(values: Mapping[str, Any], columns: int, before: str) -> Iterator[str]:
    for name, value in values.items():
        yield _line(f"{before}{name}", spelt(plain_data(value)), columns)


def _line(name: str, text: str, columns: int, gap: str = "  ") -> str:
    """A name and one line of text, cut where it would be too wide."""
    room = max(_LEAST_ROOM, columns - len(name) - len(gap))
    told = visibly(" ".join(text.split("\n")))
    return f"{name}{gap}{told if len(told) <= room else told[: room - 3] + '...'}"


def _time(seconds: float) -> str:
    """Seconds for people.

    >>> _time(0.01234), _time(75.5)
    ('12.3 ms', '75.50 s')
    """
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"

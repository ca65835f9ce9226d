"""The run folder: what a compile finds, as plain files that can be read as it runs.

    index.json            how it stands, and what is where; replaced in one step
    rows.jsonl            a line a row: id, digest, part, inputs and labels
    candidates/ID.json    what a candidate changes, and where it came from
    scores.jsonl          a line a cell: who, on which row, with what score
    traces/ID.jsonl       a line a row that it ran: prompts, replies, outputs

They are for people and for other programs. The compile reads none of them back, begins
them anew with each start, and goes on without them where they cannot be written. Of
sealed rows nothing but the digest stands here before the end, whose report shows those
that got worse: whoever steers a search by them would seal nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from ...pipeline.data.example import Example
from ...pipeline.errors import ArtifactError, ConfigError
from ...pipeline.ground import strictjson
from ...pipeline.ground.files import AppendLog, read_bounded, write_whole
from ...pipeline.ground.plain import plain
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.measure.row_result import RowResult, outputs_of, row_data
from ..search.candidate import Candidate, plain_slot
from ..search.task import Task

FILES: Final[Mapping[str, str]] = {
    "index.json": "how the run stands, and what is where",
    "rows.jsonl": "a line a row: id, digest, part, inputs and labels; of sealed rows "
    "id and digest alone",
    "candidates/ID.json": "what a candidate changes, and where it came from",
    "scores.jsonl": "a line a cell: candidate, row, part, score, feedback, error; of "
    "sealed rows when the run has ended",
    "traces/ID.jsonl": "a line a row that a candidate ran: prompts, replies, outputs; "
    "long texts without their middle",
    "journal.jsonl": "every answer that was paid for, and every order that was taken; "
    "the run goes on from it",
    "orders.jsonl": "what weft steer was told",
    "best.weft.json": "the best candidate so far, as a program",
    "report.html": "this index as a page, and at the end the report",
    "review.json": "at the end, the winner's answers to rows that are not sealed",
}
"""What stands in a run folder."""

_OWN: Final = [name for name in FILES if "/" not in name and name != "orders.jsonl"]
_LONGEST: Final = 8_000
"""Characters of one text in a trace."""
_MOST: Final = 2**26
"""Bytes of all traces of a run."""
PRIVATE: Final = 0o600


def require_free(folder: Path) -> None:
    """Refuse a folder that is no run's, and in which others' files have its names.

    Rows that are compiled on may stand there, and would be written over. A link gives
    its place up, and what it leads to stays whole.

    Raises:
        ConfigError: It holds such files; the message names them.
    """
    places = ((name, folder / name) for name in _OWN)
    taken = [n for n, at in places if at.is_file() and not at.is_symlink()]
    if not taken:
        return
    with contextlib.suppress(OSError, ValueError):
        index = strictjson.loads_object(read_bounded(folder / "index.json", _MOST))
        if is_dict(index.get("start")) and is_dict(index.get("files")):
            return
    raise ConfigError(
        f"the run_dir {str(folder)!r} is no run's, and holds {', '.join(taken)}, which "
        "a run would write over",
        hint="Name an empty folder, or one that is not there yet",
    )


class RunFolder:
    """The candidates, cells and rows of one compile as files; a `Follower`.

    Args:
        folder: The run's folder; it is there.
        task: The compile under way.
        differ: Says in lines what one set of parameters has that another has not.
    """

    def __init__(
        self,
        folder: Path,
        task: Task,
        differ: Callable[[Mapping[str, Any], Mapping[str, Any]], str],
    ) -> None:
        self._folder, self._task, self._differ = folder, task, differ
        self.known: dict[str, Candidate] = {}
        """Every candidate that was run or proposed, by id, in the order of meeting."""
        self._parts = _parts_of(task)
        self._sealed = list[dict[str, Any]]()
        self._traced = set[str]()
        self._bytes = self.untraced = 0
        self._before = task.program.parameters
        self._write("rows.jsonl", (_row_line(*row) for row in self._parts.values()))
        self._write("scores.jsonl", ())

    def met(self, candidates: Sequence[Candidate]) -> None:
        """Keep what each new candidate changes; who made it may be known later."""
        for candidate in candidates:
            known = self.known.get(candidate.id)
            if known is None or known.by != candidate.by:
                self.known[candidate.id] = candidate
                self._keep(candidate)

    def bought(self, cells: Sequence[tuple[str, str]]) -> None:
        """Append what new cells came to; those of sealed rows wait for the end."""
        scores = list[dict[str, Any]]()
        traces: dict[str, list[bytes]] = {}
        for who, digest in cells:
            result = self._task.cells[who, digest]
            part, row = self._parts.get(digest, ("", result.example))
            score = _score(who, part, row, result)
            if part == "sealed":
                self._sealed.append(score)
                continue
            scores.append(score)
            line = _trace_line(result)
            if self._bytes + len(line) > _MOST:
                self.untraced += 1
                continue
            self._bytes += len(line)
            traces.setdefault(who, []).append(line)
        self._append("scores.jsonl", map(_line, scores))
        for who, lines in traces.items():
            # A teacher is no candidate, and has a name of two words.
            name = f"traces/{who.replace(' ', '-')}.jsonl"
            if who in self._traced:
                self._append(name, lines)
            else:
                self._traced.add(who)
                self._write(name, lines)

    def unsealed(self) -> None:
        """Append the scores of sealed rows: they have been looked at, once."""
        self._append("scores.jsonl", map(_line, self._sealed))
        self._sealed.clear()

    def _keep(self, candidate: Candidate) -> None:
        after = candidate.apply(self._task.program).parameters
        data = {
            "id": candidate.id,
            "origin": candidate.origin,
            "by": candidate.by,
            "parent": candidate.parent,
            "size": self._task.size(candidate),
            "diff": self._differ(self._before, after).splitlines(),
            "values": {slot: plain_slot(v) for slot, v in candidate.values.items()},
        }
        self._write(f"candidates/{candidate.id}.json", [_line(data, indent=1)])

    def _write(self, name: str, lines: Iterable[bytes]) -> None:
        """A file begun anew: what had its name, a link too, stays whole."""
        path = self._folder / name
        with contextlib.suppress(OSError, ArtifactError, ValueError):
            if path.parent != self._folder:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                if path.parent.is_symlink():
                    return
            write_whole(path, b"".join(lines).decode(), PRIVATE)

    def _append(self, name: str, lines: Iterable[bytes]) -> None:
        path, new = self._folder / name, list(lines)
        if not new or path.parent.is_symlink():
            return
        with contextlib.suppress(OSError), AppendLog(path, patience=0.0) as log:
            log.append(*new)


def _parts_of(task: Task) -> dict[str, tuple[str, Example]]:
    """Every row by its digest, with the part of the split that it is in."""
    split = task.split
    parts = {"train": split.train, "select": split.select, "sealed": split.sealed}
    # A row in two parts counts as the later one: what is sealed stays so.
    return {row.digest: (part, row) for part, rows in parts.items() for row in rows}


def _row_line(part: str, row: Example) -> bytes:
    data: dict[str, Any] = {"id": row.id, "digest": row.digest, "part": part}
    if part != "sealed":
        inputs, labels = dict(row.inputs), dict(row.labels)
        data |= {"inputs": plain(inputs, repr), "labels": plain(labels, repr)}
    return _line(data)


def _score(who: str, part: str, row: Example, result: RowResult) -> dict[str, Any]:
    score = result.score
    data: dict[str, Any] = {
        "candidate": who,
        "row": row.id,
        "digest": row.digest,
        "part": part,
        "score": None if score is None else score.value,
        "calls": len(result.trace.calls),
    }
    if part == "sealed":  # feedback would tell its label
        return data
    said = "" if score is None else score.feedback
    data |= {"feedback": _cut(said), "error": _cut(result.error)}
    if score is not None and score.by:
        data["feedback_by"] = {path: _cut(text) for path, text in score.by.items()}
    return data


def _trace_line(result: RowResult) -> bytes:
    told = row_data(result, prompts=True)
    kept = ("id", "prediction", "score", "error", "prompts")
    nodes = [
        {"path": node.path, "outputs": plain(dict(node.outputs), repr)}
        for node in result.trace.nodes
    ]
    data: dict[str, Any] = {
        "digest": result.example.digest,
        **{name: told[name] for name in kept},
        "prediction": plain(outputs_of(result), repr),
        "nodes": nodes,
    }
    return _line(cast("dict[str, Any]", _bounded(data)))


def _bounded(data: object) -> object:
    """Plain data whose long texts lack their middle."""
    if isinstance(data, str):
        return _cut(data)
    if is_list(data):
        return [_bounded(part) for part in data]
    if is_dict(data):
        return {key: _bounded(value) for key, value in data.items()}
    return data


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    left = len(text) - 2 * half
    return f"{text[:half]}\n[... {left:,} characters ...]\n{text[-half:]}"


def _line(record: Mapping[str, Any], indent: int | None = None) -> bytes:
    text = json.dumps(record, ensure_ascii=False, indent=indent, default=repr)
    return f"{strictjson.escaped(text)}\n".encode()

"""Blame: which module of a program the failures of a few rows come from.

Four kinds of evidence, all of it paid for already:

- what is said: an error of a node, feedback on a module (`Score.by`), a label of a
  module's own output, feedback that names a module, or a value that it gives elsewhere
  and should have given here. Whoever was handed a wrong value is let off; the last is
  blamed where feedback calls right what it was handed. What is said of some rows weighs
  in on those of which nothing is said;
- where what was known gets lost: while modules are right, the answer that is wanted
  follows from what each hands on. Rows that a module gives one value though they want
  different answers have been mixed up there, or before: so the module is suspect whose
  output tells less of the wanted answer than what it was handed;
- what ran: a module that no failing row runs changed none of their answers, and one
  that passing rows run as well is less suspect (Ochiai's coefficient, which Abreu et
  al. 2007 locate faults by);
- contrast: two candidates that differ in one module alone, seen on the same rows, give
  that module its share (CANTANTE 2026, arXiv 2605.13295).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import plain
from ...pipeline.measure.row_result import RowResult
from ...pipeline.signature.signature import spec_of
from ...pipeline.trace import NodeRun
from .candidate import Candidate
from .task import Task, passes

_PRIOR = 0.05
"""The share that a module has before anything is known, so that none is ever out."""
_UNIQUE = 0.6
"""From this share of different values on, a value says nothing of other rows."""

Shares = dict[str, float]


def blame(task: Task, results: Sequence[RowResult]) -> Shares:
    """The share of each module in what went wrong, all of them 1 in sum.

    Args:
        task: The compile under way.
        results: Runs of one program, passing ones too: they show what is right.
    """
    failing = [result for result in results if not passes(result)]
    paths = list(task.program.modules)
    ran = {path for result in failing for path in _nodes(result)} & set(paths)
    lost, given = losses(task, results), _vocabulary(task, results)
    suspicious = _ochiai(results)
    said = [blamed(task, result, given) for result in failing]
    likely = _likely(said, ran)
    shares = {path: _PRIOR if path in ran else 0.0 for path in paths}
    for result, named in zip(failing, said, strict=True):
        here = [path for path in _nodes(result) if path in ran]
        weights = {p: named.get(p, 0.0) for p in here}
        if not any(weights.values()):
            weights = {p: lost.get(p, 0.0) * likely[p] for p in here}
        if not any(weights.values()):
            weights = {p: suspicious[p] * likely[p] for p in here}
        whole = sum(weights.values())
        for path in here:
            shares[path] += weights[path] / whole
    total = sum(shares.values())
    if not total:
        return dict.fromkeys(paths, 1 / max(1, len(paths)))
    return {path: share / total for path, share in shares.items()}


def _likely(said: Sequence[Shares], paths: set[str]) -> Shares:
    """How many rows speak against each module, and one row against all alike."""
    found = dict.fromkeys(paths, 1 / max(1, len(paths)))
    for named in said:
        whole = sum(named.values())
        for path in named.keys() & paths:
            found[path] += named[path] / whole
    return found


def blamed(
    task: Task, result: RowResult, given: Mapping[str, frozenset[str]]
) -> Shares:
    """The modules that one failing run says something against, with a weight each.

    Args:
        task: The compile under way.
        result: The run.
        given: The values that each module gives in any run.
    """
    nodes, labels = _nodes(result), result.example.labels
    feedback = result.score.feedback.casefold() if result.score else ""
    wanted = {_text(value) for value in labels.values()}
    modules = {path: m for path, m in task.program.modules.items() if path in nodes}
    called = {
        path
        for path, module in modules.items()
        if _said(feedback, {path.casefold(), module.name.casefold()})
    }
    found: Counter[str] = Counter()
    wrong: set[str] = set()
    last = next(reversed(nodes), "")
    for path, module in modules.items():
        node = nodes[path]
        names = spec_of(module.signature).outputs
        own = {name: node.outputs.get(name) for name in names}
        if node.error or (result.score and path in result.score.by):
            found[path] += 1
        # That the last one's label is missed is the failure itself, and says no more.
        inner = {} if path == last else {n: own[n] for n in own if n in labels}
        made = {_text(value) for value in own.values()}
        other = given.get(path, frozenset()) - made - wanted
        missed = any(_text(v) != _text(labels[n]) for n, v in inner.items())
        # A list of all modules, or of what one made, accuses none by its name.
        meant = called < modules.keys() and path in called
        if missed or _said(feedback, other) or (meant and not _said(feedback, made)):
            wrong.add(path)
    if last in modules and not wrong and _mistook(nodes, last, feedback, wanted):
        wrong.add(last)
    # One alone was misled by nobody, and most rows speak against none or one.
    found.update(wrong - _misled(result, wrong) if len(wrong) > 1 else wrong)
    return dict(found)


def _mistook(
    nodes: Mapping[str, NodeRun], last: str, feedback: str, wanted: set[str]
) -> bool:
    """Whether feedback gives what the last was handed, and what it should have made.

    Feedback that repeats what it made as well tells what happened, and not what is
    right.
    """
    made = {_text(value) for value in nodes[last].outputs.values()}
    before = [node for path, node in nodes.items() if path != last]
    values = {_text(value) for node in before for value in node.outputs.values()}
    handed = values & {_text(value) for value in nodes[last].inputs.values()}
    told = bool(handed) and all(_said(feedback, {value}) for value in handed)
    return told and _said(feedback, wanted) and not _said(feedback, made)


def _misled(result: RowResult, wrong: set[str]) -> set[str]:
    """Those that were handed what a wrong one made, by itself or through others.

    Their first runs tell: in a loop whoever began it gets back what it made.
    """
    ran: set[str] = set()
    spread: set[str] = set()
    found: set[str] = set()
    for node in result.trace.nodes:
        if node.kind not in ("module", "step"):
            continue
        handed = any(_key(value) in spread for value in node.inputs.values())
        if handed and node.path not in ran:
            found.add(node.path)
        if handed or node.path in wrong:
            spread |= {_key(node.outputs), *map(_key, node.outputs.values())}
        ran.add(node.path)
    return found


def _said(text: str, values: Set[str]) -> bool:
    """Whether any of some values stands in a text, as whole words."""
    return any(
        re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text)
        for value in values
        if value and value in text
    )


def losses(task: Task, results: Sequence[RowResult]) -> Shares:
    """How much less each module's output tells of the wanted answer than its input.

    On the mean of all rows, at least 0. A row is foretold from the others, so that
    values seen once tell nothing; a module whose values never repeat hands on the
    question, and shares what is lost behind it with the next.
    """
    rows = [result for result in results if result.example.labels]
    wanted = [_key(result.example.labels) for result in rows]
    most = _told(wanted, wanted)
    found: Shares = {}
    carried = most
    pending: list[str] = []
    choosing: list[str] = []
    runs = [_nodes(row) for row in rows]
    order = dict.fromkeys(path for run in runs for path in run)
    for path in (path for path in order if path in task.program.modules):
        at = [n for n, run in enumerate(runs) if path in run]
        if not any(_hands_on(rows[n], runs[n], path) for n in at):
            choosing.append(path)  # who goes on; half as suspect as whoever does
            continue
        answers = [wanted[n] for n in at]
        names = spec_of(task.program.modules[path].signature).outputs
        given = [runs[n][path].outputs for n in at]
        outs = [_key({name: made.get(name) for name in names}) for made in given]
        handed = _repeated([_handed(runs[n], path) for n in at], answers)
        told = _repeated(outs, answers)
        if all(_is_last(runs[n], path) for n in at):
            told = [most[n] if passes(rows[n]) else 0.0 for n in at]
        pending.append(path)
        if told is None:
            continue
        loss = max(0.0, _mean(handed or carried) - _mean(told))
        found |= dict.fromkeys(pending, loss / len(pending))
        for chooser in choosing:
            found[chooser] = max(found.get(chooser, 0.0), loss / len(pending) / 2)
        carried, pending = told, []
    return found


def gained_alone(task: Task) -> Shares:
    """What changing each module alone gained at the best, in mean score."""
    found: Shares = {}
    pool = [c for c in task.archive if task.scores(c, task.rows)]
    for at, one in enumerate(pool):
        for other in pool[at + 1 :]:
            paths = _changed(one, other)
            if len(paths) == 1 and (gain := task.gain(one, other)) is not None:
                (path,) = paths
                found[path] = max(abs(gain), found.get(path, 0.0))
    return found


def _changed(one: Candidate, other: Candidate) -> set[str]:
    keys = {
        key
        for key in (*one.values, *other.values)
        if one.values.get(key) != other.values.get(key)
    }
    return {key.rpartition("/")[0] for key in keys}


def _ochiai(results: Sequence[RowResult]) -> Shares:
    """How much more failing than passing runs each module took part in, in [0, 1]."""
    failed, passed = Counter[str](), Counter[str]()
    for result in results:
        (passed if passes(result) else failed).update(list(_nodes(result)))
    fails = sum(not passes(result) for result in results)
    return {
        path: count / math.sqrt(fails * (count + passed[path]))
        for path, count in failed.items()
    }


def _nodes(result: RowResult) -> dict[str, NodeRun]:
    """The last run of each module, in the order in which they ran."""
    return {node.path: node for node in result.trace.nodes if node.kind == "module"}


def _is_last(run: dict[str, NodeRun], path: str) -> bool:
    return next(reversed(run)) == path


def _hands_on(result: RowResult, run: dict[str, NodeRun], path: str) -> bool:
    """Whether what a module made in a run is the answer, or was given to another."""
    if _is_last(run, path):
        return True
    nodes = list(result.trace.nodes)
    at = max(n for n, node in enumerate(nodes) if node.path == path)
    made = {_key(value) for value in nodes[at].outputs.values()}
    made.add(_key(nodes[at].outputs))
    later = (
        value
        for node in nodes[at + 1 :]
        if node.kind in ("module", "step")
        for value in node.inputs.values()
    )
    return any(_key(value) in made for value in later)


def _handed(run: dict[str, NodeRun], path: str) -> str:
    """What other modules handed a module in a run; empty where it reads rows alone."""
    before = list(run).index(path)
    given = {
        _key(value)
        for node in list(run.values())[:before]
        for value in node.outputs.values()
    }
    inputs = {n: v for n, v in run[path].inputs.items() if _key(v) in given}
    return _key(inputs) if inputs else ""


def _repeated(keys: Sequence[str], wanted: Sequence[str]) -> list[float] | None:
    """How surely keys foretell what is wanted; None where they hardly ever repeat."""
    if not keys or not all(keys) or len(set(keys)) > max(1, _UNIQUE * len(keys)):
        return None
    return _told(keys, wanted)


def _told(keys: Sequence[str], wanted: Sequence[str]) -> list[float]:
    """For each row, how likely the others with its key make what it wants."""
    shares = Counter(wanted)
    together = Counter(zip(keys, wanted, strict=True))
    apart = Counter(keys)
    return [
        (together[key, want] - 1 + shares[want] / len(wanted)) / apart[key]
        for key, want in zip(keys, wanted, strict=True)
    ]


def _vocabulary(task: Task, results: Sequence[RowResult]) -> dict[str, frozenset[str]]:
    """The values that each module gave in any run, or may give, in small letters."""
    found: dict[str, set[str]] = {}
    for result in (*results, *task.cells.values()):
        for path, node in _nodes(result).items():
            made = found.setdefault(path, set())
            made |= {_text(value) for value in node.outputs.values()}
    for path, module in task.program.modules.items():
        fields = spec_of(module.signature).outputs.values()
        known = {_text(choice) for field in fields for choice in field.choices}
        found[path] = found.get(path, set()) | known
    return {path: frozenset(values - {""}) for path, values in found.items()}


def _text(value: Any) -> str:
    return value.casefold() if isinstance(value, str) else _key(value)


def _key(value: Any) -> str:
    return strictjson.canonical(plain(value, repr))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0

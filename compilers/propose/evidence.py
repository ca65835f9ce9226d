"""Evidence: what a writer is shown of solved examples, of failures and of passes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from ...pipeline.errors import BudgetExceeded
from ...pipeline.ground import strictjson
from ...pipeline.ground.plain import plain
from ...pipeline.ground.shapes import is_sequence
from ...pipeline.measure.decisions.answers import class_of, classes_of, wanted_of
from ...pipeline.measure.row_result import RowResult
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.spec import Spec
from ..search.candidate import Candidate
from ..search.task import Task, passes
from .proposer import EVIDENCE_BLOCK, Case
from .rows import demos_of, labelled, ordered

MOST_CHARS = 16_000
_SHARE = 0.1
"""What a run for more evidence may take of the calls left, where there is some."""
_CUT = "[...]"
_OFTEN, _PAIRS, _EXAMPLES = 3, 3, 2
MIXED_UP = FieldSpec(
    "mixed_up",
    "input",
    list[dict[str, Any]],
    "choices that are taken for others, how often, and rows of each; say what tells "
    "them apart",
)
"""What a writer is shown besides where choices are mixed up; else it is not asked."""


class Seen(NamedTuple):
    """Results on training rows."""

    failing: list[RowResult]
    passing: list[RowResult]

    @classmethod
    def of(cls, results: Sequence[RowResult]) -> Seen:
        """Results, parted."""
        return cls(
            [result for result in results if not passes(result)],
            [result for result in results if passes(result)],
        )


async def seen_by(task: Task, candidate: Candidate, failures: int, most: int) -> Seen:
    """Run a candidate on training rows until enough of them fail.

    What is paid for already comes first; where some of it fails, more is bought only
    for a small part of what is left. Where the ledger ends, what was seen counts.
    """
    rows = ordered(task.split.train, task.rng("evidence", candidate.id))
    rows.sort(key=lambda row: task.result(candidate, row) is None)
    seen = Seen([], [])
    start = 0
    while start < min(most, len(rows)) and len(seen.failing) < failures:
        reach = task.rows_in_reach(1, min(EVIDENCE_BLOCK, most - start))
        block = rows[start : start + reach]
        unpaid = [row for row in block if task.result(candidate, row) is None]
        dear = len(unpaid) * task.allowance.a_row > _SHARE * task.room()
        if not block or (seen.failing and unpaid and dear):
            break
        start += len(block)
        try:
            fresh = Seen.of(await task.observe(candidate, block, "bootstrap"))
        except BudgetExceeded:
            break
        seen = Seen(seen.failing + fresh.failing, seen.passing + fresh.passing)
    return seen


def case_of(result: RowResult, path: str) -> Case | None:
    """One run of a module as a writer is shown it; None where it did not run.

    What the metric says of this module stands beside what it says of the whole; what
    it says of other modules is for them.
    """
    node = next((n for n in reversed(result.trace.nodes) if n.path == path), None)
    if node is None:
        return None
    case: Case = {
        "inputs": dict(node.inputs),
        "outputs": dict(node.outputs),
        "wanted": {n: plain(v, repr) for n, v in result.example.labels.items()},
        "score": 0.0 if result.score is None else result.score.value,
    }
    final = plain(result.prediction, repr)
    if final not in (node.outputs, None):
        case["final result"] = final
    score = result.score
    said = node.error or result.error or (score.feedback if score else "")
    if said:
        case["feedback"] = _told(said)
    if score is not None and (own := score.by.get(path)):
        case["feedback on this module"] = _told(own)
    return case


def mixed_up_in(
    results: Sequence[RowResult], spec: Spec, path: str, shown: Sequence[Case]
) -> list[Case]:
    """Choices that a module takes for others, those most often mixed up first.

    Only what is wrong in three rows or more counts: two may be chance. Outputs count
    that are choices and have a label of their name.

    Args:
        results: What was seen of the module.
        spec: What it writes.
        path: Where it stands in the program.
        shown: Cases that the writer is shown anyway; other rows are taken if there are.

    Returns:
        At most three pairs, each with its count and two of its rows.
    """
    found: list[tuple[int, Case]] = []
    for name, field in spec.outputs.items():
        if not classes_of(field):
            continue
        rows: dict[tuple[str, str], list[Case]] = {}
        for result in results:
            case, label = case_of(result, path), result.example.labels.get(name)
            if case is None or label is None or name not in case["outputs"]:
                continue
            accepted = label if is_sequence(label) else [label]
            wanted = [wanted_of(field, one) for one in accepted] or [""]
            given = class_of(case["outputs"][name])
            if given not in wanted:
                rows.setdefault((wanted[0], given), []).append(case)
        for (right, taken), some in rows.items():
            if len(some) < _OFTEN:
                continue
            some.sort(key=lambda case: case in shown)
            said: Case = {"output": name, "label": right, "taken_for": taken}
            said["times"] = len(some)
            said["rows"] = [_outline(case) for case in some[:_EXAMPLES]]
            found.append((len(some), said))
    found.sort(key=lambda pair: (-pair[0], pair[1]["label"], pair[1]["taken_for"]))
    return within([case for _, case in found[:_PAIRS]])


def _outline(case: Case) -> Case:
    return {key: case[key] for key in ("inputs", "outputs", "wanted")}


def cases(
    results: Sequence[RowResult], path: str, count: int, rng: random.Random
) -> list[Case]:
    """A seeded draw of cases of one module, as many as fit into a request."""
    found = [case for r in results if (case := case_of(r, path)) is not None]
    return within(rng.sample(found, min(count, len(found))))


def solved_examples(
    task: Task, path: str, count: int, rng: random.Random
) -> list[Case]:
    """Solved cases of one module as plain data, labelled rows or passing traces."""
    module = task.program.modules[path]
    demos = labelled(task, module, count, rng, set(), [])
    if not demos:
        train = {row.digest for row in task.split.train}
        cells = [r for (_, row), r in sorted(task.cells.items()) if row in train]
        traces = [demos_of(cell, task.program) for cell in cells if task.lends(cell)]
        demos = [found[path] for found in traces if path in found]
        rng.shuffle(demos)
    roles = {"inputs": module.spec.inputs, "outputs": module.spec.outputs}
    return within(
        [
            {
                role: {n: demo.values[n] for n in names if n in demo.values}
                for role, names in roles.items()
            }
            for demo in demos[:count]
        ]
    )


def _told(words: str) -> str:
    """The beginning of what was said; half a character is escaped: no prompt has it."""
    return strictjson.escaped(words[:500])


def within(examples: list[Case]) -> list[Case]:
    """The first examples that fit into one request.

    One that no request has room for is shown with the middle of its texts cut out.
    """
    kept: list[Case] = []
    chars = 0
    for example in map(_fitting, examples):
        chars += len(strictjson.dumps(example))
        if chars > MOST_CHARS:
            break
        kept.append(example)
    return kept


def _fitting(example: Case) -> Case:
    """An example; a quarter of a request where it is longer than a whole one."""
    made, most = example, MOST_CHARS
    if len(strictjson.dumps(example)) > MOST_CHARS:
        while len(strictjson.dumps(made)) > MOST_CHARS // 4 and most > len(_CUT):
            most //= 2
            made = {key: _cut(value, most) for key, value in example.items()}
    return made


def _cut(value: Any, most: int) -> Any:
    """A value whose every text keeps both ends, and at most so many characters."""
    if isinstance(value, str) and len(value) > most:
        return f"{value[: most // 2]} {_CUT} {value[len(value) - most // 2 :]}"
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _cut(item, most) for key, item in items}
    if isinstance(value, list | tuple):
        return [_cut(item, most) for item in cast("Sequence[Any]", value)]
    return value

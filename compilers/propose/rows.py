"""Training rows for proposers: which fit a module, in which order, shown as demos."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...pipeline.data.rows import Example
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.ground import strictjson
from ...pipeline.ground.equations import false_equations
from ...pipeline.ground.plain import plain
from ...pipeline.ground.shapes import is_dict, is_list
from ...pipeline.measure.row_result import RowResult
from ...pipeline.parameters import Demo
from ...pipeline.reading.cells import cell_data
from ...pipeline.signature.signature import spec_of
from ...pipeline.trace import NodeRun
from ..search.task import Task
from ..search.teacher import is_handy, lesson


def left_out(task: Task, rng: random.Random) -> set[str]:
    """Ids of a third of the training rows, so that no row is in every draw of demos.

    Without it the only row of a rare label would be, however wrong it is.
    """
    ids = sorted(row.id for row in task.split.train)
    return set(rng.sample(ids, len(ids) // 3))


def labelled(
    task: Task,
    module: Module[..., Any],
    count: int,
    rng: random.Random,
    taken: set[str],
    beside: Sequence[Demo],
    *,
    natural: bool = False,
) -> list[Demo]:
    """Labelled demos for one module, the values shown least so far first.

    `taken` are ids of rows that are shown already, `beside` demos that count as shown.
    With `natural` the values have the shares that they have in the rows instead.
    """
    rows = [r for r in task.split.train if r.id not in taken and fits(module, r)]
    rng.shuffle(rows)
    if natural:
        picked = [demo_of_row(module, row) for row in _in_shares(rows)[:count]]
        rng.shuffle(picked)
        return picked
    outputs = list(spec_of(module.signature).outputs)
    shown = Counter(_value_key(demo.values, outputs) for demo in beside)
    groups: dict[str, list[Example]] = {}
    for row in rows:
        groups.setdefault(_value_key(row.labels, outputs), []).append(row)
    order = list(groups)
    picked = list[Demo]()
    while len(picked) < count and groups:
        key = min(groups, key=lambda k: (shown[k], order.index(k)))
        row = groups[key].pop()
        if not groups[key]:
            del groups[key]
        shown[key] += 1
        picked.append(demo_of_row(module, row))
    rng.shuffle(picked)
    return picked


def ordered(rows: Sequence[Example], rng: random.Random) -> list[Example]:
    """Rows in a seeded order in which the labels take turns."""
    shuffled = sorted(rows, key=lambda row: row.digest)
    rng.shuffle(shuffled)
    return _by_turns(shuffled, lambda turn, _: turn)


def proportional(rows: Sequence[Example], rng: random.Random) -> list[Example]:
    """Rows in a seeded order whose every beginning holds the labels in their shares."""
    return _in_shares(ordered(rows, rng))


def _in_shares(rows: Sequence[Example]) -> list[Example]:
    return _by_turns(rows, lambda turn, of: (turn + 0.5) / of)


def _by_turns(
    rows: Sequence[Example], place: Callable[[int, int], float]
) -> list[Example]:
    """Rows by the place of each among so many of its labels."""
    groups: dict[str, list[Example]] = {}
    for row in rows:
        groups.setdefault(_value_key(row.labels, list(row.labels)), []).append(row)
    places = [
        (place(turn, len(group)), number, row)
        for number, group in enumerate(groups.values())
        for turn, row in enumerate(group)
    ]
    return [row for _, _, row in sorted(places, key=lambda found: found[:2])]


def labels_say_all(task: Task) -> bool:
    """Whether a labelled demo of each module holds all that a trace of it would."""
    return all(
        shows_all(module) and any(fits(module, row) for row in task.split.train)
        for module in task.program.modules.values()
    )


def shows_all(module: Module[..., Any]) -> bool:
    """Whether a module has no outputs but its signature's, such as reasoning."""
    return set(module.spec.outputs) <= set(spec_of(module.signature).outputs)


def fits(module: Module[..., Any], row: Example) -> bool:
    """Whether a row holds a module's inputs and its own outputs, of their types."""
    try:
        demo_of_row(module, row)
    except (KeyError, ValueError):
        return False
    return is_handy(demo_of_row(module, row))


def demo_of_row(module: Module[..., Any], row: Example) -> Demo:
    """A row with its labels as a demo, each cell as its field's type reads it.

    An input that the row lacks has its default, as in a call; so has an output, as in a
    reply that leaves it out, where the row labels another one.

    Raises:
        KeyError: The row lacks a field.
        ValueError: A cell is not of its field's type.
    """
    spec = spec_of(module.signature)
    known = {**row.inputs, **row.labels}
    known |= spec.defaults_beside(
        known, labelled=not spec.outputs.keys().isdisjoint(known)
    )
    values = {f.name: cell_data(f, known[f.name]) for f in spec.fields}
    # A data URL becomes a digest, and here is its data until the demo holds it.
    media = {f: f.check(known[f.name]) for f in spec.fields if f.media}
    values |= {f.name: f.dump(value) for f, value in media.items()}
    return Demo(values, row.id, "labelled")


def _value_key(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return strictjson.canonical([plain(values.get(name)) for name in names])


def demos_of(
    result: RowResult, program: Program[..., Any], turn: int = 0
) -> dict[str, Demo]:
    """A passing row's trace as one demo a module path.

    Of a module that ran several times the last run counts; of one that was given
    something else each time, as an agent's step is, the one `turn` before it, round and
    round. The trace may be another program's; what fits no module of this one is left
    out, and so is an answer that was tried and not taken, or holds a false equation.
    """
    found: dict[str, dict[str, Demo]] = {}
    runs_at = {node.order: node for node in result.trace.nodes}
    for node in result.trace.nodes:
        module = program.modules.get(node.path)
        if node.kind != "module" or module is None or _not_taken(node, module, runs_at):
            continue
        if not node.error:
            values = {**node.inputs, **node.outputs}
            demo = lesson(module, Demo(values, result.example.id, "bootstrap"))
            if demo is not None and not _miscounts(node):
                runs = found.setdefault(node.path, {})
                key = _value_key(node.inputs, list(module.spec.inputs))
                runs.pop(key, None)
                runs[key] = demo
    taken = {path: [*runs.values()][::-1] for path, runs in found.items()}
    return {path: demos[turn % len(demos)] for path, demos in taken.items()}


def _miscounts(node: NodeRun) -> bool:
    """Whether an equation in what a module wrote is false, right as the answer may be.

    A model copies a demo's reasoning, its mistakes too.
    """
    return any(map(false_equations, _written(list(node.outputs.values()))))


def _written(values: Sequence[Any]) -> Iterator[str]:
    """The texts in plain data."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif is_list(value):
            yield from _written(value)
        elif is_dict(value):
            yield from _written([*value.values()])


def _not_taken(
    node: NodeRun, module: Module[..., Any], runs_at: Mapping[tuple[int, ...], NodeRun]
) -> bool:
    """Whether a module around one asked it the same, and gave another answer.

    As a vote that was lost, or an answer that failed a check.
    """
    for length in range(1, len(node.order)):
        outer = runs_at.get(node.order[:length])
        if outer is None or outer.kind != "module":
            continue
        asked = node.inputs.items() >= outer.inputs.items()
        own = spec_of(module.signature).outputs
        given = [n for n in own if n in outer.outputs and n in node.outputs]
        if asked and any(outer.outputs[n] != node.outputs[n] for n in given):
            return True
    return False

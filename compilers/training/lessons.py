"""What a module is trained on: its requests on rows, and the replies that are wanted.

A request is rendered as it will be sent, with the words in it, and the reply is written
as the adapter writes demos. Where rows label all that a module gives, no run is needed;
elsewhere runs that pass lend what they gave.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from ...pipeline.adapters import adapter_of
from ...pipeline.adapters.words import demos_fenced, without_words
from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Module
from ...pipeline.lm.form import Form
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.lm.models import LM
from ...pipeline.lm.soft.words import Soft
from ...pipeline.lm.white.lessons import Lesson
from ...pipeline.lm.white.weights import WhiteModel
from ...pipeline.parameters import Demo
from ...pipeline.run.prompt import rendered_for, request_for
from ...pipeline.run.scoring.choices import continued
from ...pipeline.run.settings import current
from ..propose.rows import demo_of_row, demos_of, fits, ordered, shows_all
from ..search.candidate import Candidate
from ..search.scoring import cross_fitted
from ..search.task import Task

SOURCES: Final = ("labels", "traces")
"""What replies are learnt: those of labels, or those of runs that pass."""


class Trained(NamedTuple):
    """A module that can be trained.

    Args:
        path: Its path.
        lm: Who answers it.
        model: The weights that run here.
        form: The form that it is asked in.
        slot: What is changed.
    """

    path: str
    lm: LanguageModel
    model: WhiteModel
    form: Form
    slot: str


def trained_in(task: Task, parent: Candidate, only: str, slot: str) -> list[Trained]:
    """The modules that a compile may train, in the order of the program.

    Args:
        task: The compile.
        parent: Whose models are asked.
        only: The path of the one module that is wanted; empty for all.
        slot: What is changed; a module whose slot `keep=` protects is left out. Where
            a template shows no instruction, the template is changed in its place.

    Raises:
        ConfigError: No module asks a model that runs in this process.
    """
    runtime, found = current(), list[Trained]()
    hidden = task.keeping.unshown(parent)
    for path, module in parent.apply(task.program).modules.items():
        lm = runtime.model_of(path, module)
        model = lm.weights if isinstance(lm, LM) else None
        if not isinstance(model, WhiteModel) or only not in ("", path):
            continue
        form = runtime.form_for(module.parameters.adapter, lm, module.spec)
        changed = "adapter" if f"{path}/{slot}" in hidden else slot
        if task.keeping.may(f"{path}/{changed}", parent):
            found.append(Trained(path, lm, model, form, changed))
    if not found:
        raise ConfigError(
            f"no module of {task.program.name!r} that may change asks a model whose "
            "weights are in this process",
            hint='Write weft.use(lm=weft.LM("torch/PATH.gguf")), or lm= of the module',
        )
    return found


async def lessons_for(
    task: Task,
    parent: Candidate,
    one: Trained,
    soft: Soft | None,
    most: int,
    source: str = SOURCES[0],
) -> list[Lesson]:
    """Lessons for a module, in a seeded order in which the labels take turns.

    A row that the prompt shows as a demo is no lesson, and of a pool of demos each row
    is shown the half that it is not in.

    Args:
        task: The compile.
        parent: The program that is trained.
        one: The module.
        soft: The words that will stand in its prompt, with whatever numbers.
        most: How many rows at the most.
        source: "labels", or "traces" for runs alone: of the teacher where there is one.

    Raises:
        ConfigError: Neither labels nor runs say what it should give.
    """
    module = parent.apply(task.program).modules[one.path]
    rows = ordered(task.split.train, task.rng("lessons"))
    shown = set[str]() if module.parameters.nearest else _sources(module)
    rows = [row for row in rows if row.id not in shown]
    found: list[Demo] = []
    if source == SOURCES[0] and shows_all(module):
        found = [demo_of_row(module, row) for row in rows if fits(module, row)]
    if not found:
        reach = task.rows_in_reach(1, min(most, len(rows)))
        results = await task.taught(parent, rows[:reach])
        lent = (demos_of(r, task.program) for r in results if task.lends(r))
        found = [demos[one.path] for demos in lent if one.path in demos]
    if not found:
        raise ConfigError(
            f"{one.path!r} cannot be trained: "
            + (
                "no row labels all that it gives, and no run passed"
                if source == SOURCES[0]
                else "no run passed"
            ),
            hint="Give rows with labels of its outputs, or teacher=, or passing=; or "
            "train another module alone, by module=",
        )
    by_id = {row.id: row for row in rows}
    program = parent.apply(task.program)
    made: list[Lesson] = []
    for demo in found[:most]:
        row = by_id.get(demo.source)
        fitted = program if row is None else cross_fitted(program, row)
        module = fitted.modules[one.path]
        made.append(lesson_of(module, one.lm, demo, soft, one.form))
    return made


def lesson_of(
    module: Module[..., Any],
    lm: LanguageModel,
    demo: Demo,
    soft: Soft | None,
    form: Form | None = None,
) -> Lesson:
    """A solved case as the request that a module would send, and the reply wanted.

    Args:
        module: The module.
        lm: Whom it asks.
        demo: The case.
        soft: The words that stand in the request.
        form: The form of the request, whose template may hold the words itself; None
            for the module's own.
    """
    runtime, spec = current(), module.spec
    form = form or runtime.form_for(module.parameters.adapter, lm, spec)
    parameters = replace(module.parameters, soft=soft)
    inputs = {
        name: field.shown(field.load(demo.values[name]))
        for name, field in spec.inputs.items()
        if name in demo.values
    }
    told = parameters
    if soft is not None and soft.text in form.template:
        told, inputs = replace(demos_fenced(told), soft=None), without_words(inputs)
    rendered = rendered_for(form, module.told, told, inputs, lm)
    adapter = adapter_of(form)
    wanted = [f for name, f in spec.outputs.items() if name in demo.values]
    reply = adapter.write(wanted, demo.values, rendered.fence)
    if rendered.around is not None:
        reply = rendered.around.head + reply
    elif rendered.continues:
        reply = continued(rendered.messages[-1].text, reply)
    return Lesson(request_for(lm, parameters, rendered, runtime), reply)


def _sources(module: Module[..., Any]) -> set[str]:
    return {demo.source for demo in module.parameters.demos}

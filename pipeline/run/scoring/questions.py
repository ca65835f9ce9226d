"""A module's outputs as questions for an endpoint made for decisions: one request.

Such an endpoint renders its own prompt. What stands in a module's own goes there by
its meaning: the inputs are what is judged; the instruction with what stands below it,
what is said of the output and the demos are each question's instructions; what is said
of a choice stays with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

from ...adapters.demos import nearest_demos
from ...adapters.plain import PlainAdapter
from ...adapters.prompt import told as task_of
from ...errors import ConfigError, ProtocolError
from ...graph.module import Module
from ...ground import strictjson
from ...lm.abilities import abilities_of
from ...lm.lm import SAMPLING, LanguageModel
from ...lm.request import JSON, Message, Request
from ...lm.scoring.likelihoods import Likelihoods
from ...lm.scoring.questions import (
    MOST_LEVELS,
    WIRES,
    Kind,
    Question,
    Questions,
    Wire,
    answers_in,
)
from ...parameters import Demo
from ...signature.field import FieldSpec
from ...signature.note import note_name
from ...signature.signature import spec_of
from ...signature.spec import Spec
from ..context import Asked, Context, timed

_PLAIN: Final = PlainAdapter()


def wire_to(by: str, lm: LanguageModel) -> Wire | None:
    """The endpoint for decisions that a model is asked at, or None.

    Raises:
        ConfigError: It is asked for by name, and known not to be there.
    """
    able = abilities_of(lm)
    for wire in WIRES:
        has = None if able is None else getattr(able, wire)
        if by == wire and has is False:
            raise ConfigError(
                f"{lm.model!r} at {lm.endpoint!r} has no /{wire}",
                hint='Leave it out, or by="top", which reads replies',
            )
        if by == wire or (by == "auto" and has):
            return wire
    return None


def questions_for(
    module: Module[..., object],
    wire: Wire,
    choices: Mapping[str, Mapping[str, JSON]],
    inputs: Mapping[str, JSON],
) -> Questions:
    """What a module asks, as questions.

    Args:
        module: What is asked.
        wire: Where.
        choices: The values of each output, by what they are called.
        inputs: Input values as plain data, for demos that are chosen by them.
    """
    spec, own = spec_of(module.told), module.parameters
    demos = own.demos
    if own.nearest:
        demos = nearest_demos(spec, demos, own.nearest, inputs)
    task = task_of(_PLAIN.write, spec, own, "")
    return Questions(
        wire,
        tuple(
            _question(field, choices[field.name], task, spec, demos)
            for field in spec.outputs.values()
        ),
    )


def _question(
    field: FieldSpec,
    choices: Mapping[str, JSON],
    instruction: str,
    spec: Spec,
    demos: tuple[Demo, ...],
) -> Question:
    names, kind = [*choices], _kind_of(choices)
    if kind == "score":
        names.sort(key=lambda name: cast(int, choices[name]))
    told = f"{field.name}: {field.description}" if field.description else field.name
    shown = [
        f"{_data_of(spec, demo.values)} -> {_called(demo.values[field.name], choices)}"
        for demo in demos
        if field.name in demo.values
    ]
    examples = ["", "Examples:", *shown] if shown else []
    said = {note.name: note.text for note in field.notes}
    return Question(
        field.name,
        kind,
        "\n".join([instruction, "", told, *examples]),
        tuple(names),
        tuple(said.get(note_name(name), "") for name in names),
    )


def _kind_of(choices: Mapping[str, JSON]) -> Kind:
    if {*map(type, choices.values())} == {bool}:
        return "bool"
    numbers = all(type(value) is int for value in choices.values())
    return "score" if numbers and len(choices) <= MOST_LEVELS else "choice"


def _called(value: JSON, choices: Mapping[str, JSON]) -> str:
    same = (name for name, one in choices.items() if one == value)
    return next(same, strictjson.dumps(value))


def _data_of(spec: Spec, values: Mapping[str, JSON]) -> str:
    """Input values as a model reads them: one text by itself, several as an object."""
    held = {name: values[name] for name in spec.inputs if name in values}
    only = next(iter(held.values())) if len(spec.inputs) == len(held) == 1 else held
    return strictjson.as_text(only)


def question_request(
    module: Module[..., object],
    lm: LanguageModel,
    questions: Questions,
    inputs: Mapping[str, JSON],
    sample: int,
) -> Request:
    """The request that asks them all.

    Nothing is drawn, so no sampling option is sent; further fields of the body are.
    """
    given = {**lm.sampling, **module.parameters.sampling}
    return Request(
        lm.model,
        (Message("user", _data_of(spec_of(module.told), inputs)),),
        {name: value for name, value in given.items() if name not in SAMPLING},
        endpoint=lm.endpoint,
        sample=sample,
        questions=questions,
    )


async def answered(
    request: Request, lm: LanguageModel, context: Context, asked: Asked, who: str
) -> dict[str, Likelihoods | None]:
    """What the endpoint says of each question; None where the model declined it.

    Raises:
        ModelError: The call failed, or the answer is none to these questions.
        BudgetExceeded: The call does not fit the budget.
    """
    response = await timed(request, lm, context, asked, None, who)
    try:
        return answers_in(response.text, cast(Questions, request.questions))
    except ValueError as error:
        raise ProtocolError(
            f"the answer of {lm.model!r} is no decision: {error}",
            hint='A fake answers with JSON: {"label": {"yes": 0.75, "no": 0.25}}',
            model=lm.model,
        ) from None


def in_order(found: Likelihoods, choices: Mapping[str, JSON]) -> Likelihoods:
    """Likelihoods in the order of the type."""
    of = {one.answer: one for one in found.of}
    return replace(found, of=tuple(of[name] for name in choices))

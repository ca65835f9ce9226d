"""Results: read as plain mappings, and what they are as fields of a signature."""

from __future__ import annotations

from typing import Any, cast, get_origin

from ..errors import CallError
from ..ground.words import brief
from .field import FieldSpec
from .forms import make_signature
from .signature import Signature, dump_values, spec_of, values_of
from .spec import Spec
from .types import choices_of, other_than_none, plain_type


def inputs_of(result: Signature) -> dict[str, Any]:
    r"""What the call was given that a result came of, by name; defaults are there too.

    Args:
        result: What a call of a module gave. What `parse` made of a text has no inputs.

    Raises:
        CallError: It is no such result.

    >>> import weft
    >>> triage = weft.Predict("message -> team")
    >>> with weft.use(lm=weft.ScriptedLM(["[[ team ]]\ncards"]), cache=None):
    ...     result = triage(message="my card")
    >>> weft.inputs_of(result), dict(result)
    ({'message': 'my card'}, {'team': 'cards'})
    """
    inputs = _spec_of_result(result, "inputs_of").inputs
    return {n: value for n, value in values_of(result).items() if n in inputs}


def to_dict(result: Signature) -> dict[str, Any]:
    r"""A result's outputs by name, as plain data that `json.dumps` takes.

    `dict(result)` has the values themselves: dates, enums and models stay these.

    Args:
        result: What a call of a module gave.

    Raises:
        CallError: It is no such result.

    >>> import weft
    >>> said = weft.Predict("day -> date: date").parse("[[ date ]]\n2026-11-30")
    >>> weft.to_dict(said)
    {'date': '2026-11-30'}
    """
    outputs = _spec_of_result(result, "to_dict").outputs
    return {n: value for n, value in dump_values(result).items() if n in outputs}


def _spec_of_result(result: object, who: str) -> Spec:
    if isinstance(result, Signature):
        return spec_of(type(result))
    raise CallError(
        f"{who} takes what a call of a module gave, and not {brief(repr(result))}",
        hint="Give the result itself; of a program's run it is .value",
    )


def last_type(kind: Any) -> Any:
    """The type of what is given last, without None; of choices, that of the first.

    Args:
        kind: What a call gives: a signature, or the type of a bare value.

    >>> last_type(float | None), last_type(list[str])
    (<class 'float'>, <class 'list'>)
    """
    if isinstance(kind, type) and issubclass(kind, Signature):
        kind = [*spec_of(kind).outputs.values()][-1].annotation
    kind = plain_type(other_than_none(kind) or kind)
    choices = choices_of(kind)
    return cast(Any, type(choices[0])) if choices else get_origin(kind) or kind


def signature_of_result(
    name: str,
    inputs: tuple[FieldSpec, ...],
    result: Any,
    taken: str = "",
    instruction: str = "",
) -> type[Signature]:
    """The signature of something with typed inputs that gives a value.

    Args:
        name: What it is called.
        inputs: Its inputs.
        result: The type of what it gives: a signature, whose outputs these are, or any
            other, which is one output.
        taken: What that one output is called, where no input is; `result` else.
        instruction: What it does, in words.

    Raises:
        SignatureError: It gives a field of the name of an input, or what no field is.

    >>> question = FieldSpec("question", "input", str)
    >>> made = signature_of_result("qa", (question,), int, "answer")
    >>> list(spec_of(made).outputs)
    ['answer']
    """
    if isinstance(result, type) and issubclass(result, Signature):
        outputs = tuple(spec_of(result).outputs.values())
    else:
        names = {field.name for field in inputs}
        free = (one for one in (taken, "result", f"{name}_result") if one not in names)
        called = next(one for one in free if one.isidentifier())
        outputs = (FieldSpec(called, "output", result),)
    return make_signature((*inputs, *outputs), instruction, name=name)

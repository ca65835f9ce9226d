"""Results read as plain mappings: what a call was given, and what it gave."""

from __future__ import annotations

from typing import Any

from ..errors import CallError
from ..ground.words import brief
from .signature import Signature, dump_values, spec_of, values_of
from .spec import Spec


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

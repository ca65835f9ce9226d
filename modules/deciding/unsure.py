"""What is given in place of a decision that is unsure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Module
from ...pipeline.ground import strictjson
from ...pipeline.lm.request import JSON
from ...pipeline.lm.scoring.decision import Decision
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.signature import Signature, make_value, values_of
from .rule import Rule


def require_otherwise(field: FieldSpec, rule: Rule) -> None:
    """Refuse what the output's type does not allow.

    Raises:
        ConfigError: `otherwise` is no value of the output.
    """
    if rule.otherwise is None:
        return
    try:
        _value(field, rule.otherwise)
    except (TypeError, ValueError):
        raise ConfigError(
            f"Rule: otherwise={rule.otherwise!r} is no value of {field.name!r}, which "
            f"is {field.wanted}",
            hint=f"Declare the output as one that may be it: {field.name}: ... | None, "
            'with otherwise="null"',
        ) from None


def given_instead(
    module: Module[..., Any],
    rules: Mapping[str, Rule],
    decided: Mapping[str, Decision],
) -> dict[str, Any]:
    """Values by output, of those whose decision is unsure and whose rule says so."""
    outputs = module.spec.outputs
    told = {
        name: rules[name].otherwise for name, made in decided.items() if made.unsure
    }
    return {
        name: _value(outputs[name], called)
        for name, called in told.items()
        if called is not None
    }


def replaced(answer: Any, instead: Mapping[str, Any]) -> Any:
    """An answer with other values of some outputs; of one alone, another value."""
    if not instead:
        return answer
    if not isinstance(answer, Signature):
        return next(iter(instead.values()))
    return make_value(type(answer), {**values_of(answer), **instead})


def _value(field: FieldSpec, called: str) -> Any:
    """The value of that name: a choice, or what its JSON says.

    Raises:
        ValueError: There is none.
        TypeError: It is of another type.
    """
    named: dict[str, JSON] = {
        strictjson.as_text(one): one for one in (*field.options, None)
    }
    return field.load(named[called] if called in named else strictjson.loads(called))

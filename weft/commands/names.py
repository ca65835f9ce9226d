"""What the other words mean: metrics, compilers, settings, inputs, models.

Strings stop here: behind this file there are functions, settings and values.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Generator, Sequence
from typing import Any, cast

from .. import compilers, metrics
from ..compilers.recipe import Compiler
from ..pipeline.data.example import Example, require_rows
from ..pipeline.data.rows import read_rows
from ..pipeline.errors import CallError, ConfigError, ParseError, did_you_mean
from ..pipeline.graph.program import Program
from ..pipeline.ground import strictjson
from ..pipeline.lm.models import LM
from ..pipeline.measure.metrics import Metric
from ..pipeline.run.settings import Options, use
from .targets import object_named

_METRICS = ("exact", "f1", "contains", "choice", "numeric", "set_match", "fields")
_MEANT = {
    **dict.fromkeys(("accuracy", "em", "exact_match", "match"), "Write exact:FIELD"),
    **dict.fromkeys(("f1_score", "precision", "recall"), "Write f1:FIELD"),
    **dict.fromkeys(("mae", "mse"), "Write numeric:FIELD"),
}
_KINDS: dict[type[Any], str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
}


def metric_named(text: str) -> Metric:
    """The metric of `exact:team`, `fields:team,urgency`, or of the user's own.

    Raises:
        ConfigError: It is neither, or no function.
    """
    head, _, rest = text.partition(":")
    built_in = head.replace("-", "_")
    if built_in not in _METRICS:
        return _own_metric(text, built_in)
    names = [name.strip() for name in rest.split(",") if name.strip()]
    if not names or (len(names) > 1 and built_in != "fields"):
        raise ConfigError(
            f"the metric {text!r} needs the name of one output field",
            hint=f"Write {head}:answer, or fields:team,urgency for several",
        )
    return cast(Metric, getattr(metrics, built_in)(*names))


def _own_metric(text: str, near: str) -> Metric:
    try:
        found = object_named(text)
    except ConfigError:
        if ".py" in text:
            raise
        known = [name.replace("_", "-") for name in _METRICS]
        meant = _MEANT.get(near) or did_you_mean(near.replace("_", "-"), known)
        raise ConfigError(
            f"there is no metric {text!r}",
            hint=f"{meant}. Write exact:FIELD, or your own function as file.py:name"
            if meant.startswith("Known")
            else meant,
        ) from None
    if callable(found):
        return cast(Metric, found)
    raise ConfigError(
        f"{text!r} is no function of (example, prediction)",
        hint="Name a function that returns a number in [0, 1], or write exact:FIELD",
    )


def compiler_named(name: str, options: Sequence[str]) -> Compiler:
    """A compiler by its name in kebab case, with its settings.

    Args:
        name: Such as "bootstrap-few-shot".
        options: Settings as "demos=16".

    Raises:
        ConfigError: There is no such compiler or setting, or a value has another type.
    """
    known = known_compilers()
    if name not in known:
        raise ConfigError(
            f"there is no compiler {name!r}; there are {', '.join(known)}",
            hint=did_you_mean(name, known),
        )
    kind = known[name]
    pairs = [pair(option, "--option demos=16") for option in options]
    values = {key: _setting(kind, key, text) for key, text in pairs}
    return kind(**values)


def known_compilers() -> dict[str, type[Compiler]]:
    """The named compilers, by their names in kebab case."""
    found = (getattr(compilers, name) for name in compilers.__all__)
    kinds = [kind for kind in found if isinstance(kind, type)]
    return {
        _kebab(kind.__name__): kind
        for kind in kinds
        if issubclass(kind, Compiler) and kind is not Compiler
    }


def inputs_from(program: Program[..., Any], texts: Sequence[str]) -> dict[str, Any]:
    """Inputs written as "name=value": text as it is, other types as JSON.

    Raises:
        CallError: A name is unknown or missing, or a value cannot be read.
    """
    given = dict(pair(text, '--set message="..."') for text in texts)
    program.inputs.check_names(given, program.name)
    values: dict[str, Any] = {}
    for name, text in given.items():
        field = program.inputs.inputs[name]
        try:
            values[name] = text if field.plain else field.read(text).value
        except ParseError as error:
            raise CallError(
                f"{program.name!r} cannot read {name}={text}: {error.message}",
                hint=f"Give {field.wanted}",
            ) from None
    return values


@contextlib.contextmanager
def settings(
    model: str | None, api_base: str | None, budget: str | None = None
) -> Generator[None]:
    """The scope of --model, --api-base and --budget.

    Raises:
        ConfigError: One of them cannot be understood.
    """
    options: Options = {}
    name = model or (os.environ.get("WEFT_LM") if api_base else "")
    if name:
        options["lm"] = LM(name, api_base=api_base)
    elif api_base:
        raise ConfigError("--api-base names a server and no model", hint="Add --model")
    if budget is not None:
        options["budget"] = budget
    with use(**options):
        yield


def rows_at(path: str, program: Program[..., Any]) -> list[Example]:
    """The rows of a file, with their inputs told from their labels.

    Raises:
        DataError: There is none, or one does not fit; names file and line.
    """
    fields = program.inputs.inputs.values()
    optional = [field.name for field in fields if not field.required]
    wanted = [field.name for field in fields if field.required]
    rows = read_rows(path, wanted, optional=optional)
    require_rows(rows, path)
    return rows


def pair(text: str, example: str) -> tuple[str, str]:
    """The two sides of "name=value".

    Raises:
        ConfigError: There is no equals sign; the hint is to write `example`.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r} is no name=value", hint=f"Write {example}")
    return name.strip(), value


def _setting(kind: type[Compiler], name: str, text: str) -> Any:
    """A setting's value, in the type that the compiler's default has."""
    fields = dataclasses.fields(cast(Any, kind))
    default: object = next((f.default for f in fields if f.name == name), None)
    try:
        value: Any = strictjson.loads(text)
    except ValueError:
        value = text
    needed = type(default)
    if needed is float and type(value) is int:
        value = float(value)
    wanted = _KINDS.get(needed)
    if wanted is not None and type(value) is not needed:
        raise ConfigError(
            f"--option {name}={text}: {kind.__name__} wants {wanted}",
            hint=f"Write for example --option {name}={strictjson.dumps(default)}",
        )
    return value


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()

"""What the words beside TARGET mean: metrics, compilers, inputs, models, rows.

Strings stop here: behind this file there are functions, settings and values.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, cast

from .. import compilers, metrics
from ..compilers.recipe import Compiler
from ..pipeline.data.example import Example, require_rows
from ..pipeline.data.rows import read_rows
from ..pipeline.errors import (
    CallError,
    ConfigError,
    DataError,
    MetricError,
    ParseError,
    did_you_mean,
)
from ..pipeline.graph.program import Program
from ..pipeline.ground import strictjson
from ..pipeline.ground.options import required
from ..pipeline.ground.words import counted
from ..pipeline.lm.models import LM
from ..pipeline.measure.evaluate import Evaluation, evaluate
from ..pipeline.measure.metrics import FieldMetric, FieldsMetric
from ..pipeline.measure.score import Metric, require_callable
from ..pipeline.reading.cells import read_cell
from ..pipeline.reading.fields import read_text
from ..pipeline.run.settings import NO_MODEL, Options, use
from ..pipeline.signature.field import FieldSpec
from .output import on_terminal, remark
from .targets import object_named, program_named

_METRICS = (
    *("exact", "f1", "contains", "choice", "numeric", "set_match", "semantic_f1"),
    "fields",
)
_MEANT = {
    **dict.fromkeys(("accuracy", "match"), "Write exact:FIELD"),
    **dict.fromkeys(
        ("em", "exact_match", "answer_exact_match"),
        "Write exact:FIELD, which minds case and punctuation, or file.py:NAME, where "
        "NAME = weft.metrics.exact(FIELD, normalize=weft.metrics.squad)",
    ),
    "f1_score": "Write f1:FIELD",
    **dict.fromkeys(
        ("precision", "recall"),
        "Write file.py:NAME, a function of your own, or f1:FIELD, the mean of both",
    ),
    **dict.fromkeys(
        ("mae", "mse"),
        "Write file.py:NAME, a function of your own, or numeric:FIELD, which is 1 "
        "where the number is the label's",
    ),
}
_NO_MODEL = (
    "Add --model openai/gpt-5-mini, or set WEFT_LM; --model embedded works offline and "
    "is a stand-in, no language model"
)
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


class Measured(NamedTuple):
    """What eval, compile, explain and finetune begin with."""

    program: Program[..., Any]
    metric: Metric
    rows: list[Example]

    def scored(self, arguments: argparse.Namespace, how: str = "") -> Evaluation:
        """Measure it; `how` is told of the program, behind its name."""
        said = f"{self.program.name}{how}: {counted(len(self.rows), 'row')}"
        remark(said, quiet=arguments.quiet)
        return evaluate(
            self.program,
            self.rows,
            self.metric,
            repeats=getattr(arguments, "repeats", 1),
            concurrency=arguments.concurrency,
            progress=on_terminal(quiet=arguments.quiet),
        )


def measured(arguments: argparse.Namespace) -> Measured:
    """The program, the metric and rows that say what the metric needs to know.

    Raises:
        SetupError: One of them is not there, or does not fit the others.
    """
    program = program_named(arguments.target, arguments.program)
    metric = metric_named(arguments.metric)
    rows = rows_at(arguments.data, program)
    _check_labels(metric, rows, program, quiet=arguments.quiet)
    return Measured(program, metric, rows)


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
        if meant.startswith("Known"):
            meant += ". Write exact:FIELD, or your own function as file.py:name"
        raise ConfigError(f"there is no metric {text!r}", hint=meant) from None
    if not callable(found):
        raise ConfigError(
            f"{text!r} is no function of (example, prediction)",
            hint="Name one that returns a number in [0, 1], or write exact:FIELD",
        )
    try:
        require_callable(found)
    except MetricError as error:  # found out before anything runs
        raise ConfigError(f"{text}: {error.message}", hint=error.hint) from None
    return cast(Metric, found)


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
    pairs = dict(pair(option, "--option demos=16") for option in options)
    _refuse_missing(kind, pairs)
    return kind(**{key: _setting(kind, key, text) for key, text in pairs.items()})


def _refuse_missing(kind: type[Compiler], given: Iterable[str]) -> None:
    """Refuse a compiler that lacks a setting, and say how it is written here."""
    types = {
        field.name: str(field.type) for field in dataclasses.fields(cast(Any, kind))
    }
    for name in required(kind):
        if "Compiler" in types[name]:
            raise ConfigError(
                f"{kind.__name__} is made of other compilers, which no --option names",
                hint=f"Compile in Python: compiler=weft.compilers.{kind.__name__}("
                f"{name}=...)",
            )
        if name not in given:
            raise ConfigError(
                f"{kind.__name__} needs {name!r}",
                hint=f"""Write --option {name}='["...", "..."]'""",
            )


def known_compilers() -> dict[str, type[Compiler]]:
    """The named compilers, by their names in kebab case."""
    found = (getattr(compilers, name) for name in compilers.__all__)
    return {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower(): kind
        for kind in found
        if isinstance(kind, type)
        and issubclass(kind, Compiler)
        and kind is not Compiler
    }


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
    if needed in _KINDS and type(value) is not needed:
        raise ConfigError(
            f"--option {name}={text}: {kind.__name__} wants {_KINDS[needed]}",
            hint=f"Write for example --option {name}={strictjson.dumps(default)}",
        )
    return value


def inputs_from(program: Program[..., Any], texts: Sequence[str]) -> dict[str, Any]:
    """Inputs written as "name=value": text as it is, other types as JSON.

    Raises:
        CallError: A name is unknown or missing, or a value cannot be read.
    """
    pairs = [pair(text, '--set message="..."') for text in texts]
    given = dict(pairs)
    for name, times in Counter(name for name, _ in pairs).items():
        if times > 1:
            said = f"{program.name!r} is given {name!r} {times} times"
            raise CallError(said, hint="Write --set once for each input")
    program.inputs.check_names(given, program.name)
    values: dict[str, Any] = {}
    for name, text in given.items():
        field = program.inputs.inputs[name]
        try:
            values[name] = text if field.plain else read_text(field, text).value
        except ParseError as error:
            raise CallError(
                f"{program.name!r} cannot read {name}={text}: {error.message}",
                hint=f"Give {field.wanted}",
            ) from None
    return values


@contextlib.contextmanager
def settings(arguments: argparse.Namespace, *, budget: bool = True) -> Generator[None]:
    """The scope of --model, --api-base, --lms and, where for all calls, --budget.

    Raises:
        ConfigError: One of them cannot be understood.
    """
    options: Options = {}
    api_base: str | None = arguments.api_base
    name = arguments.model or (os.environ.get("WEFT_LM") if api_base else "")
    if name:
        options["lm"] = LM(name, api_base=api_base)
    elif api_base:
        raise ConfigError("--api-base names a server and no model", hint="Add --model")
    if named := [text.partition("=") for text in arguments.lms]:
        options["lms"] = {name: model or name for name, _, model in named}
    if budget and arguments.budget is not None:
        options["budget"] = arguments.budget
    with use(**options):
        try:
            yield
        except ConfigError as error:
            if not error.message.startswith(NO_MODEL):
                raise
            raise ConfigError(error.message, hint=_NO_MODEL) from error


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


def tell_overlap(
    train: Sequence[Example], val: Sequence[Example] | None, *, quiet: bool
) -> None:
    """Say how many rows of --val are rows of --data too: they do not select."""
    known = {row.digest for row in train}
    both = sum(row.digest in known for row in val or ())
    if both:
        said = f"{both} of {len(val or ())} rows of --val are in --data too, and"
        remark(f"{said} are left out of --val", quiet=quiet)


def _check_labels(
    metric: Metric, rows: Sequence[Example], program: Program[..., Any], *, quiet: bool
) -> None:
    """Refuse rows that hold no label for a built-in metric, or none that can be given.

    Where only some labels are none of the field's choices, stderr tells of them: such
    rows score 0 whatever the program does.
    """
    parts = metric.parts.values() if isinstance(metric, FieldsMetric) else (metric,)
    for part in parts:
        if not isinstance(part, FieldMetric):
            continue
        if not any(part.label in row.labels for row in rows):
            known = dict.fromkeys(name for row in rows for name in row.labels)
            raise DataError(
                f"no row has the label {part.label!r} that {part.name} compares with",
                hint=did_you_mean(part.label, known)
                or f'Add what is right to each row: "{part.label}": "..."',
            )
        _check_choices(part, rows, program, quiet=quiet)


def _check_choices(
    metric: FieldMetric,
    rows: Sequence[Example],
    program: Program[..., Any],
    *,
    quiet: bool,
) -> None:
    name = metric.field
    specs = [module.spec.outputs.get(name) for module in program.modules.values()]
    found = [spec for spec in specs if spec is not None]
    if not found or any("enum" not in spec.schema for spec in found):
        return
    labelled = [row for row in rows if row.labels.get(name) is not None]
    odd = [
        row
        for row in labelled
        if not any(_fits(found[-1], v) for v in metric.accepted(row.labels[name]))
    ]
    if not odd:
        return
    label = odd[0].labels[name]
    said = (
        f"the {name!r} of {len(odd)} of {len(rows)} rows is none that {program.name!r} "
        f"can give, such as {label!r} of row {odd[0].id!r}"
    )
    hint = did_you_mean(str(label), [str(v) for v in found[-1].schema["enum"]])
    if len(odd) == len(labelled):
        raise DataError(said, hint=hint)
    remark(f"{said}. {hint}", quiet=quiet)


def _fits(field: FieldSpec, value: Any) -> bool:
    """Whether a label is one of the choices, as it is or as a cell of a table."""
    try:
        read_cell(field, value)
    except ValueError:
        return False
    return True

"""Rows with labels, for what is fitted to them: which choice each one has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

from ...pipeline.errors import ConfigError
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_mapping
from ...pipeline.run.scoring.choices import choices_in
from .classify import Classify

Rows: TypeAlias = Iterable[Mapping[str, Any]]


class Labelled(NamedTuple):
    """Rows of what is decided.

    Args:
        output: The output that is decided.
        labels: What each row's choice is called, in their order.
        inputs: Their inputs by name, in their order.
    """

    output: str
    labels: list[str]
    inputs: list[dict[str, Any]]


def rows_of(rows: object, who: str) -> list[dict[str, Any]]:
    """Rows as dicts.

    Raises:
        ConfigError: There are none, or one is no mapping.
    """
    held: list[Any] = (
        [] if rows is None or isinstance(rows, str) else [*cast(Any, rows)]
    )
    if not held or not all(map(is_mapping, held)):
        raise ConfigError(
            f"{who} takes rows, and there are none",
            hint='Give rows such as [{"text": "...", "label": "..."}]',
        )
    return held


def labelled(
    target: Classify[..., Any], rows: object, who: str, output: str | None = None
) -> Labelled:
    """Which choice each row has, and its inputs.

    Raises:
        ConfigError: There are no rows, or one has no label that is a choice.
    """
    name = target.output(output)
    called = {
        strictjson.canonical(value): label
        for label, value in choices_in(target.part, who)[name].items()
    }
    field, held = target.spec.outputs[name], rows_of(rows, who)
    labels: list[str] = []
    for row in held:
        try:
            said = strictjson.canonical(field.dump(field.check(row.get(name))))
        except (TypeError, ValueError):
            said = ""
        if said not in called:
            raise ConfigError(
                f"a row has {name}={row.get(name)!r:.200}, which is no choice",
                hint=f"Give rows with one of {', '.join(called.values())}",
            )
        labels.append(called[said])
    known = target.inputs.inputs
    return Labelled(
        name, labels, [{n: row[n] for n in known if n in row} for row in held]
    )

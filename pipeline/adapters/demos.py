"""Demos that hang on the input: the nearest of a pool, and made-up ones.

Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?" (arXiv 2101.06804),
show each input the training cases nearest to it by sentence embeddings. Here texts are
near where they share rare character trigrams. A pool is indexed once, at its first
call; no model is asked.

Small models follow a form that they were shown and hardly one that was described to
them: a made-up exchange shows the form of a reply, and nothing of the task. What is
shown pulls, too: so the value that stands there is another one from input to input,
drawn from the input's own text, and over many inputs no label is favoured. Real demos
take the exchange's place as soon as there are some.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..ground.shapes import is_dict, is_list
from ..ground.text_index import TextIndex
from ..lm.request import JSON
from ..parameters import Demo
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import referred

MADE_UP: Final = "made up"
_NUMBERS: Final = (12, 3, 250, 48)
_DEEPEST: Final = 8
_DRAWS: Final = 840  # a multiple of every number of choices up to eight


def nearest_demos(
    spec: Spec, pool: tuple[Demo, ...], count: int, inputs: Mapping[str, JSON]
) -> tuple[Demo, ...]:
    """The demos of a pool that are most like an input, the nearest last.

    Args:
        spec: The fields; inputs are compared, field after field, and nothing else.
        pool: The demos; of two that are equally near the earlier is nearer.
        count: How many at the most.
        inputs: Input values as plain JSON data.
    """
    text = _compared(spec, inputs)
    order = _index_of(spec, pool).nearest(text, min(count, len(pool)))
    return tuple(pool[number] for number in reversed(order))


@lru_cache(maxsize=8)
def _index_of(spec: Spec, pool: tuple[Demo, ...]) -> TextIndex:
    return TextIndex.of([_compared(spec, demo.values) for demo in pool])


def _compared(spec: Spec, values: Mapping[str, JSON]) -> str:
    written = [
        field.write(values[name], spell=False)
        for name, field in spec.inputs.items()
        if name in values
    ]
    return "\n".join(written)


def made_up_demos(spec: Spec, written: str) -> tuple[Demo, ...]:
    """An exchange that shows the form of replies; the input draws what stands in it."""
    digest = hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()
    return _made_up(spec, int.from_bytes(digest[:4], "big") % _DRAWS)


@lru_cache(maxsize=4096)
def _made_up(spec: Spec, draw: int) -> tuple[Demo, ...]:
    values: dict[str, Any] = dict.fromkeys(spec.inputs, "(an example of the form)")
    for name, field in spec.outputs.items():
        values[name] = _of_field(field, draw)
    return _one_of_each(spec, Demo(values, by=MADE_UP))


@lru_cache(maxsize=4096)
def _one_of_each(spec: Spec, demo: Demo) -> tuple[Demo, ...]:
    """One object for all draws that come to the same, so that they compare at once."""
    del spec
    return (demo,)


def _of_field(field: FieldSpec, number: int) -> Any:
    made = _of_schema(field.schema, field.schema, number, field.name, 0)
    try:
        field.load(made)
    except ValueError:
        # A rule that nothing simple fits; the form is shown all the same.
        return f"({field.name})" if field.plain else made
    return made


def _of_schema(
    schema: Mapping[str, Any],
    whole: Mapping[str, Any],
    number: int,
    name: str,
    depth: int,
) -> Any:
    """A value of a JSON Schema; another one for each number where there are several."""
    schema = referred(schema, whole)
    for key in ("anyOf", "oneOf"):
        if is_list(schema.get(key)) and schema[key] and depth < _DEEPEST:
            options = [o for o in schema[key] if is_dict(o)]
            if depth == _DEEPEST - 1 and {"type": "null"} in options:
                return None  # what is nested in itself ends somewhere
            return _of_schema(options[0], whole, number, name, depth + 1)
    if "const" in schema:
        return schema["const"]
    if is_list(schema.get("enum")) and schema["enum"]:
        choices = schema["enum"]
        return choices[number % len(choices)]
    kind = schema.get("type")
    if kind == "object" and depth < _DEEPEST:
        parts = schema.get("properties", {})
        return {
            key: _of_schema(part, whole, number, key, depth + 1)
            for key, part in parts.items()
        }
    if kind == "array":
        if depth >= _DEEPEST - 1 or not is_dict(schema.get("items")):
            return []
        return [_of_schema(schema["items"], whole, number, name, depth + 1)]
    if kind in ("integer", "number"):
        return _number(schema, number)
    if kind == "boolean":
        return number % 2 == 0
    return None if kind == "null" else _text(schema, name)


def _number(schema: Mapping[str, Any], number: int) -> int:
    least, most = schema.get("minimum"), schema.get("maximum")
    made = _NUMBERS[number % len(_NUMBERS)]
    if least is not None and made < least:
        return int(least)
    return int(most) if most is not None and made > most else made


def _text(schema: Mapping[str, Any], name: str) -> str:
    made = {
        "date": "2026-01-31",
        "date-time": "2026-01-31T09:30:00",
        "time": "09:30:00",
    }
    text = made.get(str(schema.get("format")), f"(the {name})")
    return text[: schema.get("maxLength", len(text))]

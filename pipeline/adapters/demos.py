"""Demos that nobody wrote for the call: the nearest of a pool, and made-up ones.

Liu et al. 2021, "What Makes Good In-Context Examples for GPT-3?" (arXiv 2101.06804),
show each input the training cases nearest to it by sentence embeddings. Here texts are
near where they share rare character trigrams. A pool is indexed once, at its first
call; no model is asked.

Small models follow a form that they were shown and hardly one that was described to
them: a made-up exchange shows the form of a reply, and nothing of the task. What is
shown pulls, too: so the value that stands there is another one from input to input,
drawn from the input's own text, and over many inputs no label is favoured. Real demos
take the exchange's place as soon as there are some. Choices whose names say what they
mean can be shown by these names alone, each as a case of itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..errors import StepError
from ..ground.shapes import is_dict, is_list
from ..ground.text_index import TextIndex
from ..lm.request import JSON
from ..parameters import Demo
from ..signature.field import FieldSpec
from ..signature.spec import Spec
from ..signature.types import referred
from ..signature.wording import PLACEHOLDER

MADE_UP: Final = "made up"
_NUMBERS: Final = (12, 3, 250, 48)
_DEEPEST: Final = 8
_DRAWS: Final = 840  # a multiple of every number of choices up to eight
_MOST_NAMED: Final = 32  # choices; of more, the cases would outweigh the input
_NAME: Final = re.compile(r"(?=(?:.*?[^\W\d_]){3})[\w .&'/-]{2,80}")


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
    text = compared(spec, inputs)
    order = _index_of(spec, pool).nearest(text, min(count, len(pool)))
    return tuple(pool[number] for number in reversed(order))


@lru_cache(maxsize=8)
def _index_of(spec: Spec, pool: tuple[Demo, ...]) -> TextIndex:
    return TextIndex.of([compared(spec, demo.values) for demo in pool])


def compared(spec: Spec, values: Mapping[str, JSON]) -> str:
    """What of a call is compared with demos: its inputs, as a prompt has them."""
    written = [
        field.write(values[name], spell=False)
        for name, field in spec.inputs.items()
        if name in values
    ]
    return "\n".join(written)


def made_up_demos(spec: Spec, written: str, count: int = 1) -> tuple[Demo, ...]:
    """Exchanges that show the form of replies; the input draws what stands in them.

    Each further one has the next choices, and the next of several shapes: what may be
    null is so in the second.
    """
    digest = hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()
    return _made_up(spec, int.from_bytes(digest[:4], "big") % _DRAWS, count)


@lru_cache(maxsize=4096)
def _made_up(spec: Spec, draw: int, count: int) -> tuple[Demo, ...]:
    made: list[Demo] = []
    for turn in range(count):
        values: dict[str, Any] = dict.fromkeys(spec.inputs, "(an example of the form)")
        for name, field in spec.outputs.items():
            values[name] = _of_field(field, draw + turn, turn)
        made.append(Demo(values, by=MADE_UP))
    return _one_of_each(spec, tuple(made))


@lru_cache(maxsize=4096)
def _one_of_each(spec: Spec, demos: tuple[Demo, ...]) -> tuple[Demo, ...]:
    """One object for all draws that come to the same, so that they compare at once."""
    del spec
    return demos


def choices_as_cases(spec: Spec, demos: tuple[Demo, ...]) -> tuple[Demo, ...]:
    """A case of its own words for each choice that no demo shows, in their order.

    Nothing where a case would hold more than the choice (several outputs, several
    inputs, an input that is no text), and where any choice is no words, such as a code.

    >>> from ..signature.forms import make_signature
    >>> from ..signature.signature import spec_of
    >>> spec = spec_of(make_signature("text -> mood: Literal['so_so', 'no_impact']"))
    >>> [demo.values["text"] for demo in choices_as_cases(spec, ())]
    ['so so', 'no impact']
    """
    named = _choices_as_cases(spec)
    if not named or not demos:
        return named
    output = next(iter(spec.outputs))
    shown = [demo.values.get(output) for demo in demos]
    return tuple(demo for demo in named if demo.values[output] not in shown)


@lru_cache(maxsize=512)
def _choices_as_cases(spec: Spec) -> tuple[Demo, ...]:
    outputs, inputs = [*spec.outputs.values()], [*spec.inputs.values()]
    if len(outputs) != 1 or len(inputs) != 1 or not inputs[0].plain:
        return ()
    choices = outputs[0].choices
    words = [_words_of(choice) for choice in choices]
    if not 1 < len(words) <= _MOST_NAMED or not all(words):
        return ()
    named = [
        {inputs[0].name: said, outputs[0].name: choice}
        for said, choice in zip(words, choices, strict=True)
    ]
    return tuple(Demo(values, by=MADE_UP) for values in named)


def _words_of(choice: JSON) -> str:
    """What a choice is called, or nothing where that is no words."""
    if not isinstance(choice, str) or not _NAME.fullmatch(choice):
        return ""
    return " ".join(re.sub(r"[_/-]", " ", choice).split())


def _of_field(field: FieldSpec, number: int, turn: int) -> Any:
    made = _of_schema(field.schema, _Drawn(field.schema, number, turn), field.name, 0)
    try:
        field.load(made)
    except (ValueError, StepError):
        # A rule that nothing simple fits; the form is shown all the same.
        return f"({field.name})" if field.plain else made
    return made


class _Drawn(NamedTuple):
    """What a made-up value hangs on: the whole schema, the draw, and which one it is.

    Choices and numbers follow the draw; of several shapes the first stands in the
    first value, the next one in the next.
    """

    whole: Mapping[str, Any]
    number: int
    turn: int


def _of_schema(schema: Mapping[str, Any], drawn: _Drawn, name: str, depth: int) -> Any:
    """A value of a JSON Schema; another one for each draw where there are several."""
    schema = referred(schema, drawn.whole)
    for key in ("anyOf", "oneOf"):
        if is_list(schema.get(key)) and schema[key] and depth < _DEEPEST:
            options = [o for o in schema[key] if is_dict(o)] or [schema[key][0]]
            if depth == _DEEPEST - 1 and {"type": "null"} in options:
                return None  # what is nested in itself ends somewhere
            option = options[drawn.turn % len(options)]
            return _of_schema(option, drawn, name, depth + 1)
    if "const" in schema:
        return schema["const"]
    if is_list(schema.get("enum")) and schema["enum"]:
        choices = schema["enum"]
        return choices[drawn.number % len(choices)]
    kind = schema.get("type")
    if kind == "object" and depth < _DEEPEST:
        parts = schema.get("properties", {})
        return {
            key: _of_schema(part, drawn, key, depth + 1) for key, part in parts.items()
        }
    if kind == "array":
        if depth >= _DEEPEST - 1 or not is_dict(schema.get("items")):
            return []
        items = referred(schema["items"], drawn.whole)
        if is_list(items.get("enum")) and items["enum"]:
            return _choices(items["enum"], drawn)
        return [_of_schema(items, drawn, name, depth + 1)]
    if kind in ("integer", "number"):
        return _number(schema, drawn.number)
    if kind == "boolean":
        return drawn.number % 2 == 0
    return None if kind == "null" else _text(schema, name)


def _choices(choices: Sequence[JSON], drawn: _Drawn) -> list[JSON]:
    """One choice in the first value, two others in the next, then three."""
    turn = drawn.turn
    start = drawn.number + turn * (turn - 1) // 2
    count = min(1 + turn, len(choices))
    return [choices[(start + at) % len(choices)] for at in range(count)]


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
    text = made.get(str(schema.get("format")), PLACEHOLDER.format(name))
    return text[: int(schema.get("maxLength", len(text)))]

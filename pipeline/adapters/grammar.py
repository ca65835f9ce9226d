"""The grammar of a reply in lines, for servers that enforce one (llama.cpp's GBNF).

A base model that goes on with a text needs no list of the choices to pick one of them,
and is misled by it: the grammar lets it write nothing else. The notation is described
in https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ..ground import strictjson
from ..ground.shapes import is_dict, is_list
from ..signature.field import FieldSpec
from ..signature.spec import Spec

_INTEGER: Final = '"-"? ("0" | [1-9] [0-9]{0,14})'
_NUMBER: Final = f'{_INTEGER} ("." [0-9]{{1,9}})?'
_BOOLEAN: Final = '("true" | "false")'
_TEXT: Final = 256  # characters of a text that stands before another field
_MOST: Final = 2000  # as often as llama.cpp repeats a rule


@lru_cache(maxsize=512)
def line_grammar(spec: Spec, fence: str, room: int | None) -> str | None:
    """The grammar of a signature's outputs, from behind the first field's name on.

    None where a field is no choice, number, truth value, date or text: what is nested
    is better written as an object.

    Args:
        spec: The signature.
        fence: What sets names apart in this call.
        room: How many tokens the reply may take; None where nobody says.
    """
    *before, last = spec.outputs
    shares = max(1, len(before) + 1)
    most = min(_TEXT, room // shares) if room else _TEXT
    parts: list[str] = []
    for name, field in spec.outputs.items():
        value = _value(field, None if name == last else max(16, most))
        if value is None:
            return None
        mark = "" if not parts else f"{_literal(f'{name}{fence}:')} "
        parts.append(f'{mark}" " {value}')
    return f"root ::= {' _end_ '.join(parts)}".replace("_end_", _literal("\n"))


def _value(field: FieldSpec, most: int | None) -> str | None:
    """The rule of a field's value on one line, or None where there is none."""
    if field.choices:
        said = [c if field.plain else strictjson.dumps(c) for c in field.choices]
        if any("\n" in str(text) for text in said):
            return None
        return f"({' | '.join(_literal(str(text)) for text in said)})"
    options = field.schema.get("anyOf")
    if is_list(options):
        rules = [_rule(o, most, bare=False) for o in options if is_dict(o)]
        known = [rule for rule in rules if rule is not None]
        return f"({' | '.join(known)})" if len(known) == len(options) else None
    return _rule(field.schema, most, bare=field.plain)


def _rule(schema: Mapping[str, Any], most: int | None, *, bare: bool) -> str | None:
    kind = schema.get("type")
    simple = {
        "integer": _INTEGER,
        "number": _NUMBER,
        "boolean": _BOOLEAN,
        "null": '"null"',
    }
    if is_list(schema.get("enum")) and not bare:
        said = [_literal(strictjson.dumps(c)) for c in schema["enum"]]
        return f"({' | '.join(said)})"
    if kind != "string":
        return simple.get(str(kind))
    if schema.get("format") == "date":
        day = '[0-9]{4} "-" [0-9]{2} "-" [0-9]{2}'
        return day if bare else f'"\\"" {day} "\\""'
    if "enum" in schema or "format" in schema or "pattern" in schema:
        return None
    least = max(1, min(schema.get("minLength", 1), _MOST))
    told = [n for n in (schema.get("maxLength"), most) if n is not None]
    bound = max(least, min(told)) if told and min(told) <= _MOST else ""
    size = f"{{{least},{bound}}}" if bound or least > 1 else "+"
    return f"[^\\n]{size}" if bare else f'"\\"" [^\\n"\\\\]{size} "\\""'


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

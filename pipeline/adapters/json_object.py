"""One JSON object; a JSON schema is enforced by the endpoint where it can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..base import strictjson
from ..errors import ParseError, ValidationError
from ..field import FieldSpec, Reading
from ..lm.request import JSON
from ..reading.nearjson import spelled
from ..spec import Spec
from ..typed.wording import brief
from .base import Adapter, Parsed, read_fields
from .streaming import FieldReader, ObjectReader


class JSONAdapter(Adapter):
    """Fields as one JSON object; quoting keeps every value inside its own string."""

    name = "json"

    def form(self, spec: Spec, fence: str) -> str:
        """The form of the reply, as the model is told it."""
        del fence
        inner = ", ".join(f'"{name}": <{name}>' for name in spec.outputs)
        return f"Reply with one JSON object and nothing else:\n\n{{{inner}}}"

    def write(
        self, fields: Iterable[FieldSpec], values: Mapping[str, JSON], fence: str
    ) -> str:
        """One JSON object, the fields in order."""
        del fence
        return spelled(strictjson.dumps({f.name: values[f.name] for f in fields}))

    def read(self, text: str, spec: Spec, fence: str) -> Parsed:
        """The object in the reply; text around it is passed over and noted."""
        del fence
        data, mended = _object(text)
        found = {name: data[name] for name in spec.outputs if name in data}
        parsed = read_fields(spec, found, _load)
        extra = [name for name in data if name not in spec.outputs]
        notes = ((mended,) if mended else ()) + (
            (f"unknown keys left out: {', '.join(extra)[:200]}",) if extra else ()
        )
        return Parsed(parsed.values, (*notes, *parsed.repairs))

    def reader(self, spec: Spec, fence: str) -> FieldReader:
        """Reads the object as it arrives."""
        del fence
        return ObjectReader(spec)

    def marks(self, spec: Spec, fence: str) -> tuple[str, ...]:
        """Nothing: JSON quoting already keeps values apart."""
        del spec, fence
        return ()

    def response_format(self, spec: Spec) -> Mapping[str, JSON]:
        """The wire's `json_schema` format for the output fields."""
        properties: dict[str, Any] = {}
        definitions: dict[str, Any] = {}
        for name, field in spec.outputs.items():
            schema = dict(field.schema)
            definitions.update(schema.pop("$defs", {}))
            if field.description:
                schema["description"] = field.description
            properties[name] = schema
        whole: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "required": list(spec.outputs),
            "additionalProperties": False,
        }
        if definitions:
            whole["$defs"] = definitions
        # The wire allows no other characters, and Python's names may have them.
        name = re.sub(r"[^A-Za-z0-9_-]", "_", spec.name)[:64]
        named: Mapping[str, JSON] = {"name": name, "schema": whole}
        return {"type": "json_schema", "json_schema": named}


def _load(field: FieldSpec, data: Any) -> Reading:
    try:
        return Reading(field.load(data))
    except ValueError as error:
        if field.plain and isinstance(data, str):
            reading = field.read(data)
            note = reading.repair or f"read {brief(repr(data))} without its edges"
            return Reading(reading.value, note)
        raise ValidationError(
            f"field {field.name!r}: {error}; wanted {field.wanted}",
            field=field.name,
            wanted=field.wanted,
        ) from None


def _object(text: str) -> tuple[dict[str, Any], str]:
    """The outermost object of a reply, and a note when text stood around it."""
    first, last = text.find("{"), text.rfind("}")
    if first < 0 or last < first:
        raise ParseError("no JSON object in the reply")
    try:
        data = strictjson.loads(text[first : last + 1])
    except (ValueError, RecursionError) as error:
        raise ParseError(f"the JSON object cannot be read: {error}") from None
    around = (text[:first] + text[last + 1 :]).strip()
    return cast(
        dict[str, Any], data
    ), "text around the object left out" if around else ""

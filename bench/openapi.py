"""Bodies of requests against OpenAI's published description of its API.

`python -m bench openapi --file openapi.json` takes the file that
https://github.com/openai/openai-openapi publishes, in JSON. Every kind of body that is
sent, whole and streamed, is checked by the schema of its request; a field that the
schema does not name is an error, though OpenAPI would let it pass.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema

from weft.pipeline.lm.abilities import Abilities
from weft.pipeline.lm.wire.completion import body_of

from . import BenchError, Findings, Row
from ._bodies import every_body

__all__ = ["run"]

_CHAT, _TEXT = "CreateChatCompletionRequest", "CreateCompletionRequest"


def run(file: Path | None = None) -> list[Row]:
    """The rows of this part; none without the file.

    Args:
        file: The description.

    Raises:
        BenchError: It describes no such requests.
    """
    if file is None:
        return []
    tree = json.loads(file.read_text("utf-8"))
    checks = {name: _checker(tree, name) for name in (_CHAT, _TEXT)}
    names = {name: _names(tree, name) for name in (_CHAT, _TEXT)}
    bodies, wrong = 0, list[str]()
    for kind, (request, abilities) in every_body().items():
        schema = _TEXT if request.continues else _CHAT
        for streamed in (False, True):
            body = body_of(request, Abilities(**abilities), streamed=streamed)
            sent = json.loads(body)
            bodies += 1
            faults = [f"{e.json_path}: {e.message[:200]}" for e in checks[schema](sent)]
            faults += [
                f"no field {name!r}" for name in sent if name not in names[schema]
            ]
            wrong += [f"{kind}: {fault}" for fault in faults[:1]]
    rows = [Row.limit(f"invalid bodies, of {bodies}", len(wrong), 0)]
    return Findings(rows, "\n".join(wrong))


def _checker(tree: dict[str, Any], name: str) -> Any:
    if name not in tree.get("components", {}).get("schemas", {}):
        raise BenchError(f"the file describes no {name}: is it OpenAI's openapi.json?")
    schema = {"$ref": f"#/components/schemas/{name}", "components": tree["components"]}
    checking: Any = jsonschema.Draft202012Validator
    return checking(schema).iter_errors


def _names(tree: dict[str, Any], name: str) -> set[str]:
    """The fields that a request may have."""
    found, left = set[str](), [tree["components"]["schemas"][name]]
    while left:
        part = left.pop()
        if "$ref" in part:
            left.append(tree["components"]["schemas"][part["$ref"].rpartition("/")[2]])
        left += part.get("allOf", [])
        found |= {*part.get("properties", {})}
    return found

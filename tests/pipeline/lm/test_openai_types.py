"""Every kind of body that is sent fits the request types of the `openai` package.

Its types say more than its client checks: here no field is unknown, at any depth.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from openai.types import completion_create_params as texts
from openai.types.chat import completion_create_params as chats
from pydantic import TypeAdapter

from bench._bodies import every_body
from weft.pipeline.lm.abilities import Abilities
from weft.pipeline.lm.request import Request
from weft.pipeline.lm.wire.completion import body_of


def closed(part: Any) -> Any:
    """A schema in which an object has the fields that it names, and no other."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {name: closed(inner) for name, inner in part.items()}
    if isinstance(part.get("properties"), dict) and part.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def checker(*kinds: Any) -> Any:
    """What checks a body by some types."""
    schemas = [closed(TypeAdapter(kind).json_schema()) for kind in kinds]
    return [jsonschema.Draft202012Validator(schema) for schema in schemas]


CHAT = checker(
    chats.CompletionCreateParamsNonStreaming, chats.CompletionCreateParamsStreaming
)
TEXT = checker(
    texts.CompletionCreateParamsNonStreaming, texts.CompletionCreateParamsStreaming
)


def faults(request: Request, *, streamed: bool, **abilities: Any) -> list[str]:
    """What is wrong with the body of a request."""
    body = body_of(request, Abilities(**abilities), streamed=streamed)
    tree = json.loads(body)
    check = (TEXT if request.continues else CHAT)[streamed]
    errors = check.iter_errors(tree)
    return [f"{e.json_path}: {e.message[:200]}" for e in errors]


EVERY = every_body()


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", EVERY)
def test_a_body_fits_the_types(kind: str, streamed: bool) -> None:
    """Whole and streamed; nothing missing, unknown or of another type."""
    request, abilities = EVERY[kind]

    assert faults(request, streamed=streamed, **abilities) == []

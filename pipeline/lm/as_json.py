"""Requests and responses as plain JSON data, and back: in caches, journals, recordings.

What only some of them have is left out where it is empty, so that the bytes of all
others stay what they were before there was such a thing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..errors import CallError
from ..ground.shapes import is_dict, is_sequence
from ..ground.strictjson import sorted_text
from ..media.values import Part, media_from
from .message import JSON, Message, calls_from_json, calls_to_json, turn_to_json
from .request import (
    HEAD,
    Request,
    Response,
    ToolDefinition,
    Usage,
    are_counts,
    is_price,
)
from .scoring.questions import questions_from
from .scoring.tokens import tokens_from_json, tokens_to_json


def response_to_json(response: Response) -> dict[str, JSON]:
    """A response as plain data, without whether it came from a cache.

    What only some responses have is left out where it is empty, so that the others are
    the same bytes as before there was such a thing.
    """
    tree: dict[str, JSON] = {
        "text": response.text,
        "usage": None if response.usage is None else _counts(response.usage),
        "finish_reason": response.finish_reason,
        "model": response.model,
        "cost": response.cost,
        "request_id": response.request_id,
    }
    if response.reasoning:
        tree["reasoning"] = response.reasoning
    if response.without:
        tree["without"] = [*response.without]
    if response.tool_calls:
        tree["tool_calls"] = calls_to_json(response.tool_calls)
    if response.logprobs is not None:
        tree["logprobs"] = tokens_to_json(response.logprobs)
    return tree


def response_from_json(data: object, *, cached: bool = True) -> Response:
    """A response from plain data.

    Raises:
        ValueError: The data has another form.
    """
    tree = _object(data)
    cost = tree.get("cost")
    if cost is not None and not is_price(cost):
        raise ValueError("the cost is no price")
    return Response(
        text=_text(tree, "text"),
        usage=_usage(tree.get("usage")),
        finish_reason=_text(tree, "finish_reason"),
        model=_text(tree, "model"),
        cost=cost,
        cached=cached,
        request_id=_text(tree, "request_id"),
        reasoning=_text(tree, "reasoning") if "reasoning" in tree else "",
        without=_names(tree.get("without", [])),
        tool_calls=calls_from_json(tree.get("tool_calls", [])),
        logprobs=tokens_from_json(tree["logprobs"]) if "logprobs" in tree else None,
    )


def request_to_json(request: Request) -> dict[str, JSON]:
    """A request as plain data: the tree of its canonical bytes."""
    return {
        "model": request.model,
        "messages": [*map(turn_to_json, request.messages)],
        "sampling": request.sampling,
        "response_format": request.response_format,
        "endpoint": request.endpoint,
        "sample": request.sample,
        **({"continues": True} if request.continues else {}),
        **({"tools": [t.as_data() for t in request.tools]} if request.tools else {}),
        **({"questions": request.questions.as_data()} if request.questions else {}),
        **({"soft": request.soft.identity()} if request.soft else {}),
        **({"lora": request.lora.identity()} if request.lora else {}),
    }


def key_in(tree: object) -> str:
    """The key of the request that a tree is of.

    A tree names vectors and low-rank updates by their digests, so that no request with
    them can be made of it; its key can.
    """
    return hashlib.sha256(f"{HEAD}{sorted_text(tree)}".encode()).hexdigest()


def request_from_json(data: object) -> Request:
    """A request from the tree in its canonical bytes, without what was trained.

    Raises:
        ValueError: The data has another form.
    """
    tree = _object(data)
    asked = tree.get("questions")
    try:
        return Request(
            model=_text(tree, "model"),
            messages=tuple(map(turn_from_json, tree["messages"])),
            sampling=dict(tree["sampling"]),
            response_format=tree["response_format"],
            endpoint=_text(tree, "endpoint"),
            sample=int(tree["sample"]),
            continues=tree.get("continues") is True,
            tools=tuple(map(_tool_of, tree.get("tools", ()))),
            questions=questions_from(asked) if asked is not None else None,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no request: {error}") from None


def turn_from_json(data: object) -> Message:
    """The inverse of `turn_to_json`.

    Raises:
        ValueError: The data has another form.
    """
    parts = [*data] if is_sequence(data) else []
    if len(parts) not in (2, 3):
        raise ValueError("a turn is a role and a content")
    called = _object(parts[2]) if len(parts) == 3 else {}
    answers = _text(called, "answers") if "answers" in called else ""
    calls = calls_from_json(called.get("tool_calls", []))
    return Message(parts[0], content_from_json(parts[1]), calls, answers)


def _tool_of(data: object) -> ToolDefinition:
    tree = _object(data)
    texts = _text(tree, "name"), _text(tree, "description")
    return ToolDefinition(*texts, _object(tree.get("parameters")))


def content_from_json(data: object) -> str | tuple[Part, ...]:
    """The inverse of `content_to_json`; data is there where this process holds it.

    Raises:
        ValueError: The data has another form.
    """
    if isinstance(data, str):
        return data
    if not is_sequence(data):
        raise ValueError("the content of a turn is neither text nor parts")
    return tuple(map(_part, data))


def _part(data: object) -> Part:
    if is_dict(data) and data.keys() == {"text"} and isinstance(data["text"], str):
        return data["text"]
    try:
        made = media_from(data)
    except CallError:
        made = None
    if made is None:
        raise ValueError("a part of a turn is neither text nor media")
    return made


def _object(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - one error for a bad file
    return cast("dict[str, Any]", data)


def _text(tree: Mapping[str, Any], name: str) -> str:
    value = tree.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004 - one error for a bad file
    return value


def _names(value: object) -> tuple[str, ...]:
    names = tuple(cast("list[object]", value)) if isinstance(value, list) else (None,)
    texts = tuple(name for name in names if isinstance(name, str))
    if len(texts) != len(names):
        raise ValueError("the options left out are no texts")
    return texts


def _counts(usage: Usage) -> list[JSON]:
    counts: list[JSON] = [
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
    ]
    return [*counts, usage.reasoning_tokens] if usage.reasoning_tokens else counts


def _usage(value: object) -> Usage | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("the usage is no list")  # noqa: TRY004 - one error for a bad file
    counts = cast("Sequence[Any]", value)
    if len(counts) not in (3, 4) or not are_counts(*counts):
        raise ValueError("the usage is not three counts, or four")
    return Usage(*counts)

"""Requests and responses as JSON: for the cache, for recordings and for journals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, cast

from .request import JSON, Message, Request, Response, Usage


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
    return tree


def response_from_json(data: object, *, cached: bool = True) -> Response:
    """A response from plain data.

    Raises:
        ValueError: The data has another form.
    """
    tree = _object(data)
    cost = tree.get("cost")
    if cost is not None and not (_is_number(cost) and cost >= 0):
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
    )


def request_to_json(request: Request) -> dict[str, JSON]:
    """A request as plain data: the tree of its canonical bytes."""
    return {
        "model": request.model,
        "messages": [[m.role, m.content] for m in request.messages],
        "sampling": request.sampling,
        "response_format": request.response_format,
        "endpoint": request.endpoint,
        "sample": request.sample,
        **({"continues": True} if request.continues else {}),
    }


def request_from_json(data: object) -> Request:
    """A request from the tree in its canonical bytes.

    Raises:
        ValueError: The data has another form.
    """
    tree = _object(data)
    try:
        return Request(
            model=_text(tree, "model"),
            messages=tuple(Message(role, text) for role, text in tree["messages"]),
            sampling=dict(tree["sampling"]),
            response_format=tree["response_format"],
            endpoint=_text(tree, "endpoint"),
            sample=int(tree["sample"]),
            continues=tree.get("continues") is True,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no request: {error}") from None


def strict_loads(text: str | bytes) -> object:
    """JSON without NaN and infinities, whatever its depth.

    Raises:
        ValueError: It is no JSON.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogatepass")
    try:
        return cast(object, _DECODER.decode(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_DECODER: Final = json.JSONDecoder(
    parse_constant=_refuse
)  # json.loads makes one a call


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
    known = len(counts) in (3, 4) and {*map(type, counts)} == {int}
    if not known or min(counts) < 0:
        raise ValueError("the usage is not three counts, or four")
    return Usage(*counts)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

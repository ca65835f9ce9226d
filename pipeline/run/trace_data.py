"""A finished run as plain JSON data, and back.

Values become JSON data as far as they are data. An object that is none is named by its
type: its `repr` is not asked, because it may hold a key.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

import pydantic

from ..ground import strictjson
from ..ground.shapes import is_mapping, is_sequence, is_set
from ..lm.as_json import turn_from_json
from ..lm.message import Message, calls_from_json, calls_to_json, turn_to_json
from ..lm.request import Usage
from ..lm.scoring.tokens import tokens_from_json, tokens_to_json
from ..media.turns import History
from ..media.values import Media
from ..signature.signature import Signature, dump_values
from ..trace import Call, NodeRun, Trace
from .watch import TracedRun, type_said

SCHEMA: Final = "weft.trace/1"
_DEEPEST: Final = 50
_MOST_BITS: Final = 4096
_SPELT: Final = (date, time, UUID, PurePath, Decimal)

_PLAIN: Final = (
    *("model", "endpoint", "cached", "retries", "finish_reason", "cost"),
    "request_id",
)
_TOKENS: Final = ("input_tokens", "output_tokens", "cached_input_tokens")
_TEXT: Final = (
    *("reply", "model", "key", "endpoint", "finish_reason", "request_id"),
    "error",
)


def run_data(run: TracedRun, *, content: bool = True) -> dict[str, Any]:
    """A run as JSON data; `nodes` comes last.

    Args:
        run: The run.
        content: Whether inputs, values, messages, replies and the texts of errors are
            there; else only structure, times, tokens, prices and types of errors.
    """
    return {
        "schema": SCHEMA,
        "run": run.trace.run_id,
        "program": run.program,
        "started": run.started.isoformat(),
        "seconds": round(run.trace.seconds, 6),
        "state": run.state,
        "error": _error(run.error, content),
        "content": content,
        "inputs": plain_data(run.inputs) if content else {},
        "value": plain_data(run.value) if content else None,
        "nodes": [_node_data(node, content) for node in run.trace.nodes],
    }


def run_of(data: Mapping[str, Any]) -> TracedRun:
    """The run in some JSON data; values stay plain data.

    Raises:
        ValueError: The data has another form.
    """
    if data.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {data.get('schema')!r}, not {SCHEMA!r}")
    try:
        nodes = tuple(_node_of(node) for node in data["nodes"])
        return TracedRun(
            program=_text(data["program"]),
            started=datetime.fromisoformat(data["started"]),
            inputs=dict(data["inputs"]),
            value=data["value"],
            error=_text(data["error"]),
            trace=Trace(nodes, float(data["seconds"]), None, _text(data["run"])),
            content=bool(data["content"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no trace: {type(error).__name__}: {error}") from None


def plain_data(value: Any, around: tuple[int, ...] = ()) -> Any:
    """A value as JSON data; whatever is no data is named by its type.

    Args:
        value: Anything.
        around: What it stands inside of, by identity: a value inside itself is named.

    >>> plain_data({"k": 3, "when": date(2026, 1, 2), "far": math.inf, "who": object()})
    {'k': 3, 'when': '2026-01-02', 'far': 'inf', 'who': '<object>'}
    """
    if value is None or type(value) in (str, bool):
        return value
    if isinstance(value, enum.Enum):
        return plain_data(value.value, around)
    if isinstance(value, int):
        fits = value.bit_length() <= _MOST_BITS
        return int(value) if fits else f"<int of {value.bit_length()} bits>"
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, _SPELT):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, Media | History):
        return value.as_data()
    try:
        return _nested(value, around)
    except Exception as error:  # noqa: BLE001 - of the value's own code, or a part is not set
        return f"{_named(value)[:-1]}: {type(error).__name__}>"


def _nested(value: Any, around: tuple[int, ...]) -> Any:
    if len(around) > _DEEPEST or id(value) in around:
        return _named(value)
    deeper = (*around, id(value))
    if isinstance(value, Signature):
        return plain_data(dump_values(value), deeper)
    if isinstance(value, pydantic.BaseModel):
        return plain_data(value.model_dump(mode="json"), deeper)
    if is_sequence(value):
        return [plain_data(item, deeper) for item in value]
    if is_set(value):
        items = [plain_data(item, deeper) for item in value]
        return sorted(items, key=strictjson.canonical)
    if is_mapping(value):
        return {_key(key): plain_data(value[key], deeper) for key in value}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # A field that its own repr hides stays hidden.
        shown = [f.name for f in dataclasses.fields(value) if f.repr]
        return {name: plain_data(getattr(value, name), deeper) for name in shown}
    return _named(value)


def _named(value: object) -> str:
    kind = type(value)
    home = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"<{home}{kind.__qualname__}>"


def _key(key: Any) -> str:
    return strictjson.as_text(plain_data(key))


def _error(error: str, content: bool) -> str:
    return error if content else type_said(error)


def _node_data(node: NodeRun, content: bool) -> dict[str, Any]:
    calls = node.calls if node.failed is None else (*node.calls, node.failed)
    said = {"facts": plain_data(node.facts)} if content and node.facts else {}
    return {
        "path": node.path,
        "kind": node.kind,
        "order": list(node.order),
        "started": round(node.started, 6),
        "seconds": round(node.seconds, 6),
        "error": _error(node.error, content),
        "reused": node.reused,
        "inputs": plain_data(node.inputs) if content else {},
        "outputs": plain_data(node.outputs) if content else {},
        "repairs": [repair if content else "" for repair in node.repairs],
        **said,
        "calls": [_call_data(call, content) for call in calls],
    }


def _call_data(call: Call, content: bool) -> dict[str, Any]:
    usage = call.usage
    data: dict[str, Any] = {
        **{name: getattr(call, name) for name in _PLAIN},
        "started": round(call.started, 6),
        "seconds": round(call.seconds, 6),
        "error": _error(call.error, content),
        **{name: getattr(usage, name, None) for name in _TOKENS},
        "key": call.key if content else "",
        "messages": _turns_data(call.messages) if content else [],
        "reply": call.reply if content else "",
    }
    # Only what some calls have: the lines of all others stay as they were.
    if usage is not None and usage.reasoning_tokens:
        data["reasoning_tokens"] = usage.reasoning_tokens
    if call.reasoning and content:
        data["reasoning"] = call.reasoning
    if call.form:
        data["form"] = call.form
    if call.without:
        data["without"] = [*call.without]
    if call.tool_calls and content:
        data["tool_calls"] = calls_to_json(call.tool_calls)
    if call.logprobs is not None and content:
        data["logprobs"] = tokens_to_json(call.logprobs)
    return data


def _node_of(data: Mapping[str, Any]) -> NodeRun:
    calls = [_call_of(call) for call in data["calls"]]
    failed = calls.pop() if calls and calls[-1].error else None
    return NodeRun(
        path=_text(data["path"]),
        kind=data["kind"],
        inputs=dict(data["inputs"]),
        outputs=dict(data["outputs"]),
        calls=tuple(calls),
        repairs=_texts(data["repairs"]),
        seconds=float(data["seconds"]),
        error=_text(data["error"]),
        order=tuple(int(place) for place in data["order"]),
        reused=bool(data["reused"]),
        started=float(data["started"]),
        failed=failed,
        facts=dict(data.get("facts", {})),
    )


def _turns_data(messages: Iterable[Message]) -> list[Any]:
    return [*map(turn_to_json, messages)]


def _call_of(data: Mapping[str, Any]) -> Call:
    tokens = [data[name] for name in _TOKENS]
    tokens.append(data.get("reasoning_tokens", 0))
    texts = {name: _text(data[name]) for name in _TEXT}
    texts |= {name: _text(data.get(name, "")) for name in ("reasoning", "form")}
    return Call(
        messages=tuple(map(turn_from_json, data["messages"])),
        usage=None if None in tokens else Usage(*map(int, tokens)),
        cost=None if data["cost"] is None else float(data["cost"]),
        cached=bool(data["cached"]),
        seconds=float(data["seconds"]),
        started=float(data["started"]),
        retries=int(data["retries"]),
        without=_texts(data.get("without", ())),
        tool_calls=calls_from_json(data.get("tool_calls", [])),
        logprobs=tokens_from_json(data["logprobs"]) if "logprobs" in data else None,
        **texts,
    )


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value

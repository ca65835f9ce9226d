"""What the answers to the user's own calls show of who gave them.

Each answer is looked at for some microseconds, and a fact is kept where it is new. A
reply that fits its schema shows a good model or an enforcing server, and one that does
not fit shows that nobody enforces: so a miss counts at once, unless almost all replies
fitted, and a fit counts when many did.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeAlias, cast

from ...ground.shapes import as_dict
from ..abilities import KINDS
from ..request import JSON, Request, Response
from ..wire.thinking import closed_alone
from .book import known, learn, tally_of

ENOUGH: Final = 20
"""Replies that all fit until a schema counts as enforced; one miss among so many is an
accident, and one among fewer is not."""

_THOUGHTS: Final = ("<think>", "<thinking>", "<|channel|>analysis")
_REASONING: Final = ("reasoning_content", "reasoning")
_JSON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_MOST_JUDGED: Final = 2**16  # characters; a longer reply is not read twice

_Tree: TypeAlias = Mapping[str, Any]


def observe(request: Request, response: Response) -> None:
    """Learn from a fresh answer; asks nobody, and takes microseconds."""
    if not _is_served(request.endpoint):
        return
    now = known(request.endpoint, request.model)
    found: dict[str, Any] = {}
    if not now.thinks and _thinks(response.text):
        found["thinks"] = True
    for name, taken in _TAKEN.items():
        if getattr(now, name) is None and taken(request):
            found[name] = True
    if response.tool_calls and now.tools is None:
        found["tools"] = True
    if request.sampling.get("stop") and now.stop is not False:
        if _runs_on(response.text, request.sampling["stop"]):
            found["stop"] = False
    elif request.response_format is not None:
        enforced = _enforced(request, response)
        if enforced is not None and enforced is not now.schema:
            found["schema"] = enforced
    if found:
        learn(request.endpoint, request.model, **found)


def heard(request: Request, tree: _Tree, choice: _Tree) -> None:
    """Learn from a body, and the answer in it, what only stands there."""
    if not _is_served(request.endpoint):
        return
    tally = tally_of(request.endpoint, request.model)
    reasons = any(map(as_dict(choice.get("message")).get, _REASONING))
    scores = request.sampling.get("logprobs", False) is not False
    if tally.placed and not (reasons or scores):
        return  # as a rule, and then nothing is looked up
    now = known(request.endpoint, request.model)
    found: dict[str, Any] = {}
    if reasons and not now.reasoning:
        found["reasoning"] = True
    if scores:
        # What completions lack may come with chats.
        name = "text_logprobs" if request.continues else "logprobs"
        given = bool(choice.get("logprobs"))
        if given is not getattr(now, name):
            found[name] = given
    if found:
        learn(request.endpoint, request.model, **found)
    if not tally.placed:
        tally.placed = True
        told = _kind_of(tree, choice)
        unknown = {n: v for n, v in told.items() if getattr(now, n) is None}
        news = {n: v for n, v in unknown.items() if n not in found}
        learn(request.endpoint, request.model, how="said", **news)


def fits(text: str, response_format: Mapping[str, JSON]) -> bool | None:
    """Whether a reply is what a schema demands; None where none was sent.

    Its first floor is checked, which a server that ignores the schema soon misses: one
    bare object, the members that must be there and no others, their types and choices.

    >>> team = {"type": "object", "properties": {"team": {"enum": ["a", "b"]}}}
    >>> wanted = {"type": "json_schema", "json_schema": {"schema": team}}
    >>> fits('{"team": "a"}', wanted), fits('Sure! {"team": "a"}', wanted)
    (True, False)
    """
    outer = response_format.get("json_schema")
    schema = outer.get("schema") if isinstance(outer, Mapping) else None
    if not isinstance(schema, Mapping) or len(text) > _MOST_JUDGED:
        return None
    try:
        found = cast(object, json.loads(text))
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and _holds(cast("dict[str, Any]", found), schema)


def _holds(found: dict[str, Any], schema: Mapping[str, Any]) -> bool:
    """Whether an object has the members of a schema, each of the demanded sort."""
    members: Mapping[str, Any] = schema.get("properties", {})
    if not {*schema.get("required", ())} <= {*found}:
        return False
    if schema.get("additionalProperties") is False and not {*found} <= {*members}:
        return False
    return all(
        _is_sort(value, members[name])
        for name, value in found.items()
        if name in members
    )


def _is_sort(value: object, wanted: object) -> bool:
    if not isinstance(wanted, Mapping):
        return True
    sort = cast("Mapping[str, Any]", wanted)
    if "enum" in sort and value not in sort["enum"]:
        return False
    if "const" in sort and value != sort["const"]:
        return False
    types = _JSON_TYPES.get(cast(str, sort.get("type"))) if _is_one(sort) else None
    if types is None:
        return True
    if isinstance(value, bool) and bool not in types:
        return False
    return isinstance(value, types)


def _is_one(sort: Mapping[str, Any]) -> bool:
    return isinstance(sort.get("type"), str)


def _enforced(request: Request, response: Response) -> bool | None:
    """What a reply says of its schema; nothing where something else cut it."""
    if response.finish_reason != "stop" or request.response_format is None:
        return None
    text = response.text
    fit = fits(text, request.response_format)
    if fit is False and "</think>" in text:
        fit = fits(text.rpartition("</think>")[2], request.response_format)
    if fit is None:
        return None
    tally = tally_of(request.endpoint, request.model)
    if not fit:
        tally.misses += 1
        return False if tally.misses * ENOUGH > tally.fits else None
    tally.fits += 1
    return True if tally.fits >= ENOUGH * (tally.misses + 1) else None


def _thinks(text: str) -> bool:
    """Whether a text surely begins with a thought; it may also speak of the marks."""
    begins = text.lstrip()[:20].startswith(_THOUGHTS)
    return begins or closed_alone(text) is not None


def _runs_on(text: str, stop: JSON) -> bool:
    """Whether a reply goes on after what should have ended it."""
    marks = [stop] if isinstance(stop, str) else cast("list[str]", stop)
    return any(mark and mark in text and not text.endswith(mark) for mark in marks)


def _is_served(endpoint: str) -> bool:
    """Whether a server answers, and neither the stand-in nor a fake."""
    return endpoint.startswith(("http", "litellm", "local"))


_TAKEN: Final[Mapping[str, Callable[[Request], bool]]] = {
    "seed": lambda request: "seed" in request.sampling,
    "system_role": lambda request: request.messages[0].role == "system",
}
"""Abilities that an answer shows by being one: what it takes was in the request."""


def _kind_of(tree: _Tree, choice: _Tree) -> dict[str, Any]:
    """What the documents say of the kind of server that an answer gives away."""
    for kind in KINDS.values():
        for mark in kind.marks:
            _, inner, name = mark.rpartition("choices.")
            if name in (choice if inner else tree):
                told = kind.abilities
                values = {f.name: getattr(told, f.name) for f in fields(told)}
                return {n: v for n, v in values.items() if v not in (None, "")}
    return {}

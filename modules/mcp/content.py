"""What a tool gives, as MCP carries it: text, images, sound, files, structured data.

Both directions, over plain JSON data: what a server sent becomes a value of Python, and
what a program gave becomes what a server sends.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from ...pipeline.errors import CallError, StepError
from ...pipeline.ground import strictjson
from ...pipeline.ground.shapes import is_dict, is_list, is_sequence
from ...pipeline.ground.words import brief
from ...pipeline.media.documents import Document
from ...pipeline.media.turns import History
from ...pipeline.media.values import Audio, File, Image, Media

_KINDS: Final[Mapping[str, type[Media]]] = {"image": Image, "audio": Audio}
_ALONE: Final = "result"


def value_of(result: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Any:
    """What a tool gave, of a server's result.

    Structured data where there is some; else a text, an image, sound, a file, or a list
    of these in the order in which they came. What is no text of a resource is a `File`;
    a link is its address and what is said of it, and is not followed.

    Args:
        result: The `CallToolResult` as plain data.
        schema: The tool's output schema, where it has one.

    >>> value_of({"content": [{"type": "text", "text": "a"}]}, None)
    'a'
    >>> one = {"type": "object", "properties": {"result": {"type": "integer"}}}
    >>> value_of({"content": [], "structuredContent": {"result": 3}}, one)
    3
    """
    parts = _parts(result)
    structured = result.get("structuredContent")
    if structured is not None:
        data = _unwrapped(structured, schema)
        media = [part for part in parts if isinstance(part, Media)]
        return [data, *media] if media else data
    if all(isinstance(part, str) for part in parts):
        return "\n".join(map(str, parts))
    return parts[0] if len(parts) == 1 else parts


def text_of(result: Mapping[str, Any]) -> str:
    """What a result says in words, as that of a tool that failed."""
    return "\n".join(part for part in _parts(result) if isinstance(part, str))


def _unwrapped(data: Any, schema: Mapping[str, Any] | None) -> Any:
    """What stands alone under "result", where a server had to make an object of it."""
    properties = (schema or {}).get("properties")
    alone = is_dict(properties) and [*properties] == [_ALONE]
    return data[_ALONE] if alone and is_dict(data) and [*data] == [_ALONE] else data


def _parts(result: Mapping[str, Any]) -> list[str | Media]:
    content = result.get("content")
    return [_part(one) for one in content] if is_list(content) else []


def _part(block: Any) -> str | Media:
    if not is_dict(block):
        return ""
    kind = str(block.get("type"))
    if kind == "text":
        return str(block.get("text", ""))
    if kind in _KINDS:
        return _media(_KINDS[kind], block.get("data"), block.get("mimeType"))
    if kind == "resource_link":
        said = f"{block.get('name', '')}: {block.get('description') or ''}".rstrip(": ")
        return f"{said} ({block.get('uri')})"
    held = block.get("resource")
    if kind == "resource" and is_dict(held):
        return _held(held)
    return f"(content of type {brief(kind, 40)}, which is not known)"


def _held(resource: Mapping[str, Any]) -> str | Media:
    """What a resource holds: text, or a value of its data."""
    if isinstance(resource.get("text"), str):
        return str(resource["text"])
    told = str(resource.get("mimeType") or "")
    made = _KINDS.get(told.partition("/")[0], File)
    name = str(resource.get("uri") or "").rpartition("/")[2]
    return _media(made, resource.get("blob"), told, name)


def resource_of(result: Mapping[str, Any], title: str = "") -> list[Document | Media]:
    """What a server sent of a resource: text as documents, the rest as media.

    Args:
        result: The `ReadResourceResult` as plain data.
        title: What the server calls the resource.

    Raises:
        StepError: Data of it is none.

    >>> resource_of({"contents": [{"uri": "a://b", "text": "hi"}]})[0].text
    'hi'
    """
    contents: Any = result.get("contents")
    found: list[Document | Media] = []
    for one in filter(is_dict, contents if is_list(contents) else []):
        made, where = _held(one), str(one.get("uri") or "")
        if isinstance(made, Media):
            found.append(made)
        elif isinstance(one.get("text"), str):
            found.append(Document(text=made, title=title, source=where))
        else:
            raise StepError(f"{where}: {made}")
    return found


def history_of(result: Mapping[str, Any]) -> History:
    """The turns of a server's prompt; what is no text stands as words.

    >>> said = {"type": "text", "text": "Hi."}
    >>> history_of({"messages": [{"role": "user", "content": said}]})
    History(1 turn, the last: user 'Hi.')
    """
    messages: Any = result.get("messages")
    turns = (
        (str(one.get("role")), str(_part(one.get("content"))))
        for one in filter(is_dict, messages if is_list(messages) else [])
    )
    return History(turns)


def _media(made: type[Media], data: Any, told: Any, name: str = "") -> str | Media:
    """A value of its data; where that is no such thing, what is wrong, in words."""
    try:
        held = base64.b64decode(str(data or ""), validate=True)
        if made is File:
            return File(held, media_type=str(told or ""), name=name)
        return made(held, media_type=str(told or ""))
    except (CallError, binascii.Error, ValueError) as error:
        why = error.message if isinstance(error, CallError) else "it is no base64"
        return f"({made.kind} that cannot be read: {brief(why, 200)})"


def result_of(value: Any, data: Any, *, structured: bool) -> dict[str, Any]:
    """What a server sends of what a program gave.

    Args:
        value: What the program gave: media in it are sent as such.
        data: The same as plain JSON data.
        structured: Whether the tool has an output schema, so that data is sent too.

    >>> result_of("hi", "hi", structured=False)
    {'content': [{'type': 'text', 'text': 'hi'}]}
    >>> result_of({"n": 1}, {"n": 1}, structured=True)["structuredContent"]
    {'n': 1}
    """
    made: dict[str, Any] = {"content": _blocks(value, data)}
    if structured:
        made["structuredContent"] = data
    return made


def error_of(words: str) -> dict[str, Any]:
    """What a server sends where a tool failed, for the model that called it."""
    return {"content": [{"type": "text", "text": words}], "isError": True}


def _blocks(value: Any, data: Any) -> list[dict[str, Any]]:
    if isinstance(value, Media):
        return [_block(value)]
    if _holds_media(value):
        pairs = zip(value, data, strict=True) if is_list(data) else ()
        return [block for one, told in pairs for block in _blocks(one, told)]
    if is_dict(data) and len(data) == 1:
        data = next(iter(data.values()))
    return [_text(strictjson.as_text(data))]


def _holds_media(value: Any) -> bool:
    return is_sequence(value) and any(isinstance(one, Media) for one in value)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _block(media: Media) -> dict[str, Any]:
    if not media.sha256:
        return {"type": "resource_link", "uri": media.url, "name": media.kind}
    if not media.held:
        return _text(str(media))
    if media.kind in _KINDS:
        told = {"data": media.base64, "mimeType": media.media_type}
        return {"type": media.kind, **told}
    uri = f"weft://files/{media.name or media.sha256[:12]}"
    held: dict[str, Any] = {"uri": uri, "mimeType": media.media_type}
    if media.media_type.startswith("text/") or media.media_type == "application/json":
        try:
            return {
                "type": "resource",
                "resource": {**held, "text": media.data.decode()},
            }
        except ValueError:
            held |= {"mimeType": "application/octet-stream"}
    return {"type": "resource", "resource": {**held, "blob": media.base64}}

"""Writing a reply in the form that the prompt asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .reading import Head
from .values import as_text
from .wanted import Wanted

_BLANK = " \t\r\n"


def write_reply(head: Head, values: Mapping[str, Any]) -> str:
    """The values under headings, as one object, in tags, or as plain text."""
    if head.kind == "json":
        return _json(dict(values))
    texts = {w.name: _text(w, values[w.name]) for w in head.wanted}
    if head.kind == "xml":
        return "\n".join(_tagged(name, head.fence, t) for name, t in texts.items())
    if head.kind == "chat":
        return _headed(head.fence, texts)
    return "\n".join(as_text(value) for value in values.values())


def _text(wanted: Wanted, value: Any) -> str:
    """The value as it stands in a turn; quoted where bare text would lose its edges."""
    if isinstance(value, str) and wanted.plain:
        bare = value and value == value.strip(_BLANK) and value[0] != '"'
        return value if bare else _json(value)
    return _json(value)


def _tagged(name: str, fence: str, text: str) -> str:
    opening, closing = f"<{name}{fence}>", f"</{name}{fence}>"
    return f"{opening}{text.replace(closing, '')}{closing}"


def _headed(fence: str, texts: Mapping[str, str]) -> str:
    marks = {f"[[ {name}{fence} ]]" for name in (*texts, "/end")}
    lines = list[str]()
    for name, text in texts.items():
        lines.append(f"[[ {name}{fence} ]]")
        lines += [part for part in text.split("\n") if part.strip(" \t\r") not in marks]
    lines.append(f"[[ /end{fence} ]]")
    return "\n".join(lines)


def _json(value: object) -> str:
    # Lone surrogates may come with a prompt; the whole reply is cleaned of them later.
    return json.dumps(value, ensure_ascii=False)

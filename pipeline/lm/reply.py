"""A reply by field, written in the form that a prompt asks for; for fakes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

from ..ground import strictjson
from ..ground.plain import plain
from ..ground.shapes import is_mapping
from .request import Request

__all__ = ["Fields", "reply_of", "spoken"]

Fields: TypeAlias = Mapping[str, Any]
"""What a model says, by field."""

R = TypeVar("R")


class _Form(NamedTuple):
    """How a prompt shows a field, and how a reply writes one."""

    shown: str
    written: str
    end: str = ""


_FORMS: Final = (
    _Form(r"^\[\[ {0}(#\d+)? \]\]\n<{0}>$", "[[ {0}{1} ]]\n{2}", "\n[[ /end{1} ]]"),
    _Form(r"^<{0}(-\d+)?>\.\.\.</{0}", "<{0}{1}>{2}</{0}{1}>"),
    _Form(r"^{0}(#\d+)?: <{0}>$", "{0}{1}: {2}"),
)


def spoken(reply: R | Fields, request: Request) -> R | str:
    """A reply as it is, and one by field as text."""
    if is_mapping(reply) and reply:
        return reply_of(reply, request)
    return cast(R, reply)


def reply_of(fields: Mapping[Any, Any], request: Request) -> str:
    r"""Values by field, as the prompt asks for them: under headings, in tags, on lines.

    A prompt that a base model goes on with gets what follows its last line; any other
    one a JSON object.

    Args:
        fields: At least one; a value that is no JSON data is shown by its `repr`. Those
            that a form does not ask for are left out where it asks for others: one
            reply serves several modules.
        request: What is answered.

    >>> from weft.pipeline.lm.request import Message
    >>> asked = Message("system", "[[ n ]]\n<n>"), Message("user", "?")
    >>> reply_of({"n": 3}, Request("any", asked))
    '[[ n ]]\n3\n[[ /end ]]'
    >>> reply_of({"n": 3}, Request("any", asked[1:]))
    '{"n": 3}'
    """
    values = {str(name): plain(value, repr) for name, value in fields.items()}
    texts = {name: _written(value) for name, value in values.items()}
    told, *turns = [message.text for message in request.messages] or [""]
    for form in _FORMS:
        shown = {
            name: re.search(form.shown.format(re.escape(name)), told, re.MULTILINE)
            for name in texts
        }
        asked = {name: match for name, match in shown.items() if match}
        if asked:
            fence = next(iter(asked.values()))[1] or ""
            lines = [form.written.format(n, fence, texts[n]) for n in asked]
            return "\n".join(lines) + form.end.format("", fence)
    found = None if turns else _begun(texts, told)
    if found is None:
        return strictjson.dumps(values)
    first, fence = found
    lines = [
        f"{name}{fence}: {text}"
        for name, text in {first: texts[first], **texts}.items()
        if name == first or _is_shown(name, told) or not _is_shown(first, told)
    ]
    return "\n".join(lines)[len(f"{first}{fence}:") :].lstrip()


def _written(value: Any) -> str:
    """A value as it stands in a form; a text whose edges would be lost is quoted."""
    bare = not isinstance(value, str) or (value == value.strip() and value[:1] != '"')
    return strictjson.as_text(value) if bare else strictjson.dumps(value)


def _begun(names: Iterable[str], told: str) -> tuple[str, str] | None:
    """The field that a prompt ends with, and its fence; None where there is none."""
    for name in names:
        begun = re.search(rf"^{re.escape(name)}(#\d+)?: *\Z", told, re.MULTILINE)
        if begun:
            return name, begun[1] or ""
    return None


def _is_shown(name: str, told: str) -> bool:
    """Whether a prompt shows a value of a field, in an example."""
    return bool(re.search(rf"^{re.escape(name)}(#\d+)?: *\S", told, re.MULTILINE))

"""The known adapters: a form of replies becomes what writes and reads it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import ParseError
from ..ground.lazy import deferred
from ..lm.form import Form, form_of
from ..signature.signature import Signature

if TYPE_CHECKING:
    from ..reading.fields import Parsed
    from . import chat, completion, json_object, plain, xml
    from .base import Adapter
else:
    # A program asks in one form as a rule, and its import needs none.
    chat = deferred(__name__, "chat")
    completion = deferred(__name__, "completion")
    json_object = deferred(__name__, "json_object")
    plain = deferred(__name__, "plain")
    xml = deferred(__name__, "xml")

__all__ = [
    "Form",
    "adapter_of",
    "form_of",
    "parsed_in",
]


@lru_cache(maxsize=256)
def adapter_of(form: Form | str) -> Adapter:
    """What writes and reads a form; "auto", asked of nobody yet, is the first one.

    Raises:
        ConfigError: There is no such form.
    """
    made = form_of(form) if isinstance(form, str) else form
    if made.name == "json":
        return json_object.JSONAdapter(made.edition)
    if made.name == "xml":
        return xml.XMLAdapter(made.edition)
    if made.name == "plain":
        return plain.PlainAdapter(made.edition)
    if made.name == "completion":
        return completion.CompletionAdapter(
            made.edition, enforced=made.has("schema"), ruled=made.has("grammar")
        )
    return chat.ChatAdapter(made.edition if made.name == "chat" else 1)


def parsed_in(form: str, text: str, signature: type[Signature]) -> Parsed:
    """What a reply says, where nobody was asked for it.

    In "auto" it may stand in either of the forms that are taken by itself: under
    headings or as one object.

    Raises:
        ParseError: The reply does not hold the promised fields.
    """
    if form_of(form).name != "auto":
        return adapter_of(form).parse(text, signature)
    first, second = ("json", "chat") if text.lstrip()[:1] == "{" else ("chat", "json")
    try:
        return adapter_of(first).parse(text, signature)
    except ParseError as error:
        try:
            return adapter_of(second).parse(text, signature)
        except ParseError:
            raise error from None

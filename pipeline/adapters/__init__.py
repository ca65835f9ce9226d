"""The known adapters: a form of replies becomes what writes and reads it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..errors import ParseError
from ..ground.lazy import deferred
from ..lm.form import CHOSEN, Form, form_of
from ..reading.typography import loosened
from ..signature.signature import Signature, spec_of

if TYPE_CHECKING:
    from ..lm.request import Message
    from ..reading.fields import Parsed
    from . import chat, cloze, completion, json_object, plain, tools, xml
    from .base import Adapter
else:
    # A program asks in one form as a rule, and its import needs none.
    chat = deferred(__name__, "chat")
    cloze = deferred(__name__, "cloze")
    completion = deferred(__name__, "completion")
    json_object = deferred(__name__, "json_object")
    plain = deferred(__name__, "plain")
    tools = deferred(__name__, "tools")
    xml = deferred(__name__, "xml")

__all__ = [
    "Form",
    "adapter_of",
    "form_of",
    "parse_either",
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
    if made.name == "cloze":
        flags = {"text": "text", "ruled": "grammar", "stopped": "stop"}
        how = {name: made.has(flag) for name, flag in flags.items()}
        return cloze.ClozeAdapter(made.edition, made.template, **how)
    if made.name == "tools":
        return tools.ToolsAdapter(made.edition)
    return chat.ChatAdapter(made.edition if made.name == "chat" else 1)


def parse_either(
    form: Form,
    text: str,
    signature: type[Signature],
    fence: str = "",
    *,
    echoed: str = "",
    turns: tuple[Message, ...] = (),
    cut: bool = False,
) -> Parsed:
    """What a reply says, under headings or as one object, whichever was asked for.

    For calls whose form nobody chose. A server that is taken for one that enforces
    schemas, and does not, may answer under headings all the same; a model that is asked
    for headings may write an object. What stands in the prompt is no answer in the
    form that was not asked for: no fence keeps it apart there.

    Args:
        form: What was asked for; it is read first, and in other forms alone.
        text: The reply.
        signature: The contract.
        fence: What sets structure apart in this call, in that form.
        echoed: The inputs of the call as they were written into it.
        turns: All that the model was shown.
        cut: Whether the token limit ended the reply.

    Raises:
        ParseError: The reply does not hold the promised fields in either form.
    """
    try:
        return adapter_of(form).parse(text, signature, fence, echoed=echoed, cut=cut)
    except ParseError as error:
        other = _OTHER.get(form.name)
        if other is None:
            raise
        seen = "\n".join([turn.text for turn in turns])
        if _stands_in(seen, text, adapter_of(other), signature):
            raise
        try:
            parsed = adapter_of(other).parse(text, signature, echoed=seen, cut=cut)
        except ParseError:
            raise error from None
        return parsed.noting((f"read in the form {other!r}, which nobody asked for",))


_OTHER: Final = {"json": "chat", "chat": "json"}


def _stands_in(
    seen: str, text: str, adapter: Adapter, signature: type[Signature]
) -> bool:
    """Whether the structure of a reply, or all of it, may be quoted."""
    bare = seen.translate(adapter.passed_over)
    marks = adapter.marks(spec_of(signature), "")
    held = any(mark.translate(adapter.passed_over) in bare for mark in marks)
    return held or loosened(text) in loosened(seen)


def parsed_in(form: str, text: str, signature: type[Signature]) -> Parsed:
    """What a reply says, where nobody was asked for it.

    Raises:
        ParseError: The reply does not hold the promised fields.
    """
    if form_of(form).name not in CHOSEN:
        return adapter_of(form).parse(text, signature)
    first = "json" if text.lstrip()[:1] == "{" else "chat"
    return parse_either(form_of(first), text, signature)

"""The known adapters: a form of replies becomes what writes and reads it."""

from __future__ import annotations

from functools import lru_cache

from ..reply_form import Form, form_of
from .base import Adapter, Parsed, Rendered
from .chat import ChatAdapter
from .completion import CompletionAdapter
from .json_object import JSONAdapter
from .plain import PlainAdapter
from .xml import XMLAdapter

__all__ = ["Adapter", "Form", "Parsed", "Rendered", "adapter_of", "form_of"]


@lru_cache(maxsize=256)
def adapter_of(form: Form | str) -> Adapter:
    """What writes and reads a form; "auto", asked of nobody yet, is the first one.

    Raises:
        ConfigError: There is no such form.
    """
    made = form_of(form) if isinstance(form, str) else form
    if made.name == "json":
        return JSONAdapter(made.edition)
    if made.name == "xml":
        return XMLAdapter(made.edition)
    if made.name == "plain":
        return PlainAdapter(made.edition)
    if made.name == "completion":
        return CompletionAdapter(made.edition, objects=made.has("schema"))
    return ChatAdapter(made.edition if made.name == "chat" else 1)

"""A request as tokens: the chat template's text, with soft words where they stand.

The text is cut at the words of this request and at no others, and what lies between is
tokenised as llama.cpp tokenises it around tokens of its own: whole stretches, so that
training, this process and a server that has the words read the same ids.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from ...errors import InvalidRequest
from ..message import Message
from ..request import Request
from ..soft.words import Soft
from ..wire.control import turns_without_control
from .loaded import Loaded, Tokens

_BEGIN: Final = "system", "user"


def tokens_of(loaded: Loaded, request: Request) -> Tokens:
    """The tokens of a request.

    Raises:
        InvalidRequest: It holds what a model of texts cannot be told.
    """
    soft = request.soft
    text, head = texts_of(loaded, request)
    ids = ids_of(loaded, text, soft, begins=request.continues)
    first = ids_of(loaded, head, soft) if head else []
    front = soft.count if soft is not None and soft.place == "front" else 0
    common = 0
    while common < min(len(first), len(ids)) and first[common] == ids[common]:
        common += 1
    return Tokens((*range(-1, -1 - front, -1), *ids), front + common if common else 0)


def texts_of(loaded: Loaded, request: Request) -> tuple[str, str]:
    """The whole text, and how many texts of this kind begin: its first turn."""
    for message in request.messages:
        if not isinstance(message.content, str) or message.tool_calls:
            raise InvalidRequest(
                f"{request.model!r} takes texts, and is given parts or calls of tools",
                hint="Ask it with texts alone",
                model=request.model,
            )
    if request.continues:
        return request.messages[0].text, ""
    request = turns_without_control(request, loaded.model.abilities.control)
    whole = templated(loaded, request.messages, request.model, asks=True)
    if len(request.messages) < 2 or request.messages[0].role != "system":
        return whole, ""
    head = templated(loaded, request.messages[:1], request.model, asks=False)
    return whole, head if whole.startswith(head) else ""


def templated(
    loaded: Loaded, messages: Sequence[Message], model: str, *, asks: bool
) -> str:
    """Turns as the model's chat template writes them.

    Raises:
        InvalidRequest: The template refuses them, or there is none.
    """
    turns = [{"role": one.role, "content": one.text} for one in messages]
    try:
        made: Any = loaded.tokenizer.apply_chat_template(
            turns, add_generation_prompt=asks, tokenize=False
        )
    except Exception as error:  # noqa: BLE001 - a template is a program of its own
        raise InvalidRequest(
            f"the chat template of {model!r} refuses these turns: {str(error)[:200]}",
            hint="Give LM(..., base=True) for a model that was taught no turns",
            model=model,
        ) from None
    return str(made)


def ids_of(
    loaded: Loaded, text: str, soft: Soft | None, *, begins: bool = False
) -> list[int]:
    """The tokens of a text, soft words as -1, -2, ...

    Args:
        loaded: Whose tokenizer.
        text: The text.
        soft: The words that may stand in it.
        begins: Whether what the tokenizer puts before a text belongs there; a chat
            template has put it there itself.
    """
    words = soft.words if soft is not None else ()
    made: list[int] = []
    if begins:
        first = loaded.tokenizer("", add_special_tokens=True).input_ids[:1]
        made += [n for n in first if n == loaded.tokenizer.bos_token_id]
    for part in (
        re.split(f"({'|'.join(map(re.escape, words))})", text) if words else [text]
    ):
        if part in words:
            made.append(-1 - words.index(part))
        elif part:
            made += loaded.tokenizer(part, add_special_tokens=False).input_ids
    return made

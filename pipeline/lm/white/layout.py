"""A request as tokens: the chat template's text, with soft words where they stand.

The text is cut at the words of this request and at no others, and what lies between is
tokenised as llama.cpp tokenises it around tokens of its own: whole stretches, so that
training, this process and a server that has the words read the same ids.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...errors import ConfigError, InvalidRequest
from ..message import Message
from ..request import Request
from ..soft.words import Soft
from ..wire.control import turns_without_control
from .loaded import Loaded, Tokens


def tokens_of(loaded: Loaded, request: Request) -> Tokens:
    """The tokens of a request.

    Raises:
        InvalidRequest: It holds what a model of texts cannot be told.
    """
    soft = request.soft
    text, beginnings = texts_of(loaded, request)
    ids = ids_of(loaded, text, soft, begins=request.continues)
    front = soft.count if soft is not None and soft.place == "front" else 0
    cuts: list[int] = []
    for beginning in beginnings:
        first = ids_of(loaded, beginning, soft, begins=request.continues)
        common = 0
        while common < min(len(first), len(ids) - 1) and first[common] == ids[common]:
            common += 1
        if common > (cuts[-1] - front if cuts else 0):
            cuts.append(front + common)
    return Tokens((*range(-1, -1 - front, -1), *ids), tuple(cuts))


def texts_of(loaded: Loaded, request: Request) -> tuple[str, list[str]]:
    """The whole text, and its beginnings that other texts of this kind may share.

    Of turns: the first, if it is the system's, and all but the last. Of a text to be
    continued: all but its last paragraph.
    """
    for message in request.messages:
        if not isinstance(message.content, str) or message.tool_calls:
            raise InvalidRequest(
                f"{request.model!r} takes texts, and is given parts or calls of tools",
                hint="Ask it with texts alone",
                model=request.model,
            )
    turns = request.messages
    if request.continues:
        whole = turns[0].text
        shared, between, _ = whole.rpartition("\n\n")
        return whole, [shared + between] if shared else []
    known = loaded.model.abilities.control
    turns = turns_without_control(request, known).messages
    whole = templated(loaded, turns, request.model, asks=True)
    firsts = [1] if turns[0].role == "system" and len(turns) > 1 else []
    if len(turns) > len(firsts) + 1:
        firsts.append(len(turns) - 1)
    made = [
        templated(loaded, turns[:count], request.model, asks=False) for count in firsts
    ]
    return whole, [beginning for beginning in made if whole.startswith(beginning)]


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


def token_of(loaded: Loaded, text: str, what: str) -> int:
    """The token that a text is, whole.

    Args:
        loaded: Whose tokenizer.
        text: The text.
        what: What it is to the user, such as "word".

    Raises:
        ConfigError: It is several tokens, or none.
    """
    ids = loaded.tokenizer(text, add_special_tokens=False).input_ids
    if len(ids) != 1:
        raise ConfigError(
            f"the {what} {text!r} is {len(ids)} tokens of {loaded.model.name!r}",
            hint="Give words that are one token each; a blank before one often is a "
            "part of it",
        )
    return int(ids[0])

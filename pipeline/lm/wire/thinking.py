"""What a model thought before it answered, told apart from its answer.

Servers show it in a field of its own (`reasoning_content` at DeepSeek, vLLM, SGLang and
llama.cpp; `reasoning` at OpenRouter, Groq, Ollama and later vLLMs), as parts of a list
(Mistral), or leave it in the text, between the marks of the model's template. It is cut
off a text only where that is certain: at its head, between marks that no message of the
request speaks of, since a reply of such a form may begin with them too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ...ground.shapes import as_dict, as_list, is_dict
from ..request import Request

_FIELDS: Final = ("reasoning_content", "reasoning")
THINKING: Final = frozenset({"thinking", "reasoning", "redacted_thinking"})
"""Types of parts that are no part of the answer."""

_MARKS: Final = {
    "<think>": "</think>",  # DeepSeek R1, Qwen3, SmolLM3 and most others
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "[THINK]": "[/THINK]",  # Magistral
}
_CLOSED: Final = "</think>"
_ALONE: Final = re.compile(r"(?:\A|\n)[ \t]*</think>[ \t]*(?:\r?\n|\Z)")
_SAID: Final = re.compile(r"think(?:ing)?[>\]]|thought>", re.IGNORECASE)
_TAIL: Final = 64  # characters in which a mark on a line of its own has room


class Thought(NamedTuple):
    """What was thought, and the answer without it."""

    reasoning: str
    answer: str


def thought_in(message: Mapping[str, Any]) -> str:
    """What was thought, where a message or a piece of one shows it apart; else empty.

    Some servers send it under two names, for older clients; it is one thought.

    >>> thought_in({"content": "4", "reasoning": "2 and 2", "reasoning_content": None})
    '2 and 2'
    """
    for name in _FIELDS:
        said = message.get(name)
        if isinstance(said, str) and said:
            return said
    content = message.get("content")
    if isinstance(content, str):
        return ""
    parts = [content] if is_dict(content) else as_list(content)
    return "".join(map(_thinking_part, parts))


def _thinking_part(part: object) -> str:
    """The text of a part that is thought, itself a text or a list of parts."""
    held = as_dict(part)
    if held.get("type") not in THINKING:
        return ""
    said = held.get("thinking") or held.get("text")
    if isinstance(said, str):
        return said
    texts = (as_dict(one).get("text") for one in as_list(said))
    return "".join(text for text in texts if isinstance(text, str))


def cut_off(
    text: str, request: Request, finish: str, *, thinks: bool = False
) -> Thought | None:
    r"""The thought at the head of a text and the rest; None where none surely is.

    Args:
        text: The whole text.
        request: What was asked.
        finish: Why the text ended.
        thinks: Whether the model is known to think in its text, so that the first
            closing mark closes a thought that its template opened.

    >>> ask = Request("m", ())
    >>> cut_off("<think>2 and 2</think>\n4", ask, "stop")
    Thought(reasoning='2 and 2', answer='4')
    >>> cut_off("Close it with </think>.", ask, "stop") is None
    True
    """
    head = text.lstrip()
    opened = next((mark for mark in _MARKS if head.startswith(mark)), None)
    if (opened is None and _CLOSED not in text) or _spoken_of(request):
        return None
    if opened is not None:
        thought, closed, answer = head[len(opened) :].partition(_MARKS[opened])
        # Without an end all of it is thought where the limit cut it. Where the model
        # ended by itself, the answer may be in there.
        if not closed and finish != "length":
            return None
        return Thought(thought.strip(), answer.lstrip())
    # The template has opened it, and the text only closes it.
    alone = closed_alone(text)
    if alone is not None:
        return Thought(text[: alone.start()].strip(), text[alone.end() :].lstrip())
    if not thinks:
        return None
    thought, _, answer = text.partition(_CLOSED)
    return Thought(thought.strip(), answer.lstrip())


def closed_alone(text: str) -> re.Match[str] | None:
    """The one closing mark of a text, where it has a line to itself.

    A template has opened the thought then, and the text only closes it.
    """
    return _ALONE.search(text) if text.count(_CLOSED) == 1 else None


def _spoken_of(request: Request) -> bool:
    return any(_SAID.search(message.text) for message in request.messages)


class Shown(NamedTuple):
    """What a piece of a text adds to what is shown.

    Args:
        text: A further piece.
        anew: Whether what was shown before turned out to be no answer.
    """

    text: str
    anew: bool = False


class Curtain:
    """Shows a text while it arrives, without the thought at its head.

    What it shows is settled by `rest`, when the whole is known.

    Args:
        request: What was asked.
        thinks: As in `cut_off`.
    """

    def __init__(self, request: Request, *, thinks: bool = False) -> None:
        self._request = request
        self._thinks = thinks
        self._edge: list[str] = []  # before it is decided: blanks at its beginning
        self._held = ""  # before it is decided: the head; in a thought: its end
        self._closed = ""  # what ends the thought that is under way
        self._decided = False
        self._blank = False  # blank space is passed over: the answer has not begun
        self._tail: str | None = None  # None: no mark can come any more
        self._shown: list[str] = []

    def feed(self, piece: str) -> Shown:
        """What a further piece adds."""
        if not self._decided:
            piece = self._decide(self._held + piece)
        if self._closed:
            piece = self._through(piece)
        elif self._tail is not None:
            end = self._end_in(self._tail + piece)
            if end is not None:
                anew = bool(self._shown)
                self._shown.clear()
                self._tail, self._blank = None, True
                return Shown(self._show(end), anew)
            self._tail = (self._tail + piece)[-_TAIL:]
        return Shown(self._show(piece))

    def rest(self, answer: str) -> Shown:
        """What is left to show of the answer, now that it is whole."""
        shown = "".join(self._shown)
        if answer.startswith(shown):
            return Shown(answer[len(shown) :])
        # Blank space around an answer is no reason to show it anew.
        anew = shown.strip() != answer.strip()
        return Shown(answer if anew else "", anew)

    def _show(self, piece: str) -> str:
        if self._blank:
            piece = piece.lstrip()
            self._blank = not piece
        if piece:
            self._shown.append(piece)
        return piece

    def _decide(self, text: str) -> str:
        """What can be shown or passed over, once it is known how the text begins."""
        head = text.lstrip()
        self._edge.append(text[: len(text) - len(head)])
        opened = next((mark for mark in _MARKS if head.startswith(mark)), None)
        if opened is None and any(mark.startswith(head) for mark in _MARKS):
            self._held = head
            return ""
        self._decided, self._held = True, ""
        text = "".join([*self._edge, head])
        if _spoken_of(self._request):
            return text
        if opened is None:
            self._tail = ""
            return text
        self._closed, self._blank = _MARKS[opened], True
        return head[len(opened) :]

    def _through(self, piece: str) -> str:
        """What stands behind the end of the thought that is under way."""
        text = self._held + piece
        _, closed, answer = text.partition(self._closed)
        if not closed:
            self._held = text[1 - len(self._closed) :]
            return ""
        self._closed = self._held = ""
        return answer

    def _end_in(self, text: str) -> str | None:
        """What stands behind a closing mark without an opening one."""
        if _CLOSED not in text:
            return None
        if self._thinks:
            return text.partition(_CLOSED)[2]
        alone = _ALONE.search(text)
        whole = alone is not None and (text.endswith("\n") or alone.end() < len(text))
        if alone is None or not whole:
            return None  # its line may go on
        return text[alone.end() :]

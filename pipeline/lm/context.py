"""How many tokens a prompt takes, as far as text alone tells, and what that leaves.

Nobody can count tokens without the model's vocabulary, so there are three numbers: what
a prompt surely takes at least, what it usually takes, and what it surely takes at most
(`token_bounds`). Only the first refuses a prompt before the call, and only the
second bounds an answer; a server that counts for itself and refuses says how many
tokens there are, and is asked again with what is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..errors import ContextLengthError
from ..media.tokens import most_tokens
from ..media.values import Media
from .request import Request

DEFAULT_OUTPUT_TOKENS: Final = 4096
"""The bound on an answer where the request itself states none."""

_TOKENS_PER_MESSAGE: Final = 16  # role, separators and turn markers of chat templates
HINT: Final = "Send less: fewer or shorter demos, or shorter inputs"
_USUAL: Final = 4
"""Bytes of a token, rather many of them (English has about 4.3, code and JSON 3): where
the estimate is too low a server refuses, says the numbers and is asked again, and where
it is too high an answer is cut short without a word."""
_LEAST: Final = 16
"""The fewest tokens of an answer that are worth a call."""
_WORD: Final = re.compile(r"\w+")


def token_bounds(request: Request) -> tuple[int, int]:
    """Upper bounds on the input and the output tokens of a request.

    A token is at least one byte of text in every byte-level vocabulary, so the UTF-8
    length bounds the input without a tokenizer; servers write the JSON schema of
    `response_format`, and what an `extra` holds of tools or documents, into the prompt,
    so these count as text too.

    >>> from weft.pipeline.lm.request import Message
    >>> hi = Request("m", (Message("user", "hi"),), sampling={"max_tokens": 8})
    >>> token_bounds(hi)
    (18, 8)
    """
    messages = request.messages
    texts = [c if type(c := m.content) is str else m.text for m in messages]
    held = sum(map(_utf8_length, texts))
    held += _TOKENS_PER_MESSAGE * len(messages)
    for message in messages:
        for one in message.tool_calls:
            called = one.name + one.arguments + one.id
            held += _TOKENS_PER_MESSAGE + _utf8_length(called)
    if request.questions is not None:
        held += _utf8_length(repr(request.questions.as_data()))
    for tool in request.tools:
        held += _TOKENS_PER_MESSAGE + _utf8_length(repr(tool.as_data()))
    if [m for m in messages if type(m.content) is not str]:
        held += sum(most_tokens(one, request.model) for one in media_of(request))
    if request.response_format is not None:
        held += _utf8_length(repr(request.response_format))
    for value in request.sampling.values():
        if not isinstance(value, str | int | float | None):  # tools and the like
            held += _utf8_length(repr(value))
    if request.questions is not None and request.questions.wire == "systemone":
        return held, 0  # SGLang scores the choices, and writes nothing
    limits = (
        value
        for name in ("max_tokens", "max_completion_tokens")
        if isinstance(value := request.sampling.get(name), int)
    )
    return held, max(limits, default=DEFAULT_OUTPUT_TOKENS)


def media_of(request: Request) -> list[Media]:
    """What of a request is no text, in order."""
    return [one for message in request.messages for one in message.media]


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def fewest_tokens(request: Request) -> int:
    """The tokens that a prompt surely takes, whatever the vocabulary.

    The vocabularies in use split a text at blank space before they merge anything, so
    that no token holds parts of two words: a prompt has at least as many tokens as it
    has words. How long a token can be within a word is no bound that holds: there are
    some of 64 dashes, and some of nine Chinese characters.

    >>> from weft.pipeline.lm.request import Message
    >>> fewest_tokens(Request("m", (Message("user", "two  words --------"),)))
    2
    """
    texts = (message.text for message in request.messages)
    return sum(
        1 for text in texts for part in text.split() if _WORD.search(part) is not None
    )


def usual_tokens(request: Request) -> int:
    """The tokens that a prompt usually takes."""
    return -(-token_bounds(request)[0] // _USUAL)


def room_for(request: Request, context: int | None) -> int | None:
    """The most tokens of an answer for which a context has room; None for no limit.

    Raises:
        ContextLengthError: The prompt surely has more tokens than the context.
    """
    if context is None:
        return None
    most, answer = token_bounds(request)
    if most + answer <= context:  # so it is as a rule, and then nothing is counted
        return None
    if most >= context and (least := fewest_tokens(request)) >= context:
        raise ContextLengthError(
            f"the prompt has at least {least:,} tokens, and the context of "
            f"{request.model!r} has {context:,}",
            hint=f"{HINT}. If it has grown since it said so: "
            'LM(..., abilities={"context": ...})',
            model=request.model,
        )
    return max(1, context - usual_tokens(request))


@dataclass(frozen=True, slots=True)
class Window:
    """What a server says of its context when it refuses a prompt.

    Args:
        context: Tokens of prompt and answer together.
        prompt: Tokens of the prompt, or None where it does not say.
        exact: Whether the prompt has so many, and not at least so many.
    """

    context: int
    prompt: int | None = None
    exact: bool = True

    def room(self, request: Request, tries: int) -> int | None:
        """The most tokens of an answer to ask for now; None where none are left.

        Args:
            request: What was refused.
            tries: How often the server has refused it for its length before.
        """
        prompt = self.prompt or 0
        if not (self.exact and self.prompt):
            # More careful each time; in the end no token is shorter than a byte.
            most = token_bounds(request)[0]
            careful = (most // 3, most // 2, most)
            if tries >= len(careful):
                return None
            prompt = max(prompt, careful[tries])
        elif tries:
            return None
        left = self.context - prompt
        asked = request.sampling.get("max_tokens")
        enough = min(asked, _LEAST) if isinstance(asked, int) else _LEAST
        return left if left >= enough else None


_N: Final = r"(\d[\d,]*)"
_MOST_DIGITS: Final = 15  # no context has more tokens
_CONTEXTS: Final = [
    re.compile(pattern.replace("N", _N), re.IGNORECASE)
    for pattern in (
        # OpenAI, DeepSeek, vLLM; SGLang
        r"maximum context length (?:is|of) N",
        # SGLang, vLLM
        r"context length \(N",
        # Mistral
        r"model with N maximum context length",
        # llama.cpp, llama-cpp-python
        r"context (?:size|window)(?: of| \() ?N",
        # vLLM
        r"maximum model length of N",
        # SGLang, where its memory holds less than the model's context
        r"maximum allowed length \(N tokens",
        # Text Generation Inference
        r"`max_new_tokens` must be <= N\. Given",
        # Anthropic
        r"context limit: \d+ \+ \d+ > N",
        r"prompt is too long: \d+ tokens > N maximum",
        # Gemini
        r"maximum number of tokens allowed \(N",
        # LM Studio; llama.cpp's own field
        r"\bn_ctx\"?: ?N",
    )
]
_PROMPTS: Final = [
    re.compile(pattern.replace("N", _N), re.IGNORECASE)
    for pattern in (
        r"\(N in (?:the messages|your prompt|the prompt)",
        r"(?:your request|prompt) (?:has|contains) N (?:input )?tokens",
        r"N tokens from the input messages",
        r"your messages resulted in N tokens",
        r"(?:the input|input length) \(N(?: tokens)?\)",
        r"decoder prompt \(length N\)",
        r"Given: N `inputs` tokens",
        r"request \(N tokens\) exceeds",
        r"context limit: N \+",
        r"prompt is too long: N tokens",
        r"input token count \(N\)",
        r"Requested tokens \(N\)",
        r"n_prompt_tokens\"?: ?N",
        r"\bn_keep: ?N",
    )
]
_AT_LEAST: Final = re.compile(
    rf"your prompt contains at least {_N} input tokens", re.IGNORECASE
)
_MOST: Final = [
    re.compile(pattern.replace("N", _N), re.IGNORECASE)
    for pattern in (
        # OpenAI
        r"supports at most N completion tokens",
        # DeepSeek
        r"valid range of max_tokens is \[1, ?N\]",
        # Groq
        r"max(?:_completion)?_tokens`? must be less than or equal to `?N",
        # Anthropic
        r"max_tokens: \d+ > N, which is the maximum",
    )
]


def window_said(text: str) -> Window | None:
    """What a refusal says of the context, or None.

    >>> window_said(
    ...     "This model's maximum context length is 4096 tokens. However, you "
    ...     "requested 4203 tokens (3703 in the messages, 500 in the completion)."
    ... )
    Window(context=4096, prompt=3703, exact=True)
    """
    context = _number_in(text, _CONTEXTS)
    if context is None:
        return None
    # vLLM stops counting where it has seen enough.
    least = _number_in(text, [_AT_LEAST])
    if least is not None:
        return Window(context, least, exact=False)
    return Window(context, _number_in(text, _PROMPTS))


def output_said(text: str) -> int | None:
    """The most tokens of an answer that a refusal says there may be, or None."""
    return _number_in(text, _MOST)


def _number_in(text: str, patterns: list[re.Pattern[str]]) -> int | None:
    found = (pattern.search(text) for pattern in patterns)
    digits = (hit[1].replace(",", "") for hit in found if hit is not None)
    numbers = (int(number) for number in digits if len(number) <= _MOST_DIGITS)
    return next((number for number in numbers if number > 0), None)

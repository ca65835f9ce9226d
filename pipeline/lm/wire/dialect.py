"""How one endpoint wants a request written, and what its refusals teach of that.

A request is what was asked, and its key. What is sent may differ by what is known of
the endpoint: `max_tokens` has a later name and no more room than the context leaves, a
model that reasons takes no temperature, another no system turn.

A refusal that blames an option names it, and says that it is not supported; one that
blames the length names the numbers. Nothing was generated, so to ask again at once, the
other way, is the same attempt: no wait, no retry, no further call of a budget. What was
learnt holds from then on for this model at this endpoint (`known`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...errors import InvalidRequest
from ...media.kinds import FORMATS
from ...media.values import Media, Part
from ..abilities import Abilities
from ..context import Window, media_of, output_said, room_for, window_said
from ..known import known, learn
from ..modality import ABILITY, lacking
from ..request import JSON, Message, Request
from ..route import OPENAI
from ..scoring.questions import Questions
from .control import turns_without_control
from .faults import Refusal
from .remedies import refuses_system
from .tools import called_of, refuses_tools, tools_of

NOTHING_KNOWN: Final = Abilities()
_BY_ABILITY: Final = ("seed", "stop")
"""Options with an ability of their own."""


def left_out(request: Request, abilities: Abilities) -> tuple[str, ...]:
    """The sampling options that are asked for and not sent.

    >>> left_out(Request("m", (), {"seed": 1, "top_p": 1}), Abilities(seed=False))
    ('seed',)
    """
    refused = [name for name in _BY_ABILITY if getattr(abilities, name) is False]
    if not refused and not abilities.without:
        return ()
    refused += abilities.without
    return tuple(name for name in request.sampling if name in refused)


def options_of(
    request: Request, abilities: Abilities, most: int | None = None
) -> dict[str, JSON]:
    """The sampling options as they are sent.

    Args:
        request: What to ask.
        abilities: What is known of the endpoint.
        most: The most tokens of an answer that the endpoint has room for, where it has
            said so; else that is estimated.

    Raises:
        ContextLengthError: The prompt alone is longer than the model's context.
    """
    without = left_out(request, abilities)
    options = {name: v for name, v in request.sampling.items() if name not in without}
    if most is None:
        most = room_for(request, abilities.context)
    limits = [limit for limit in (most, abilities.output) if limit is not None]
    if limits and type(asked := options.get("max_tokens")) is int:
        options["max_tokens"] = min(asked, *limits)
    # `/completions` has kept the older name, at OpenAI too.
    if abilities.max_completion_tokens and not request.continues:
        options = {_LATER.get(name, name): value for name, value in options.items()}
    return {**options, **_logprobs(request)} if "logprobs" in options else options


def _logprobs(request: Request) -> dict[str, JSON]:
    """How many tokens of each place are shown, as chats and completions write it."""
    most = request.sampling["logprobs"]
    if type(most) is not int:  # as whoever asks wrote it
        return {"logprobs": most}
    if request.continues:
        here = request.endpoint == OPENAI
        return {"logprobs": min(most, _MOST_OF_TEXTS) if here else most}
    return {"logprobs": True, "top_logprobs": most}


_MOST_OF_TEXTS: Final = 5  # OpenAI shows no more of a text that is continued
_LATER: Final = {"max_tokens": "max_completion_tokens"}


def text_of(request: Request) -> str:
    """The text that a request wants continued.

    Raises:
        InvalidRequest: It holds turns, which a text has none of.
    """
    roles = [message.role for message in request.messages]
    if roles != ["user"]:
        raise InvalidRequest(
            f"a text to be continued is one message of the user, not {roles}",
            hint="Put demos and instruction into the text, or ask without `continues`",
            model=request.model,
        )
    return request.messages[0].text


def asked_of(request: Request, abilities: Abilities) -> dict[str, Any]:
    """The field of a body that holds what is asked: a text to continue, or turns.

    Raises:
        InvalidRequest: A text is to be continued, and there are several.
    """
    if request.continues:
        return {"prompt": text_of(request)}
    if abilities.control:
        request = turns_without_control(request, abilities.control)
    return {"messages": turns_of(request, abilities), **tools_of(request)}


def turns_of(request: Request, abilities: Abilities) -> list[dict[str, Any]]:
    """The turns as they are sent: without a system turn where the model takes none.

    What the system turn says stands then before what the user first says, as the
    templates of models without one do it.
    """
    messages = request.messages
    if abilities.system_role is False:
        messages = _without_system(messages)
    return [
        {
            "role": one.role,
            "content": c if type(c := one.content) is str else parts_of(one),
            **(called_of(one) if one.tool_calls or one.role == "tool" else {}),
        }
        for one in messages
    ]


def parts_of(message: Message) -> list[dict[str, Any]]:
    """The parts of a turn as the OpenAI format writes them.

    https://platform.openai.com/docs/api-reference/chat/create; litellm writes them anew
    for each other provider.

    Raises:
        CallError: This process does not hold the data of one.
    """
    content = message.content
    parts = (content,) if isinstance(content, str) else content
    return [
        {"type": "text", "text": one} if isinstance(one, str) else _part_of(one)
        for one in parts
    ]


def _part_of(media: Media) -> dict[str, Any]:
    if media.kind == "image":
        return {"type": "image_url", "image_url": {"url": media.data_url}}
    if media.kind == "audio":
        sound = {"data": media.base64, "format": FORMATS[media.media_type]}
        return {"type": "input_audio", "input_audio": sound}
    _, _, ending = media.media_type.rpartition("/")
    name = media.name or f"file.{ending}"
    return {"type": "file", "file": {"filename": name, "file_data": media.data_url}}


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    said = [message.text for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    at = next((n for n, turn in enumerate(turns) if turn.role == "user"), None)
    if not said or at is None:
        return messages
    first = turns[at].content
    if isinstance(first, str):
        told: str | tuple[Part, ...] = "\n\n".join([*said, first])
    else:
        told = ("\n\n".join([*said, ""]), *first)
    return (*turns[:at], Message("user", told), *turns[at + 1 :])


def format_of(request: Request) -> dict[str, JSON]:
    """The fields of a body that say which form the answer is to have."""
    wanted = request.response_format
    if wanted is None:
        return {}
    held = wanted.get("json_schema")
    if not request.continues or request.endpoint == OPENAI:
        return {"response_format": wanted}
    # llama.cpp obeys a schema for a text under this name alone, vLLM under the other,
    # and each passes over what it does not know. OpenAI would refuse such a field.
    schema = held.get("schema") if isinstance(held, Mapping) else None
    return {"response_format": wanted, "json_schema": schema}


_MOST_LESSONS: Final = 8
_NO_OTHER_WAY: Final = frozenset(
    {"schema", "tools", "logprobs", "text_logprobs", *ABILITY.values()}
)
"""Abilities without which the same is not to be had here: whoever asks decides."""

_log: Final = logging.getLogger("weft")

_DROPPED: Final = (
    *("temperature", "top_p", "presence_penalty", "frequency_penalty"),
    *("seed", "stop", "reasoning_effort", "verbosity"),
    *("parallel_tool_calls", "tool_choice"),
)
"""Options that an answer can do without; of several that are blamed together the last
one goes first. A `logit_bias` is no such: what it shuts out would come."""

_REFUSES: Final = re.compile(
    r"unsupported|not supported|n[o']t support|not allowed|not permitted|"
    r"unrecognized|unknown|unexpected|extra_forbidden|deprecated|not available|"
    r"unavailable|cannot (?:both )?be (?:set|used|specified)|may only be set to|"
    r"only (?:[\w=.]+ |the default )+(?:\(.{1,8}\) value )?(?:is|are) "
    r"(?:allowed|supported)",
    re.IGNORECASE,
)
_VALUES: Final = re.compile(r"supported values|does not support '", re.IGNORECASE)
"""A word that is not among those known is a mistake, and for the caller to mend."""

_SENTENCE: Final = re.compile(r"(?<=[^.]\.)\s+|[;\n]")
_NO_SCHEMAS: Final = re.compile(
    # DeepSeek, Groq; LM Studio; OpenAI's older models; others that know no such field
    r"response_format.{0,40}(?:unavailable|not one of the allowed)|"
    r"(?:not|n't) support (?:the )?(?:response[_ ]format|structured output)|"
    r"'response_format\.type' must be|"
    r"'response_format' of type 'json_schema' is not supported|"
    r"response_format['`\"]?\]?,? .{0,30}(?:not supported|not permitted)|"
    r"not permitted.{0,20}response_format|"
    r"unsupported parameter: ['`\"]?response_format",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Manners:
    """How one request is sent to its endpoint, changed by each refusal that teaches.

    Args:
        request: What is asked; it never changes.
        abilities: What is known of the endpoint.
        streamed: Whether the answer is to come piece by piece.
        most: The most tokens of an answer that the endpoint has room for, where it has
            said so.
    """

    request: Request
    abilities: Abilities = field(default=NOTHING_KNOWN)
    streamed: bool = False
    most: int | None = None
    _lengths: int = 0
    _lessons: int = 0

    def learns(self, refusal: Refusal) -> bool:
        """Whether there is another way to ask, which is then taken."""
        if self.request.questions is not None:
            _note_no_decisions(self.request, self.request.questions, refusal)
            return False
        of_system = refusal.of_system([one.role for one in self.request.messages])
        teaches = refusal.teaches or refusal.of_tools or of_system
        taught = lesson_in(refusal.words, self) if teaches else {}
        if not taught:
            return False
        _note(self.request, taught)
        before, self.abilities = (
            self.abilities,
            Abilities(**taught).over(self.abilities),
        )
        self._lessons += 1
        if self._lessons > _MOST_LESSONS or not _NO_OTHER_WAY.isdisjoint(taught):
            return False
        window = window_said(refusal.words)
        return self.abilities != before if window is None else self._fits(window)

    def _fits(self, window: Window) -> bool:
        """Whether an answer has room in a context, which is then asked for."""
        before, self.most = self.most, window.room(self.request, self._lengths)
        self._lengths += 1
        return self.most not in (before, None)


def lesson_in(said: str, manners: Manners) -> dict[str, Any]:
    """The abilities that a refusal tells of, by name; none where it teaches nothing."""
    request, abilities = manners.request, manners.abilities
    taught: dict[str, Any] = {}
    window, output = window_said(said), output_said(said)
    if window is not None:
        taught["context"] = window.context
    elif output is not None:
        taught["output"] = output
    if request.response_format is not None and _NO_SCHEMAS.search(said):
        return {**taught, "schema": False}
    if request.tools and refuses_tools(said):
        return {**taught, "tools": False}
    if refuses_system(said, [message.role for message in request.messages]):
        taught["system_role"] = False
    taught |= lacking(said, media_of(request))
    taught |= _names(said, abilities)
    if "logprobs" in request.sampling and _blamed(said, ("logprobs", "top_logprobs")):
        taught["text_logprobs" if request.continues else "logprobs"] = False
    if manners.streamed and _blamed(said, ("stream_options", "include_usage")):
        taught["stream_options"] = False
    gone = left_out(request, abilities)
    option = _blamed(said, [n for n in _DROPPED if n in request.sampling.keys() - gone])
    if option in ("seed", "stop"):
        taught[option] = False
    elif option:
        taught["without"] = (option,)
    return taught


def _names(said: str, abilities: Abilities) -> dict[str, bool]:
    """Which of its two names the bound of an answer has, where a refusal tells."""
    later = "max_completion_tokens"
    if abilities.max_completion_tokens:
        wrong = _blamed(said, (later,)) and not re.search(rf"use .?{later}", said)
        return {later: False} if wrong else {}
    return {later: True} if later in said and _blamed(said, ("max_tokens",)) else {}


def _blamed(said: str, names: tuple[str, ...] | list[str]) -> str:
    """The last of some options that one sentence names and refuses; or empty."""
    found = ""
    for sentence in _SENTENCE.split(said):
        if not _REFUSES.search(sentence):
            continue
        for name in names:
            words = name in ("reasoning_effort", "verbosity", "stop")
            if re.search(rf"(?<![\w.]){name}(?![\w])", sentence) and not (
                words and _VALUES.search(said)
            ):
                found = name
    return found


def _note(request: Request, taught: Mapping[str, Any]) -> None:
    """Keep what was learnt, and say once which of the user's options are left out."""
    now = known(request.endpoint, request.model)
    both = Abilities(**taught).over(now)
    new = set(left_out(request, both)) - set(left_out(request, now))
    if both != now:
        kept = {**taught, "without": both.without} if "without" in taught else taught
        learn(request.endpoint, request.model, how="refused", **kept)
    for name in sorted(new):
        _log.warning(
            "%s at %s takes no %s: it is left out from now on",
            request.model,
            request.endpoint,
            name,
        )


def _note_no_decisions(
    request: Request, questions: Questions, refusal: Refusal
) -> None:
    """Keep that an endpoint has no such path, where its refusal says no more."""
    if refusal.status in _NO_PATH and "model" not in refusal.words.lower():
        gone = {questions.wire: False}
        learn(request.endpoint, request.model, how="refused", **gone)


_NO_PATH: Final = frozenset({404, 405, 501})


def note_thought(request: Request, *, marked: bool) -> None:
    """Keep that a model thinks: in its text, between marks, or in a field apart."""
    seen = {"thinks" if marked else "reasoning": True}
    learn(request.endpoint, request.model, how="seen", **seen)

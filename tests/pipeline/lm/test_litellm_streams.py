"""Streams through litellm: word by word, and whole or an error, as our own client's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import KEY, asking
from tests.server import Reply, Server
from weft.errors import (
    ContentFiltered,
    ModelError,
    Overloaded,
    ProtocolError,
    RateLimited,
)
from weft.pipeline.lm.models import LM

WORDS = ("The ", "capital ", "is ", "Paris.")


def event(tree: dict[str, Any], name: str = "") -> bytes:
    """An event of a stream, with its name where the format has them."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(tree)}\n\n".encode()


def anthropic(
    words: Sequence[str] = WORDS, reason: str | None = "end_turn"
) -> list[bytes]:
    """A stream as Anthropic writes it: one event before the words, two behind them."""
    usage = {"input_tokens": 9, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    message |= {"model": "claude-x", "stop_reason": None, "usage": usage}
    block = {"type": "text", "text": ""}
    start = {"type": "content_block_start", "index": 0, "content_block": block}
    trees: list[dict[str, Any]] = [{"type": "message_start", "message": message}, start]
    for word in words:
        delta = {"type": "text_delta", "text": word}
        trees.append({"type": "content_block_delta", "index": 0, "delta": delta})
    if reason is not None:
        trees.append({"type": "content_block_stop", "index": 0})
        end = {"stop_reason": reason, "stop_sequence": None}
        more = {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}}
        trees += [more, {"type": "message_stop"}]
    return [event(tree, tree["type"]) for tree in trees]


def gemini(words: Sequence[str] = WORDS, reason: str | None = "STOP") -> list[bytes]:
    """A stream as Gemini writes it: the reason stands with the last word."""
    made: list[bytes] = []
    for at, word in enumerate(words):
        content = {"role": "model", "parts": [{"text": word}]}
        candidate: dict[str, Any] = {"content": content, "index": 0}
        if reason is not None and at == len(words) - 1:
            candidate["finishReason"] = reason
        usage = {"promptTokenCount": 9, "candidatesTokenCount": at + 1}
        tree = {"candidates": [candidate], "modelVersion": "gemini-x"}
        made.append(event({**tree, "responseId": "r1", "usageMetadata": usage}))
    return made


def openai(words: Sequence[str] = WORDS, reason: str | None = "stop") -> list[bytes]:
    """A stream as OpenAI writes it."""
    made: list[bytes] = []
    for word in words:
        choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
        made.append(event({"id": "c", "model": "m", "choices": [choice]}))
    if reason is not None:
        choice = {"index": 0, "delta": {}, "finish_reason": reason}
        made.append(event({"id": "c", "model": "m", "choices": [choice]}))
        usage = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
        made.append(event({"id": "c", "model": "m", "choices": [], "usage": usage}))
        made.append(b"data: [DONE]\n\n")
    return made


FORMATS = {"anthropic": anthropic, "gemini": gemini, "litellm/openai": openai}


def lm_of(provider: str, server: Server) -> LM:
    """A model of a provider, at the server."""
    return LM(f"{provider}/m", api_base=server.url, api_key=KEY, timeout=30)


class Told:
    """What a listener was told; a piece that shows everything anew begins afresh."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.listener = SimpleNamespace(
            show=self.pieces.append, restart=self.pieces.clear
        )

    @property
    def text(self) -> str:
        """What is shown now."""
        return "".join(self.pieces)


@pytest.mark.parametrize("provider", FORMATS)
async def test_word_by_word(provider: str) -> None:
    """A word is shown before the next one is sent."""
    told, sent = Told(), -1  # it is asked before the headers, too
    events = FORMATS[provider]()
    before = next(at for at, one in enumerate(events) if WORDS[0].encode() in one)

    def may_go_on() -> bool:
        nonlocal sent
        words = "".join(WORDS[: max(0, sent - before)])
        ready = told.text.startswith(words)
        sent += ready
        return ready

    with Server(lambda _: Reply(events=events, until=may_go_on)) as server:
        lm = lm_of(provider, server)
        response = await lm.stream(asking(lm), told.listener)

    assert response.text == told.text == "".join(WORDS)
    assert response.finish_reason == "stop"
    assert response.usage is not None
    assert response.usage.input_tokens == 9
    assert sent == len(events)


@pytest.mark.parametrize("provider", FORMATS)
async def test_a_stream_that_breaks_off(provider: str) -> None:
    """Half an answer is an error wherever the connection ends, and may be billed."""
    events = FORMATS[provider](reason=None)
    for pieces in range(len(events) - 2, len(events) + 1):
        reply = Reply(events=events, pieces=pieces)
        with Server(lambda _, reply=reply: reply) as server:
            lm = lm_of(provider, server)
            with pytest.raises(ProtocolError) as caught:
                await lm.stream(asking(lm), Told().listener)

            assert caught.value.begun
            assert server.count == 1


ENDS: list[tuple[str, str, type[ModelError] | str]] = [
    ("anthropic", "max_tokens", "length"),
    ("anthropic", "stop_sequence", "stop"),
    ("anthropic", "refusal", ContentFiltered),
    ("anthropic", "pause_turn", ProtocolError),
    ("anthropic", "no_such_end", ProtocolError),
    ("gemini", "MAX_TOKENS", "length"),
    ("gemini", "SAFETY", ContentFiltered),
    ("gemini", "OTHER", ProtocolError),
    ("gemini", "MALFORMED_FUNCTION_CALL", ProtocolError),
    ("gemini", "FINISH_REASON_UNSPECIFIED", ProtocolError),
    ("litellm/openai", "length", "length"),
    ("litellm/openai", "content_filter", ContentFiltered),
    ("litellm/openai", "error", ProtocolError),
    ("litellm/openai", "abort", ProtocolError),
]


def whole(provider: str, reason: str) -> bytes:
    """The same answer in one body."""
    text = "".join(WORDS)
    if provider == "anthropic":
        tree: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant"}
        tree |= {"content": [{"type": "text", "text": text}], "model": "claude-x"}
        usage = {"input_tokens": 9, "output_tokens": 7}
        tree |= {"stop_reason": reason, "usage": usage}
    elif provider == "gemini":
        content = {"role": "model", "parts": [{"text": text}]}
        candidate = {"content": content, "finishReason": reason, "index": 0}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 7}
        tree = {"candidates": [candidate], "usageMetadata": usage}
    else:
        choice = {"message": {"content": text}, "finish_reason": reason}
        tree = {"id": "c", "model": "m", "choices": [choice]}
    return json.dumps(tree).encode()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("provider", "reason", "expected"), ENDS)
async def test_how_it_ended(
    provider: str, reason: str, expected: type[ModelError] | str, *, streamed: bool
) -> None:
    """What is no end is none, whatever litellm calls it; whole and in pieces alike."""
    reply = (
        Reply(events=FORMATS[provider](reason=reason))
        if streamed
        else Reply(body=whole(provider, reason))
    )
    with Server(lambda _: reply) as server:
        lm = lm_of(provider, server)
        asked = asking(lm)
        asking_it = (
            lm.stream(asked, Told().listener) if streamed else lm.complete(asked)
        )
        if isinstance(expected, str):
            response = await asking_it
            assert (response.text, response.finish_reason) == ("".join(WORDS), expected)
            return
        with pytest.raises(ModelError) as caught:
            await asking_it

    assert type(caught.value) is expected, caught.value


FAULTS: list[tuple[str, bytes, type[ModelError]]] = [
    (
        "anthropic",
        event({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
        Overloaded,
    ),
    (
        "gemini",
        event({"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}),
        RateLimited,
    ),
    ("litellm/openai", event({"error": {"message": "x", "code": 503}}), Overloaded),
    (
        "litellm/openai",
        event({"choices": [{"index": 0, "delta": {}, "error": {"code": 429}}]}),
        RateLimited,
    ),
]


@pytest.mark.parametrize(("provider", "fault", "expected"), FAULTS)
async def test_an_error_in_mid_stream(
    provider: str, fault: bytes, expected: type[ModelError]
) -> None:
    """What came before an error is no answer, and the error is what the server said."""
    events = [*FORMATS[provider](reason=None), fault]
    with Server(lambda _: Reply(events=events)) as server:
        lm = lm_of(provider, server)
        with pytest.raises(ModelError) as caught:
            await lm.stream(asking(lm), Told().listener)

    assert type(caught.value) is expected, caught.value
    assert KEY not in repr(caught.value)


def of_tool(words: Sequence[str]) -> list[bytes]:
    """A stream of Anthropic's in which the words are the arguments of a tool."""
    block = {"type": "tool_use", "id": "t1", "name": "json_tool_call", "input": {}}
    made: list[bytes] = []
    for one in anthropic(words, "tool_use"):
        tree = json.loads(one.partition(b"data: ")[2])
        if tree["type"] == "content_block_start":
            tree["content_block"] = block
        elif tree["type"] == "content_block_delta":
            said = tree["delta"]["text"]
            tree["delta"] = {"type": "input_json_delta", "partial_json": said}
        made.append(event(tree, tree["type"]))
    return made


OBJECT = ('{"answer"', ': "Par', 'is"}')
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("model", "events"),
    [
        ("anthropic/claude-haiku-4-5", anthropic(OBJECT)),
        ("anthropic/claude-3-haiku-20240307", of_tool(OBJECT)),
        ("gemini/gemini-2.5-flash", gemini(OBJECT)),
    ],
    ids=["anthropic", "anthropic, by a tool", "gemini"],
)
async def test_an_object_comes_in_pieces(model: str, events: list[bytes]) -> None:
    """Where a schema is asked for, whichever way litellm says that to the provider."""
    told = Told()
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    with Server(lambda _: Reply(events=events)) as server:
        lm = LM(model, api_base=server.url, api_key=KEY, timeout=30)
        response = await lm.stream(asking(lm, response_format=form), told.listener)

    assert json.loads(response.text) == {"answer": "Paris"}
    assert told.text == response.text
    assert response.finish_reason in ("stop", "tool_calls")


async def test_a_thought_is_not_shown() -> None:
    """What Anthropic's models think first is the answer's reasoning, not its text."""
    events = anthropic()
    for at, thought in ((2, "let me "), (3, "see")):
        delta = {"type": "thinking_delta", "thinking": thought}
        tree = {"type": "content_block_delta", "index": 0, "delta": delta}
        events.insert(at, event(tree, "content_block_delta"))
    told = Told()
    with Server(lambda _: Reply(events=events)) as server:
        lm = lm_of("anthropic", server)
        response = await lm.stream(asking(lm), told.listener)

    assert response.text == told.text == "".join(WORDS)
    assert response.reasoning == "let me see"


def test_a_program_streams_through_litellm() -> None:
    """The value of a streamed program is that of the program, and its pieces too."""
    words = ("[[ answer ]]\n", "It is ", "Paris", ".\n[[ /end ]]")
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    with Server(lambda _: Reply(events=anthropic(words))) as server:
        lm = lm_of("anthropic", server)
        with weft.use(lm=lm, cache=None):
            events = list(module.stream(question="?"))

    pieces = [e.text for e in events if isinstance(e, weft.events.FieldDelta)]
    [end] = [e for e in events if isinstance(e, weft.events.Finished)]
    assert end.value.answer == "".join(pieces).strip() == "It is Paris."
    assert len(pieces) > 1

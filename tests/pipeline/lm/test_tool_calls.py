"""Tool calls on the wire: sent, read whole and streamed, kept, and refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import KEY, completion, fault, lm_for
from tests.server import Reply, Server
from weft.errors import InvalidRequest, ProtocolError, ToolsRefused
from weft.pipeline.calls.store import MemoryCache
from weft.pipeline.lm.as_json import (
    request_from_json,
    request_to_json,
    response_from_json,
    response_to_json,
)
from weft.pipeline.lm.known import known
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import (
    Message,
    Request,
    Response,
    ToolCall,
    ToolDefinition,
)
from weft.pipeline.lm.wire.secrets import without_keys
from weft.pipeline.lm.wire.tools import MOST_CALLS, calls_in, refuses_tools

TOOL = ToolDefinition("add", "Add.", {"type": "object", "properties": {}})
WANTED = (ToolCall("add", '{"a": 1}', "x1"), ToolCall("add", '{"a": 2}', "x2"))


def offering(lm: LM, **fields: Any) -> Request:
    """A request with a tool."""
    given: dict[str, Any] = {"messages": (Message("user", "hi"),), "tools": (TOOL,)}
    given |= {"sampling": lm.sampling, "endpoint": lm.endpoint}
    return Request(lm.model, **{**given, **fields})


def of(name: str = "add", arguments: Any = '{"a": 1}', **more: Any) -> dict[str, Any]:
    """A call as a server writes it."""
    return {"function": {"name": name, "arguments": arguments}, **more}


WHOLE: dict[str, tuple[dict[str, Any], tuple[ToolCall, ...]]] = {
    "OpenAI": (
        {
            "content": None,
            "tool_calls": [
                of(id="x1", type="function"),
                of(arguments='{"a": 2}', id="x2"),
            ],
        },
        WANTED,
    ),
    "arguments as an object": (
        {"content": "", "tool_calls": [of(arguments={"a": 1}, id="x1")]},
        (ToolCall("add", '{"a":1}', "x1"),),
    ),
    "no id, no arguments": (
        {"tool_calls": [{"function": {"name": "add"}}]},
        (ToolCall("add", "", ""),),
    ),
    "not wrapped": (
        {"tool_calls": [{"name": "add", "arguments": "{}"}]},
        (ToolCall("add", "{}"),),
    ),
    "the older form": (
        {"content": None, "function_call": {"name": "add", "arguments": "{}"}},
        (ToolCall("add", "{}"),),
    ),
    "hostile": (
        {"tool_calls": [None, 7, {"function": {"name": 3, "arguments": [1]}, "id": 4}]},
        (ToolCall("", ""), ToolCall("", ""), ToolCall("", "[1]")),
    ),
}


@pytest.mark.parametrize("kind", WHOLE)
async def test_calls_are_read(server: Server, kind: str) -> None:
    """However a server writes them; an answer without a text is none then."""
    message, calls = WHOLE[kind]
    server.script(completion(message, finish_reason="tool_calls"))
    lm = lm_for(server)

    answer = await lm.complete(offering(lm))

    assert (answer.tool_calls, answer.text) == (calls, "")
    assert answer.finish_reason == "tool_calls"
    assert server.seen[0].body["tools"] == [
        {"type": "function", "function": TOOL.as_data()}
    ]
    assert known(lm.endpoint, "m").tools is None  # it is learnt from a finished call


def piece(index: Any = 0, **parts: Any) -> dict[str, Any]:
    """A piece of a call."""
    made = {"function": {k: v for k, v in parts.items() if k != "id"}}
    made |= {} if index is None else {"index": index}
    return {**made, **({"id": parts["id"]} if "id" in parts else {})}


STREAMS: dict[str, list[list[dict[str, Any]]]] = {
    "OpenAI": [
        [piece(0, id="x1", name="add", arguments="")],
        [piece(0, arguments='{"a"')],
        [piece(0, arguments=": 1}")],
        [piece(1, id="x2", name="add", arguments="")],
        [piece(1, arguments='{"a": 2}')],
    ],
    "in turns": [
        [piece(0, id="x1", name="add"), piece(1, id="x2", name="add")],
        [piece(1, arguments='{"a": '), piece(0, arguments='{"a": 1')],
        [piece(0, arguments="}"), piece(1, arguments="2}")],
    ],
    "whole, without an index": [
        [piece(None, id="x1", name="add", arguments='{"a": 1}')],
        [piece(None, id="x2", name="add", arguments='{"a": 2}')],
    ],
    "all with one index": [
        [piece(0, id="x1", name="add", arguments='{"a": 1}')],
        [piece(0, id="x2", name="add", arguments='{"a": 2}')],
    ],
    "the name again": [
        [piece(0, id="x1", name="add", arguments='{"a"')],
        [piece(0, id="x1", name="add", arguments=": 1}")],
        [piece(1, id="x2", name="ad")],
        [piece(1, id="x2", name="d")],
        [piece(1, arguments='{"a": 2}')],
    ],
}


def streamed(deltas: Sequence[dict[str, Any]], end: str = "tool_calls") -> Reply:
    """A stream of these deltas."""
    trees: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    trees.append({"choices": [{"index": 0, "delta": {}, "finish_reason": end}]})
    events = [f"data: {json.dumps(tree)}\n\n".encode() for tree in trees]
    return Reply(events=[*events, b"data: [DONE]\n\n"])


class Listener:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def restart(self) -> None:
        self.pieces.clear()

    def show(self, text: str) -> None:
        self.pieces.append(text)


@pytest.mark.parametrize("kind", STREAMS)
async def test_pieces_of_calls_are_put_together(server: Server, kind: str) -> None:
    """The same calls as in one body; beside them the text is shown as it comes."""
    deltas: list[dict[str, Any]] = [{"content": "I "}, {"content": "look."}]
    deltas += [{"tool_calls": pieces} for pieces in STREAMS[kind]]
    server.script(streamed(deltas))
    lm, seen = lm_for(server), Listener()

    answer = await lm.stream(offering(lm), seen)

    assert answer.tool_calls == WANTED
    assert "".join(seen.pieces) == answer.text == "I look."


async def test_litellm_carries_calls(server: Server) -> None:
    """Both ways, whole and streamed, for providers that it speaks to."""
    message = {"role": "assistant", "content": None, "tool_calls": WHOLE["OpenAI"][0]}
    message["tool_calls"] = [
        {**call, "type": "function"} for call in WHOLE["OpenAI"][0]["tool_calls"]
    ]
    server.script(
        completion(message, finish_reason="tool_calls"),
        streamed([{"tool_calls": pieces} for pieces in STREAMS["OpenAI"]]),
    )
    lm = LM("deepseek/m", api_base=server.url, api_key=KEY, timeout=60)
    calls = (Message("assistant", "", WANTED), Message("tool", "3", answers="x1"))
    request = offering(lm, messages=(Message("user", "hi"), *calls))

    answers = [await lm.complete(request), await lm.stream(request, Listener())]

    assert [answer.tool_calls for answer in answers] == [WANTED, WANTED]
    sent = server.seen[0].body
    assert sent["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert sent["messages"][2]["tool_call_id"] == "x1"
    assert sent["tools"][0]["function"]["name"] == "add"


ELSEWHERE: dict[str, Any] = {
    "anthropic/claude-x": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [
            {"type": "text", "text": "So."},
            {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
            {"type": "tool_use", "id": "t2", "name": "add", "input": {"a": 2}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 6},
    },
    "gemini/gemini-x": {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "add", "args": {"a": 1}}},
                        {"functionCall": {"name": "add", "args": {"a": 2}}},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 5},
    },
}


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_calls_are_carried_in_other_formats(server: Server, name: str) -> None:
    """Calls and results of several in one turn, as Anthropic and Gemini have them."""
    server.script(Reply(body=json.dumps(ELSEWHERE[name]).encode()))
    lm = LM(name, api_base=server.url, api_key=KEY, timeout=60)
    told = (
        Message("user", "hi"),
        Message("assistant", "", WANTED),
        Message("tool", "3", answers="x1"),
        Message("tool", "4", answers="x2"),
    )
    sampling = {"tool_choice": "required", "parallel_tool_calls": True}

    answer = await lm.complete(offering(lm, messages=told, sampling=sampling))

    assert [call.arguments for call in answer.tool_calls] == ['{"a": 1}', '{"a": 2}']
    sent = json.dumps(server.seen[0].body)
    assert '"ANY"' in sent or '"any"' in sent
    assert sent.count('"x2"') == 2
    assert lm.abilities.tools is True


async def test_who_asks_for_no_calls_gets_none(server: Server) -> None:
    """An answer that only calls what nobody offered is no answer."""
    server.script(
        completion(WHOLE["OpenAI"][0]),
        completion({"content": "a"} | WHOLE["OpenAI"][0] | {"content": "a"}),
    )
    lm = lm_for(server)

    with pytest.raises(ProtocolError, match="holds no text"):
        await lm.complete(offering(lm, tools=()))
    assert (await lm.complete(offering(lm, tools=()))).tool_calls == ()


def test_floods_of_calls_end() -> None:
    """However many a model calls at once."""
    assert len(calls_in({"tool_calls": [of()] * 9999})) == MOST_CALLS


KINDS = (
    Request("m", (Message("user", "hi"),)),
    Request("m", (Message("user", "hi"),), tools=(TOOL,)),
    Request("m", (Message("user", "hi"),), tools=(replace(TOOL, name="b"),)),
    Request("m", (Message("assistant", "hi", WANTED), Message("tool", "x"))),
    Request("m", (Message("assistant", "hi", WANTED[:1]), Message("tool", "x"))),
    Request("m", (Message("assistant", "hi"), Message("tool", "x", answers="x1"))),
)


def test_keys_and_journals_hold_calls() -> None:
    """Each is in the key; what has none keeps the key and the JSON that it had."""
    assert len({request.key for request in KINDS}) == len(KINDS)
    bare = "7eff6b681998c3e68ed6beca5ebe14e0787640a447b91c5044b8917c69dacd83"
    assert KINDS[0].key == bare
    for request in KINDS:
        data = json.loads(json.dumps(request_to_json(request)))
        assert request_from_json(data) == request
    answer = Response("x", tool_calls=WANTED)
    assert response_from_json(response_to_json(answer), cached=False) == answer
    assert "tool_calls" not in response_to_json(Response("x"))
    assert answer.at(1.0).tool_calls == answer.as_cached().tool_calls == WANTED
    with pytest.raises(ValueError, match="a tool call is"):
        response_from_json({**response_to_json(answer), "tool_calls": [{"id": 1}]})


async def test_an_answer_from_the_cache_has_its_calls(server: Server) -> None:
    """One call at the server for both."""
    server.script(completion(WHOLE["OpenAI"][0], finish_reason="tool_calls"))
    lm = lm_for(server, abilities={"tools": True})

    def add(a: int) -> int:
        """Add."""
        return a

    agent = weft.ReAct("q -> answer: int", tools=[add], max_steps=2, calls="native")
    seen: list[Any] = []

    with weft.use(lm=lm, cache=MemoryCache()):
        for _ in range(2):
            with pytest.raises(weft.errors.WeftError) as caught:
                agent(q="?")

            seen.append([step.arguments for step in caught.value.trajectory])

    assert seen == [[{"a": 1}, {"a": 2}]] * 2


def test_a_key_that_a_call_quotes_goes_no_further() -> None:
    """It stands neither in caches nor in traces."""
    call = ToolCall("add", json.dumps({"k": KEY}), "x")

    made = without_keys(Response("", tool_calls=(call,)), [KEY])

    assert KEY not in str(made)
    assert made.tool_calls[0].arguments == '{"k": "***"}'


REFUSED = {
    "Ollama": (400, "registry.ollama.ai/library/gemma does not support tools"),
    "llama.cpp": (500, "tools param requires --jinja flag"),
    "OpenRouter": (404, "No endpoints found that support tool use."),
    "vLLM": (400, '"auto" tool choice requires --enable-auto-tool-choice to be set'),
    "OpenRouter, a value": (
        404,
        "No endpoints found that support the provided 'tool_choice' value. To learn",
    ),
    "vLLM, required": (
        400,
        'tool_choice="required" requires --tool-call-parser to be set',
    ),
    "vLLM of 2024": (400, "Value error, Currently only named tools are supported."),
    "vLLM, strict": (
        400,
        "1 validation error for Request\ntools\n  Extra inputs are not permitted [",
    ),
    "llama.cpp of 2024": (500, "Unsupported param: tools"),
    "OpenAI": (400, "Unrecognized request argument supplied: tools"),
    "OpenAI of 2023": (
        400,
        "Additional properties are not allowed ('tools' was unexpected)",
    ),
    "Groq": (400, "`tool calling` is not supported with this model"),
    "Mistral": (400, "Function calling is not enabled for this model"),
    "pydantic": (
        422,
        "[{'type': 'extra_forbidden', 'loc': ('body', 'tools')}] 'tools'",
    ),
}


@pytest.mark.parametrize("who", [name for name in REFUSED if name != "pydantic"])
async def test_a_refusal_of_tools_is_learnt(server: Server, who: str) -> None:
    """It has an error of its own, and is not asked twice."""
    status, said = REFUSED[who]
    server.script(fault(status, said))
    lm = lm_for(server)

    with pytest.raises(ToolsRefused):
        await lm.complete(offering(lm))
    assert known(lm.endpoint, "m").tools is False


@pytest.mark.parametrize(
    "said",
    [
        "tool_choice 'required' is not supported",
        "Unsupported parameter: 'parallel_tool_calls' is not supported here.",
        "Invalid schema for function 'add': object schema missing properties",
        "an assistant message with 'tool_calls' must be followed by tool messages",
        "'messages.1' : property 'tool_calls' is unsupported, did you mean",
        "parallel tool calls are not supported by this model",
    ],
)
def test_what_refuses_no_tools(said: str) -> None:
    """An option of theirs, a schema, or a turn is at fault."""
    assert not refuses_tools(said)


async def test_an_option_of_tools_that_is_refused_is_left_out(server: Server) -> None:
    """At once, and from then on; the tools stay."""
    server.script(
        fault(400, "Unsupported parameter: 'parallel_tool_calls' is not supported"),
        fault(400, "tool_choice 'required' is not supported"),
        completion(WHOLE["OpenAI"][0], finish_reason="tool_calls"),
        fault(400, "Invalid schema for function 'add'"),
    )
    lm = lm_for(server)
    sampling = {"parallel_tool_calls": True, "tool_choice": "required"}
    request = offering(lm, sampling={**lm.sampling, **sampling})

    answer = await lm.complete(request)

    assert answer.tool_calls == WANTED
    assert {*answer.without} == {*sampling}
    assert "tool_choice" not in server.seen[2].body
    with pytest.raises(InvalidRequest) as caught:
        await lm.complete(request)
    assert type(caught.value) is InvalidRequest

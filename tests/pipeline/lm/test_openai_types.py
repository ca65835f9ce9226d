"""Every kind of body that is sent fits the request types of the `openai` package.

Its types say more than its client checks: here no field is unknown, at any depth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import jsonschema
import pytest
from openai.types import completion_create_params as texts
from openai.types.chat import completion_create_params as chats
from pydantic import TypeAdapter

import weft
from weft.pipeline.adapters import adapter_of
from weft.pipeline.lm.abilities import Abilities
from weft.pipeline.lm.request import Message, Request, ToolCall, ToolDefinition
from weft.pipeline.lm.route import OPENAI
from weft.pipeline.lm.wire.completion import body_of
from weft.pipeline.parameters import Demo, Parameters

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
PARTS = (
    "look ",
    weft.Image(GIF),
    weft.Image.from_url("https://example.org/a.png"),
    weft.Audio(b"RIFF\x24\x00\x00\x00WAVEfmt "),
    weft.File(b"%PDF-1.7\n%...", name="a.pdf"),
)
SEARCH = ToolDefinition(
    "search", "Look it up.", {"type": "object", "properties": {"q": {"type": "string"}}}
)
CALLS = (ToolCall.of("search", q="é"), ToolCall("search", "{}", "call00002"))
TURNS = (
    Message("system", "Be brief."),
    Message("user", "Where?"),
    Message("assistant", "", CALLS),
    Message("tool", "there", answers=""),
    Message("tool", "here", answers="call00002"),
    Message("assistant", "So.", CALLS[:1]),
    Message("tool", "", answers="x"),
)
EVERY_OPTION = {
    "temperature": 0.5,
    "top_p": 1,
    "max_tokens": 9,
    "seed": 1,
    "stop": ["\n"],
    "presence_penalty": 0,
    "frequency_penalty": 0.1,
    "reasoning_effort": "low",
    "verbosity": "low",
    "logit_bias": {"50256": -100},
}


def closed(part: Any) -> Any:
    """A schema in which an object has the fields that it names, and no other."""
    if isinstance(part, list):
        return [closed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {name: closed(inner) for name, inner in part.items()}
    if isinstance(part.get("properties"), dict) and part.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def checker(*kinds: Any) -> Any:
    """What checks a body by some types."""
    schemas = [closed(TypeAdapter(kind).json_schema()) for kind in kinds]
    return [jsonschema.Draft202012Validator(schema) for schema in schemas]


CHAT = checker(
    chats.CompletionCreateParamsNonStreaming, chats.CompletionCreateParamsStreaming
)
TEXT = checker(
    texts.CompletionCreateParamsNonStreaming, texts.CompletionCreateParamsStreaming
)


def asked(*messages: Message, **fields: Any) -> Request:
    """A request of OpenAI's own endpoint."""
    return Request("gpt-5-mini", messages, endpoint=OPENAI, **fields)


def faults(request: Request, *, streamed: bool, **abilities: Any) -> list[str]:
    """What is wrong with the body of a request."""
    body = body_of(request, Abilities(**abilities), streamed=streamed)
    tree = json.loads(body)
    check = (TEXT if request.continues else CHAT)[streamed]
    errors = check.iter_errors(tree)
    return [f"{e.json_path}: {e.message[:200]}" for e in errors]


HI = Message("user", "hi")
BODIES: Mapping[str, tuple[Request, dict[str, Any]]] = {
    "text": (asked(HI), {}),
    "turns": (asked(Message("system", "é"), HI, Message("assistant", "x"), HI), {}),
    "no system turn": (asked(Message("system", "é"), HI), {"system_role": False}),
    "parts": (asked(Message("user", PARTS)), {}),
    "parts without a system turn": (
        asked(Message("system", "s"), Message("user", PARTS)),
        {"system_role": False},
    ),
    "every option": (asked(HI, sampling=EVERY_OPTION), {}),
    "the later name": (
        asked(HI, sampling=EVERY_OPTION),
        {"max_completion_tokens": True},
    ),
    "tools": (asked(*TURNS, tools=(SEARCH, SEARCH)), {}),
    "tools forced": (
        asked(
            HI,
            tools=(SEARCH,),
            sampling={"tool_choice": "required", "parallel_tool_calls": True},
        ),
        {},
    ),
    "a text to continue": (
        asked(HI, continues=True, sampling={"max_tokens": 5, "stop": ["\n"]}),
        {},
    ),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_fits_the_types(kind: str, streamed: bool) -> None:
    """Whole and streamed; nothing missing, unknown or of another type."""
    request, abilities = BODIES[kind]

    assert faults(request, streamed=streamed, **abilities) == []


@pytest.mark.parametrize("form", ["chat", "json", "xml", "plain", "completion"])
def test_what_forms_send_fits_the_types(form: str) -> None:
    """With a demo, a repair, and a schema where the form has one."""
    module = weft.Predict("question, k: int -> answer: list[int], sure: bool | None")
    demo = Demo({"question": "é", "k": 2, "answer": [1], "sure": None})
    adapter = adapter_of(form)
    rendered = adapter.render(
        module.signature,
        Parameters("Answer.", (demo,)),
        {"question": "q", "k": 1},
        schema_mode=form == "json",
        stop=True,
    )
    request = asked(
        *rendered.messages,
        response_format=rendered.response_format,
        continues=rendered.continues,
        sampling={"stop": [*rendered.stop]} if rendered.stop else {},
    )

    assert (rendered.response_format is not None) == (form == "json")
    assert faults(request, streamed=False) == []


def test_what_an_agent_sends_fits_the_types() -> None:
    """Native steps with demos, calls of one turn, errors, and names of any kind."""

    def add(a: int, b: int = 1) -> int:
        """The sum."""
        return a + b

    other = weft.Tool.from_schema(
        "größe.of", None, {"properties": {"per page": {"type": "integer"}}}, str
    )
    turn = [ToolCall.of("add", a=1), ToolCall("nope"), ToolCall("gr__e_of_1", "[]")]
    lm = weft.ScriptedLM([turn, [ToolCall.of("submit", answer=2)]])
    agent = weft.ReAct("question -> answer: int", tools=[add, other], calls="native")
    past = [{"thought": "", "tool": "add", "arguments": {"a": 1}, "observation": "2"}]
    demo = Demo({"question": "?", "trajectory": past, "tool": "submit"})
    agent = agent.with_modules({"act": agent.modules["act"].with_(demos=[demo])})
    with weft.use(lm=lm, cache=None):
        agent(question="q")

    for request in lm.requests:
        sent = asked(*request.messages, tools=request.tools, sampling=request.sampling)
        assert faults(sent, streamed=True) == []
        for tool in request.tools:
            cast(Any, jsonschema.Draft202012Validator).check_schema(tool.parameters)

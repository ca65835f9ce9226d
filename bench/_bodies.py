"""Requests of every kind that is sent, for checks of their bodies by others' rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import weft
from weft.pipeline.adapters import adapter_of
from weft.pipeline.lm.request import Message, Request, ToolCall, ToolDefinition
from weft.pipeline.lm.route import OPENAI
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


def asked(*messages: Message, **fields: Any) -> Request:
    """A request of OpenAI's own endpoint."""
    return Request("gpt-5-mini", messages, endpoint=OPENAI, **fields)


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


"""By name: a request, and what is known of the endpoint that it goes to."""


def in_form(form: str) -> Request:
    """A call in a form of text, with a demo, and a schema where the form has one."""
    module = weft.Predict("question, k: int -> answer: list[int], sure: bool | None")
    demo = Demo({"question": "é", "k": 2, "answer": [1], "sure": None})
    rendered = adapter_of(form).render(
        module.signature,
        Parameters("Answer.", (demo,)),
        {"question": "q", "k": 1},
        schema_mode=form == "json",
        stop=True,
    )
    return asked(
        *rendered.messages,
        response_format=rendered.response_format,
        continues=rendered.continues,
        sampling={"stop": [*rendered.stop]} if rendered.stop else {},
    )


FORMS = ("chat", "json", "xml", "plain", "completion")


def of_an_agent() -> list[Request]:
    """Native steps with a demo, calls of one turn, errors, and names of any kind."""

    def add(a: int, b: int = 1) -> int:
        """The sum."""
        return a + b

    schema = {"properties": {"per page": {"type": "integer"}}}
    other = weft.Tool.from_schema("größe.of", None, schema, str)
    turn = [ToolCall.of("add", a=1), ToolCall("nope"), ToolCall("gr__e_of", "[]")]
    lm = weft.ScriptedLM([turn, [ToolCall.of("submit", answer=2)]])
    agent = weft.ReAct("question -> answer: int", tools=[add, other], calls="native")
    past = [{"thought": "", "tool": "add", "arguments": {"a": 1}, "observation": "2"}]
    demo = Demo({"question": "?", "trajectory": past, "tool": "submit"})
    agent = agent.with_modules({"act": agent.modules["act"].with_(demos=[demo])})
    with weft.use(lm=lm, cache=None):
        agent(question="q")
    return [
        asked(*one.messages, tools=one.tools, sampling=one.sampling)
        for one in lm.requests
    ]


def every_body() -> dict[str, tuple[Request, Mapping[str, Any]]]:
    """All of them, by what they are."""
    made: dict[str, tuple[Request, Mapping[str, Any]]] = {**BODIES}
    for form in FORMS:
        made[f"the form {form}"] = in_form(form), {}
    for number, one in enumerate(of_an_agent(), start=1):
        made[f"step {number} of an agent"] = one, {}
    return made

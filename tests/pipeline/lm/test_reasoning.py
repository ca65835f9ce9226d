"""What a model thought is told apart from its answer, wherever a server puts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import KEY, asking, completion, lm_for
from tests.server import Reply, Server
from weft.pipeline.adapters import adapter_of
from weft.pipeline.calls.call import call
from weft.pipeline.calls.store import MemoryCache
from weft.pipeline.errors import ContentFiltered, ModelError, ParseError, ProtocolError
from weft.pipeline.lm.as_json import response_from_json, response_to_json
from weft.pipeline.lm.known import known
from weft.pipeline.lm.request import Message, Request, Response, Usage
from weft.pipeline.lm.wire.thinking import Curtain, cut_off, thought_in
from weft.pipeline.reading.reasoning import FILLED, read_reply
from weft.pipeline.run.ask import only_thought, truncated


class Listener:
    """Keeps what it is shown; a further attempt begins anew."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.began = 0

    def restart(self) -> None:
        self.pieces.clear()
        self.began += 1

    def show(self, text: str) -> None:
        self.pieces.append(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


APART: dict[str, dict[str, Any]] = {
    "DeepSeek, vLLM, llama.cpp": {"content": "4", "reasoning_content": "2 and 2"},
    "OpenRouter, Groq": {"content": "4", "reasoning": "2 and 2"},
    "later vLLM": {
        "content": "4",
        "reasoning": "2 and 2",
        "reasoning_content": "2 and 2",
    },
    "Mistral": {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2"}]},
            {"type": "text", "text": "4"},
        ]
    },
    "in the text": {"content": "<think>\n2 and 2\n</think>\n\n4"},
    "behind blank space": {"content": "\n\n<think>2 and 2</think>4"},
    "opened by the template": {"content": "2 and 2\n</think>\n\n4"},
    "Magistral": {"content": "[THINK]2 and 2[/THINK]4"},
    "in both places": {
        "content": "<think>and 2</think>4",
        "reasoning_content": "2",
    },
}


@pytest.mark.parametrize("name", APART)
async def test_a_thought_is_no_part_of_the_answer(server: Server, name: str) -> None:
    """Whatever a server calls it, the thought is `reasoning`, the text the answer."""
    server.script(completion(APART[name]))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert response.text == "4"
    assert " ".join(response.reasoning.split()) == "2 and 2"


async def test_an_answer_without_a_thought_is_as_it_was(server: Server) -> None:
    """Nothing is found where nothing was thought."""
    server.script(completion({"content": " <b>4</b> ", "reasoning_content": None}))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert (response.text, response.reasoning) == (" <b>4</b> ", "")


@pytest.mark.parametrize(
    "text",
    [
        "Close it with </think> and go on.",
        "It is <think>4</think>.",
        "<think>2 and 2, so 4",
        "a\n</think>\nb\n</think>\nc",
        "<thinker>2</thinker> 4",
        "<think",
        "",
    ],
)
def test_what_may_be_the_answer_stays(text: str) -> None:
    """Marks that stand elsewhere, or never end, are left to who reads the text."""
    assert cut_off(text, Request("m", ()), "stop") is None


def test_a_form_with_such_marks_is_not_torn() -> None:
    """Where the request itself speaks of the marks, they may be the answer's own."""
    told = Request("m", (Message("user", "Write <think>...</think> and <answer>"),))

    assert cut_off("<think>a</think><answer>b</answer>", told, "stop") is None


def test_a_thought_that_the_limit_cut_is_one() -> None:
    """What never ends because the tokens did is thought to its end."""
    cut = cut_off("<think>2 and", Request("m", ()), "length")

    assert cut == ("2 and", "")


def test_a_model_that_is_known_to_think_may_end_its_thought_anywhere() -> None:
    """The template opens it, and the first closing mark ends it, on whatever line."""
    cut = cut_off("2 and 2</think>4", Request("m", ()), "stop", thinks=True)

    assert cut == ("2 and 2", "4")


@pytest.mark.parametrize("said", [None, 5, [], {"a": 1}, ""])
def test_what_is_no_thought(said: Any) -> None:
    """Servers write null, an empty text, or details of their own."""
    assert thought_in({"reasoning": said, "content": [said, {"thinking": said}]}) == ""


@pytest.mark.parametrize("width", [1, 3, 7, 1000])
@pytest.mark.parametrize("thinking", ["reasoning_content", "reasoning"])
async def test_a_streamed_thought_is_not_shown(
    server: Server, width: int, thinking: str
) -> None:
    """Pieces of the thought are kept, and only those of the answer are shown."""
    reply = Reply("four, of course", reasoning="2 and 2", thinking=thinking)
    server.script(replace(reply, width=width))
    lm, listener = lm_for(server), Listener()

    response = await lm.stream(asking(lm), listener)

    assert (response.text, response.reasoning) == ("four, of course", "2 and 2")
    assert (listener.text, listener.began) == ("four, of course", 0)


STREAMED = {
    "marked": ("<think>\n2 and 2\n</think>\n\n4 [[ end ]]", "2 and 2", "4 [[ end ]]"),
    "empty": ("<think>\n\n</think>\n\n4", "", "4"),
    "opened by the template": ("2 and 2\n</think>\n\n4\n", "2 and 2", "4\n"),
    "never ends": ("<think>2 and 2, 4", "", "<think>2 and 2, 4"),
    "no thought": ("<thin air>\n4", "", "<thin air>\n4"),
    "a mark at the end": ("2 and 2\n</think>", "2 and 2", ""),
    "only blank space": ("  \n ", "", "  \n "),
    "a mark in passing": ("Write </think> there.", "", "Write </think> there."),
}


@pytest.mark.parametrize("width", range(1, 12))
@pytest.mark.parametrize("name", STREAMED)
async def test_streams_cut_anywhere(server: Server, name: str, width: int) -> None:
    """However the marks are cut, what is shown in the end is the answer."""
    text, thought, answer = STREAMED[name]
    server.script(Reply(text, width=width))
    lm, listener = lm_for(server), Listener()

    response = await lm.stream(asking(lm), listener)

    assert (response.text, response.reasoning) == (answer, thought)
    assert listener.text.strip() == answer.strip()


def test_a_thought_is_held_back_while_it_comes() -> None:
    """The answer is shown piece by piece, and no sign of the thought before it."""
    curtain = Curtain(Request("m", ()))

    shown = [curtain.feed(piece).text for piece in ("<th", "ink>a</thi", "nk>\n4", "2")]

    assert shown == ["", "", "4", "2"]


def test_an_answer_begins_anew_where_a_thought_was_shown() -> None:
    """Only the end tells that a thought was opened by the template."""
    curtain = Curtain(Request("m", ()))

    before, after = curtain.feed("2 and 2\n</thi"), curtain.feed("nk>\n\n4")

    assert (before.text, before.anew) == ("2 and 2\n</thi", False)
    assert (after.text, after.anew) == ("4", True)


async def test_a_thought_that_breaks_off_may_be_billed(server: Server) -> None:
    """Tokens of a thought are paid like others, so the attempt is not forgotten."""
    server.script(Reply("4", reasoning="2 and 2 and", pieces=1))
    lm = lm_for(server)

    with pytest.raises(ProtocolError) as caught:
        await lm.stream(asking(lm), Listener())

    assert caught.value.begun


async def test_what_is_seen_is_known(server: Server) -> None:
    """A reply tells whether the model thinks in its text, or its server beside it."""
    lm, other = lm_for(server, "a"), lm_for(server, "b")
    server.script(Reply("<think>x</think>4"), Reply("4", reasoning="x"))

    await lm.complete(asking(lm))
    await other.complete(asking(other))

    assert (lm.abilities.thinks, lm.abilities.reasoning) == (True, None)
    assert (other.abilities.thinks, other.abilities.reasoning) == (None, True)
    assert known(lm.endpoint, "c").thinks is None


async def test_a_key_in_a_thought(server: Server) -> None:
    """A thought goes where answers go: no key stands in it."""
    server.script(Reply("4", reasoning=f"The key is {KEY}"))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert response.reasoning == "The key is ***"


async def test_a_thought_that_is_no_text(server: Server) -> None:
    """A lone surrogate in a thought costs no answer."""
    server.script(completion({"content": "4", "reasoning": "\ud800"}))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert (response.text, response.reasoning) == ("4", "?")


# What was paid for


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        # OpenAI, DeepSeek: what was thought is a part of the completion.
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 50,
                "total_tokens": 60,
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            Usage(10, 50, 0, 40),
        ),
        # xAI: it stands beside it, and the total holds both.
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 55,
                "completion_tokens_details": {"reasoning_tokens": 40},
            },
            Usage(10, 45, 0, 40),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "completion_tokens_details": {"reasoning_tokens": None},
            },
            Usage(10, 5),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "completion_tokens_details": None,
            },
            Usage(10, 5),
        ),
    ],
)
async def test_thoughts_are_counted_once(
    server: Server, usage: dict[str, Any], counted: Usage
) -> None:
    """Tokens of thought are output, priced as output, and never counted twice."""
    server.script(Reply("4", usage=usage))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert response.usage == counted


async def test_thoughts_are_priced_as_output() -> None:
    """The price is that of the output, whatever part of it was thought."""
    thought = Response("4", Usage(10, 50, 0, 40), model="gpt-5-mini")
    plain = Response("4", Usage(10, 50), model="gpt-5-mini")
    lm = weft.ScriptedLM([thought, plain], model="openai/gpt-5-mini")

    costs = [(await call(asking(lm, sample=n), lm)).cost for n in range(2)]

    assert costs[0] == costs[1] != None  # noqa: E711 - a price, and one for both


def test_responses_round_trip() -> None:
    """What is kept of an answer holds its thought, those tokens, what was left out."""
    response = Response(
        "4", Usage(1, 9, 0, 8), reasoning="2 and 2", without=("temperature",)
    )

    again = response_from_json(json.loads(json.dumps(response_to_json(response))))

    assert again == response.as_cached()


def test_plain_responses_are_the_bytes_they_were() -> None:
    """Without a thought nothing is written that was not written before."""
    tree = response_to_json(Response("4", Usage(1, 2, 0), model="m", cost=0.5))

    assert json.dumps(tree) == (
        '{"text": "4", "usage": [1, 2, 0], "finish_reason": "stop", "model": "m", '
        '"cost": 0.5, "request_id": ""}'
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"reasoning": 3},
        {"without": "temperature"},
        {"without": [1]},
        {"usage": [1] * 5},
    ],
)
def test_what_is_no_response(changes: dict[str, Any]) -> None:
    """Planted entries with other values in the new places are refused like any."""
    tree = {**response_to_json(Response("4", Usage(1, 2))), **changes}

    with pytest.raises(ValueError):  # noqa: PT011 - one error for a bad entry
        response_from_json(tree)


async def test_cached_thoughts(server: Server) -> None:
    """What was thought comes from the cache with the answer."""
    server.script(Reply("4", reasoning="2 and 2"))
    lm, cache = lm_for(server), MemoryCache()

    first = await call(asking(lm), lm, cache=cache)
    second = await call(asking(lm), lm, cache=cache)

    assert (first.reasoning, second.reasoning) == ("2 and 2", "2 and 2")
    assert second.cached


# A reply without an answer


@pytest.mark.parametrize("content", [None, ""])
@pytest.mark.parametrize("finish", ["stop", "length"])
async def test_only_a_thought_is_the_models_failure(
    server: Server, content: str | None, finish: str
) -> None:
    """The server did answer: the model thought, and said nothing."""
    message = {"content": content, "reasoning_content": "It must be Paris."}
    server.script(completion(message, finish_reason=finish))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert (response.text, response.finish_reason) == ("", finish)
    assert response.reasoning == "It must be Paris."


async def test_a_hidden_thought_without_an_answer(server: Server) -> None:
    """Where the thought is only counted, it is the model's failure all the same."""
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 9,
        "completion_tokens_details": {"reasoning_tokens": 9},
    }
    tree = json.loads(completion({"content": None}).body or b"")
    server.script(Reply(body=json.dumps({**tree, "usage": usage}).encode()))
    lm = lm_for(server)

    response = await lm.complete(asking(lm))

    assert response.text == ""


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"content": None}, ProtocolError),
        ({"content": None, "reasoning": ""}, ProtocolError),
        ({"content": None, "reasoning": "x", "refusal": "no"}, ContentFiltered),
    ],
)
async def test_neither_answer_nor_thought(
    server: Server, message: dict[str, Any], kind: type[ModelError]
) -> None:
    """An empty message stays the server's fault, and a refusal one."""
    server.script(completion(message))
    lm = lm_for(server)

    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm))

    assert type(caught.value) is kind


def test_the_error_says_where_the_tokens_went() -> None:
    """A reply cut in its thought needs room, and not less to be asked for."""
    thought = Response("", reasoning="2 and", finish_reason="length")
    answer = Response("[[ answer ]]\n4", reasoning="2 and", finish_reason="length")

    assert "went into reasoning" in truncated("qa", thought, "m").hint
    assert truncated("qa", answer, "m").hint == "Raise max_tokens, or ask for less"


def test_the_error_says_that_only_reasoning_came() -> None:
    """Who reads it learns more than that a field is missing; the class is the same."""
    error = ParseError("field 'answer' is missing", field="answer", text="")

    told = only_thought(error, Response("", reasoning="It must be Paris."))

    assert "only reasoning came" in str(told)
    assert (told.field, told.text) == ("answer", "")
    assert only_thought(error, Response("")) is error
    assert only_thought(error, Response("x", reasoning="y")) is error


# The reasoning of a ChainOfThought


THINK = weft.ChainOfThought("question -> answer: int", name="think")
LEFT_OUT = {
    "chat": "[[ answer ]]\n4\n[[ /end ]]",
    "json": '{"answer": 4}',
    "xml": "<answer>\n4\n</answer>",
}
EMPTY = {
    "chat": "[[ reasoning ]]\n\n[[ answer ]]\n4\n[[ /end ]]",
    "json": '{"reasoning": "", "answer": 4}',
    "xml": "<reasoning>\n\n</reasoning>\n<answer>\n4\n</answer>",
}


def read(adapter: str, response: Response) -> dict[str, Any]:
    """The values in a reply to a ChainOfThought."""
    parse: Callable[..., Any] = adapter_of(adapter).parse
    parsed = read_reply(response, THINK.asked, parse)
    assert (FILLED in parsed.repairs) == (parsed.values["reasoning"] == "2 and 2")
    return parsed.values


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
@pytest.mark.parametrize("replies", [LEFT_OUT, EMPTY], ids=["left out", "empty"])
def test_a_thought_fills_the_field(adapter: str, replies: dict[str, str]) -> None:
    """A model that has thought need not write it down again."""
    values = read(adapter, Response(replies[adapter], reasoning=" 2 and 2\n"))

    assert values == {"reasoning": "2 and 2", "answer": 4}
    assert list(values) == ["reasoning", "answer"]


def test_a_field_that_was_written_stays() -> None:
    """What the model wrote for the caller is not replaced by what it thought."""
    values = read("json", Response('{"reasoning": "a", "answer": 4}', reasoning="b"))

    assert values == {"reasoning": "a", "answer": 4}


@pytest.mark.parametrize("adapter", ["chat", "json", "xml"])
def test_no_thought_no_field(adapter: str) -> None:
    """Without a thought the missing field is missing, in the words of ever."""
    response = Response(LEFT_OUT[adapter])

    with pytest.raises(ParseError, match="field 'reasoning' is missing"):
        read(adapter, response)


def test_a_reply_that_fails_otherwise_fails_as_ever() -> None:
    """A thought fills one field, and mends no other; the words stay the same."""
    response = Response("[[ answer ]]\nfour\n[[ /end ]]", reasoning="2 and 2")
    twice = Response(
        "[[ reasoning ]]\na\n[[ reasoning ]]\nb\n[[ answer ]]\n4", reasoning="2 and 2"
    )

    with pytest.raises(ParseError, match="field 'reasoning' is missing"):
        read("chat", response)
    with pytest.raises(ParseError, match="comes twice"):
        read("chat", twice)


def test_a_reasoning_of_the_signatures_own_kind() -> None:
    """A list of reasons, or one asked for last, is the caller's, and is not filled."""
    mine = weft.Predict("question -> answer: int, reasoning")

    with pytest.raises(ParseError, match="field 'reasoning' is missing"):
        read_reply(
            Response('{"answer": 4}', reasoning="2 and 2"),
            mine.asked,
            adapter_of("json").parse,
        )


# In the trace


def test_a_thought_is_in_the_trace_and_its_log(server: Server, tmp_path: Path) -> None:
    """The call holds it; the log writes it where it writes content, and reads it."""
    server.answer = lambda _: Reply(
        "[[ answer ]]\n4\n[[ /end ]]",
        reasoning="2 and 2",
        usage={
            "prompt_tokens": 3,
            "completion_tokens": 9,
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    )
    qa = weft.Predict("question -> answer", name="qa", adapter="chat")
    logs = [weft.TraceLog(tmp_path / f"{n}", content=bool(n)) for n in range(2)]

    for log in logs:
        with weft.use(lm=lm_for(server), cache=None, trace_log=log):
            made = qa(question="2 + 2")
    bare, full = (next(iter(weft.read_traces(log.path))).trace for log in logs)

    assert weft.info(made).calls[0].reasoning == "2 and 2"
    assert full.calls[0].reasoning == "2 and 2"
    assert bare.calls[0].reasoning == ""
    assert full.usage == bare.usage == Usage(3, 9, 0, 5)


def test_lines_of_calls_without_a_thought_are_as_they_were(tmp_path: Path) -> None:
    """No key is added for what was not there."""
    log = weft.TraceLog(tmp_path / "log")
    lm = weft.ScriptedLM(["[[ answer ]]\n4\n[[ /end ]]"])

    with weft.use(lm=lm, cache=None, trace_log=log):
        weft.Predict("question -> answer", name="qa")(question="2 + 2")
    line = log.path.read_text("utf-8")

    assert not [word for word in ("reasoning", "without") if f'"{word}' in line]


# Efforts


async def test_the_effort_is_sent_as_it_is(server: Server) -> None:
    """`reasoning_effort` is the wire's own option."""
    lm = lm_for(server, reasoning_effort="low")

    await lm.complete(asking(lm))

    assert server.seen[0].body["reasoning_effort"] == "low"

"""Log-probabilities come with a reply where asked for, or one error says so."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import completion, fault
from tests.server import Reply, Server
from weft import LM, Message, Request, Response, TokenLogprob
from weft.errors import CallError, ConfigError
from weft.pipeline.lm.as_json import response_from_json, response_to_json
from weft.pipeline.lm.wire.completion import body_of

TOP = [{"token": "4", "logprob": -0.25}, {"token": "5", "logprob": -1.5}]
SAID = {"content": [{"token": "4", "logprob": -0.25, "top_logprobs": TOP}]}
READ = (TokenLogprob("4", -0.25, (("4", -0.25), ("5", -1.5))),)
KEY = "6ec485052d17ff4b29253fdc6f86b5592ead218c36b11350fab2d3bad9a834f5"
OLDER = {
    "tokens": ["Two", " is"],
    "token_logprobs": [None, -0.5],
    "top_logprobs": [None, {" is": -0.5, " and": -2.0}],
    "text_offset": [0, 3],
}


@pytest.mark.parametrize(
    ("continues", "endpoint", "sent"),
    [
        (False, "", {"logprobs": True, "top_logprobs": 20}),
        (True, "", {"logprobs": 20}),
        (True, "https://api.openai.com/v1", {"logprobs": 5}),
    ],
    ids=["chat", "a text", "a text, at OpenAI"],
)
def test_sent_as_the_wire_wants(
    continues: bool, endpoint: str, sent: dict[str, Any]
) -> None:
    """One option, in the words of chats or of completions."""
    turns = (Message("user", "2+2?"),)
    asked = Request("m", turns, {"logprobs": 20}, None, endpoint, continues=continues)

    body = json.loads(body_of(asked))

    assert {n: v for n, v in body.items() if "logprobs" in n} == sent


def test_a_request_without_them_is_what_it_was() -> None:
    """Its key is the one of the time before there was such an option."""
    asked = Request("m", (Message("user", "hi"),), {"temperature": 0})

    assert asked.key == KEY
    assert b"logprobs" not in asked.canonical
    assert "logprobs" not in response_to_json(Response("hi"))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ["m", "litellm/openai/m"])
def test_read_whole_and_streamed(server: Server, name: str, streamed: bool) -> None:
    """The same tokens, in one body or event by event, through litellm too."""
    lm = LM(name, api_base=server.url, api_key="k", logprobs=2)
    if streamed:
        first = {"delta": {"content": "4"}, "logprobs": SAID, "index": 0}
        last = {"delta": {}, "finish_reason": "stop", "index": 0}
        events = [{"id": "1", "model": "m", "choices": [c]} for c in (first, last)]
        lines = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in events]
        server.script(Reply(events=[*lines, b"data: [DONE]\n\n"]))
    else:
        server.script(completion({"content": "4"}, logprobs=SAID))
    ask = weft.Predict("question -> answer: int", adapter="chat/1")

    with weft.use(lm=lm, cache=None):
        if streamed:
            *_, last_event = ask.stream(question="2+2?")
            assert isinstance(last_event, weft.events.Finished)
            made = last_event.value
        else:
            made = ask(question="2+2?")

    assert weft.info(made).calls[0].logprobs == READ


def test_the_older_lists_are_read(server: Server) -> None:
    """Of a text that is continued: lists side by side, nothing of the first token."""
    tree = {"choices": [{"text": "Two is", "logprobs": OLDER, "finish_reason": "stop"}]}
    server.script(Reply(body=json.dumps(tree).encode()))
    lm = LM("m", api_base=server.url, base=True, logprobs=2)

    with weft.use(cache=None):
        made = lm("Two")

    top = ((" is", -0.5), (" and", -2.0))
    assert made.logprobs == (TokenLogprob("Two", 0.0), TokenLogprob(" is", -0.5, top))


def test_kept_in_cache_and_trace(server: Server, tmp_path: Path) -> None:
    """From the cache they come back as they were, and a trace log has them."""
    server.answer = lambda _: completion({"content": "4"}, logprobs=SAID)
    ask = weft.Predict("question -> answer: int", adapter="chat/1", logprobs=2)
    log = weft.TraceLog(tmp_path / "log")
    cache = weft.Cache(tmp_path / "cache")

    with weft.use(lm=LM("m", api_base=server.url), cache=cache, trace_log=log):
        made = [weft.info(ask(question="2+2?")).calls[0] for _ in range(2)]

    assert [call.logprobs for call in made] == [READ, READ]
    assert [call.cached for call in made] == [False, True]
    assert server.count == 1
    (first, _) = weft.read_traces(tmp_path / "log")
    assert first.trace.calls[0].logprobs == READ
    whole = Response("4", logprobs=READ)
    assert response_from_json(response_to_json(whole), cached=False) == whole


def test_an_endpoint_without_is_one_error_and_then_asked_no_more(
    server: Server,
) -> None:
    """The first answer shows it; from then on nothing is paid."""
    lm = LM("m", api_base=server.url, logprobs=5)
    for _ in range(2):
        with (
            weft.use(cache=None),
            pytest.raises(ConfigError, match=r"gives no log-probabilities.*Leave"),
        ):
            lm("2+2?")
    assert server.count == 1
    assert LM("m", api_base=server.url)("hi").text == "ok"


def test_an_endpoint_that_refuses_them(server: Server) -> None:
    """A refusal that blames the option is the same error; another one is its own."""
    server.answer = lambda _: fault(400, "logprobs is not supported with this model")
    lm = LM("n", api_base=server.url, logprobs=5)
    for _ in range(2):
        with weft.use(cache=None), pytest.raises(ConfigError, match="no log-prob"):
            lm("2+2?")
    assert server.count == 1


def test_what_completions_lack_may_come_with_chats(server: Server) -> None:
    """One way without them says nothing of the other; each is known after one call."""

    def answer(body: dict[str, Any]) -> Reply:
        if "messages" in body:
            return completion({"content": "4"}, logprobs=SAID)
        return completion({"content": "4"}, logprobs=None)

    server.answer = answer
    chat = LM("m", api_base=server.url, logprobs=5)
    text = LM("m", api_base=server.url, logprobs=5, base=True)
    with weft.use(cache=None):
        for _ in range(2):
            with pytest.raises(ConfigError, match="of a text that is continued"):
                text("2+2?")
        assert chat("2+2?").logprobs == READ
        with pytest.raises(ConfigError, match="of a text that is continued"):
            text("2+2?")

    assert [seen.path for seen in server.seen] == [
        "/v1/completions",
        "/v1/chat/completions",
    ]


@pytest.mark.parametrize(
    "said",
    [
        "top_logprobs must be at most 5",
        "Invalid value for 'top_logprobs': must be less than or equal to 5.",
        "Requested sample logprobs of 20, which is greater than max allowed: 5",
    ],
)
def test_an_endpoint_that_shows_fewer(server: Server, said: str) -> None:
    """It gives some, and the error says how to ask for these; nothing is learnt."""
    server.answer = lambda _: fault(400, said)
    with weft.use(cache=None), pytest.raises(weft.errors.InvalidRequest, match="shown"):
        LM("five", api_base=server.url, logprobs=20)("2+2?")
    server.answer = lambda _: completion({"content": "4"}, logprobs=SAID)
    with weft.use(cache=None):
        assert LM("five", api_base=server.url, logprobs=5)("2+2?").logprobs == READ


def test_known_beforehand_nothing_is_sent(server: Server) -> None:
    """Of a server that is known for it, or said to be, no call is made."""
    lm = LM("m", api_base=server.url, abilities={"logprobs": False})
    with weft.use(cache=None), pytest.raises(ConfigError, match="no log-prob"):
        lm.score("2+2?", ["4", "5"])
    assert server.count == 0


@pytest.mark.parametrize(
    "said",
    [
        {"content": [{"token": "4", "logprob": 3.0}]},
        {"content": [{"token": "4", "logprob": "low"}]},
        {"content": [{"token": 4, "logprob": -1}]},
        {"content": ["4"]},
        {"tokens": ["4"], "token_logprobs": []},
        {"tokens": ["4", "5"], "token_logprobs": [-1, None]},
        {"tokens": ["4"], "token_logprobs": [-1], "top_logprobs": [{}, {}]},
        {},
        None,
        "none",
    ],
)
def test_what_is_none_is_told(server: Server, said: Any) -> None:
    """Numbers that no logarithm of a probability is, and other shapes, are none."""
    server.script(completion({"content": "4"}, logprobs=said))

    with weft.use(cache=None), pytest.raises(ConfigError, match="no log-prob"):
        LM(f"m {said}", api_base=server.url, logprobs=1)("2+2?")


def test_odd_numbers_and_texts(server: Server) -> None:
    """A probability of 0, a rounding, half a character: read as what they mean."""
    text = json.dumps(
        {"content": [{"token": "\ud83d", "logprob": 1e-6, "top_logprobs": None}]}
    ).replace("1e-06", "1e-06")
    tree = f'{{"choices":[{{"message":{{"content":"4"}},"logprobs":{text}}}]}}'
    server.script(Reply(body=tree.encode()))

    with weft.use(cache=None):
        made = LM("odd", api_base=server.url, logprobs=1)("2+2?")

    assert made.logprobs == (TokenLogprob("?", 0.0),)


@pytest.mark.parametrize("value", [-1, True, 1.5, "20", math.inf])
def test_what_is_no_number_of_tokens(value: Any) -> None:
    """Wrong values are told when the model, or the module, is made."""
    with pytest.raises(ConfigError):
        LM("openai/gpt-5-mini", logprobs=value)
    with pytest.raises(ConfigError):
        weft.Predict("a -> b", logprobs=value)


def test_a_fake_gives_what_is_scripted() -> None:
    """A whole response carries them; a text has none, which is told."""
    lm = weft.ScriptedLM([Response("4", logprobs=READ), "4"])
    with weft.use(cache=None):
        assert lm("2+2?", logprobs=2).logprobs == READ
        with pytest.raises(ConfigError, match=r"weft\.Response\(text, logprobs="):
            lm("3+1?", logprobs=2)


@pytest.mark.parametrize("answers", [[], "yes", ["a", "a"], ["a", ""], [1], None])
def test_what_are_no_answers(answers: Any) -> None:
    """What is scored are different texts."""
    with pytest.raises(CallError, match="no list of answers"):
        weft.ScriptedLM(["x"]).score("?", answers)


@pytest.mark.parametrize(
    ("data", "match"),
    [([["a", 1.0, []]], "no text"), ([["a"]], "a token is"), ({}, "no list")],
)
def test_a_damaged_cache_entry_is_none(data: Any, match: str) -> None:
    """What no log-probabilities are is no response."""
    tree = {**response_to_json(Response("4")), "logprobs": data}

    with pytest.raises(ValueError, match=match):
        response_from_json(tree)


def test_a_key_in_pieces_goes_nowhere(server: Server) -> None:
    """A server that says the key back may say it token by token."""
    key = "sk-CANARY-0123456789"
    pieces = [{"token": key[n : n + 4], "logprob": -1} for n in range(0, len(key), 4)]
    server.script(completion({"content": key}, logprobs={"content": pieces}))

    with weft.use(cache=None):
        made = LM("k", api_base=server.url, api_key=key, logprobs=1)("2+2?")

    assert "CANA" not in repr(made)
    assert made.logprobs == ()


@pytest.mark.parametrize(
    "wrong",
    [TokenLogprob("4", 2.0), TokenLogprob("\ud83d", -1), TokenLogprob("4", math.nan)],
)
def test_a_back_end_of_a_users_own(wrong: TokenLogprob) -> None:
    """What cannot be kept is no answer."""
    lm = weft.ScriptedLM([Response("4", logprobs=(wrong,))])
    with (
        weft.use(cache=None, retry=weft.RetryPolicy(retries=0)),
        pytest.raises(weft.errors.ProtocolError, match="log-probabilities hold"),
    ):
        lm("2+2?", logprobs=1)

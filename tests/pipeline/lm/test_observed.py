"""What a user's own calls show of a server is learnt, and no call is made for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import asking, completion, quick
from tests.server import Reply, Server
from weft.pipeline.calls.call import call
from weft.pipeline.lm.fakes import FunctionLM
from weft.pipeline.lm.known import facts, forget, known, learn
from weft.pipeline.lm.known.observed import ENOUGH, fits, observe
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request, Response

HERE = "http://somewhere/v1"
TEAM = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {
            "type": "object",
            "properties": {
                "team": {"type": "string", "enum": ["cards", "app"]},
                "urgency": {"type": "integer"},
            },
            "required": ["team", "urgency"],
            "additionalProperties": False,
        },
    },
}
GOOD = '{"team": "app", "urgency": 3}'


def request(model: str, *, schema: bool = False, **sampling: Any) -> Request:
    turns = (Message("user", "hi"),)
    return Request(model, turns, sampling, TEAM if schema else None, HERE)


def answer(lm: LM, text: str = "hello you", **fields: Any) -> Any:
    """One call, as a program makes it."""
    return call(asking(lm, text, **fields), lm, retry=quick())


# Schemas ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        (GOOD, True),
        (f" {GOOD}\n", True),
        ('{"urgency": 3, "team": "cards"}', True),
        (f"Sure! {GOOD}", False),
        (f"```json\n{GOOD}\n```", False),
        ('{"team": "app"}', False),
        ('{"team": "app", "urgency": 3, "why": ""}', False),
        ('{"team": "web", "urgency": 3}', False),
        ('{"team": "app", "urgency": "3"}', False),
        ('{"team": "app", "urgency": true}', False),
        ('[["app", 3]]', False),
        ("", False),
        ("[" * 50_000, False),
        ("x" * 70_000, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_fits_a_schema(text: str, fit: bool | None) -> None:
    """A bare object with the members that are demanded fits, and nothing else."""
    assert fits(text, TEAM) is fit


def test_without_a_schema_there_is_nothing_to_fit() -> None:
    """JSON mode alone demands no members."""
    assert fits("x", {"type": "json_object"}) is None


def test_a_reply_that_contradicts_drops_what_was_known() -> None:
    """That the server enforces schemas is over with the first reply that shows else."""
    learn(HERE, "dropped", schema=True)
    learn(HERE, "dropped", how="said", slots=4)

    observe(request("dropped", schema=True), Response("I think it is the app team."))

    fact = facts(HERE, "dropped")["schema"]
    assert (fact.value, fact.how) == (False, "seen")
    assert known(HERE, "dropped").slots == 4


@pytest.mark.parametrize(
    ("response", "sampling"),
    [
        (Response('{"team": "ap', finish_reason="length"), {}),
        (Response("", finish_reason="tool_calls"), {}),
        (Response('{"team": "app",'), {"stop": "\n"}),
        (Response(f"<think>the app?</think>{GOOD}"), {}),
    ],
    ids=["cut", "tools", "stopped", "thought"],
)
def test_what_was_cut_contradicts_nothing(
    response: Response, sampling: dict[str, Any]
) -> None:
    """Only a reply that ended by itself tells of the schema, behind its thoughts."""
    observe(request("cut", schema=True, **sampling), response)

    assert known(HERE, "cut").schema is None


def test_many_replies_that_fit_show_that_somebody_enforces() -> None:
    """One reply that fits shows a good model, many show more, and a miss then less."""
    asked = request("enforcing", schema=True)
    for _ in range(ENOUGH - 1):
        observe(asked, Response(GOOD))
    assert known(HERE, "enforcing").schema is None

    observe(asked, Response(GOOD))
    observe(asked, Response("an accident"))

    assert known(HERE, "enforcing").schema is True
    observe(asked, Response("another one"))
    assert known(HERE, "enforcing").schema is False


# Other abilities ----------------------------------------------------------------------


def test_a_reply_that_runs_on_shows_that_stop_is_ignored() -> None:
    """What should have ended the reply stands in its middle."""
    observe(request("stops", stop=["[["]), Response("one "))
    observe(request("keeps-it", stop=["[["]), Response("one [["))
    assert known(HERE, "stops").stop is None
    assert known(HERE, "keeps-it").stop is None

    observe(request("runs-on", stop=["[["]), Response("one [[ two"))

    assert known(HERE, "runs-on").stop is False


def test_an_answer_shows_what_was_taken() -> None:
    """A seed and a system turn that brought an answer were not refused."""
    turns = (Message("system", "Be brief."), Message("user", "hi"))
    observe(Request("m", turns, {"seed": 1}, endpoint=HERE), Response("ok"))

    assert known(HERE, "m").seed is True
    assert known(HERE, "m").system_role is True
    assert known(HERE, "m").tools is None


@pytest.mark.parametrize(
    "text", ["<think>hm</think>yes", "\n<think>hm", "hm\n</think>\nno"]
)
def test_thoughts_in_the_text_are_seen(text: str) -> None:
    """A model that thinks in its reply is known as one."""
    observe(request(f"thinks {text}"), Response(text))

    assert known(HERE, f"thinks {text}").thinks is True


SPOKEN = (
    "R1 writes <think> first, and ends it with </think>; then comes the answer.",
    "hm</think>no",
    '{"note": "closes with </think> always"}',
)


async def test_who_speaks_of_a_tag_is_read_as_before(server: Server) -> None:
    """One text that holds it says nothing of the texts that come."""
    server.answer = lambda body: Reply(SPOKEN[int(body["messages"][0]["content"])])
    lm = LM("m", api_base=server.url)

    with weft.use(lm=lm, cache=None):
        said = [[(await lm.acall(str(n))).text for n in range(3)] for _ in range(2)]

    assert said == [[*SPOKEN], [*SPOKEN]]
    assert not known(server.url, "m").thinks


async def test_a_tag_in_a_value_is_no_miss_of_a_schema(server: Server) -> None:
    server.script(*(Reply(SPOKEN[2]) for _ in range(2)))
    ask = weft.Predict("question -> note", adapter="json")
    lm = LM("m", api_base=server.url, abilities={"schema": True})

    with weft.use(lm=lm, cache=None):
        notes = [(await ask.acall(question=f"{n}")).note for n in range(2)]

    assert notes == ["closes with </think> always"] * 2
    assert known(server.url, "m").schema is not False


async def test_what_only_the_body_shows(server: Server) -> None:
    """Reasoning in a field of its own, and log-probabilities, given or not."""
    lm = LM("m", api_base=server.url, extra={"logprobs": True})
    server.script(
        completion({"content": "4", "reasoning_content": "2 and 2"}),
        completion({"content": "4"}, logprobs={"content": [{"token": "4"}]}),
    )

    await answer(lm)
    assert (lm.abilities.reasoning, lm.abilities.logprobs) == (True, False)
    await answer(lm)
    assert lm.abilities.logprobs is True


@pytest.mark.parametrize(
    ("more", "logprobs"),
    [
        ({"timings": {"predicted_n": 4}}, True),
        ({"prompt_logprobs": None}, True),
        ({"stats": {}}, None),
        ({"usage": {}}, None),
    ],
    ids=["llama.cpp", "vLLM", "LM Studio", "who knows"],
)
async def test_a_server_gives_its_kind_away(
    server: Server, more: dict[str, Any], logprobs: bool | None
) -> None:
    """By fields that no other kind sends its documents are known to hold for it."""
    lm = LM("m", api_base=server.url)
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    server.script(Reply(body=json.dumps({"choices": [choice], **more}).encode()))

    await answer(lm)

    assert lm.abilities.logprobs is logprobs
    assert (facts(lm.endpoint, "m") == {}) is ("usage" in more)


async def test_no_call_is_made_for_it(server: Server) -> None:
    """Two calls of the user's are two requests at the server."""
    lm = LM("m", api_base=server.url, seed=1)

    await answer(lm, "one")
    await answer(lm, "two")

    assert [seen.path for seen in server.seen] == ["/v1/chat/completions"] * 2
    assert lm.abilities.seed is True


def test_a_program_drops_what_its_replies_contradict(server: Server) -> None:
    """A module that sends a schema learns that nobody obeys it."""
    server.answer = lambda _: "It is the app team, I think."
    lm = LM("m", api_base=server.url)
    assert lm.abilities.schema is True

    sort = weft.Predict("message -> team", adapter="json", repairs=0, lm=lm)
    with weft.use(cache=None), pytest.raises(weft.errors.ParseError):
        sort(message="no app")

    assert lm.abilities.schema is False
    assert lm.schema_mode is True  # what forms of the first edition send stays


async def test_of_fakes_nothing_is_learnt() -> None:
    """They answer as they are told, and are no servers."""
    lm = FunctionLM(lambda _: "<think>hm</think>yes", model="by-hand")

    await call(asking(lm), lm)

    assert facts(lm.endpoint, lm.model) == {}


async def test_who_is_forgotten_is_looked_at_anew(server: Server) -> None:
    """The kind of its server, and how its replies fitted, are learnt once more."""
    lm = LM("m", api_base=server.url)
    choice = {"message": {"content": "hi"}, "finish_reason": "stop"}
    server.script(
        *[Reply(body=json.dumps({"choices": [choice], "timings": {}}).encode())] * 2
    )
    await answer(lm, "one")
    assert facts(lm.endpoint, "m") != {}

    forget(lm.endpoint, "m")
    assert facts(lm.endpoint, "m") == {}
    await answer(lm, "two")

    assert lm.abilities.logprobs is True


def test_servers_of_one_process_never_share_an_address() -> None:
    """What was learnt of one is not taken for the next one's, whatever was closed."""
    seen: list[str] = []
    for _ in range(50):
        with Server() as one:
            seen.append(one.url)

    assert len({*seen}) == len(seen)

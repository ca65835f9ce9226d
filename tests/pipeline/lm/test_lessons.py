"""A refusal that says how to ask is obeyed, at once and from then on."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import asking, fault, lm_for, quick
from tests.server import Reply, Server
from weft.pipeline.calls.budget import Budget, Ledger
from weft.pipeline.calls.call import call
from weft.pipeline.errors import InvalidRequest, ModelError, SchemaRefused, ServerError
from weft.pipeline.lm.abilities import Abilities, checked_abilities
from weft.pipeline.lm.known import known
from weft.pipeline.lm.lm import SAMPLING
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.wire.dialect import Manners, lesson_in
from weft.pipeline.lm.wire.faults import Refusal

WORDS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("refusals.json").read_text("utf-8")
)
"""What real servers write, each with whose words they are."""

FORMAT: dict[str, Any] = {"type": "json_schema", "json_schema": {"schema": {}}}


def without_temperature(body: dict[str, Any]) -> Reply:
    """A server of a model that reasons: it takes no temperature but its own."""
    if "temperature" in body:
        said = (
            "Unsupported value: 'temperature' does not support 0 with this model. "
            "Only the default (1) value is supported."
        )
        return fault(400, said, param="temperature", code="unsupported_value")
    return Reply("ok")


async def test_a_temperature_that_is_refused_is_left_out(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """The call works, the log says so once, and later calls ask the right way."""
    server.answer = without_temperature
    lm = lm_for(server, temperature=0)

    with caplog.at_level(logging.WARNING, "weft"):
        first = await lm.complete(asking(lm))
        second = await lm.complete(asking(lm))

    assert [("temperature" in seen.body) for seen in server.seen] == [
        True,
        False,
        False,
    ]
    assert (first.without, second.without) == (("temperature",), ("temperature",))
    assert [record.getMessage() for record in caplog.records] == [
        f"m at {lm.endpoint} takes no temperature: it is left out from now on"
    ]


async def test_what_was_asked_stays_the_key(server: Server) -> None:
    """The cache is asked for what the user asked, whatever was sent for it."""
    lm = lm_for(server, temperature=0)
    before = asking(lm).key
    server.answer = without_temperature

    await lm.complete(asking(lm))

    assert asking(lm).key == before


async def test_asking_the_other_way_is_the_same_attempt(server: Server) -> None:
    """Nothing was generated: no retry, and one call of the budget."""
    server.answer = without_temperature
    lm, ledger = lm_for(server, temperature=0), Ledger(Budget(calls=1))

    response = await call(asking(lm), lm, ledger=ledger, retry=quick(retries=0))

    assert (response.text, response.retries, server.count) == ("ok", 0, 2)
    assert ledger.spent().calls == 1


async def test_it_holds_for_this_model_alone(server: Server) -> None:
    """Another model at the endpoint is asked as the user said."""
    server.answer = without_temperature
    lm, other = lm_for(server, temperature=0), lm_for(server, "n", temperature=0)

    await lm.complete(asking(lm))

    assert lm.abilities.without == ("temperature",)
    assert other.abilities.without == ()


def test_it_is_in_the_trace(server: Server) -> None:
    """Whoever reads a run sees which options it went without."""
    server.answer = lambda body: (
        Reply("[[ answer ]]\n4\n[[ /end ]]")
        if "seed" not in body
        else fault(400, "Unrecognized request argument supplied: seed")
    )
    lm = lm_for(server, seed=1)
    qa = weft.Predict("question -> answer", name="qa", adapter="chat")

    with weft.use(lm=lm, cache=None):
        made = qa(question="2 + 2")

    (made_call,) = weft.info(made).calls
    assert (made_call.without, lm.abilities.seed) == (("seed",), False)


async def test_several_refusals_one_after_another(server: Server) -> None:
    """Servers name one fault at a time; each is mended, and the answer comes."""
    refused = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")

    def picky(body: dict[str, Any]) -> Reply:
        for name in refused:
            if name in body:
                said = (
                    f"Unsupported parameter: '{name}' is not supported with this model."
                )
                return fault(400, said)
        return Reply("ok")

    server.answer = picky
    options: dict[str, Any] = dict.fromkeys(refused, 1)
    lm = lm_for(server, **options)

    response = await lm.complete(asking(lm))

    assert (response.text, set(response.without)) == ("ok", set(refused))


async def test_a_refusal_that_teaches_nothing_new_is_final(server: Server) -> None:
    """A server that refuses what is no longer sent is not asked for ever."""
    said = "Unsupported parameter: 'temperature' is not supported with this model."
    server.answer = lambda _: fault(400, said)
    lm = lm_for(server, temperature=0)

    with pytest.raises(InvalidRequest, match="temperature"):
        await lm.complete(asking(lm))

    assert server.count == 2


@pytest.mark.parametrize("case", WORDS["options"], ids=lambda case: case["from"])
def test_real_words(case: dict[str, Any]) -> None:
    """What servers write of an option that they do not take, and of one they do."""
    sampling: dict[str, Any] = dict.fromkeys(SAMPLING, 1)
    option = case["blames"]

    taught = lesson_in(case["said"], Manners(Request("m", (), sampling)))

    expected: dict[str, Any] = {"without": (option,)} if option else {}
    assert taught == ({option: False} if option in ("seed", "stop") else expected)


async def test_an_option_that_was_not_sent_is_not_to_blame(server: Server) -> None:
    """Words about it teach nothing, and the error is the user's to read."""
    server.script(fault(400, "Unsupported parameter: 'temperature' is not supported."))
    lm = lm_for(server)

    with pytest.raises(InvalidRequest):
        await lm.complete(asking(lm))

    assert known(lm.endpoint, "m") == Abilities()


# The bound of an answer


async def test_the_later_name_of_the_bound(server: Server) -> None:
    """Beyond api.openai.com too, where a server wants it."""
    server.answer = lambda body: (
        fault(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
        )
        if "max_tokens" in body
        else Reply("ok")
    )
    lm = lm_for(server, max_tokens=9)

    response = await lm.complete(asking(lm))
    await lm.complete(asking(lm))

    bodies = [seen.body for seen in server.seen]
    assert [("max_tokens" in body) for body in bodies] == [True, False, False]
    assert bodies[-1]["max_completion_tokens"] == 9
    assert response.without == ()


async def test_the_earlier_name_of_the_bound(server: Server) -> None:
    """A server that does not know the later name is asked by the earlier one."""
    server.answer = lambda body: (
        fault(400, "Unrecognized request argument supplied: max_completion_tokens")
        if "max_completion_tokens" in body
        else Reply("ok")
    )
    lm = lm_for(server, abilities={"max_completion_tokens": True})

    await lm.complete(asking(lm))

    assert server.seen[-1].body["max_tokens"] == 4096


@pytest.mark.parametrize("said", [case["said"] for case in WORDS["bounds"]])
async def test_a_bound_on_the_bound(server: Server, said: str) -> None:
    """A server that says how many tokens it answers with is asked for so many."""
    server.answer = lambda body: (
        Reply("ok") if body["max_tokens"] <= 512 else fault(400, said)
    )
    lm = lm_for(server)

    await lm.complete(asking(lm))
    await lm.complete(asking(lm))

    assert [seen.body["max_tokens"] for seen in server.seen] == [4096, 512, 512]


# Streams and turns


class Silent:
    """Listens, and keeps nothing."""

    def restart(self) -> None:
        pass

    def show(self, text: str) -> None:
        pass


@pytest.mark.parametrize("said", [case["said"] for case in WORDS["streams"]])
async def test_streams_without_a_count(server: Server, said: str) -> None:
    """Where a server takes no `stream_options`, the answer comes without a count."""
    server.answer = lambda body: (
        fault(400, said) if "stream_options" in body else Reply("ok", usage={})
    )
    lm = lm_for(server)

    response = await lm.stream(asking(lm), Silent())

    assert (response.text, response.usage) == ("ok", None)
    assert lm.abilities.stream_options is False


async def test_a_model_without_a_system_turn(server: Server) -> None:
    """What it says is said before what the user first says."""
    server.answer = lambda body: (
        fault(400, "System role not supported")
        if body["messages"][0]["role"] == "system"
        else Reply("ok")
    )
    lm = lm_for(server)
    turns = (Message("system", "Be brief."), Message("user", "Hi"))

    await lm.complete(Request("m", turns, lm.sampling, endpoint=lm.endpoint))

    assert server.seen[-1].body["messages"] == [
        {"role": "user", "content": "Be brief.\n\nHi"}
    ]


# Schemas


@pytest.mark.parametrize("case", WORDS["schemas"], ids=lambda case: case["from"])
async def test_a_schema_that_is_refused(server: Server, case: dict[str, Any]) -> None:
    """Its error is its own, is not tried again, and tells whether any would do."""
    server.script(fault(case["status"], case["said"]))
    lm = lm_for(server)

    with pytest.raises(SchemaRefused) as caught:
        await call(asking(lm, response_format=FORMAT), lm, retry=quick())

    assert (server.count, caught.value.retryable) == (1, False)
    assert caught.value.status == case["status"]
    assert (lm.abilities.schema is False) == case["every"]


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "messages: at least one message is required", InvalidRequest),
        (500, "the schema of the database is out of date", ServerError),
        (500, "internal error", ServerError),
    ],
)
async def test_a_schema_that_is_not_to_blame(
    server: Server, status: int, said: str, kind: type[ModelError]
) -> None:
    """Other faults stay what they are, though a schema was asked for."""
    server.script(fault(status, said))
    lm = lm_for(server)

    with pytest.raises(ModelError) as caught:
        await lm.complete(asking(lm, response_format=FORMAT))

    assert type(caught.value) is kind


async def test_no_schema_no_blame(server: Server) -> None:
    """Words about a schema that nobody asked for are an invalid request."""
    server.script(fault(400, "JSON schema conversion failed"))
    lm = lm_for(server)

    with pytest.raises(InvalidRequest) as caught:
        await lm.complete(asking(lm))

    assert type(caught.value) is InvalidRequest


# Through litellm


async def test_lessons_through_litellm(server: Server) -> None:
    """Its refusals are understood like those of a server that we ask ourselves."""
    server.answer = without_temperature
    lm = lm_for(server, "litellm/openai/m", temperature=0)

    response = await lm.complete(asking(lm))

    assert (response.text, response.without) == ("ok", ("temperature",))


async def test_what_litellm_refuses_by_itself(server: Server) -> None:
    """An option that it does not let through is left out like one a server lacks."""
    server.script(Reply("ok"))
    lm = lm_for(server, "litellm/openai/gpt-5-mini", temperature=0.3)

    response = await lm.complete(asking(lm))

    assert (response.text, response.without) == ("ok", ("temperature",))
    assert "temperature" not in server.seen[0].body


async def test_a_schema_refused_through_litellm(server: Server) -> None:
    """The typed error is the same."""
    server.script(fault(400, "This response_format type is unavailable now"))
    lm = lm_for(server, "litellm/openai/m")

    with pytest.raises(SchemaRefused):
        await lm.complete(asking(lm, response_format=FORMAT))


async def test_thoughts_and_efforts_through_litellm(server: Server) -> None:
    """What was thought comes through, and so do its tokens and the effort."""
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 9,
        "total_tokens": 12,
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    server.answer = lambda _: Reply("4", reasoning="2 and 2", usage=usage)
    ours = lm_for(server, "openai/m", reasoning_effort="low")
    theirs = lm_for(server, "litellm/openai/m", reasoning_effort="low")

    one, other = (
        await ours.complete(asking(ours)),
        await theirs.complete(asking(theirs)),
    )

    assert one == other
    assert one.reasoning == "2 and 2"
    assert server.seen[0].body == server.seen[1].body
    assert one.usage == weft.Usage(3, 9, 0, 5)


# What the user says


async def test_what_the_user_says_is_left_out(server: Server) -> None:
    """`abilities=` says the same beforehand, and no refusal is needed."""
    lm = lm_for(
        server,
        temperature=0,
        stop="x",
        abilities={"without": ("temperature",), "stop": False},
    )

    response = await lm.complete(asking(lm))

    assert response.without == ("temperature", "stop")
    assert {"temperature", "stop"}.isdisjoint(server.seen[0].body)


def test_abilities_of_several_words() -> None:
    """A text is not several options."""
    assert checked_abilities({"without": ("seed",)}).without == ("seed",)
    with pytest.raises(weft.errors.ConfigError, match="no tuple"):
        checked_abilities({"without": "seed"})


def test_a_refusal_without_words_teaches_nothing() -> None:
    """Neither does a page of HTML, nor a refusal that is about something else."""
    for body in ("", "<html>temperature is not supported</html>", json.dumps([])):
        manners = Manners(Request("m", (), {"temperature": 0}))
        assert not manners.learns(Refusal(400, body))
    busy = Refusal(503, '{"error": "temperature is not supported"}')
    assert not Manners(Request("m", (), {"temperature": 0})).learns(busy)

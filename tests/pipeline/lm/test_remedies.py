"""What a refusal says helps: learnt where it is sure, and else told with the error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.lm.support import asking, fault, quick
from tests.server import Reply, Server
from weft.pipeline.calls.call import call
from weft.pipeline.errors import (
    AuthError,
    InvalidRequest,
    ModelError,
    NotFoundError,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
    TimeoutConflict,
)
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.wire.faults import Refusal
from weft.pipeline.lm.wire.remedies import refuses_system

NO_SYSTEM = [
    "System role not supported",
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "After the optional system message, conversation roles must alternate user/...",
    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
    "Unexpected role 'system'",
    'messages: Unexpected role "system".',
    "system messages are not allowed",
    "Only user, assistant and tool roles are supported",
    "Only user and assistant roles are supported!",
    "The role 'system' is not supported by this model",
    "This model does not support system prompts",
    "Developer instruction is not enabled for models/gemma-3-27b-it",
]
SYSTEM = (Message("system", "Be brief."), Message("user", "Hi"))


def with_system(lm: LM, turns: tuple[Message, ...] = SYSTEM) -> Request:
    """A request with a system turn."""
    return Request(lm.model, turns, lm.sampling, endpoint=lm.endpoint)


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("said", NO_SYSTEM)
async def test_a_system_turn_refused_in_many_words(
    server: Server, said: str, status: int
) -> None:
    """The other way is taken at once, within the attempt, and from then on."""
    server.answer = lambda body: (
        fault(status, said) if body["messages"][0]["role"] == "system" else Reply("ok")
    )
    lm = LM("m", api_base=server.url)

    answers = [await call(with_system(lm), lm, retry=quick(0)) for _ in range(2)]

    assert [one.text for one in answers] == ["ok", "ok"]
    assert server.count == 3
    assert lm.abilities.system_role is False
    assert server.seen[-1].body["messages"] == [
        {"role": "user", "content": "Be brief.\n\nHi"}
    ]


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        ("Conversation roles must alternate", ["system", "user", "user"]),
        ("Conversation roles must alternate", ["user", "user"]),
        ("Unexpected role 'system' after role 'user'", ["user", "system"]),
        ("Only system, user and assistant roles are supported", ["system", "tool"]),
        ("the system is not available", ["system", "user"]),
        ("temperature is not supported by this system", ["system", "user"]),
        ("System role not supported", ["user"]),
    ],
)
def test_another_fault_than_the_system_turn(said: str, roles: list[str]) -> None:
    """Turns that are at fault themselves, and words about something else."""
    assert not refuses_system(said, roles)


async def test_where_it_cannot_be_known_the_ability_is_named(server: Server) -> None:
    """Turns that do not alternate may be at fault, and so may the system turn."""
    turns = (*SYSTEM, Message("user", "Are you there?"))
    server.script(fault(400, "Conversation roles must alternate user/assistant"))
    lm = LM("m", api_base=server.url)

    with pytest.raises(InvalidRequest) as caught:
        await lm.complete(with_system(lm, turns))

    assert 'abilities={"system_role": False}' in caught.value.hint
    assert lm.abilities.system_role is not False


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "As of transformers v4.44, default chat template is no longer allowed"),
        (400, "you must provide a chat template if the tokenizer defines none"),
        (400, '"m" does not support chat'),
        (400, "Cannot use chat template functions: tokenizer.chat_template is not set"),
        (400, "The model has no chat template"),
        (
            404,
            "This is not a chat model and thus not supported in /v1/chat/completions",
        ),
        (422, "Template error: template not found"),
    ],
)
async def test_a_base_model_that_is_asked_as_a_chat(
    server: Server, status: int, said: str
) -> None:
    """The option that has it continue a text is named."""
    server.script(fault(status, said))
    lm = LM("m", api_base=server.url)

    with pytest.raises(ModelError, match=r"LM\(\.\.\., base=True\)"):
        await lm.complete(asking(lm))


ASTRAY: list[tuple[int, Any]] = [
    (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    (200, {"error": {"message": "Invalid URL (POST /chat/completions)"}}),
    (404, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    (404, {"error": {"message": "Invalid URL (POST /chat/completions)"}}),
    (404, {"detail": "Not Found"}),
    (404, {"error": {"message": "File Not Found", "type": "not_found_error"}}),
    (404, "404 page not found"),
    (404, "<html>Cannot POST /chat/completions</html>"),
    (405, {"detail": "Method Not Allowed"}),
]


@pytest.mark.parametrize(("status", "body"), ASTRAY)
async def test_a_path_that_a_server_does_not_know(
    server: Server, status: int, body: Any
) -> None:
    """It is asked once, and the error says how addresses end."""
    data = body if isinstance(body, str) else json.dumps(body)
    server.answer = lambda _: Reply(status=status, body=data.encode())
    lm = LM("m", api_base=server.url)

    with pytest.raises(ModelError, match="Check api_base: it ends in /v1") as caught:
        await call(asking(lm), lm, retry=quick())

    assert server.count == 1
    assert isinstance(caught.value, NotFoundError) == (status != 405)


async def test_a_redirect_says_where_it_leads(server: Server) -> None:
    """It is not followed with the key in hand; whoever reads it can name the place."""
    key = "sk-" + "q" * 40
    there = f"https://models.invalid/{'x' * 150}/v1/chat/completions?key={key}"
    server.answer = lambda _: Reply(status=308, headers={"Location": there})
    lm = LM("m", api_base=server.url, api_key=key)

    with pytest.raises(NotFoundError) as caught:
        await call(asking(lm), lm, retry=quick())

    assert "308: it leads to https://models.invalid/xxx" in caught.value.message
    assert "qqqq" not in str(caught.value)
    assert caught.value.hint.startswith("No redirect is followed")
    assert "give api_base the address itself" in caught.value.hint


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [{"id": "a", "function": {"name": "look", "arguments": "{}"}}]},
        {"function_call": {"name": "look", "arguments": "{}"}},
    ],
)
async def test_a_call_of_a_tool_that_nobody_offered(
    server: Server, message: dict[str, Any]
) -> None:
    """It is named; the server's log, where one was sent to, says nothing of it."""
    choice = {"message": {"content": None, **message}, "finish_reason": "tool_calls"}
    server.answer = lambda _: Reply(body=json.dumps({"choices": [choice]}).encode())
    lm = LM("m", api_base=server.url)

    with pytest.raises(ProtocolError, match="it calls 'look', a tool that was not off"):
        await call(asking(lm), lm, retry=quick())


@pytest.mark.parametrize(
    "said",
    ["The model `m` does not exist", "model 'm' not found, try pulling it first"],
)
def test_a_model_that_is_not_there(said: str) -> None:
    """Its name is what to look at."""
    error = Refusal(404, json.dumps({"error": {"message": said}})).as_error()

    assert error.hint == "Check the model's name and api_base"


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        (400, InvalidRequest, "change what the server names"),
        (407, AuthError, 'LM(..., proxy="http://NAME:PASSWORD@HOST:PORT")'),
        (408, TimeoutConflict, "weft.RetryPolicy("),
        (409, TimeoutConflict, "weft.RetryPolicy("),
        (422, InvalidRequest, "change what the server names"),
        (413, InvalidRequest, "send less"),
        (418, InvalidRequest, "change what the server names"),
        (429, RateLimited, "concurrency="),
        (500, ServerError, "The server's log"),
        (503, Overloaded, "weft.RetryPolicy("),
        (529, Overloaded, "weft.RetryPolicy("),
        (200, ProtocolError, "its log says why"),
    ],
)
def test_every_refusal_has_a_remedy(
    status: int, kind: type[ModelError], remedy: str
) -> None:
    """Where its words name no nearer one, that of its kind."""
    error = Refusal(status, '{"error": {"message": "no"}}').as_error()

    assert type(error) is kind
    assert remedy in error.hint

"""What a success is worth: whole, cut short, withheld or nothing; streamed or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import asking
from tests.server import Reply, Server
from weft.errors import (
    ContentFiltered,
    ModelError,
    ModelFailure,
    Overloaded,
    ProtocolError,
    RateLimited,
    ServerError,
    Truncated,
)

TEXT = "[[ answer ]]\nParis 😀 é"
QUICK = weft.RetryPolicy(retries=0)


def body_of(
    message: dict[str, Any], finish: object = "stop", **choice: Any
) -> dict[str, Any]:
    """A completion with any message."""
    first = {"index": 0, "message": message, "finish_reason": finish, **choice}
    return {"id": "c", "model": "m", "choices": [first]}


def events_of(tree: dict[str, Any], *, done: bool = True) -> bytes:
    """A completion as a stream, each text in pieces of one character."""
    choice = dict(tree["choices"][0])
    message, finish = choice.pop("message"), choice.pop("finish_reason")
    events = [{"delta": {"role": "assistant"}, "finish_reason": None}]
    for name, value in message.items():
        pieces = list(value) if isinstance(value, str) and value else [value]
        events += [{"delta": {name: one}, "finish_reason": None} for one in pieces]
    events.append({"delta": {}, "finish_reason": finish, **choice})
    lines = [json.dumps({**tree, "choices": [{"index": 0, **one}]}) for one in events]
    end = "data: [DONE]\n\n" if done else ""
    return "".join([*(f"data: {line}\n\n" for line in lines), end]).encode()


def single(body: bytes) -> list[bytes]:
    """A body in pieces of one byte."""
    return [body[at : at + 1] for at in range(len(body))]


def outcome(reply: Reply, *, streamed: bool) -> object:
    """The value of a module that a server answers so; or the type of its error."""
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    with Server(lambda _: reply) as server:
        lm = weft.LM("any", api_base=server.url)
        with weft.use(lm=lm, cache=None, retry=QUICK):
            try:
                if not streamed:
                    return module(question="?").answer
                events = list(module.stream(question="?"))
            except ModelError as error:
                return type(error)
    [end] = [one for one in events if isinstance(one, weft.events.Finished)]
    return end.value.answer


def ways(tree: dict[str, Any]) -> dict[str, tuple[Reply, bool]]:
    """One answer in each way in which a server may send it, and whether it is asked to.

    The bytes of a stream come one by one, whole, or to somebody who asked for none.
    """
    whole, stream = json.dumps(tree).encode(), events_of(tree)
    return {
        "whole": (Reply(body=whole), False),
        "whole, though a stream was asked for": (Reply(body=whole), True),
        "whole, as a stream": (Reply(events=[whole]), True),
        "in bytes": (Reply(events=single(stream)), True),
        "in one piece": (Reply(events=[stream]), True),
        "unasked": (Reply(events=[stream]), False),
        "without an end mark": (Reply(events=[events_of(tree, done=False)]), True),
        "without a last line": (
            Reply(events=[events_of(tree, done=False).rstrip()]),
            True,
        ),
    }


GOOD = "Paris 😀 é"
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
PART = {"type": "text", "text": TEXT}
ANSWERS: dict[str, tuple[dict[str, Any], object]] = {
    # How it ended, in the words of one format or another
    "stop": (body_of({"content": TEXT}), GOOD),
    "eos": (body_of({"content": TEXT}, "eos"), GOOD),
    "STOP": (body_of({"content": TEXT}, "STOP"), GOOD),
    "end_turn": (body_of({"content": TEXT}, "end_turn"), GOOD),
    "stop_sequence": (body_of({"content": TEXT}, "stop_sequence"), GOOD),
    "tool_calls": (body_of({"content": TEXT}, "tool_calls"), GOOD),
    "length": (body_of({"content": TEXT}, "length"), Truncated),
    "max_tokens": (body_of({"content": TEXT}, "max_tokens"), Truncated),
    "MAX_TOKENS": (body_of({"content": TEXT}, "MAX_TOKENS"), Truncated),
    "model_length": (body_of({"content": TEXT}, "model_length"), Truncated),
    "content_filter": (body_of({"content": TEXT}, "content_filter"), ContentFiltered),
    "safety": (body_of({"content": TEXT}, "SAFETY"), ContentFiltered),
    "error": (body_of({"content": TEXT}, "error"), ProtocolError),
    "abort": (body_of({"content": TEXT}, "abort"), ProtocolError),
    "network_error": (body_of({"content": TEXT}, "network_error"), ProtocolError),
    "a surrogate": (body_of({"content": TEXT}, "\ud800"), ProtocolError),
    "no word": (body_of({"content": TEXT}, 1), ProtocolError),
    "an error": (body_of({"content": TEXT}, "error", error={"code": 502}), ServerError),
    "an error, and stop": (
        body_of({"content": TEXT}, error={"code": 429}),
        RateLimited,
    ),
    # The content in parts
    "parts": (body_of({"content": [PART]}), GOOD),
    "thinking parts": (body_of({"content": [THOUGHT, PART]}), GOOD),
    "two parts": (
        body_of({"content": [{"type": "text", "text": "[[ answer ]]\n"}, "Paris"]}),
        "Paris",
    ),
    "one part": (body_of({"content": PART}), GOOD),
    "a part that is thought": (
        body_of({"content": [{"type": "reasoning", "text": "hm"}, PART]}),
        GOOD,
    ),
    # A refusal
    "refused": (body_of({"content": None, "refusal": "I will not."}), ContentFiltered),
    "refused, empty": (
        body_of({"content": "", "refusal": "I will not."}),
        ContentFiltered,
    ),
    "refused, blank": (
        body_of({"content": " \n", "refusal": "I will not."}),
        ContentFiltered,
    ),
    "refused in a part": (
        body_of({"content": [{"type": "refusal", "refusal": "I will not."}]}),
        ContentFiltered,
    ),
    "refused, and thought": (
        body_of({"content": None, "reasoning": "hm", "refusal": "No."}),
        ContentFiltered,
    ),
    # Nothing but thoughts
    "only thought": (
        body_of({"content": None, "reasoning_content": "It is Paris."}),
        weft.errors.ParseError,
    ),
    "only thought, otherwise": (
        body_of({"content": None, "reasoning": "It is Paris."}),
        weft.errors.ParseError,
    ),
    "only thought, and empty": (
        body_of({"content": "", "reasoning_content": "It is Paris."}),
        weft.errors.ParseError,
    ),
    "only thought, in parts": (body_of({"content": [THOUGHT]}), weft.errors.ParseError),
    "empty": (body_of({"content": ""}), weft.errors.ParseError),
    "nothing at all": (body_of({"content": None}), ProtocolError),
    # Strings that are no text
    "a lone surrogate": (body_of({"content": f"{TEXT}\ud83d"}), ProtocolError),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_the_same_however_it_comes(name: str) -> None:
    """The same value or the same error: whole, in events, and in single bytes."""
    tree, expected = ANSWERS[name]

    found = {
        way: outcome(reply, streamed=streamed)
        for way, (reply, streamed) in ways(tree).items()
    }

    assert found == dict.fromkeys(found, expected)
    if name in ("only thought", "empty", "refused"):  # the model's fault, and a zero
        assert isinstance(expected, type)
        assert issubclass(expected, ModelFailure)


def event(delta: dict[str, Any], finish: object = None, **more: Any) -> bytes:
    """An event with a piece of the answer."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


HEAD, WORD = event({"content": "[[ answer ]]"}), event({"content": "\nParis"})
STOP, DONE = event({}, "stop"), b"data: [DONE]\n\n"
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 1'


@pytest.mark.parametrize("reason", ["", " ", "null", None])
@pytest.mark.parametrize("width", [1, 10**6])
def test_an_empty_reason_is_none(reason: str | None, width: int) -> None:
    """Where every piece has an empty reason, a lost connection is no end."""
    pieces = [
        event({"content": one}, reason) for one in ("[[ answer ]]", "\nPar", "is")
    ]
    for number in range(len(pieces) + 1):
        body = b"".join(pieces[:number])
        cut = [body[at : at + width] for at in range(0, len(body), width)]
        assert outcome(Reply(events=cut), streamed=True) is ProtocolError
        assert outcome(Reply(events=cut), streamed=False) is ProtocolError
    for end in (STOP, DONE, event({"content": ""}, "stop")):
        reply = Reply(events=[*pieces, end])
        assert outcome(reply, streamed=True) == "Paris"
        assert outcome(reply, streamed=False) == "Paris"


LAST: dict[str, tuple[Sequence[bytes], object]] = {
    "no blank line": ([HEAD, WORD, STOP.rstrip()], "Paris"),
    "one line break": ([HEAD, WORD, STOP.rstrip() + b"\n"], "Paris"),
    "half a pair": ([HEAD, WORD, STOP.rstrip() + b"\r"], "Paris"),
    "the mark alone": ([HEAD, WORD, DONE.rstrip()], "Paris"),
    "the reason and the mark": ([HEAD, WORD, STOP, DONE.rstrip()], "Paris"),
    "what comes behind the end is cut": ([HEAD, WORD, STOP, USAGE], "Paris"),
    "the mark is cut": ([HEAD, WORD, STOP, b"data: [DO"], "Paris"),
    "the end is cut": ([HEAD, WORD, STOP[:-9]], ProtocolError),
    "a word is cut": ([HEAD, WORD[:-9]], ProtocolError),
    "lines end in CR": (
        [one.replace(b"\n", b"\r") for one in (HEAD, WORD, STOP, DONE)],
        "Paris",
    ),
    "lines end in CR LF": (
        [one.replace(b"\n", b"\r\n") for one in (HEAD, WORD, STOP)],
        "Paris",
    ),
    "no UTF-8": ([HEAD, WORD.replace(b"Paris", b"Par\xffis"), STOP], ProtocolError),
    "an error at the end": (
        [HEAD, WORD, b'event: error\ndata: {"code": 503, "message": "x"}'],
        Overloaded,
    ),
    "another answer first": (
        [HEAD.replace(b'"index": 0', b'"index": 1'), HEAD, WORD, STOP],
        "Paris",
    ),
    "a character in two halves": (
        [HEAD, event({"content": "\nP\ud83d"}), event({"content": "\ude00"}), STOP],
        "P😀",
    ),
}


@pytest.mark.parametrize("name", LAST)
def test_the_end_of_a_stream(name: str) -> None:
    """What the end of the body ends is read; whole, in bytes, and unasked alike."""
    pieces, expected = LAST[name]
    body = b"".join(pieces)

    assert outcome(Reply(events=pieces), streamed=True) == expected
    assert outcome(Reply(events=single(body)), streamed=True) == expected
    assert outcome(Reply(events=[body]), streamed=False) == expected


STREAM = HEAD + WORD + STOP + DONE


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "text/event-stream"]
)
@pytest.mark.parametrize(
    "body",
    [
        STREAM,
        b"\xef\xbb\xbf" + STREAM,
        b": ping\n\n" + STREAM,
        b"\n\nid: 7\n" + STREAM,
        b"event: message\n" + STREAM,
        STREAM.removesuffix(DONE),
        event({}).replace(b"delta", b"x") + STREAM,
        b"data: " + json.dumps(body_of({"content": TEXT})).encode() + b"\n\n",
    ],
    ids=["plain", "mark", "ping", "id", "named", "no end", "no delta", "whole"],
)
def test_events_that_nobody_asked_for(kind: str, body: bytes) -> None:
    """A server that streams whatever is asked of it has answered, of whatever type."""
    head = {"Content-Type": kind}
    expected = GOOD if b"delta" not in body else "Paris"

    for streamed in (False, True):
        reply = Reply(body=body, headers=head)
        assert outcome(reply, streamed=streamed) == expected


SAID: list[tuple[dict[str, Any], type[ModelError]]] = [
    ({"object": "error", "message": "busy", "code": 503}, Overloaded),
    ({"object": "error", "message": "busy", "code": "503"}, Overloaded),
    ({"type": "error", "error": {"type": "overloaded_error"}}, Overloaded),
    ({"error": {"code": "rate_limit_exceeded", "message": "busy"}}, RateLimited),
    ({"error": {"status": "UNAVAILABLE", "message": "busy"}}, Overloaded),
    ({"error": "busy", "status": 503}, Overloaded),
    ({"status_code": 500, "message": "busy"}, ServerError),
    ({"detail": "busy"}, ProtocolError),
    ({"error": "busy"}, ProtocolError),
    ({"error": {"type": "invalid_api_key", "message": "x"}}, weft.errors.AuthError),
    ({"error": {"code": "insufficient_quota"}}, weft.errors.BillingError),
    (
        {"error": {"message": "This model's maximum context length is 5 tokens"}},
        weft.errors.ContextLengthError,
    ),
    ({"choices": None, "message": "busy", "code": 503}, Overloaded),
]


@pytest.mark.parametrize(("said", "expected"), SAID)
def test_an_error_under_a_success(
    said: dict[str, Any], expected: type[ModelError]
) -> None:
    """It is what it would be under its own status, whole and as an event."""
    body = json.dumps(said).encode()
    stream = b"data: " + body + b"\n\n"

    for reply, streamed in (
        (Reply(body=body), False),
        (Reply(body=body), True),
        (Reply(events=[HEAD, WORD, stream, STOP, DONE]), True),
        (Reply(events=single(HEAD + WORD + stream)), True),
        (Reply(events=[HEAD, WORD, stream]), False),
    ):
        assert outcome(reply, streamed=streamed) is expected


async def test_the_words_of_an_error_are_kept() -> None:
    """What a provider says of its failure, wherever it says it, is in the error."""
    for body in (
        {"object": "error", "message": "upstream went away", "code": 503},
        {"detail": "upstream went away"},
        body_of({"content": "x"}, "error", error={"message": "upstream went away"}),
        body_of({"content": "", "refusal": "upstream went away"}),
    ):
        reply = Reply(body=json.dumps(body).encode())
        with Server(lambda _, reply=reply: reply) as server:
            lm = weft.LM("any", api_base=server.url)
            with pytest.raises(ModelError, match="upstream went away"):
                await lm.complete(asking(lm))


async def test_the_answer_among_several() -> None:
    """The answer is the choice of index 0, wherever it stands in the list."""
    other = {"index": 1, "message": {"content": "other"}, "finish_reason": "stop"}
    tree = body_of({"content": "first"})
    tree["choices"].insert(0, other)
    with Server(lambda _: Reply(body=json.dumps(tree).encode())) as server:
        lm = weft.LM("any", api_base=server.url)

        assert (await lm.complete(asking(lm))).text == "first"


FAILED: dict[str, bytes] = {
    "an error in the choice": json.dumps(
        body_of({"content": "[[ team ]]\na"}, "error", error={"code": 502})
    ).encode(),
    "a reason that is no end": json.dumps(
        body_of({"content": "[[ team ]]\na"}, "insufficient_system_resource")
    ).encode(),
    "an error beside the choices": json.dumps(
        {**body_of({"content": "[[ team ]]\na"}), "error": {"message": "x"}}
    ).encode(),
    "a stream that fails": b"data: "
    + json.dumps({"choices": [{"delta": {"content": "[[ team ]]\na"}}]}).encode()
    + b'\n\ndata: {"error": "x"}\n\n',
}


@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize("provider", ["", "litellm/openai/"])
def test_a_failed_provider_scores_nothing(
    name: str, provider: str, tmp_path: Path
) -> None:
    """It is no right answer and no wrong one, and no cache keeps it."""
    rows = [{"text": f"t{number}", "team": "a"} for number in range(3)]
    module = weft.Predict("text -> team", adapter="chat", name="m")
    broken = Reply(body=FAILED[name])
    replies = {"now": broken}
    with Server(lambda _: replies["now"]) as server:
        lm = weft.LM(f"{provider}m", api_base=server.url)
        cache = weft.Cache(tmp_path)
        metric = weft.metrics.exact("team")
        with weft.use(lm=lm, cache=cache, retry=QUICK):
            failed = weft.evaluate(module, rows, metric=metric)
            replies["now"] = Reply("[[ team ]]\nb")
            again = weft.evaluate(module, rows, metric=metric)
        cache.close()

    assert len(failed.failures) == len(rows)
    assert again.mean == 0.0
    assert not again.failures
    assert server.count == 2 * len(rows)


def test_a_stream_shows_no_text_that_is_none() -> None:
    """A listener gets characters, whole ones, and the answer in the end."""
    shown: list[str] = []
    listener = SimpleNamespace(show=shown.append, restart=shown.clear)
    halves = [event({"content": "a\ud83d"}), event({"content": "\ude00b"}), STOP]

    async def ask(url: str) -> str:
        lm = weft.LM("any", api_base=url)
        return (await lm.stream(asking(lm), listener)).text

    with Server(lambda _: Reply(events=halves)) as server:
        assert asyncio.run(ask(server.url)) == "a😀b" == "".join(shown)
    assert all(piece.isprintable() for piece in shown)

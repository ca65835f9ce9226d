"""Texts as vectors: asked in batches, kept by text, retried, booked and checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.pipeline.lm.support import KEY, fault, quick
from tests.server import Reply, Server
from weft.errors import (
    AuthError,
    BudgetExceeded,
    CallError,
    ConfigError,
    GraphError,
    ModelError,
    ProtocolError,
)


def vector(text: str) -> list[float]:
    """A vector that says which text it is of."""
    return [float(len(text)), float(text.count("a")), 0.5, 1.0]


def embeddings(body: dict[str, Any]) -> Reply:
    """What a server answers, last text first: the index says which is which."""
    data = [
        {"object": "embedding", "index": number, "embedding": vector(text)}
        for number, text in enumerate(body["input"])
    ][::-1]
    tokens = sum(len(text.split()) for text in body["input"])
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    tree = {"object": "list", "data": data, "model": body["model"], "usage": usage}
    return Reply(body=json.dumps(tree).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(embeddings) as made:
        yield made


def embedder_at(server: Server, name: str = "openai/e", **options: Any) -> Any:
    return weft.Embedder(name, api_base=server.url, api_key=KEY, **options)


def inputs(server: Server) -> list[list[str]]:
    return [seen.body["input"] for seen in server.seen]


@pytest.mark.parametrize("name", ["openai/e", "litellm/openai/e"])
def test_vectors_come_in_the_order_of_the_texts(server: Server, name: str) -> None:
    """Through our client and through litellm, whatever order the server has."""
    texts = ["a", "two words", "a banana", "a"]
    with weft.use(cache=None, budget="10 calls") as settings:
        made = embedder_at(server, name).embed(texts)

    assert made == [vector(text) for text in texts]
    (seen,) = server.seen
    assert seen.path == "/v1/embeddings"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.body["input"] == ["a", "two words", "a banana"]  # equal ones once
    (account,) = settings.ledger.snapshot().values() if settings.ledger else ({},)
    assert (account["calls"], account["input_tokens"]) == (1, 5)


def test_batches_are_bounded_by_texts_and_bytes(server: Server) -> None:
    """A text that is longer than a batch goes alone."""
    texts = ["1", "2", "3", "é" * 40, "4"]
    small = embedder_at(server, batch=2, batch_bytes=20)
    with weft.use(cache=None):
        small.embed(texts)

    assert sorted(inputs(server)) == sorted([["1", "2"], ["3"], ["é" * 40], ["4"]])


def test_each_text_is_kept_by_itself(server: Server, tmp_path: Path) -> None:
    """Whatever it came along with; a budget counts as it would with a cold cache."""
    spent: list[Any] = []
    for texts in (["one", "two"], ["two", "six"], ["six", "one"]):
        with weft.use(cache=str(tmp_path), budget="9 calls") as settings:
            embedder_at(server).embed(texts)
        assert settings.ledger is not None
        spent.append(settings.ledger.spent().tokens)

    assert inputs(server) == [["one", "two"], ["six"]]
    assert spent == [2, 2, 2]


def test_it_is_priced_and_held_to_a_budget(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent that does not fit; what was sent is booked at its price."""
    prices = tmp_path / "prices.json"
    prices.write_text('{"models": {"e": [100000, 0, 0]}}')
    monkeypatch.setenv("WEFT_PRICES", str(prices))
    with weft.use(cache=None, budget="$20") as settings:
        embedder_at(server).embed(["two words"])
        assert settings.ledger is not None
        assert settings.ledger.spent().usd == 0.2
        with pytest.raises(BudgetExceeded):
            embedder_at(server).embed(["x" * 300])

    assert server.count == 1


def test_a_transient_fault_is_tried_again(server: Server) -> None:
    """As of any call: refusals for load, lost connections, bodies that break off."""
    server.script(
        Reply(body=b'{"data": [', cut=5), Reply(status=503), Reply(reset=True)
    )
    with weft.use(cache=None, retry=quick()):
        assert embedder_at(server).embed(["a"]) == [vector("a")]

    assert server.count == 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "holds no embeddings"),
        ([{"index": 0, "embedding": [1.0]}], "1 vector came for 2 texts"),
        ([{"index": n, "embedding": [1.0] * (n + 1)} for n in (0, 1)], r"\[1, 2\] num"),
        ([{"index": 0, "embedding": [1.0]}] * 2, "numbers its embeddings otherwise"),
        ([{"index": n, "embedding": [1.0]} for n in ("1", "0")], "otherwise than 0, 1"),
        ([{"index": 1, "embedding": [1.0]}, {"embedding": [2.0]}], "otherwise than 0"),
        ([{"index": n, "embedding": ["1"]} for n in (0, 1)], "no list of finite"),
        ([{"index": n, "embedding": [1e39]} for n in (0, 1)], "no list of finite"),
        ([{"index": n, "embedding": [True]} for n in (0, 1)], "no list of finite"),
        ([{"index": n, "embedding": []} for n in (0, 1)], r"\[0\] numbers"),
        ("none", "holds no embeddings"),
    ],
)
def test_what_is_no_vector_is_an_error_and_never_kept(
    server: Server, data: Any, said: str
) -> None:
    """A success status is not yet an answer."""
    server.script(Reply(body=json.dumps({"data": data}).encode()))
    cache = weft.MemoryCache()
    with (
        weft.use(cache=cache, retry=quick(0)),
        pytest.raises(ProtocolError, match=said),
    ):
        embedder_at(server).embed(["a", "b"])

    assert cache.stats().memory_entries == 0


def test_dimensions_are_sent_and_held_against_what_comes(server: Server) -> None:
    """A server that does not know the option is found out at once."""
    with weft.use(cache=None, retry=quick(0)):
        assert embedder_at(server, dimensions=4).embed(["a"]) == [vector("a")]
        assert server.seen[0].body["dimensions"] == 4
        with pytest.raises(ProtocolError, match="4 numbers, and not 3 as asked"):
            embedder_at(server, dimensions=3).embed(["a"])


def test_a_key_that_is_refused_is_not_shown(server: Server) -> None:
    """Whatever the server quotes."""
    said = f"no JSON but {KEY}".encode()
    for reply, kind in (
        (fault(401, f"bad key {KEY}"), AuthError),
        (Reply(body=said), ProtocolError),
        (Reply(body=json.dumps({"error": {"message": KEY}}).encode()), ModelError),
    ):
        server.script(reply)
        with weft.use(cache=None, retry=quick(0)), pytest.raises(kind) as caught:
            embedder_at(server).embed(["a"])
        assert KEY not in str(caught.value)
    assert KEY not in repr(embedder_at(server))


def test_prefixes_are_sent_and_part_of_what_is_kept(server: Server) -> None:
    """A query and a passage of the same words are two texts."""
    made = embedder_at(server, query_prefix="query: ", passage_prefix="passage: ")
    with weft.use(cache=weft.MemoryCache()):
        made.embed(["x"], role="query")
        made.embed(["x"])

    assert inputs(server) == [["query: x"], ["passage: x"]]


def test_it_is_in_the_trace_of_the_step_that_asks(server: Server) -> None:
    """The texts, the tokens, and how many numbers came, without the numbers."""
    made = embedder_at(server)

    @weft.step
    def first(text: str) -> float:
        return made.embed([text])[0][0]

    @weft.program
    def within(text: str) -> float:
        return first(text)

    with weft.use(cache=None):
        (call,) = within.run(text="a b").trace.calls
    assert [message.content for message in call.messages] == ["a b"]
    assert call.reply == "1 vector of 4 numbers"
    assert call.usage is not None
    assert call.usage.input_tokens == 2


def test_equal_questions_at_once_are_sent_once(server: Server) -> None:
    """As any two equal calls."""
    made = embedder_at(server)

    async def both() -> None:
        await asyncio.gather(made.aembed(["a"]), made.aembed(["a"]))

    with weft.use(cache=weft.MemoryCache()):
        asyncio.run(both())
    assert server.count == 1


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ("text", "a list, and this is str"),
        ([1], "text 0 is of type int"),
        (["a", " "], "text 1 is blank"),
        (["\ud800"], "lone surrogate"),
    ],
)
def test_what_is_no_text_is_refused(texts: Any, said: str) -> None:
    """Before anything is sent."""
    with pytest.raises(CallError, match=said):
        weft.Embedder("embedded").embed(texts)


@pytest.mark.parametrize(
    "options",
    [
        {"dimensions": 0},
        {"batch": True},
        {"batch_bytes": 1.5},
        {"extra": {"input": 1}},
        {"extra": {"x": float("nan")}},
        {"query_prefix": None},
        {"api_key": 5},
        {"timeout": -1},
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    """When the embedder is made."""
    with pytest.raises(ConfigError):
        weft.Embedder("embedded", **options)


def test_a_program_that_is_traced_asks_nothing() -> None:
    """There are no values yet."""
    with pytest.raises(GraphError, match="cannot be asked"):

        @weft.program
        def wrong(text: str) -> str:
            weft.Embedder("embedded").embed([text])
            return text


def test_nothing_to_embed_is_nothing() -> None:
    """No call, and no error."""
    assert weft.Embedder("embedded").embed([]) == []

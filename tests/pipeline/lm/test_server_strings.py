"""Whatever a server says in any of its strings harms no file and no terminal."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import weft
from tests.pipeline.lm.support import asking
from tests.server import Reply, Server
from weft.errors import ModelError, ProtocolError

KEY = "CANARY-key/0123456789"
SHORT = "CANARYxyzzy1"
QUICK = weft.RetryPolicy(retries=0)


def ways(url: str, key: str) -> dict[str, dict[str, Any]]:
    """How a model is given a secret, and the options for that."""
    host = url.removeprefix("http://")
    coded = base64.b64encode(f"me:{key}".encode()).decode()
    safe = quote(key, safe="")
    return {
        "key": {"api_base": url, "api_key": key},
        "header": {"api_base": url, "headers": {"X-Api-Key": key}},
        "cookie": {"api_base": url, "headers": {"Cookie": f"a=1; session={key};"}},
        "two words": {"api_base": url, "headers": {"Authorization": f"Custom {key}"}},
        "login": {"api_base": f"http://me:{safe}@{host}"},
        "own login": {"api_base": url, "headers": {"Authorization": f"Basic {coded}"}},
        "query": {"api_base": f"{url}?key={safe}&v=1"},
    }


WAYS = (*ways("http://x", KEY),)


def quoting(said: str) -> dict[str, Any]:
    """A completion that says it in each of its strings."""
    message = {"content": f"[[ answer ]]\n{said}", "reasoning_content": said}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": said, "model": said, "choices": [choice]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", [KEY, SHORT])
def test_a_key_that_is_quoted_stays_nowhere(
    way: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the answer, its names and its errors, streamed or not: no file holds it."""
    monkeypatch.setenv("WEFT_TRACE_LOG", str(tmp_path / "traces"))
    seen: list[str] = []
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    coded = base64.b64encode(f"me:{key}".encode()).decode()
    forms = [key, f"Bearer {key}", quote(key, safe=""), f"me:{key}", coded]
    bodies = [
        *(Reply(body=json.dumps(quoting(form)).encode()) for form in forms),
        Reply(
            body=json.dumps({"error": {"message": f"no {key}", "code": 500}}).encode()
        ),
        Reply(
            status=401, headers={"x-request-id": f"id-{key}"}, body=f"{key}".encode()
        ),
        Reply(
            body=json.dumps(
                {"choices": [{"message": {"content": "x"}, "finish_reason": key}]}
            ).encode()
        ),
    ]
    with Server() as server:
        lm = weft.LM("any", **ways(server.url, key)[way])
        cache = weft.Cache(tmp_path / "cache")
        with weft.use(lm=lm, cache=cache, retry=QUICK):
            for number, body in enumerate(bodies * 2):
                server.answer = lambda _, body=body: body
                question = f"q{number}"
                try:
                    if number < len(bodies):
                        seen.append(repr(weft.info(module(question=question))))
                    else:
                        seen.extend(map(repr, module.stream(question=question)))
                except ModelError as error:
                    seen.append(f"{error!r} {error} {vars(error)}")
        cache.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert len(files) > 1
    assert server.count == len(bodies) * 2
    secret = coded if "login" in way else key
    for where in (key, quote(key, safe=""), secret):
        assert not [one for one in seen if where in one]
        assert not [path for path in files if where.encode() in path.read_bytes()]


@pytest.mark.parametrize("way", [way for way in WAYS if "login" not in way])
@pytest.mark.parametrize("width", [1, 3, 7, 1000])
def test_no_piece_of_a_stream_shows_a_key(way: str, width: int) -> None:
    """However it is cut; what only begins like one is shown."""
    said = f"It is {KEY}, {KEY[:9]} or {KEY}{KEY[:-1]}"
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    with Server() as server:
        server.answer = lambda _: Reply(f"[[ answer ]]\n{said}", width=width)
        with weft.use(lm=weft.LM("any", **ways(server.url, KEY)[way]), cache=None):
            events = [*module.stream(question="q")]

    shown = [e.text for e in events if isinstance(e, weft.events.FieldDelta)]
    assert "".join(shown) == said.replace(KEY, "***")
    assert all(KEY not in repr(event) for event in events)


@pytest.mark.parametrize(
    "form",
    [
        json.dumps({"answer": KEY}).replace("/", "\\/"),
        '{"answer": "' + "".join(f"\\u{ord(c):04x}" for c in KEY) + '"}',
        '{"answer": "' + KEY.replace("y", "\\u0079") + '"}',
        json.dumps({"answer": f"say {KEY}!"}),
    ],
)
def test_a_key_that_is_spelled_by_numbers(form: str, server: Server) -> None:
    """What is read out of a reply holds no key that its text spelled otherwise."""
    message = {"choices": [{"message": {"content": form}, "finish_reason": "stop"}]}
    server.answer = lambda _: Reply(body=json.dumps(message).encode())
    module = weft.Predict("question -> answer", adapter="json", name="m")
    lm = weft.LM("any", api_base=server.url, api_key=KEY)
    with weft.use(lm=lm, cache=None, retry=QUICK):
        answer = module(question="?").answer

    assert "***" in answer
    assert KEY not in answer


NASTY = {
    "a lone surrogate": "\ud800",
    "half of a pair": "x\udfffy",
    "a control sequence": "\x1b]0;title\x07",
    "a null": "a\x00b",
    "turned around": "\u202eabc",
    "lines": "a\nb\r\nc\u2028d",
    "too long": "x" * 100_000,
}


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("provider", ["", "litellm/openai/"])
async def test_names_are_short_lines_of_text(name: str, provider: str) -> None:
    """A model's name, an id and a message are shown and kept: they are one line."""
    said = NASTY[name]
    message = {"content": "ok"}
    tree = {"id": said, "model": said, "choices": [{"message": message}]}
    tree["choices"][0]["finish_reason"] = "stop"  # type: ignore[index, call-overload]
    whole = json.dumps(tree).encode()
    stream = {"choices": [{"delta": message, "finish_reason": "stop"}]}
    event = b"data: " + json.dumps({**tree, **stream}).encode() + b"\n\n"
    fault = json.dumps({"error": {"message": f"no {said}", "code": 400}}).encode()

    with Server() as server:
        lm = weft.LM(f"{provider}any", api_base=server.url)
        for reply in (Reply(body=whole), Reply(events=[event])):
            if provider and reply.events:
                continue  # litellm asks for no stream here
            server.answer = lambda _, reply=reply: reply
            response = await lm.complete(asking(lm))
            for text in (response.model, response.request_id, response.finish_reason):
                assert text.isprintable()
                assert text.encode()
                assert len(text) < 300
        for reply in (Reply(body=fault), Reply(status=400, body=fault)):
            server.answer = lambda _, reply=reply: reply
            with pytest.raises(ModelError) as caught:
                await lm.complete(asking(lm))
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 500


ODD: dict[str, dict[str, Any]] = {
    "id": {"id": "\ud800"},
    "model": {"model": "m\udfff"},
    "a null": {"id": "\x00", "model": "\x1b[2J"},
    "a list": {"id": ["\ud800"], "model": {"\ud800": 1}},
    "beside": {"system_fingerprint": "\ud800", "\ud800": 1},
}


@pytest.mark.parametrize("name", ODD)
def test_a_compile_is_kept_whatever_a_server_is_called(
    name: str, tmp_path: Path
) -> None:
    """Odd names are journaled with the answer, so no resume pays for it again."""

    def answer(body: dict[str, Any]) -> Reply:
        number = body["messages"][-1]["content"].split()[-4:]
        digits = "".join(filter(str.isdigit, "".join(number)))
        message = {"content": f"[[ n ]]\n{digits}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return Reply(body=json.dumps({"choices": [choice], **ODD[name]}).encode())

    rows = [{"q": f"what follows {n}", "n": n + 1} for n in range(24)]
    module = weft.Predict("q -> n: int", "Answer.", adapter="chat", name="m")
    with Server(answer) as server:
        lm = weft.LM("any", api_base=server.url)
        with weft.use(lm=lm, cache=None, retry=QUICK):
            for _ in range(2):
                weft.compile(
                    module,
                    rows,
                    metric=weft.metrics.exact("n"),
                    compiler=weft.compilers.LabeledFewShot(demos=2),
                    budget="200 calls",
                    run_dir=str(tmp_path / "run"),
                )
        paid = server.count

        with weft.use(lm=lm, cache=None, retry=QUICK):
            weft.compile(
                module,
                rows,
                metric=weft.metrics.exact("n"),
                compiler=weft.compilers.LabeledFewShot(demos=2),
                budget="200 calls",
                run_dir=str(tmp_path / "run"),
            )

    assert 0 < paid == server.count


# Counts and prices --------------------------------------------------------------------


def planted(folder: Path, key: str, **changed: str) -> None:
    """Replace parts of a cache's only entry by JSON text, under a digest that fits."""
    with closing(sqlite3.connect(folder / "cache.db")) as connection, connection:
        [[blob]] = connection.execute("SELECT value FROM Cache").fetchall()
        tree = json.loads(blob[18:])
        parts = {name: json.dumps(value) for name, value in tree.items()} | changed
        text = "{" + ",".join(f'"{n}":{value}' for n, value in parts.items()) + "}"
        digest = hashlib.blake2b(f"{key}\n{text}".encode(), digest_size=16).digest()
        blob = b"v1" + digest + text.encode()
        connection.execute("UPDATE Cache SET value = ?", (blob,))


@pytest.mark.parametrize(
    "changed",
    [
        {"cost": "1e999"},
        {"cost": "1e300"},
        {"cost": "1e13"},
        {"cost": "-1"},
        {"cost": "true"},
        {"cost": "NaN"},
        {"usage": f"[{10**400},1,0]"},
        {"usage": f"[1,{2**53},0]"},
        {"usage": "[1,1,0,1e999]"},
        {"usage": "[1,-1,0]"},
        {"usage": "[1,true,0]"},
    ],
    ids=str,
)
async def test_an_entry_that_cost_more_than_there_is(
    changed: dict[str, str], tmp_path: Path, server: Server
) -> None:
    """It is a miss, and no budget breaks by it."""
    lm = weft.LM("any", api_base=server.url)
    request = asking(lm)
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    server.answer = lambda _: Reply("[[ answer ]]\nok")

    def ask() -> str:
        cache = weft.Cache(tmp_path)
        ledger = weft.Ledger(weft.Budget(calls=5, tokens=10**6))
        with weft.use(lm=lm, cache=cache, budget=ledger, retry=QUICK):
            said: str = module(question="?").answer
            keys.extend(call.key for call in weft.info(module(question="?")).calls)
        cache.close()
        assert ledger.spent().calls <= 2
        return said

    keys: list[str] = []
    assert ask() == "ok"
    with closing(sqlite3.connect(tmp_path / "cache.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    planted(tmp_path, keys[0], **changed)
    before = server.count

    assert ask() == "ok"
    assert server.count == before + 1
    assert request.key not in keys


class Boasting:
    """A model of a user's own, whose counts are nonsense."""

    model, endpoint, schema_mode = "mine", "here", False
    sampling: dict[str, Any] = {}  # noqa: RUF012 - as short as a user's own

    def __init__(self, usage: weft.Usage | None, cost: float | None) -> None:
        self.said = usage, cost

    async def complete(self, request: weft.Request) -> weft.Response:
        """Answer, with these counts."""
        usage, cost = self.said
        return weft.Response("[[ answer ]]\nok", usage, cost=cost)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (None, float("inf")),
        (None, float("nan")),
        (None, 1e300),
        (None, -0.5),
        (weft.Usage(10**400, 1), None),
        (weft.Usage(1, -1), None),
        (weft.Usage(1, 1, 2**60), 0.0),
        (weft.Usage(1, 1, 0, 10**30), 0.0),
    ],
    ids=str,
)
def test_a_model_that_counts_nonsense(
    usage: weft.Usage | None, cost: float | None
) -> None:
    """Its answer is a typed error, which names the rule; the budget still stands."""
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    ledger = weft.Ledger(weft.Budget(calls=5))
    with weft.use(lm=Boasting(usage, cost), cache=None, budget=ledger, retry=QUICK):
        with pytest.raises(ProtocolError, match="whole numbers of tokens"):
            module(question="?")
        assert ledger.spent().calls == 1
        assert ledger.remaining().calls == 4


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**400, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 2**53},
        {"prompt_tokens": 1e300, "completion_tokens": 1},
        {"prompt_tokens": float("inf"), "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
    ],
    ids=str,
)
def test_a_server_that_counts_nonsense(usage: dict[str, Any], server: Server) -> None:
    """Its counts are unknown, and the call is booked at its bound."""
    server.answer = lambda _: Reply("[[ answer ]]\nok", usage=usage)
    module = weft.Predict("question -> answer", adapter="chat", name="m")
    ledger = weft.Ledger(weft.Budget(tokens=10_000))
    lm = weft.LM("any", api_base=server.url, max_tokens=100)
    with weft.use(lm=lm, cache=None, budget=ledger, retry=QUICK):
        assert weft.info(module(question="?")).calls[0].usage is None

    assert 100 < ledger.spent().tokens < 10_000

"""What goes over the wire where a message holds more than text."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from openai.types.chat import completion_create_params
from pydantic import TypeAdapter

import weft
from weft.errors import CallError, ConfigError, InvalidRequest
from weft.pipeline.lm.abilities import Abilities
from weft.pipeline.lm.context import token_bounds
from weft.pipeline.lm.known import learn
from weft.pipeline.lm.modality import lacking
from weft.pipeline.lm.wire.completion import body_of
from weft.pipeline.lm.wire.dialect import turns_of
from weft.pipeline.media.fetch import is_public

DOT = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
PDF = b"%PDF-1.7\n%..."
PARTS: tuple[Any, ...] = (
    "look: ",
    weft.Image(DOT),
    weft.Image.from_url("https://example.org/a.png"),
    weft.Audio(WAV),
    weft.File(PDF, name="a.pdf"),
    " and say",
)
REPLY = {
    "id": "r1",
    "model": "m",
    "choices": [
        {
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": "[[ caption ]]\na dot\n[[ /end ]]",
            },
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3},
}


class _Server(ThreadingHTTPServer):
    """A server on loopback that keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        self.said: dict[str, Any] = REPLY
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(_Server, self.server)
        length = int(self.headers["Content-Length"])
        server.bodies.append(json.loads(self.rfile.read(length)))
        self._send(server.status, "application/json", json.dumps(server.said).encode())

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        files = {"/a.gif": ("image/gif", DOT), "/wrong.png": ("image/png", DOT)}
        kind, data = files.get(self.path, ("text/html", b"<html>"))
        self._send(404 if self.path == "/no" else 200, kind, data)

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
        """Nothing is logged."""


@pytest.fixture
def server() -> Iterator[_Server]:
    """A real server, on loopback."""
    made = _Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize("streamed", [False, True])
def test_bodies_are_of_the_openai_format(streamed: bool) -> None:
    """Checked against the request types of the openai package."""
    asked = (weft.Message("system", "Be brief."), weft.Message("user", PARTS))
    request = weft.Request("gpt-5-mini", asked, {"temperature": 1.0})
    types = (
        completion_create_params.CompletionCreateParamsStreaming
        if streamed
        else completion_create_params.CompletionCreateParamsNonStreaming
    )

    body = json.loads(body_of(request, streamed=streamed))

    TypeAdapter(types).validate_python(body)
    user = body["messages"][1]["content"]
    assert [part["type"] for part in user] == [
        *("text", "image_url", "image_url", "input_audio", "file", "text")
    ]
    assert user[1]["image_url"]["url"].startswith("data:image/gif;base64,R0lGOD")
    assert user[2]["image_url"]["url"] == "https://example.org/a.png"
    assert user[3]["input_audio"]["format"] == "wav"
    assert user[4]["file"]["filename"] == "a.pdf"
    assert user[4]["file"]["file_data"].startswith("data:application/pdf;base64,")


def test_text_alone_is_sent_as_before() -> None:
    """A message of text is a text on the wire, and a system turn joins parts."""
    told = (weft.Message("system", "Be brief."), weft.Message("user", PARTS))
    plain = weft.Request("m", (weft.Message("user", "hi"),))

    joined = turns_of(weft.Request("m", told), Abilities(system_role=False))

    assert json.loads(body_of(plain))["messages"] == [{"role": "user", "content": "hi"}]
    assert joined[0]["content"][0] == {"type": "text", "text": "Be brief.\n\n"}
    assert len(joined[0]["content"]) == 1 + len(PARTS)


def test_a_server_gets_the_data_and_the_cache_its_digest(server: _Server) -> None:
    """Over a real connection; the second call is answered by its key."""
    lm = weft.LM("openai/eyes", api_base=f"{server.url}/v1", api_key="k")
    caption = weft.Predict("photo: Image -> caption", lm=lm)

    with weft.use(cache=weft.MemoryCache()):
        made = [caption(photo=weft.Image(bytes(DOT))).caption for _ in range(2)]

    assert made == ["a dot", "a dot"]
    assert len(server.bodies) == 1
    parts = server.bodies[0]["messages"][-1]["content"]
    assert parts[1]["image_url"]["url"] == weft.Image(DOT).data_url


def test_litellm_sends_the_same_parts(server: _Server) -> None:
    """Through another provider's name, in that provider's own request."""
    lm = weft.LM("together_ai/eyes", api_base=f"{server.url}/v1", api_key="k")

    with weft.use(cache=None):
        made = weft.Predict("photo: Image -> caption", lm=lm)(photo=weft.Image(DOT))

    assert made.caption == "a dot"
    parts = server.bodies[0]["messages"][-1]["content"]
    assert parts[1]["image_url"]["url"] == weft.Image(DOT).data_url


def test_a_bare_call_takes_parts(server: _Server) -> None:
    """As turns, and nothing that is neither text nor media."""
    lm = weft.LM("openai/eyes", api_base=f"{server.url}/v1", api_key="k")
    photo = weft.Image(DOT)

    with weft.use(cache=None):
        said = lm([{"role": "user", "content": ["What is it?", photo]}])

    assert "a dot" in said.text
    assert server.bodies[0]["messages"][0]["content"][1]["type"] == "image_url"
    with pytest.raises(CallError, match="no parts"):
        lm([{"role": "user", "content": [b"GIF"]}])  # type: ignore[list-item]


def test_a_model_that_takes_no_images_is_not_asked(server: _Server) -> None:
    """Where the user says so, and where its server has said so once."""
    server.status = 400
    server.said = {"error": {"message": "this model does not support image input"}}
    base = f"{server.url}/v1"
    told = weft.LM("openai/a", api_base=base, api_key="k", abilities={"images": False})
    blind = weft.LM("openai/b", api_base=base, api_key="k")
    photo = weft.Image(DOT)

    for lm, calls in ((told, 0), (blind, 1), (blind, 1)):
        with weft.use(cache=None), pytest.raises(ConfigError, match="takes no images"):
            weft.Predict("photo: Image -> caption", lm=lm)(photo=photo)
        assert len(server.bodies) == calls
    learn(blind.endpoint, blind.model, how="refused", images=None)


REFUSALS = {
    "this model does not support image input": True,
    "image input is not supported - hint: if this is unexpected, you may need to "
    "provide the mmproj": True,
    "At most 0 image(s) may be provided in one prompt.": True,
    "Invalid content type. image_url is only supported by certain models.": True,
    "No endpoints found that support image input": True,
    "m is not a multimodal model": True,
    "Image input is not enabled for this model": True,
    "Failed to deserialize: unknown variant `image_url`, expected `text`": True,
    "Invalid image: unsupported image format": False,
    "The image size is too large: it is not supported": False,
    "max_tokens is not supported with this model": False,
    "Invalid MIME type. Only image types are supported.": False,
}


@pytest.mark.parametrize(("said", "lacks"), REFUSALS.items())
def test_a_refusal_says_what_a_model_lacks(said: str, lacks: bool) -> None:
    """Of images, and not of one image that it does not like."""
    assert lacking(said, [weft.Image(DOT)]) == ({"images": False} if lacks else {})


def test_another_refusal_stays_what_it_is(server: _Server) -> None:
    """What does not speak of images is the server's own error."""
    server.status, server.said = 400, {"error": {"message": "bad request"}}
    lm = weft.LM("openai/c", api_base=f"{server.url}/v1", api_key="k")

    with weft.use(cache=None), pytest.raises(InvalidRequest, match="bad request"):
        weft.Predict("photo: Image -> caption", lm=lm)(photo=weft.Image(DOT))


def test_the_bound_of_a_request_counts_media() -> None:
    """A budget reserves what an image may cost, and none is below what it says."""
    bare = weft.Request("m", (weft.Message("user", "hi"),))
    seen = weft.Request("m", (weft.Message("user", ("hi", weft.Image(DOT))),))
    mini = weft.Request("gpt-4o-mini", seen.messages)

    assert token_bounds(bare)[0] == 18
    assert token_bounds(seen)[0] >= 5_000
    assert token_bounds(mini)[0] >= 2_833 + 8 * 5_667


def test_a_url_is_fetched_where_asked(server: _Server) -> None:
    """Through redirects; what came is checked like any other data."""
    way = f"{server.url}/to/{server.url}/a.gif"

    photo = weft.Image.from_url(way, fetch=True, private=True)

    assert photo == weft.Image(DOT)


FETCHES: dict[str, tuple[str, dict[str, Any], str]] = {
    "private": ("/a.gif", {}, "no address of the public web"),
    "by name": ("http://localhost:9/a.gif", {}, "no address of the public web"),
    "metadata": ("http://169.254.169.254/latest", {}, "no address of the public web"),
    "mapped": ("http://[::ffff:10.0.0.1]/a", {}, "no address of the public web"),
    "file": ("/to/file:///etc/passwd", {"private": True}, "no http or https"),
    "login": ("http://me:pass@example.org/a", {}, "holds a login"),
    "too large": ("/a.gif", {"private": True, "most_bytes": 5}, "more than 5"),
    "wrong type": ("/wrong.png", {"private": True}, "'image/png' was said"),
    "a page": ("/page", {"private": True}, "text/html"),
    "missing": ("/no", {"private": True}, "answers 404"),
    "forever": ("/to//to//to//to//to//to//to/x", {"private": True}, "redirects more"),
}


@pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)
def test_what_may_not_be_fetched_is_refused(
    server: _Server, fetch: tuple[str, dict[str, Any], str]
) -> None:
    """Private addresses, other schemes, too much, too long, and wrong types."""
    path, options, said = fetch
    url = path if path.startswith("http") else f"{server.url}{path}"

    with pytest.raises(CallError, match=said):
        weft.Image.from_url(url, fetch=True, **options)


def test_a_redirect_to_a_private_address_is_refused(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each address on the way is looked at, and the server is not asked again."""
    place = f"127.0.0.1:{server.server_address[1]}"
    seen: list[str] = []

    def public(address: str) -> bool:
        seen.append(address)
        return len(seen) == 1 or is_public(address)

    monkeypatch.setattr("weft.pipeline.media.fetch.is_public", public)

    with pytest.raises(CallError, match="by way of"):
        weft.Image.from_url(f"http://{place}/to/http://{place}/a.gif", fetch=True)
    assert seen == ["127.0.0.1", "127.0.0.1"]


def test_a_stream_shows_its_fields_with_an_image() -> None:
    """Streams are of text, whatever was asked."""
    lm = weft.FunctionLM(lambda _: "[[ caption ]]\na dot\n[[ /end ]]")
    caption = weft.Predict("photo: Image -> caption", lm=lm)

    async def told() -> list[Any]:
        return [event async for event in caption.astream(photo=weft.Image(DOT))]

    with weft.use(cache=None):
        events = asyncio.run(told())

    assert any("a dot" in repr(event) for event in events)

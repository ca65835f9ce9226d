"""Resources and prompts of an MCP server that is a real process."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.errors import ConfigError, StepError, ToolServerError
from weft.mcp import Stdio, Toolbox

ROOMS = Path(__file__).with_name("rooms.py")
KEY = "sesame-open-0123"


def place(folder: Path) -> Stdio:
    """A server of rooms, with a secret of ours."""
    words = [sys.executable, str(ROOMS), str(folder / "cancelled")]
    return Stdio(words, env={"SECRET": KEY})


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    """One server, for all tests that do it no harm."""
    with weft.mcp.tools(place(tmp_path_factory.mktemp("mcp")), timeout=20) as box:
        yield box


def test_resources_are_listed_and_read(rooms: Toolbox) -> None:
    """Text is a document, data is media, and a secret that it quotes is taken out."""
    listed = [one.get("uri") or one["uriTemplate"] for one in rooms.resources()]
    assert listed == ["rooms://rules", "rooms://plan", "rooms://{town}/{room}"]

    rules = rooms.read("rooms://rules")
    assert isinstance(rules, weft.Document)
    assert (rules.title, rules.source) == ("House rules", "rooms://rules")
    assert rules.text.startswith("No pets.")
    assert KEY not in rules.text
    assert isinstance(rooms.read("rooms://plan"), weft.Image)
    room = rooms.read("rooms://ulm/7")
    assert isinstance(room, weft.Document)
    assert room.text == "Room 7."


def test_what_cannot_be_read(rooms: Toolbox) -> None:
    """The server's own words, or what is wrong with its data."""
    with pytest.raises(StepError, match="rooms://none: no resources/read"):
        rooms.read("rooms://none")
    with pytest.raises(StepError, match="cannot be read: it is no base64"):
        rooms.read("rooms://broken")


def test_of_several_servers_the_one_that_lists_it_is_asked(tmp_path: Path) -> None:
    """Where none does, nobody is asked."""
    one, other = place(tmp_path), Stdio([sys.executable, str(ROOMS), "x"], prefix="b_")
    with weft.mcp.tools(one, other, only=[]) as both:
        assert len(both.resources()) == 6
        room = both.read("rooms://ulm/7")
        assert isinstance(room, weft.Document)
        assert room.title == "room"
        with pytest.raises(ConfigError, match=r"no server lists .* 'rooms://rule'.*"):
            both.read("rooms://rule")


def test_prompts_are_turns(rooms: Toolbox) -> None:
    """They are listed with their arguments, which are checked before it is asked."""
    assert [one["name"] for one in rooms.prompts()] == ["greet"]

    said = rooms.prompt("greet", who="Ada")

    assert isinstance(said, weft.History)
    assert said.as_data()[0] == {"role": "user", "content": 'Greet {"who": "Ada"}'}
    assert said.as_data()[1]["role"] == "assistant"


MISTAKES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda box: box.prompt("great", who="Ada"), "Did you mean 'greet'"),
    (lambda box: box.prompt("greet"), "needs 'who'"),
    (lambda box: box.prompt("greet", who="Ada", tune="a"), "Did you mean 'tone'"),
    (lambda box: box.prompt("greet", who=3), "Give a text"),
]


@pytest.mark.parametrize(("ask", "match"), MISTAKES)
def test_a_prompt_that_cannot_be(
    rooms: Toolbox, ask: Callable[[Any], Any], match: str
) -> None:
    """The names that there are, as for tools."""
    with pytest.raises(ConfigError, match=match):
        ask(rooms)


def test_asynchronous_code_asks_alike(rooms: Toolbox) -> None:
    """From whatever loop."""

    async def ask() -> tuple[Any, ...]:
        asked = rooms.aresources(), rooms.aread("rooms://rules")
        return tuple(
            await asyncio.gather(
                *asked, rooms.aprompts(), rooms.aprompt("greet", who="B")
            )
        )

    resources, rules, prompts, said = asyncio.run(ask())
    assert (len(resources), len(prompts), len(said.turns)) == (3, 1, 2)
    assert rules == rooms.read("rooms://rules")


def test_an_agent_reads_by_a_tool(rooms: Toolbox) -> None:
    """The addresses stand in what it is told; what is none is an observation."""

    def move(tool: str, **arguments: Any) -> str:
        fields = {"thought": "So.", "tool": tool, "arguments": json.dumps(arguments)}
        return "\n".join(f"[[ {name} ]]\n{text}" for name, text in fields.items())

    script = weft.ScriptedLM(
        [
            move("read_resource", uri="rooms://none"),
            move("read_resource", uri="rooms://rules"),
            move("submit", answer="No."),
        ]
    )
    agent = weft.ReAct("question -> answer", tools=[rooms.reader()], name="agent")
    with weft.use(lm=script, cache=None):
        made = agent(question="Pets?")

    first, second, _ = made.trajectory
    assert "no resources/read" in first.error
    assert second.observation.startswith("No pets.")
    assert "rooms://rules (rules)" in script.requests[0].messages[0].text


def test_a_server_without_any_has_none(tmp_path: Path) -> None:
    """One of weft's serves tools alone; closed connections say so."""
    code = "import weft\ndef add(a: int) -> int:\n    return a\nweft.mcp.serve(add)\n"
    file = tmp_path / "server.py"
    file.write_text(code, "utf-8")
    box = weft.mcp.tools([sys.executable, str(file)])
    with box:
        assert (box.resources(), box.prompts()) == ([], [])
        with pytest.raises(StepError, match="a://b"):
            box.read("a://b")
    with pytest.raises(ConfigError, match="once it is connected"):
        box.resources()


class _Guarded(BaseHTTPRequestHandler):
    """A server that wants a login by OAuth."""

    def do_POST(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Bearer resource_metadata='/meta'")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing."""


def test_a_server_that_wants_oauth_is_told_of() -> None:
    """What is not spoken is said, and what to write instead."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/mcp"
        box = weft.mcp.tools(address)
        with pytest.raises(ToolServerError, match=r"401.*OAuth.*Authorization"), box:
            pass
        server.shutdown()

"""The tools of an MCP server that is a real process, as tools of ours."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.errors import ArtifactError, ConfigError, StepError, ToolServerError
from weft.mcp import Handlers, Http, Stdio, Toolbox
from weft.modules.agents.arguments import Misfit
from weft.modules.mcp.remote import Session

ROOMS = Path(__file__).with_name("rooms.py")
KEY = "sesame-open-0123"
told: list[Any] = []


@pytest.fixture(scope="module")
def cancelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server writes what was cancelled."""
    return tmp_path_factory.mktemp("mcp") / "cancelled"


@pytest.fixture(scope="module")
def rooms(cancelled: Path) -> Iterator[Toolbox]:
    """The tools of one server, for all tests that do it no harm."""
    handlers = Handlers(
        elicit=lambda message, schema: {"who": message},
        progress=lambda *words: told.append(words),
    )
    with weft.mcp.tools(place(cancelled), timeout=0.5, handlers=handlers) as box:
        yield box


def place(file: Path, **more: Any) -> Stdio:
    return Stdio([sys.executable, str(ROOMS), str(file)], env={"SECRET": KEY}, **more)


def held(file: Path) -> str:
    """What a file holds, or nothing."""
    return file.read_text("utf-8") if file.exists() else ""


def move(tool: str, **arguments: Any) -> str:
    """A step as a model writes it."""
    fields = {"thought": "So.", "tool": tool, "arguments": json.dumps(arguments)}
    return "\n".join(f"[[ {name} ]]\n{text}" for name, text in fields.items())


def test_a_server_is_told_of_as_it_says(rooms: Toolbox) -> None:
    """Names become identifiers, what may be left out is None, words one paragraph."""
    (about,) = rooms.servers
    assert (about["name"], about["protocol"]) == ("rooms", "2025-11-25")
    assert about["instructions"] == "Hi."
    assert rooms["add"].words == "add(a: a whole number, b: a whole number = 1)"
    assert rooms["add"].description == "add it is."
    found = rooms["find-rooms"]
    assert found is rooms["find_rooms"] is rooms[1]
    assert [field.name for field in found.fields] == [
        "from",
        "max-price",
        "where",
        "_kind",
    ]
    assert found.contract == rooms.told["find_rooms"]["inputSchema"]
    assert rooms["refuse"].description == ""
    assert rooms.told["find_rooms"]["inputSchema"]["$defs"]
    assert len(rooms) == 14


@pytest.mark.parametrize(
    ("tool", "given", "value"),
    [
        ("add", {"a": 2}, 3),
        ("add", {"a": 2, "b": 5}, 7),
        ("find-rooms", {"from": "Ulm"}, '{"from": "Ulm"}'),
        (
            "find-rooms",
            {"from": "Ü", "max-price": 1, "where": {"town": "T"}, "_kind": "a"},
            '{"_kind": "a", "from": "\\u00dc", "max-price": 1, "where": {"town": "T"}}',
        ),
        ("either", {"y": "1"}, '{"y": "1"}'),
        ("strange", {"ref": [1], "": "e"}, '{"": "e", "ref": [1]}'),
        ("say", {"what": "[[ answer ]]\n\u2028"}, "[[ answer ]]\n\u2028"),
        ("say", {}, "***"),
        ("steps", {}, "ok"),
        ("ask", {}, '{"action": "accept", "content": {"who": "Who?", "n": 3}}'),
    ],
)
def test_calls_give_values(
    rooms: Toolbox, tool: str, given: dict[str, Any], value: Any
) -> None:
    """Structured data where there is some, else text; no secret of ours comes back."""
    assert rooms[tool](given) == value


def test_results_are_more_than_text(rooms: Toolbox) -> None:
    """Images and files are values; what is none is told, and no link is followed."""
    words, image, broken, link, inside, file = rooms["part"]({})

    assert (words, inside) == ("a", "inside")
    assert image == weft.Image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    assert broken.startswith("(image that cannot be read: ")
    assert link == "n (http://192.0.2.1/)"
    assert (file.media_type, file.name) == ("application/pdf", "b.pdf")


@pytest.mark.parametrize(
    ("tool", "given", "match"),
    [
        ("refuse", {}, r"No seats left\non 3 May\."),
        (
            "wait",
            {"seconds": 2},
            "wait took longer than 0.5 s, and the server was told",
        ),
        ("wrong", {}, "wrong: the server's answer is not what it says it is"),
        *(
            ("code", {"code": code}, r"code: busy \*\*\*")
            for code in (-32000, -32001, -32600, -32603)
        ),
    ],
)
def test_what_fails_is_told(
    rooms: Toolbox, tool: str, given: dict[str, Any], match: str
) -> None:
    """An error of the tool's, a slow one and a wrong answer are errors of a step."""
    with pytest.raises(StepError, match=match):
        rooms[tool](given)


@pytest.mark.parametrize(
    ("tool", "given", "match"),
    [
        ("add", {"a": "x"}, "wrong 'a'"),
        ("add", {}, "needs 'a'"),
        ("add", {"a": 1, "c": 1}, "no argument 'c'"),
        ("find_rooms", {"from": "U", "where": {"town": [1]}}, "wrong 'where'"),
        ("find_rooms", {"from": "U", "where": {"city": "x"}}, "wrong"),
        ("find_rooms", {"from": "U", "_kind": "c"}, "wrong '_kind'"),
    ],
)
def test_arguments_are_checked(
    rooms: Toolbox, tool: str, given: dict[str, Any], match: str
) -> None:
    """What a model chooses wrongly never reaches the server."""
    with pytest.raises(Misfit, match=match):
        rooms[tool].checked(given)


def test_rules_over_all_arguments_are_checked(rooms: Toolbox) -> None:
    """What no type of one argument says is held, too."""
    with pytest.raises(Misfit, match="fits none of the schemas"):
        rooms["either"].checked({})
    assert rooms["strange"].checked({"ref": 3, "bad": "(("})["arguments"]["ref"] == 3


def test_an_agent_uses_them(rooms: Toolbox) -> None:
    """Errors are observations; a call is a node of the trace; its words are tuned."""
    script = [
        move("find_rooms", **{"from": "Ulm"}, where={"town": [3]}),
        move("find_rooms", **{"from": "Ulm"}, where={"town": "U"}),
        move("refuse"),
        move("add", a="2"),
        move("submit", answer=3),
    ]
    agent = weft.ReAct("question -> answer: int", tools=rooms, name="agent")
    with weft.use(lm=weft.ScriptedLM(script), cache=None):
        run = agent.run(question="q")

    steps = run.value.trajectory
    assert run.value.answer == 3
    assert steps[0].error.startswith("find_rooms got a wrong")
    assert steps[1].observation == '{"from": "Ulm", "where": {"town": "U"}}'
    assert steps[2].error == "No seats left\non 3 May."
    assert (steps[3].arguments, steps[3].observation) == ({"a": "2"}, "3")
    paths = [node.path for node in run.trace.nodes if node.kind == "step"]
    assert paths == ["agent/find_rooms", "agent/refuse", "agent/add"]
    assert "tool.add.a" in agent.modules["act"].spec.descriptions


def test_a_saved_agent_takes_its_tools_back(rooms: Toolbox, tmp_path: Path) -> None:
    """A file connects to nothing; a server whose tool changed is refused."""
    tools = [rooms["add"], rooms["say"]]
    path = weft.save(
        weft.ReAct("q -> a", tools=tools, name="agent"), tmp_path / "a.weft.json"
    )

    assert [tool.name for tool in weft.load(path, steps=tools).tools] == ["add", "say"]

    def add(a: int, b: str = "1") -> int:
        return a

    with pytest.raises(ArtifactError, match="tool 'add': the type of 'b' was"):
        weft.load(path, steps=[weft.Tool(add), rooms["say"]])


def test_a_person_agrees_and_another_connection_goes_on(
    rooms: Toolbox, cancelled: Path
) -> None:
    """A suspended run is data: it goes on over a new connection, nothing runs twice."""
    script = [move("say", what="x"), move("add", a=2), move("submit", answer="3")]
    choice: dict[str, Any] = {"only": ["say", "add"], "approval": ["add"]}
    with weft.use(lm=weft.ScriptedLM(script), cache=None):
        with (
            weft.mcp.tools(place(cancelled), **choice) as box,
            pytest.raises(weft.Suspended) as waits,
        ):
            weft.ReAct("q -> answer: int", tools=box, name="agent")(q="q")
        kept = json.dumps(waits.value.data)
        with weft.mcp.tools(place(cancelled), **choice) as box:
            agent = weft.ReAct("q -> answer: int", tools=box, name="agent")
            run = weft.resume(agent, kept, approved=True)

    assert [step.observation for step in run.value.trajectory] == ["x", "3", ""]
    assert [n.path for n in run.trace.nodes if n.kind == "step"] == ["agent/add"]


def test_one_session_serves_many_at_once(rooms: Toolbox) -> None:
    """Calls run side by side, from any loop and thread; each gets its own answer."""

    async def many() -> list[int]:
        add = rooms["add"].step
        return await asyncio.gather(*(add.acall({"a": n}) for n in range(64)))

    assert asyncio.run(many()) == [n + 1 for n in range(64)]

    @weft.program
    def together(n: int) -> str:
        return rooms["together"]({})

    assert (
        together.batch([{"n": n} for n in range(4)], concurrency=4) == ["all here"] * 4
    )


@pytest.mark.parametrize("at_once", [1, 64])
def test_the_same_bytes_at_any_concurrency(rooms: Toolbox, at_once: int) -> None:
    """What a run gives hangs on no order of answers."""

    def said(request: weft.Request) -> str:
        if '"observation"' in str(request.messages[-1].content):
            return move("submit", a="ok")
        return move("add", a=len(request.messages[-1].content) % 7)

    agent = weft.ReAct("q -> a", tools=[rooms["add"]], name="agent")
    rows = [{"q": "x" * n} for n in range(12)]
    with weft.use(lm=weft.FunctionLM(said), cache=None):
        made = agent.batch(rows, concurrency=at_once)

    seen = [[step.observation for step in one.trajectory] for one in made]
    assert len({json.dumps(one) for one in seen}) > 3
    assert seen == [[str(int(s[0].arguments["a"]) + 1), ""] for s in
                    (one.trajectory for one in made)]  # fmt: skip


async def test_a_cancelled_call_is_cancelled_there(
    rooms: Toolbox, cancelled: Path
) -> None:
    """Whoever is cancelled has the server told, and the session goes on."""
    before = held(cancelled)
    task = asyncio.ensure_future(rooms["wait"].step.acall({"seconds": 0.4}))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await rooms["add"].step.acall({"a": 1}) == 2
    for _ in range(100):
        if held(cancelled) != before:
            break
        await asyncio.sleep(0.02)
    assert held(cancelled) != before


def test_progress_is_told(rooms: Toolbox) -> None:
    """Whoever listens hears how far a call is."""
    told.clear()
    rooms["steps"]({})

    assert told == [("steps", 1.0, 2.0, ""), ("steps", 2.0, 2.0, "")]


def test_chosen_named_and_agreed_to(cancelled: Path) -> None:
    """Tools are chosen and named; two of one name want a prefix; a person may agree."""
    choice: dict[str, Any] = {"only": ["add", "say"], "rename": {"say": "speak"}}
    with weft.mcp.tools(
        place(cancelled, prefix="a_"), place(cancelled), **choice, approval=["add"]
    ) as box:
        assert [tool.name for tool in box] == ["a_add", "a_speak", "add", "speak"]
        assert box["a_add"].options.approval
        assert not box["speak"].options.approval
    with pytest.raises(ConfigError, match=r"two tools are named 'add'.*prefix="):
        weft.mcp.tools(place(cancelled), place(cancelled)).open()
    with pytest.raises(ConfigError, match=r"no server has a tool 'ad'.*'add'"):
        weft.mcp.tools(place(cancelled), only=["ad"]).open()


async def test_a_server_that_dies(cancelled: Path) -> None:
    """It is a typed error that says so and ends the run; reconnecting is asked for."""
    async with weft.mcp.tools(place(cancelled), only=["die", "add"]) as box:
        agent = weft.ReAct("q -> a", tools=box, name="agent")
        with (
            weft.use(lm=weft.ScriptedLM([move("die")]), cache=None),
            pytest.raises(ToolServerError, match=r"ended.*: out of rooms\. Run its"),
        ):
            await agent.acall(q="q")
        with pytest.raises(ToolServerError, match="is closed"):
            await box["add"].step.acall({"a": 1})
    async with weft.mcp.tools(place(cancelled), reconnect=True) as box:
        with pytest.raises(ToolServerError, match="ended"):
            await box["die"].step.acall({})
        assert await box["add"].step.acall({"a": 1}) == 2
    with pytest.raises(ConfigError, match="once it is connected"):
        len(box)
    with pytest.raises(ToolServerError, match="is closed"):
        await agent.tools[1].step.acall({})


class Forgetful(BaseHTTPRequestHandler):
    """A server by HTTP that forgets its sessions, and knows one key."""

    def do_POST(self) -> None:
        """Answer; a call ends the session that it came in, but for a later one."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method, sessions = asked.get("method"), self.server.sessions  # type: ignore[attr-defined]
        here = self.headers.get("mcp-session-id")
        tools = [{"name": "t", "inputSchema": {"type": "object"}}]
        made: dict[str, Any] = {"tools": tools}
        status = 200
        if self.headers.get("x-key") != KEY:
            status = 401
        elif here is not None and here not in sessions:
            status = 404
        elif method == "initialize":
            sessions.append(str(len(sessions)))
            made = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            made["serverInfo"] = {"name": "h", "version": "1"}
        elif method == "tools/call":
            made = {"content": [{"type": "text", "text": here}]}
            sessions[0] = "gone"
        body = {"jsonrpc": "2.0", "id": asked.get("id"), "result": made}
        text = json.dumps(body).encode()
        self.send_response(status if "id" in asked else 202)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.send_header("mcp-session-id", here or sessions[-1] if sessions else "")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words: object) -> None:
        """Nothing is logged."""


def test_a_session_that_ended_is_a_server_that_is_gone() -> None:
    """It is opened anew where that is wanted; a key that is refused is told as such."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        server.sessions = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/mcp"
        there = Http(url, headers={"X-Key": KEY}, protocol="2025-11-25")
        with weft.mcp.tools(there, reconnect=True) as box:
            assert box["t"]({}) == "0"
            with pytest.raises(ToolServerError, match=r"Session terminated.*404"):
                box["t"]({})
            assert box["t"]({}) == "1"
        with pytest.raises(ToolServerError, match="it answered: 401 Unauthorized"):
            weft.mcp.tools(Http(url, protocol="2025-11-25")).open()
        server.shutdown()


def test_two_tools_of_one_server_may_meet() -> None:
    """What they are called there is told, and the remedy for one server."""
    session = Session(Http("http://127.0.0.1:1/"), Handlers(), 1)
    listed = [{"name": "a-b"}, {"name": "a_b"}]
    with pytest.raises(ConfigError, match=r"calls them 'a-b' and 'a_b'.*rename="):
        weft.mcp.tools(["a"])._made([session], [listed])


MUTE = [sys.executable, "-c", "import sys; sys.stdin.read()"]
BROKEN = [sys.executable, "-c", "import sys; sys.exit('no config')"]


@pytest.mark.parametrize(
    ("server", "error", "match"),
    [
        (["no-such-program"], ConfigError, "cannot be started: No such file"),
        (MUTE, ToolServerError, "did not answer within 0.5 s"),
        (BROKEN, ToolServerError, "ended, or closed the connection.*: no config"),
        ("http://127.0.0.1:1/mcp", ToolServerError, "cannot be reached"),
        ("python server.py", ConfigError, "is a list"),
        ([], ConfigError, "no command"),
        (["a", 3], ConfigError, "no command"),
        (["a\0b"], ConfigError, "no command"),
        ("ftp://x/", ConfigError, "no http or https address"),
    ],
)
def test_no_server(server: Any, error: type[Exception], match: str) -> None:
    """What cannot be connected to is told, with what to do, and leaves nothing."""
    threads = threading.active_count()
    with pytest.raises(error, match=match):
        weft.mcp.tools(server, connect_timeout=0.5 if server is MUTE else 20).open()
    assert threading.active_count() <= threads + 2


@pytest.mark.parametrize(
    "made",
    [
        weft.mcp.tools,
        lambda: weft.mcp.tools("python", "server.py"),
        lambda: weft.mcp.tools(["a"], only="add"),
        lambda: weft.mcp.tools(["a"], rename={"a": "b-c"}),
        lambda: weft.mcp.tools(["a"], most=0),
        lambda: weft.mcp.tools(["a"], timeout=-1),
        lambda: Stdio(["a"], env={"A=": "b"}),
        lambda: Stdio(["a"], prefix="1"),
        lambda: Http("http://a/", headers={"X": "a\nb"}),
        lambda: weft.mcp.tools(Http("http://a/", protocol="1999")).open(),
    ],
)
def test_what_cannot_be(made: Any) -> None:
    """Mistakes in options are told when they are written."""
    with pytest.raises(ConfigError):
        made()


def test_no_secret_is_shown() -> None:
    """Addresses, headers and environments are known by what is safe of them."""
    server = Http(f"https://u:{KEY}@a.example/mcp?k={KEY}", headers={"X": KEY})

    assert repr(server) == "Http('https://a.example/mcp')"
    assert KEY not in repr(Stdio(["a"], env={"K": KEY}))


def test_the_library_is_an_extra() -> None:
    """Without it weft works, and says what to install; nothing loads it unasked."""
    child = (
        "import sys, weft\nsys.modules['mcp'] = None\nweft.mcp.tools\n"
        "assert not {'mcp_types', 'starlette', 'httpx2'} & set(sys.modules)\n"
        "try: weft.mcp.tools(['a']).open()\n"
        "except weft.errors.ConfigError as error: print(error)"
    )
    words = [sys.executable, "-c", child]
    done = subprocess.run(words, check=False, capture_output=True, text=True)

    assert "Write pip install 'mcp>=2.3'" in done.stdout, done.stderr

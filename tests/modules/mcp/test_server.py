"""Programs as tools of an MCP server: a real process, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.errors import ConfigError, StepError
from weft.mcp import Handlers, Http, Server, Stdio, Toolbox

APP = Path(__file__).with_name("app.py")
NAMES = ("qa", "loud", "describe", "book", "wait", "stops", "choose", "pay", "shown")
NAMES = (*NAMES, "plain")
SERVE = [sys.executable, "-m", "weft", "mcp", "serve", *(f"{APP}:{n}" for n in NAMES)]
DOT = weft.Image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
heard: list[Any] = []


def filled_in(message: str, form: dict[str, Any]) -> dict[str, Any]:
    """What the user fills in: up to 100 may be paid."""
    return {"approve": "120" not in message} if "approve" in form["properties"] else {}


def handlers() -> Handlers:
    return Handlers(
        elicit=filled_in,
        lm=weft.FunctionLM(lambda request: f"said {request.messages[-1].content}"),
        log=lambda level, data: heard.append((level, data)),
        progress=lambda tool, done, total, words: heard.append((tool, done, words)),
    )


def address() -> Iterator[str]:
    """Where the same programs are served by HTTP, at a port that is free."""
    with subprocess.Popen(
        [*SERVE, "--http", "0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"http://\S+", line):
                break
        try:
            yield found[0]
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server."""
    yield from address()


@pytest.fixture(scope="module", params=["stdio", "http"])
def box(request: pytest.FixtureRequest) -> Iterator[Toolbox]:
    """The tools of the programs, over both transports and in two versions."""
    server: Any = Stdio(SERVE)
    if request.param == "http":
        address = request.getfixturevalue("url")
        server = Http(address, protocol="2025-11-25")
    with weft.mcp.tools(server, handlers=handlers()) as made:
        yield made


def test_a_program_is_a_tool(box: Toolbox) -> None:
    """Inputs have their schema and words, and what comes back is typed."""
    assert tuple(box.by_name) == NAMES
    loud = box.told["loud"]
    assert loud["description"] == "Answer loudly."
    assert loud["inputSchema"]["properties"]["question"]["description"] == (
        "What is asked."
    )
    assert loud["inputSchema"]["required"] == ["question"]
    assert {*box.told["qa"]["outputSchema"]["properties"]} == {"answer", "score"}
    assert box["qa"]({"question": "why"}) == {"answer": "why", "score": 3}
    assert box["loud"]({"question": "why"}) == "WHY"
    seat = box["book"]({"kind": "aisle", "flight": "1"})
    assert seat == {"seat": "aisle", "price": 1.5}
    assert box["plain"]({"n": 2}) == 3
    assert box["describe"]({"photo": DOT.data_url})["score"] == 3
    assert box["shown"]({})[:2] == ["so", DOT]


@pytest.mark.parametrize(
    ("tool", "given", "match"),
    [
        ("loud", {"question": "oh!"}, r"^ValueError: 'oh!' is loud already$"),
        (
            "book",
            {"kind": "aisle", "flight": "full"},
            "^LookupError: 'no seat left'$|no seat",
        ),
        ("book", {"kind": "aisle", "flight": "secret"}, "^ConfigError: no$"),
        ("describe", {"photo": "data:x"}, "wrong 'photo'"),
    ],
)
def test_errors_are_results(
    box: Toolbox, tool: str, given: dict[str, Any], match: str
) -> None:
    """What goes wrong is told in words for a model: no path and no trace."""
    with pytest.raises(StepError, match=match) as caught:
        box[tool](given)
    assert str(APP.parent) not in caught.value.message
    assert "Traceback" not in caught.value.message


def test_a_served_tool_asks_and_tells(box: Toolbox) -> None:
    """Its client's user and model are asked; logs and progress arrive."""
    heard.clear()

    assert box["choose"]({"prompt": "which?"}) == "{'n': 2} said which?"
    assert ("notice", {"about": "which?"}) in heard
    box["loud"]({"question": "why"})
    assert ("loud", 2.0, "shout") in heard


def test_a_person_agrees_before_a_tool_runs(box: Toolbox) -> None:
    """The client's user is asked; where there is none, it does not run."""
    assert box["pay"]({"amount": 1}) == 1
    with pytest.raises(StepError, match="a person said no"):
        box["pay"]({"amount": 120})
    paid: list[int] = []

    @weft.tool(approval=True)
    def pay(amount: int) -> None:
        paid.append(amount)

    class Caller:
        wants_progress, in_rounds, answers, abilities, state = False, False, {}, {}, ""

    made = asyncio.run(Server(pay).call("pay", {"amount": 1}, Caller()))  # type: ignore[arg-type]
    assert "needs a person's approval" in made["content"][0]["text"]
    assert paid == []


async def test_a_cancelled_call_is_stopped(box: Toolbox) -> None:
    """Whoever cancels stops the run, and the server goes on."""
    before = await box["stops"].step.acall({})
    task = asyncio.ensure_future(box["wait"].step.acall({}))
    await asyncio.sleep(0.2)
    task.cancel()
    for _ in range(100):
        now = await box["stops"].step.acall({})
        if now != before:
            break
        await asyncio.sleep(0.02)

    assert now == [*before, "stopped"]


def test_the_wire_holds_nothing_else() -> None:
    """What is printed, by whom ever, goes to stderr; the end of stdin is the end."""
    first = {"protocolVersion": "2025-11-25", "capabilities": {}}
    first |= {"clientInfo": {"name": "t", "version": "1"}}
    call = {"name": "loud", "arguments": {"question": "why"}}
    lines = [
        {"id": 1, "method": "initialize", "params": first},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ]
    said = "".join(json.dumps({"jsonrpc": "2.0", **line}) + "\n" for line in lines)
    with subprocess.Popen(
        [*SERVE[:5], f"{APP}:loud"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(said)
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        out, err = process.communicate(timeout=30)

    assert process.returncode == 0
    assert out == ""
    assert answers[1]["result"]["structuredContent"] == {"result": "WHY"}
    for noise in ("is imported", "of a child", "of a step"):
        assert f"noise {'while it ' if 'import' in noise else ''}{noise}" in err


def test_no_page_of_the_web_may_ask(url: str) -> None:
    """A request that names another host, or comes from another page, is refused."""
    for header in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        asked = urllib.request.Request(
            url, b"{}", {"Content-Type": "application/json", **header}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=10)
        with refused.value as error:
            assert error.code in (403, 421)


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (Server, "nothing to serve"),
        (lambda: Server(3), "3 is no tool"),
        (lambda: Server(weft.Predict("q -> a", name="ä b")), "no name of a tool"),
        (lambda: Server(*[weft.Predict("q -> a", name="x")] * 2), "two things"),
        (weft.mcp.context, "no MCP client called"),
        (
            lambda: asyncio.run(
                Server(weft.Predict("q -> a", name="x")).run("sse")  # type: ignore[arg-type]
            ),
            "transport='sse'",
        ),
    ],
)
def test_what_cannot_be(made: Any, match: str) -> None:
    """Mistakes are told before anything is served."""
    with pytest.raises(ConfigError, match=match):
        made()


def test_a_budget_ends_in_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    """What the scope sets holds for all calls together, and its end is told."""
    lm = weft.FunctionLM(lambda request: "[[ a ]]\nx")
    with weft.use(lm=lm, budget="1 call", cache=None):
        server = Server(weft.Predict("q -> a", name="x"))

    class Caller:
        wants_progress, answers, state = False, {}, ""

    async def both() -> list[Any]:
        return [await server.call("x", {"q": "1"}, Caller()) for _ in range(2)]  # type: ignore[arg-type]

    first, second = asyncio.run(both())
    assert first["structuredContent"] == {"a": "x"}
    assert second["isError"]
    assert second["content"][0]["text"].startswith("BudgetExceeded: ")


def test_no_secret_leaves_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an error says is told without the keys that the process was given."""
    monkeypatch.setenv("APP_TOKEN", "sesame-open-0123")

    def leaky() -> str:
        raise ValueError("no login with sesame-open-0123")

    class Caller:
        wants_progress, answers, state = False, {}, ""

    made = asyncio.run(Server(leaky).call("leaky", {}, Caller()))  # type: ignore[arg-type]
    assert made["content"][0]["text"] == "ValueError: no login with ***"


def test_a_result_that_its_schema_refuses_is_an_error() -> None:
    """JSON has no infinity; and whoever says int and gives words is told so."""

    def odds() -> list[float]:
        return [float("inf"), 1.0]

    def count() -> int:
        return "three"  # type: ignore[return-value]

    class Caller:
        wants_progress, answers, state = False, {}, ""

    server = Server(odds, count)

    async def both() -> list[Any]:
        return [await server.call(n, {}, Caller()) for n in ("odds", "count")]  # type: ignore[arg-type]

    first, second = asyncio.run(both())
    assert first["isError"]
    assert second["isError"]
    assert "odds gave what is no JSON data" in first["content"][0]["text"]
    assert "is not of type 'integer' (got 'three')" in second["content"][0]["text"]
    assert "structuredContent" not in first


def test_an_address_is_needed_for_http() -> None:
    """A wrong transport for a place is a mistake of its own."""
    with pytest.raises(ConfigError, match="no http or https address"):
        Http("localhost:8000")

"""The published scenarios of MCP, run against a client and a server made with weft."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from bench import BenchError, Findings, Row

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE = "node@24"
VERSIONS = ("2025-11-25", "2026-07-28")
PAGE = Path(__file__).parents[2] / "docs" / "bench-mcp.md"
ROOT = Path(__file__).parents[2]
_TOOLS = ("tools-", "elicitation-", "input-required-result-")
_NO_TOOL = {"input-required-result-non-tool-request"}
_SECONDS = 90

_HEAD = """\
# MCP: conformance

How many of the published scenarios a client and a server pass that are written with
`weft.mcp`: {suite} of npm, the requirements of
versions 2025-11-25 and 2026-07-28 of the protocol, over the Python library mcp {mcp}.
`python -m bench mcp --write` runs them and writes this page; it needs `npm` and, the
first time, the network. The client is `bench/mcp/client.py`, the server
`bench/mcp/everything.py`. Scenarios of OAuth are left out, and so are those of
optional extensions (tasks, skills).

| what | passed | of | bar |
|---|---:|---:|---|
"""


class Outcome(NamedTuple):
    """What came of one scenario.

    Args:
        version: Of the protocol.
        role: "client" or "server".
        name: The scenario's.
        passed: Its checks that passed.
        failed: Those that failed, or warn, in words.
        scored: Whether the version requires it.
    """

    version: str
    role: str
    name: str
    passed: int
    failed: tuple[str, ...]
    scored: bool

    @property
    def good(self) -> bool:
        """Whether it passed; one in which nothing was checked did not."""
        return self.passed > 0 and not self.failed

    @property
    def of_tools(self) -> bool:
        """Whether a server with tools and nothing else can be asked it."""
        return self.name.startswith(_TOOLS) and self.name not in _NO_TOOL


class Suite(NamedTuple):
    """The suite where it is installed."""

    folder: Path

    def __call__(self, *words: str, seconds: int = _SECONDS) -> str:
        """Run it; what it printed."""
        entry = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
        node = self.folder / "node_modules/node/bin/node"
        done = subprocess.run(
            [str(node), str(self.folder / entry), *words],
            capture_output=True,
            check=False,
            cwd=ROOT,
            text=True,
            timeout=seconds,
        )
        return done.stdout + done.stderr

    def required(self, version: str) -> Iterator[tuple[str, str, bool]]:
        """Role, name and whether it counts, of each scenario of a version."""
        role, scored = "", True
        for line in self("list", "--requirements", version).splitlines():
            words = line.split()
            if line.startswith(("Server scenarios", "Client scenarios")):
                role = words[0].lower()
            elif line.startswith("Run and reported"):
                scored = False
            elif line.strip().startswith("- ") and "auth/" not in line:
                said = words[2].strip("[]") if len(words) > 2 else role
                yield said, words[1], scored


@contextmanager
def installed(folder: Path | None) -> Generator[Suite]:
    """The suite, installed where it is not.

    Raises:
        BenchError: There is no npm, or it cannot install.
    """
    npm = shutil.which("npm")
    with tempfile.TemporaryDirectory() as made:
        where = folder or Path(made)
        if not (where / "node_modules/@modelcontextprotocol/conformance").is_dir():
            if npm is None:
                raise BenchError("there is no npm to install the suite with")
            where.mkdir(parents=True, exist_ok=True)
            words = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(where)]
            done = subprocess.run(
                [*words, SUITE, NODE], capture_output=True, check=False, text=True
            )
            if done.returncode != 0:
                raise BenchError(f"npm cannot install the suite: {done.stderr[-400:]}")
        yield Suite(where)


@contextmanager
def served() -> Generator[str]:
    """The server with every kind of tool, at a free port.

    Raises:
        BenchError: It does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "bench.mcp.everything", str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            process.kill()
            raise BenchError("the server did not start")
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()


def outcomes(suite: Suite, url: str) -> Iterator[Outcome]:
    """Every scenario of both versions, one after the other."""
    client = f"{sys.executable} -m bench.mcp.client"
    for spec in VERSIONS:
        for role, name, scored in suite.required(spec):
            if name.startswith(("tasks-", "sep-2640-")):
                continue  # optional extensions, which weft does not offer
            with tempfile.TemporaryDirectory() as out:
                who = ("--command", client) if role == "client" else ("--url", url)
                words = (role, *who, "--scenario", name, "--spec-version", spec)
                said = suite(*words, "--force", "-o", out)
                yield _outcome(Path(out), said, spec, role, name, scored=scored)


def _outcome(
    out: Path, said: str, spec: str, role: str, name: str, *, scored: bool
) -> Outcome:
    files = sorted(out.rglob("checks.json"))
    text = files[-1].read_text("utf-8") if files else "[]"
    checks: list[dict[str, Any]] = json.loads(text)
    failed = [
        f"{check['id']}: {check.get('errorMessage') or check['status']}"
        for check in checks
        if check["status"] in ("FAILURE", "WARNING")
    ]
    if not checks:
        failed = [said[-200:]]
    passed = sum(check["status"] in ("SUCCESS", "INFO") for check in checks)
    return Outcome(spec, role, name, passed, tuple(failed), scored)


def run(suite: Path | None = None, write: bool = False) -> Findings:
    """Run the scenarios.

    Args:
        suite: Where the suite is, or is to be installed; a folder for once by default.
        write: Whether the page in docs/ is written.

    Raises:
        BenchError: The suite cannot be installed, or the server does not start.
    """
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    with installed(suite) as ready, served() as url:
        found = list(outcomes(ready, url))
    rows: list[Row] = []
    for spec in VERSIONS:
        of = [one for one in found if one.version == spec]
        client = [one for one in of if one.role == "client" and one.scored]
        tools = [one for one in of if one.role == "server" and one.of_tools]
        rows += [
            _row(f"{spec}, client, without OAuth", client),
            _row(f"{spec}, server, tools", tools),
        ]
    details = "".join(_lines(found, rows))
    if write:
        PAGE.write_text(details, "utf-8")
    return Findings(rows, details)


def _row(what: str, outcomes: Sequence[Outcome]) -> Row:
    good = sum(one.good for one in outcomes)
    return Row(what, good, len(outcomes), "all", good == len(outcomes))


def _lines(found: Sequence[Outcome], rows: Sequence[Row]) -> Iterator[str]:
    yield _HEAD.format(suite=SUITE, mcp=version("mcp"))
    for row in rows:
        yield f"| {row.what} | {row.weft:g} | {row.other:g} | {row.bar} |\n"
    for title, wanted in (
        ("As a client", [one for one in found if one.role == "client"]),
        ("As a server, with tools", [o for o in found if _tools(o)]),
        ("As a server, everything else", [o for o in found if _rest(o)]),
    ):
        yield f"\n## {title}\n\n"
        if "else" in title:
            yield (
                "What a server of programs does not have: prompts, resources and "
                "completions of them. What fails here fails for that\nreason; the "
                "rest is of the protocol itself.\n\n"
            )
        yield "| scenario | version | checks passed | failed |\n|---|---|---:|---|\n"
        for one in wanted:
            name = one.name if one.scored else f"{one.name} (not required)"
            why = "; ".join(one.failed)[:160].replace("|", "/").replace("\n", " ")
            yield f"| {name} | {one.version} | {one.passed} | {why} |\n"


def _tools(one: Outcome) -> bool:
    return one.role == "server" and one.of_tools


def _rest(one: Outcome) -> bool:
    return one.role == "server" and not one.of_tools

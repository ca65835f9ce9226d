"""Rows on a Ray cluster of two workers: one is killed, nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.server import Server

ROOT = Path(__file__).parents[2]
GOOD = "[[ team ]]\ncards\n[[ note ]]\nnull\n[[ /end ]]"
KILLED_AT = 12
AT_ONCE = 8
ROWS = [f"row {n}" for n in range(60)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),
]


class Asked(NamedTuple):
    """One request: the process that sent it, and the message that it asked about."""

    pid: int
    text: str


class Ran(NamedTuple):
    """What the run of `tests.pipeline.cluster_run` told, and what the server saw."""

    told: dict[str, Any]
    asked: list[Asked]


@pytest.fixture(scope="module")
def ran() -> Iterator[Ran]:
    """A cluster from its start to its end; Ray stays out of this process."""
    asked: list[Asked] = []

    def answer(body: dict[str, Any]) -> str:
        key = server.seen[-1].headers["authorization"]
        text = body["messages"][-1]["content"].split("\n")[1]
        asked.append(Asked(int(key.rpartition("-")[2]), text))
        if len(asked) == KILLED_AT:
            os.kill(asked[-1].pid, signal.SIGKILL)
        return "no heading at all" if "nonsense" in str(body) else GOOD

    # Sockets have paths of at most 107 bytes, so the folder has a short one.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, Server(answer) as server:
        yield Ran(told_by_a_run(Path(folder), server.url), asked)


def told_by_a_run(folder: Path, url: str) -> dict[str, Any]:
    """Run the driver in a session of its own, so that none of its processes stays."""
    surroundings = {
        **os.environ,
        "WEFT_ADAPTER": "chat/1",
        "FAR_URL": url,
        "FAR_CACHE": str(folder / "cache"),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "disabled",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "WEFT_TRACE_LOG": str(folder / "traces.jsonl"),
    }
    command = [sys.executable, "-m", "tests.pipeline.cluster_run", str(folder)]
    with subprocess.Popen(
        [*command, str(folder / "ray")],
        cwd=ROOT,
        env=surroundings,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as driver:
        try:
            told, wrong = driver.communicate(timeout=400)
        finally:
            # Nothing is left where all went well.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(driver.pid, signal.SIGKILL)
    assert driver.returncode == 0, wrong
    made: dict[str, Any] = json.loads(told.splitlines()[-1])
    return made


def test_a_killed_worker_costs_no_row(ran: Ran) -> None:
    """Every row's value is there once, in its place; another worker took over."""
    first = {asked.pid for asked in ran.asked[:KILLED_AT]}
    later = {asked.pid for asked in ran.asked[KILLED_AT:]}

    values = ran.told["killed"]

    assert [value["message"] for value in values] == ROWS
    assert {value["team"] for value in values} == {"cards"}
    assert ran.asked[KILLED_AT - 1].pid in first
    assert later - first


def test_only_what_was_under_way_is_asked_again(ran: Ran) -> None:
    """Only what the killed worker was about is asked twice; no cached answer is."""
    victim = ran.asked[KILLED_AT - 1].pid
    counts = Counter(asked.text for asked in ran.asked)
    doubled = [text for text in ROWS if counts[text] > 1]

    askers = [{a.pid for a in ran.asked if a.text == text} for text in doubled]

    assert 1 <= len(doubled) <= AT_ONCE
    assert ran.asked[KILLED_AT - 1].text in doubled
    assert all(counts[text] <= 2 for text in ROWS)
    assert all(victim in pids and len(pids) == 2 for pids in askers)


def test_an_evaluation_is_as_if_it_had_run_here(ran: Ran) -> None:
    """Order, score, calls, trace and `weft.info` come back; the metric ran here."""
    told = ran.told["measured"]

    assert told["rows"] == ROWS
    assert (told["mean"], told["calls"], told["cached"]) == (1.0, len(ROWS), True)
    assert told["paths"] == ["mended", "triage"]
    assert told["info"] == "triage"


def test_a_row_that_kills_its_worker_fails_alone(ran: Ran) -> None:
    """It is given up after its retries; the rows beside it go well, into a file."""
    told = ran.told["filed"]
    errors = {
        n: line["error"] for n, line in enumerate(told["lines"]) if "error" in line
    }

    assert [line["id"] for line in told["lines"]] == [str(n) for n in range(22)]
    assert told["failed"] == 2
    assert errors[8].startswith("WorkerLost: 3 workers died with this row")
    assert errors[9].startswith("ParseError: triage (chat adapter)")


def test_each_row_has_one_line_in_the_trace_log(ran: Ran) -> None:
    """It is written where the row came from, though the workers have the log too."""
    logged = [(state, tuple(paths)) for state, paths in ran.told["logged"]]

    good, batches = ("done", ("mended", "triage")), 2 * len(ROWS) + 20
    assert Counter(logged) == {
        good: batches,
        ("failed", ()): 1,
        ("failed", ("mended", "triage")): 1,
    }


def test_what_cannot_run_there_says_so_first(ran: Ran) -> None:
    """Another program, broken settings, no such module, no room: typed and at once."""
    other, broken, nowhere, crowd = ran.told["refused"]

    assert other[0] == "ArtifactError"
    assert broken[0] == nowhere[0] == crowd[0] == "ConfigError"
    assert "RuntimeError: no such vault" in broken[1]
    assert "no_such_module" in nowhere[1]
    assert "did not begin within 1.0 seconds" in crowd[1]


def test_a_batch_that_cannot_begin_logs_no_row(ran: Ran) -> None:
    """None of its rows ran, so none is told as a failed run."""
    assert ran.told["logged after"] == len(ran.told["logged"])


def test_a_model_that_is_set_here_is_asked_there(ran: Ran) -> None:
    """Without `setup=` the workers ask what `weft.use` says in this process."""
    assert ran.told["carried"] == ROWS[:4]

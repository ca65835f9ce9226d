"""The trace log as a file: many writers, kills, torn lines, full disks, round trips."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import json
import logging
import math
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from tests.timing import PATIENCE, seen, settled
from weft.pipeline.lm.request import Message, Usage
from weft.pipeline.run.trace_data import run_data, run_of
from weft.pipeline.run.trace_log import line_of
from weft.pipeline.trace import Call, NodeRun, Trace

reply = weft.Predict("question -> answer", name="reply")

# Runs until told otherwise; says the number of each run once its value is there.
WRITER = textwrap.dedent(
    """
    import os, sys, threading
    import weft

    path, who, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    large = "x" * 150_000
    lm = weft.FunctionLM(lambda request: f"[[ answer ]]\\n{large}\\n[[ /end ]]")
    reply = weft.Predict("question -> answer", name="reply", lm=lm)

    def write(thread):
        for number in range(runs):
            name = f"{who} {thread} {number}"
            reply(question=name)
            os.write(1, f"{name}\\n".encode())  # in one piece, beside another thread's

    with weft.use(cache=None, trace_log=path):
        threads = [
            threading.Thread(target=weft_context.run, args=(write, n))
            for n in range(2)
            for weft_context in [__import__("contextvars").copy_context()]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """
)
FORKING = textwrap.dedent(
    """
    import os, sys
    import weft

    lm = weft.FunctionLM(lambda request: "[[ answer ]]\\nyes\\n[[ /end ]]")
    reply = weft.Predict("question -> answer", name="reply", lm=lm)
    weft.configure(cache=None, trace_log=sys.argv[1])
    reply(question="before")
    if os.fork() == 0:
        reply(question="child")
        os._exit(0)
    assert os.wait()[1] == 0
    reply(question="after")
    """
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "traces.jsonl"


def asked(path: Path, damaged: list[int] | None = None) -> list[str]:
    """What each logged run was asked, in the order of the file."""
    told = None if damaged is None else damaged.append
    return [run.inputs["question"] for run in weft.read_traces(path, damaged=told)]


def answer(request: weft.Request) -> str:
    return "[[ answer ]]\nyes\n[[ /end ]]"


def ask(path: Path, *questions: str) -> None:
    with weft.use(lm=weft.FunctionLM(answer), cache=None, trace_log=path):
        for question in questions:
            reply(question=question)


def test_hundreds_at_once_leave_a_line_each(log: Path) -> None:
    """Concurrent runs of one process are each there, whole and once."""
    questions = [f"question {n}" for n in range(400)]
    rows = [{"question": question} for question in questions]

    with weft.use(lm=weft.FunctionLM(answer), cache=None, trace_log=log):
        reply.batch(rows, concurrency=200)

    assert sorted(asked(log)) == sorted(questions)


def test_processes_threads_and_kills_leave_whole_lines(
    log: Path, tmp_path: Path
) -> None:
    """Two processes of two threads write; a third is killed again and again.

    Nothing of the two is lost or doubled, and of the third every run whose value was
    there. What a kill cut off is its own line, and no trace.
    """
    script = tmp_path / "writer.py"
    script.write_text(WRITER, "utf-8")

    def start(who: str, runs: int) -> subprocess.Popen[str]:
        words = [sys.executable, str(script), str(log), who, str(runs)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    rng = random.Random(7)
    steady = [start("a", 40), start("b", 40)]
    said: list[str] = []
    for number in range(3):
        victim = start(f"v{number}", 100_000)
        assert victim.stdout is not None
        said.append(victim.stdout.readline())
        said += [victim.stdout.readline() for _ in range(rng.randrange(8))]
        os.kill(victim.pid, signal.SIGKILL)
        said += [line for line in victim.stdout if line.endswith("\n")]
        victim.wait()
        victim.stdout.close()
    for process in steady:
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    ask(log, "last")

    damaged: list[int] = []
    found = asked(log, damaged)
    wanted = [f"{who} {t} {n}" for who in "ab" for t in range(2) for n in range(40)]
    assert sorted(name for name in found if name[0] in "ab") == sorted(wanted)
    assert {line.strip() for line in said} <= set(found)
    assert len(set(found)) == len(found)
    assert found[-1] == "last"
    assert len(damaged) <= 3


def test_a_forked_child_writes_too(log: Path) -> None:
    """The writing thread does not come along into a child; a new one is started."""
    words = [sys.executable, "-W", "ignore", "-c", FORKING, str(log)]

    subprocess.run(words, check=True, timeout=PATIENCE)

    assert asked(log) == ["before", "child", "after"]


def test_a_torn_end_is_passed_over_and_closed_off(log: Path) -> None:
    """A reader stops before it; the next writer begins a new line behind it."""
    ask(log, "one", "two")
    whole = log.read_bytes()
    log.write_bytes(whole[:-30])

    damaged: list[int] = []
    before = asked(log, damaged)
    assert (before, damaged) == (["one"], [])

    ask(log, "three")
    after = asked(log, damaged)
    assert (after, damaged) == (["one", "three"], [2])


@given(cut=st.integers(1, 5_000))
def test_any_cut_loses_only_what_it_cuts(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever a file ends, the whole lines before are read."""
    path = tmp_path_factory.mktemp("cut") / "traces.jsonl"
    lines = [line_of(run_data(run_named(name))) for name in ("a", "b", "c")]
    whole = b"".join(lines)
    left = whole[: max(0, len(whole) - cut)]
    path.write_bytes(left)

    found = [run.program for run in weft.read_traces(path)]

    assert found == ["a", "b", "c"][: left.count(b"\n")]


def run_named(name: str) -> weft.TracedRun:
    return weft.TracedRun(name, datetime.now(UTC), {}, None, "", Trace(()))


def test_the_file_is_its_owners(log: Path) -> None:
    """A new file has mode 0600; one that is there keeps its own."""
    shared = log.with_name("shared.jsonl")
    shared.touch()
    shared.chmod(0o640)

    ask(log, "one")
    ask(shared, "one")

    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.stat().st_mode) == 0o640


@pytest.fixture
def held(log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BinaryIO]:
    """The log's file, locked by somebody who may hold it for as long as they like."""
    monkeypatch.setattr("weft.pipeline.run.trace_log._PATIENCE", math.inf)
    log.touch()
    with log.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


async def begun(path: Path, question: str) -> asyncio.Task[Any]:
    """A run that has come as far as it can while its log is held."""
    lm = weft.FunctionLM(answer)
    with weft.use(lm=lm, cache=None, trace_log=path):
        task = asyncio.create_task(reply.acall(question=question))
    await seen(lambda: lm.calls)
    await settled()
    return task


async def test_the_loop_goes_on_while_a_line_waits(log: Path, held: BinaryIO) -> None:
    """While another process holds the file the loop runs; only the run waits."""
    waiting = await begun(log, "one")

    assert (waiting.done(), asked(log)) == (False, [])
    fcntl.flock(held, fcntl.LOCK_UN)
    assert (await waiting).answer == "yes"
    assert asked(log) == ["one"]


async def test_a_run_cancelled_while_its_line_waits_is_logged(
    log: Path, held: BinaryIO
) -> None:
    """Its line is written although nobody waits for it any more."""
    first, second = await begun(log, "one"), await begun(log, "two")
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second

    fcntl.flock(held, fcntl.LOCK_UN)
    await first
    await (await begun(log, "three"))

    assert asked(log) == ["one", "two", "three"]


def test_a_holder_that_never_lets_go_is_passed(
    log: Path, held: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process that holds the lock does not stop everybody else."""
    monkeypatch.setattr("weft.pipeline.run.trace_log._PATIENCE", 0.0)

    ask(log, "one")

    assert not held.closed
    assert asked(log) == ["one"]


def test_a_full_disk_ends_no_run(log: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Runs go on; the logger `weft` says it once, not for every run."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, most[1]))
    try:
        with caplog.at_level(logging.WARNING, "weft"):
            ask(log, "one", "two", "three")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)

    [record] = caplog.records
    assert f"{log}: a trace could not be written" in record.getMessage()


@pytest.mark.parametrize("made", ["link", "pipe", "device", "folder"])
def test_a_log_that_is_no_file_is_refused(made: str, tmp_path: Path) -> None:
    """Nobody's file is written to through a link, and nothing waits for a pipe."""
    path, other = tmp_path / "log", tmp_path / "other"
    other.write_text("mine")
    if made == "link":
        path.symlink_to(other)
    elif made == "device":
        path.symlink_to("/dev/null")
    elif made == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()

    with pytest.raises(weft.errors.ConfigError, match="cannot be written"):
        ask(path, "one")
    if made != "link":  # what it leads to may be read
        with pytest.raises(weft.errors.DataError, match="no regular file"):
            list(weft.read_traces(path))

    assert other.read_text() == "mine"


@pytest.mark.parametrize("held", ['{"question": "a"}\n', "mine", "\n", "\0"])
def test_a_file_of_something_else_stays_as_it_is(
    held: str, log: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused where it is set; one that takes the log's place later gets no line."""
    log.write_text(held)
    with pytest.raises(weft.errors.ConfigError, match=r"no trace log\. Name another"):
        ask(log, "one")
    log.unlink()

    with weft.use(lm=weft.FunctionLM(answer), cache=None, trace_log=log):
        log.write_text(held)
        reply(question="two")

    assert log.read_text() == held
    [record] = caplog.records
    assert "a trace could not be written: [Errno" in record.getMessage()
    assert "it is no trace log" in record.getMessage()


@dataclasses.dataclass(init=False)
class _HalfMade:
    text: str
    missing: str


def test_a_value_that_cannot_be_looked_at_ends_no_run(log: Path) -> None:
    """It is named by its type, and the run has its value."""

    @weft.step
    def make(text: str) -> _HalfMade:
        made = _HalfMade()
        made.text = text
        return made

    @weft.step
    def text_of(made: _HalfMade) -> str:
        return made.text

    @weft.program
    def run(text: str) -> str:
        return text_of(make(text))

    with weft.use(trace_log=log):
        assert run("a") == "a"

    [traced] = weft.read_traces(log)
    assert "_HalfMade: AttributeError>" in traced.trace.nodes[0].outputs["result"]


def test_a_log_can_be_moved_away(log: Path) -> None:
    """After a rotation the next run begins a new file."""
    with weft.use(lm=weft.FunctionLM(answer), cache=None, trace_log=log):
        reply(question="one")
        log.rename(log.with_suffix(".1"))
        reply(question="two")

    assert (asked(log.with_suffix(".1")), asked(log)) == (["one"], ["two"])


def test_reading_is_lazy(log: Path) -> None:
    """The first run comes out of a file whose rest has not been written yet."""
    ask(log, "one")
    runs = weft.read_traces(log)
    first = next(runs)
    ask(log, "two")

    assert [first.inputs["question"], next(runs).inputs["question"]] == ["one", "two"]


def test_readers_and_writers_at_once(log: Path) -> None:
    """Whoever reads while others write sees whole runs only."""
    log.touch()
    damaged: list[int] = []
    over = threading.Event()

    def write() -> None:
        ask(log, *[f"{n} " + "x" * 20_000 for n in range(100)])
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    counts = [0]
    while not over.is_set():
        counts.append(len(asked(log, damaged)))
    writer.join()

    assert damaged == []
    assert counts == sorted(counts)
    assert len(asked(log)) == 100


def test_a_missing_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """The message says how such a file comes about."""
    with pytest.raises(weft.errors.DataError, match="trace_log="):
        next(weft.read_traces(tmp_path / "none.jsonl"))


def test_a_newer_file_is_not_misread(log: Path) -> None:
    """A schema of a later weft is refused by name."""
    log.write_text('{"schema": "weft.trace/2"}\n', "utf-8")

    with pytest.raises(weft.errors.DataError, match=r"'weft\.trace/2'.*Update weft"):
        next(weft.read_traces(log))


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "null",
        "[1]",
        "{",
        "[" * 100_000,
        '{"schema": "weft.trace/1"}',
        '{"schema": "weft.trace/1", "nodes": 3}',
        '{"schema": "weft.trace/1", "nodes": [{"calls": [{}]}]}',
        '{"schema": "other/1"}',
        "\x00\x01",
    ],
)
def test_other_lines_are_named_and_passed_over(line: str, log: Path) -> None:
    """Whatever stands in the file, the runs around it are read."""
    ask(log, "one")
    log.write_bytes(log.read_bytes() + line.encode() + b"\n")
    ask(log, "two")

    damaged: list[int] = []
    found = asked(log, damaged)

    assert (found, damaged) == (["one", "two"], [2])


# Round trips --------------------------------------------------------------------------

TEXTS = st.text(max_size=20)
SECONDS = st.floats(0, 1e6).map(lambda s: round(s, 6))
DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
).filter(lambda data: data not in (math.inf, -math.inf) and "inf" not in repr(data))
VALUES = st.dictionaries(TEXTS, DATA, max_size=3)
COUNTS = st.integers(0, 10**9)
USAGES = st.none() | st.builds(Usage, COUNTS, COUNTS, COUNTS)
ERRORS = TEXTS.map(lambda text: f"StepError: {text}")
ROLES = st.sampled_from(["system", "user", "assistant"])


def calls_with(errors: st.SearchStrategy[str]) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        messages=st.lists(st.builds(Message, ROLES, TEXTS), max_size=2).map(tuple),
        reply=TEXTS,
        model=TEXTS,
        usage=USAGES,
        cost=st.none() | st.floats(0, 1e6),
        cached=st.booleans(),
        seconds=SECONDS,
        key=TEXTS,
        started=SECONDS,
        endpoint=TEXTS,
        finish_reason=TEXTS,
        request_id=TEXTS,
        retries=st.integers(0, 9),
        error=errors,
    )


NODES = st.builds(
    NodeRun,
    path=TEXTS,
    kind=st.sampled_from(["module", "step", "program", "each", "loop"]),
    inputs=VALUES,
    outputs=VALUES,
    calls=st.lists(calls_with(st.just("")), max_size=2).map(tuple),
    repairs=st.lists(TEXTS, max_size=2).map(tuple),
    seconds=SECONDS,
    error=st.just("") | st.just("cancelled") | ERRORS,
    order=st.lists(st.integers(0, 99), max_size=4).map(tuple),
    reused=st.booleans(),
    started=SECONDS,
    failed=st.none() | calls_with(ERRORS),
)
RUNS = st.builds(
    weft.TracedRun,
    program=TEXTS,
    started=st.datetimes(timezones=st.just(UTC)),
    inputs=VALUES,
    value=DATA,
    error=st.just("") | st.just("cancelled") | ERRORS,
    trace=st.builds(
        Trace,
        st.lists(NODES, max_size=3).map(tuple),
        SECONDS,
        st.none(),
        st.text("0123456789abcdef", min_size=1, max_size=16),
    ),
)


@given(RUNS)
def test_a_run_is_read_as_it_was_written(run: weft.TracedRun) -> None:
    """Through a line and back nothing changes: unknown stays unknown, 0 stays 0."""
    line = line_of(run_data(run))

    again = run_of(json.loads(line))

    assert line.count(b"\n") == 1
    assert again == run
    assert line_of(run_data(again)) == line
    assert again.cost == run.cost


@given(RUNS)
def test_without_content_no_text_of_a_value_is_left(run: weft.TracedRun) -> None:
    """What is left says how it went: states, times, tokens and prices."""
    again = run_of(run_data(run, content=False))

    assert (again.state, again.cost) == (run.state, run.cost)
    assert again.trace.usage == run.trace.usage
    assert [n.order for n in again.trace.nodes] == [n.order for n in run.trace.nodes]
    assert not any(n.inputs or n.outputs or any(n.repairs) for n in again.trace.nodes)
    assert not any(call.messages or call.reply for call in again.trace.calls)

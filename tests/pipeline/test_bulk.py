"""Many rows: in order, bounded in memory, into a file that survives a kill."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic
import pytest

import weft
from tests.timing import PATIENCE, until
from weft.pipeline.run.batch import abatch_to, batch_to
from weft.pipeline.run.rows import in_order

ROWS = 20_000
CHILD = textwrap.dedent(
    """
    import sys
    import time

    import weft
    from weft.pipeline.run.batch import batch_to

    @weft.step
    async def double(n: int) -> int:
        return 2 * n

    @weft.program
    def doubled(n: int) -> int:
        return double(n)

    def rows():
        for n in range(int(sys.argv[2])):
            if n == int(sys.argv[3]):
                time.sleep(600)  # until it is killed
            yield {"n": n}

    batch_to(doubled, rows(), sys.argv[1], concurrency=64)
    """
)
reply = weft.Predict("text -> answer")


@weft.program
def answered(text: str) -> str:
    """One call a row."""
    return reply(text=text).answer


def echo(request: weft.Request) -> str:
    """A model that gives back what it is told."""
    said = request.messages[-1].content.split("\n", 1)[1]
    return f"[[ answer ]]\n{said}"


def values(path: Path) -> list[object]:
    """What a result file holds, line by line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["value"] for line in lines]


async def test_results_keep_the_order_of_the_rows() -> None:
    """Rows that take different times still come out in their own order."""

    async def work(n: int) -> int:
        for _ in range(random.Random(n).randrange(20)):
            await asyncio.sleep(0)
        return n

    found = [n async for n in in_order(work, range(300), 32)]

    assert found == list(range(300))


async def test_no_more_rows_are_taken_than_run() -> None:
    """The iterable is read as room comes free, never far ahead."""
    taken = running = most = 0

    def rows() -> Iterator[int]:
        nonlocal taken
        for n in range(1000):
            taken += 1
            yield n

    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return n

    ahead = [taken - n async for n in in_order(work, rows(), 8)]

    assert most <= 8
    assert max(ahead) <= 33


def test_a_batch_goes_into_a_file(tmp_path: Path) -> None:
    """Each row's value stands on its own line, and a second run has nothing to do."""
    lm = weft.FunctionLM(echo)
    rows = [{"text": f"row {n}"} for n in range(50)]
    path = tmp_path / "out.jsonl"

    with weft.use(lm=lm, cache=None):
        first = batch_to(answered, rows, path)
        second = batch_to(answered, rows, path)

    assert values(path) == [row["text"] for row in rows]
    assert (first.rows, first.resumed) == (50, 0)
    assert (second.rows, second.resumed) == (50, 50)
    assert lm.calls == 50


def test_a_failed_row_is_kept_in_its_place(tmp_path: Path) -> None:
    """With on_error="keep" an error stands where the value would."""

    def sometimes(request: weft.Request) -> str:
        return "nonsense" if "bad" in request.messages[-1].content else echo(request)

    path = tmp_path / "out.jsonl"
    rows = [{"text": "a"}, {"text": "bad"}, {"text": "c"}]
    with weft.use(lm=weft.FunctionLM(sometimes), cache=None):
        done = batch_to(answered, rows, path, on_error="keep")

    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert done.failed == 1
    assert [line.get("value") for line in lines] == ["a", None, "c"]
    assert lines[1]["error"].startswith("ParseError")


class _Item(pydantic.BaseModel):
    name: str


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"error": "none"}, {"error": "none"}),
        ([_Item(name="a")], [{"name": "a"}]),
        ({"b", "a"}, ["a", "b"]),
        ("half of \ud83e", repr("half of \ud83e")),
    ],
    ids=["error", "models", "set", "surrogate"],
)
def test_any_value_has_a_line(value: Any, kept: Any, tmp_path: Path) -> None:
    """Data as data, all else as its repr; none of them counts as a failure."""

    @weft.step
    def give(text: str) -> Any:
        return value

    @weft.program
    def given(text: str) -> Any:
        return give(text)

    done = batch_to(given, [{"text": "x"}], tmp_path / "out.jsonl")

    assert done.failed == 0
    assert values(done.path) == [kept]


async def test_a_cancelled_batch_closes_its_file_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line under way is written to it, and not to what is opened next."""
    begun, go_on = threading.Event(), threading.Event()
    real = os.write

    def slow(file: int, data: bytes) -> int:
        if b'"row 0"' in data:
            begun.set()
            assert go_on.wait(PATIENCE)
        return real(file, data)

    monkeypatch.setattr(os, "write", slow)
    path = tmp_path / "out.jsonl"
    with weft.use(lm=weft.FunctionLM(echo), cache=None):
        work = asyncio.create_task(abatch_to(answered, [{"text": "row 0"}], path))
        await asyncio.to_thread(begun.wait)
        work.cancel()
        await asyncio.sleep(0)  # the cancellation arrives
        await asyncio.sleep(0)
        is_over = work.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await work

    assert not is_over
    assert values(path) == ["row 0"]


def test_other_rows_are_refused(tmp_path: Path) -> None:
    """A file that was begun with other rows is not mixed with these."""
    path = tmp_path / "out.jsonl"
    with weft.use(lm=weft.FunctionLM(echo), cache=None):
        batch_to(answered, [{"text": "a"}], path)

        with pytest.raises(weft.errors.DivergenceError, match="line 1 holds"):
            batch_to(answered, [{"text": "b"}], path)


def test_another_program_is_refused(tmp_path: Path) -> None:
    """A file that was begun with other parameters is not gone on with."""
    path = tmp_path / "out.jsonl"
    module = next(iter(answered.modules))
    edited = answered.with_parameters({f"{module}/instruction": "Answer otherwise."})
    rows = [{"text": "a"}, {"text": "b"}]
    with weft.use(lm=weft.FunctionLM(echo), cache=None):
        batch_to(answered, rows[:1], path)
        begun = path.read_bytes()

        with pytest.raises(weft.errors.DivergenceError, match=r"1 holds .* program"):
            batch_to(edited, rows, path)

        assert path.read_bytes() == begun
        assert batch_to(answered, rows, path).resumed == 1


def test_a_damaged_middle_is_named(tmp_path: Path) -> None:
    """Damage before the last line is an error that names the line."""
    path = tmp_path / "out.jsonl"
    rows = [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    with weft.use(lm=weft.FunctionLM(echo), cache=None):
        batch_to(answered, rows, path)
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + b"{nonsense\n" + lines[2])

        with pytest.raises(weft.errors.DataError, match="line 2 is damaged"):
            batch_to(answered, rows, path)


def test_a_killed_batch_resumes(tmp_path: Path) -> None:
    """After SIGKILLs at random moments no row is missing, doubled or out of order."""
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf-8")
    path = tmp_path / "out.jsonl"
    path.touch()
    command = [sys.executable, str(script), str(path), str(ROWS)]
    rng, lines = random.Random(3), 0

    for _ in range(6):
        aim = lines + rng.randrange(1, 2000)
        with subprocess.Popen([*command, str(aim + 1000)]) as child:
            until(lambda aim=aim: path.read_bytes().count(b"\n") >= aim)  # type: ignore[misc] # mypy cannot type a lambda's default
            child.kill()
        lines = path.read_bytes().count(b"\n")
    subprocess.run([*command, "-1"], check=True)

    assert lines < ROWS
    assert values(path) == [2 * n for n in range(ROWS)]


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Of 3,000 rows and their runs, nothing is kept but what is under way."""
    path = tmp_path / "out.jsonl"

    def rows() -> Iterator[dict[str, str]]:
        for n in range(4_000):
            if n == 1_000:
                tracemalloc.start()
            yield {"text": f"row {n} " + "x" * 1_500}

    with weft.use(lm=_Counting(), cache=None):
        batch_to(answered, rows(), path, concurrency=64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 * 2**20  # the rows alone are 4.5 MB


class _Counting:
    """A model that keeps nothing of what it is asked."""

    model, endpoint, sampling, schema_mode = "echo", "echo", dict[str, str](), False

    async def complete(self, request: weft.Request) -> weft.Response:
        return weft.Response(echo(request))


def test_a_full_disk_is_told_and_the_file_goes_on(tmp_path: Path) -> None:
    """The error is typed and names the file; the same call asks only for the rest."""
    path, rows = tmp_path / "out.jsonl", [{"text": f"row {n}"} for n in range(2000)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with weft.use(lm=weft.FunctionLM(echo)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))
        try:
            with pytest.raises(
                weft.errors.DataError, match="cannot be written"
            ) as said:
                batch_to(answered, rows, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        whole = path.read_bytes().count(b"\n")
        done = batch_to(answered, rows, path)

    assert str(path) in str(said.value)
    assert "Make the same call again" in said.value.hint
    assert 0 < whole < len(rows)
    assert (done.resumed, done.rows) == (whole, len(rows))
    assert values(path) == [row["text"] for row in rows]


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """Before any row runs."""
    (tmp_path / "file").touch()

    for path in (tmp_path, tmp_path / "file" / "out.jsonl"):
        with pytest.raises(weft.errors.ConfigError, match="cannot be written"):
            batch_to(answered, [{"text": "x"}], path)


class _Outage:
    """A server that is down for some rows, until it is up."""

    def __init__(self, *down: str) -> None:
        self.down, self.asked, self.most = set(down), list[str](), 100

    def __call__(self, request: weft.Request) -> str:
        said = echo(request).partition("\n")[2]
        if len(self.asked) == self.most:
            raise weft.errors.AuthError("the key is refused")
        self.asked.append(said)
        if said in self.down:
            raise weft.errors.ConnectError("the connection was refused")
        return "nonsense" if said == "bad" else echo(request)

    def batch(self, rows: list[dict[str, str]], path: Path) -> Any:
        """The rows into the file; what was asked for them is in `asked`."""
        self.asked.clear()
        once = weft.RetryPolicy(retries=0)
        with weft.use(lm=weft.FunctionLM(self), cache=None, retry=once):
            return batch_to(answered, rows, path, on_error="keep", concurrency=2)


def test_rows_that_a_server_failed_are_asked_anew(tmp_path: Path) -> None:
    """The same call asks those alone: a reply that is at fault stays as it is."""
    path, texts = tmp_path / "out.jsonl", ["a", "bad", *map(str, range(30)), "z"]
    rows = [{"text": text} for text in texts]
    server = _Outage("a", "7", "z")
    first = server.batch(rows[:-5], path)
    before = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    server.down = {"7"}
    second = server.batch(rows, path)
    asked = sorted(server.asked)
    server.down = set()
    third = server.batch(rows, path)

    assert (first.rows, first.failed) == (28, 3)
    assert [line.get("retryable") for line in before[:3]] == [True, False, None]
    assert asked == sorted(["a", "7", *texts[-5:]])
    assert (second.rows, second.resumed, second.failed) == (33, 26, 2)
    assert (third.rows, third.resumed, third.failed) == (33, 32, 1)
    assert server.asked == ["7"]
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line.get("value") for line in lines] == [
        None if text == "bad" else text for text in texts
    ]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_asking_anew_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """No answer is asked for twice, and the file stays whole meanwhile."""
    path, texts = tmp_path / "out.jsonl", list(map(str, range(12)))
    rows = [{"text": text} for text in texts]
    server = _Outage(*texts[2:10])
    server.batch(rows, path)
    path.chmod(0o644)
    before = path.read_bytes()
    server.down, server.most = set(), 5
    with pytest.raises(weft.errors.AuthError):
        server.batch(rows, path)
    whole, stopped = path.read_bytes(), set(server.asked[:3])
    server.most = 100
    server.batch(rows, path)

    assert whole == before
    assert not stopped & set(server.asked)
    assert values(path) == texts
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_what_is_asked_anew_is_held_to_its_rows(tmp_path: Path) -> None:
    """A row that changed behind the failed one, and a file begun for other lines."""
    path = tmp_path / "out.jsonl"
    rows = [{"text": text} for text in "abc"]
    server = _Outage("b")
    server.batch(rows, path)
    before, server.down = path.read_bytes(), set()

    with pytest.raises(weft.errors.DivergenceError, match="line 3 holds"):
        server.batch([*rows[:2], {"text": "d"}], path)

    path.with_name("out.jsonl.again").write_bytes(before.replace(b'"a"', b'"x"'))
    with pytest.raises(weft.errors.DivergenceError, match=r"again: line 1 holds"):
        server.batch(rows, path)
    assert path.read_bytes() == before

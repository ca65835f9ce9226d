"""A cache loses nothing that it acknowledged; whatever is damaged is only a miss."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from tests.pipeline.lm.support import answer_of, asking, fill, key_of
from tests.timing import PATIENCE
from weft.pipeline.calls.cache import Cache, CacheStats, MemoryCache
from weft.pipeline.calls.call import call
from weft.pipeline.calls.retry import RetryPolicy
from weft.pipeline.errors import DeadlineExceeded
from weft.pipeline.ground.loops import PerLoop
from weft.pipeline.lm.fakes import FunctionLM
from weft.pipeline.lm.request import Response, Usage


def test_round_trip(tmp_path: Path) -> None:
    """An answer comes back equal, from memory and from disk, marked as cached."""
    cache = Cache(tmp_path)
    answer = Response("héllo", Usage(1, 2, 3), "length", "m", 0.1, request_id="r")

    asyncio.run(cache.put("k", answer))
    from_memory, from_disk = cache.get("k"), Cache(tmp_path).get("k")

    assert from_memory == from_disk
    assert from_memory == Response(
        "héllo", Usage(1, 2, 3), "length", "m", 0.1, cached=True, request_id="r"
    )
    cache.close()


def test_nothing_is_written_before_the_first_put(tmp_path: Path) -> None:
    """Looking up, counting and closing leave no trace on disk."""
    folder = tmp_path / "a" / "b"
    cache = Cache(folder)

    assert cache.get("k") is None
    assert cache.stats() == CacheStats(misses=1)
    assert cache.clear() == cache.prune(0) == 0
    cache.close()

    assert list(tmp_path.iterdir()) == []


def test_files_are_ours_alone(tmp_path: Path) -> None:
    """The folder has mode 0700 and every file in it 0600, but the note for git."""
    old = os.umask(0)
    try:
        fill(tmp_path / "c", range(3))
        cache = Cache(tmp_path / "c")
        cache.get(key_of(1))
    finally:
        os.umask(old)

    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    modes = {
        file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "c").iterdir()
    }
    assert modes.pop(".gitignore")
    assert {"cache.db"} <= modes.keys() <= {"cache.db", "cache.db-wal", "cache.db-shm"}
    assert set(modes.values()) == {0o600}
    cache.close()


def test_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable names the folder; else there is one in the working directory."""
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "named"))
    assert Cache().path == tmp_path / "named"

    monkeypatch.delenv("WEFT_CACHE")
    monkeypatch.chdir(tmp_path)
    assert Cache().path == tmp_path / ".weft" / "cache"


def test_default_place_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is looked up at each call: a process may change directory between two."""
    model, places = weft.FunctionLM(lambda _: "[[ answer ]]\nyes"), ("one", "two")
    ask = weft.Predict("question -> answer", lm=model, adapter="chat/1")
    monkeypatch.delenv("WEFT_CACHE")
    for name in (*places, *places):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        ask(question="?")
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "three"))
    ask(question="?")

    assert len(model.requests) == 3
    assert all((tmp_path / name / ".weft" / "cache").is_dir() for name in places)


def test_counts(tmp_path: Path) -> None:
    """Hits, misses, writes and sizes are counted."""
    fill(tmp_path, range(10))
    cache = Cache(tmp_path)

    for number in (1, 1, 2, 99):
        cache.get(key_of(number))

    stats = cache.stats()
    assert (stats.memory_hits, stats.disk_hits, stats.misses) == (1, 2, 1)
    assert (stats.memory_entries, stats.disk_entries, stats.writes) == (2, 10, 0)
    assert stats.disk_bytes > 0
    cache.close()


def test_clear_and_prune(tmp_path: Path) -> None:
    """Pruning drops the oldest until the size fits; clearing drops all."""
    fill(tmp_path, range(100), size=4000)
    fill(tmp_path, range(100, 200), size=4000)
    cache = Cache(tmp_path)
    most = cache.stats().disk_bytes // 2

    dropped = cache.prune(most)

    assert cache.stats().disk_bytes <= most
    assert cache.stats().disk_entries == 200 - dropped
    assert cache.get(key_of(199)) == answer_of(199, 4000)
    assert cache.get(key_of(0)) is None
    assert cache.clear() == 200 - dropped
    assert cache.get(key_of(199)) is None
    cache.close()


def test_nothing_is_evicted(tmp_path: Path) -> None:
    """Whatever was put stays, however much it is."""
    fill(tmp_path, range(300), size=100_000)
    cache = Cache(tmp_path)

    found = [cache.get(key_of(i)) for i in range(300)]

    assert found == [answer_of(i, 100_000) for i in range(300)]
    assert [file.name for file in tmp_path.rglob("*.val")] == []
    cache.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "cache.db")) as connection:
        settings = dict(connection.execute("SELECT key, value FROM Settings"))
    assert (settings["eviction_policy"], settings["cull_limit"]) == ("none", 0)
    assert settings["size_limit"] > 2**60


def test_memory_is_bounded_in_bytes() -> None:
    """Memory keeps the most recently used answers, and no more than it may."""
    cache = MemoryCache(memory_bytes=100_000)

    for number in range(200):
        cache.keep(key_of(number), answer_of(number, 2000))
        cache.get(key_of(0))

    stats = cache.stats()
    assert 10 < stats.memory_entries < 50
    assert stats.memory_bytes <= 100_000
    assert cache.get(key_of(0)) is not None
    assert cache.get(key_of(1)) is None
    assert cache.get(key_of(199)) is not None


def test_an_answer_larger_than_memory(tmp_path: Path) -> None:
    """What does not fit into memory is still on disk."""
    cache = Cache(tmp_path, memory_bytes=1000)

    asyncio.run(cache.put("k", answer_of(1, 50_000)))

    assert cache.get("k") == answer_of(1, 50_000)
    assert cache.stats().memory_entries == 0
    cache.close()


def test_use_after_close(tmp_path: Path) -> None:
    """A closed cache opens again when it is used."""
    cache = Cache(tmp_path, memory_bytes=0)
    for number in range(3):
        asyncio.run(cache.put(key_of(number), answer_of(number)))
        cache.close()

    assert all(cache.get(key_of(number)) for number in range(3))
    cache.close()


def test_threads_and_loops(tmp_path: Path) -> None:
    """Many loops in many threads write and read one cache."""
    cache = Cache(tmp_path, memory_bytes=0)

    async def many(start: int) -> None:
        numbers = range(start, start + 50)
        await asyncio.gather(*(cache.put(key_of(i), answer_of(i)) for i in numbers))
        assert all(cache.get(key_of(i)) == answer_of(i) for i in numbers)

    def work(start: int) -> None:
        asyncio.run(many(start))

    threads = [threading.Thread(target=work, args=(50 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert cache.stats().disk_entries == cache.stats().writes == 300
    cache.close()


def test_a_cancelled_put(tmp_path: Path) -> None:
    """A put whose caller is cancelled is written all the same, and hangs nobody."""
    cache = Cache(tmp_path, memory_bytes=0)

    async def run() -> None:
        first = asyncio.create_task(cache.put("a", answer_of(1)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await asyncio.wait_for(cache.put("b", answer_of(2)), PATIENCE)

    asyncio.run(run())

    assert (cache.get("a"), cache.get("b")) == (answer_of(1), answer_of(2))
    cache.close()


def test_after_a_fork(tmp_path: Path) -> None:
    """A forked child can write, though the writer's thread stayed with its parent."""
    code = (
        "import asyncio, os, sys\n"
        "from weft.pipeline.calls.cache import Cache\n"
        "from weft.pipeline.lm.request import Response\n"
        f"cache = Cache({str(tmp_path)!r})\n"
        "asyncio.run(cache.put('parent', Response('p')))\n"
        "if os.fork() == 0:\n"
        "    asyncio.run(asyncio.wait_for(cache.put('child', Response('c')), 100))\n"
        "    os._exit(0)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)

    cache = Cache(tmp_path)
    assert cache.get("parent")
    assert cache.get("child")
    cache.close()


def test_killed_while_writing(tmp_path: Path) -> None:
    """What was acknowledged before a SIGKILL is there afterwards."""
    code = (
        "import asyncio, sys\n"
        "from weft.pipeline.calls.cache import Cache\n"
        "from weft.pipeline.lm.request import Response\n"
        "async def main():\n"
        f"    cache = Cache({str(tmp_path)!r})\n"
        "    async def one(i):\n"
        "        await cache.put(str(i), Response('x' * 2000))\n"
        "        sys.stdout.write(f'{i}\\n'); sys.stdout.flush()\n"
        "    for start in range(0, 10**6, 16):\n"
        "        await asyncio.gather(*(one(i) for i in range(start, start + 16)))\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        seen = [child.stdout.readline() for _ in range(200)]
        child.send_signal(signal.SIGKILL)
        seen += child.stdout.readlines()
    cache = Cache(tmp_path)

    acknowledged = [line.strip().decode() for line in seen if line.endswith(b"\n")]

    assert len(acknowledged) >= 200
    assert all(cache.get(key) for key in acknowledged)
    cache.close()


HOLDER = """
import sys
from pathlib import Path
from weft.pipeline.calls.claims import claims_in
claims_in(Path(sys.argv[1])).take(sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_deadline_holds_while_another_process_has_the_claim(tmp_path: Path) -> None:
    """It may be stopped for ever: whoever waits has a deadline of their own."""
    lm = FunctionLM(lambda _: "late")
    request, cache = asking(lm), Cache(tmp_path)
    cache.path.mkdir(exist_ok=True)
    command = [sys.executable, "-c", HOLDER, str(tmp_path), request.key]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DeadlineExceeded):
            asyncio.run(call(request, lm, cache=cache, retry=RetryPolicy(deadline=0.2)))
        assert lm.calls == 0
        holder.stdin.close()


def test_a_file_system_without_locks_loses_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be claimed, every process makes its own calls."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    lm = FunctionLM(lambda _: "paid for")
    monkeypatch.setattr(fcntl, "lockf", refused)

    answer = asyncio.run(call(asking(lm), lm, cache=Cache(tmp_path)))

    assert (answer.text, lm.calls) == ("paid for", 1)


class _Watched(asyncio.SelectorEventLoop):
    """A loop that tells when somebody asks whether it is closed."""

    asked: Callable[[], object] | None = None

    def is_closed(self) -> bool:
        asked, self.asked = self.asked, None
        if asked is not None:
            asked()
        return super().is_closed()


def test_a_loop_may_begin_while_another_looks_for_dead_ones() -> None:
    """Loops of other threads come and go at any moment."""
    making, go_on, opened, over = (threading.Event() for _ in range(4))

    def make() -> object:
        if threading.current_thread() is second:
            making.set()
            assert go_on.wait(PATIENCE)
        return object()

    async def close(_: object) -> None: ...

    kept = PerLoop(make, close)

    async def open_first() -> None:
        await kept.here()

    async def open_second() -> None:
        await kept.here()
        opened.set()
        assert over.wait(PATIENCE)

    def open_meanwhile() -> None:
        go_on.set()
        assert opened.wait(PATIENCE)

    second = threading.Thread(target=lambda: asyncio.run(open_second()))
    with contextlib.closing(_Watched()) as old:
        old.run_until_complete(kept.here())
        second.start()
        assert making.wait(PATIENCE)
        old.asked = open_meanwhile

        try:
            asyncio.run(open_first())
        finally:
            over.set()
            second.join()
        old.run_until_complete(old.shutdown_asyncgens())


def test_an_answer_larger_than_the_memory_pushes_nothing_out() -> None:
    """It could not stay, and all others would go for it."""
    cache = MemoryCache(10_000)
    cache.keep("small", Response("a"))

    cache.keep("large", Response("a" * 20_000))

    assert cache.get("small") is not None
    assert cache.get("large") is None

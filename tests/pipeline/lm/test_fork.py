"""A fork beside busy threads: its child answers, and waits for nobody."""

# Locks are held here as a thread of weft holds them.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.timing import PATIENCE
from weft.pipeline.calls import disk
from weft.pipeline.calls.cache import Cache, MemoryCache
from weft.pipeline.calls.limits import Limiter
from weft.pipeline.ground.loops import Turnstile

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks no process")

# Six threads call while the process forks; each child asks something new, and something
# that is known. The alarm ends a child that waits for a lock that nobody holds.
BUSY = """
import os, signal, sys, threading
import weft
from weft.pipeline.calls.cache import MemoryCache

path, where, forks = sys.argv[1], sys.argv[2], int(sys.argv[3])
ask = weft.Predict("question -> answer", name="ask")
stores = {"disk": weft.Cache(path), "memory": MemoryCache(), "none": None}
weft.configure(
    lm=weft.FunctionLM(lambda _: "[[ answer ]]\\nyes\\n[[ /end ]]"),
    cache=stores[where],
    budget=weft.Ledger(weft.Budget(calls=10**9)),
)
ask(question="known")
stop = False

def work(number):
    count = 0
    while not stop:
        ask(question=f"{number}: {count}")
        count += 1

threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(6)]
for thread in threads:
    thread.start()
failed = []
for number in range(forks):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        answers = {ask(question="known").answer, ask(question=f"new {number}").answer}
        os._exit(answers != {"yes"})
    status = os.waitpid(child, 0)[1]
    if status:
        failed.append((number, status))
        if len(failed) > 1:
            break
stop = True
for thread in threads:
    thread.join()
print(failed)
"""


# A thread loads a part of weft while the process forks; the child loads it too.
LOADING = """
import os, pathlib, signal, sys, threading
import weft
from weft.pipeline.ground.lazy import deferred, lazy

folder = pathlib.Path(sys.argv[1])
(folder / "slow.py").write_text("import sys; sys.begun.set(); sys.go.wait(); made = 1")
sys.begun, sys.go = threading.Event(), threading.Event()
weft.__path__.append(str(folder))
part = deferred("weft", "slow")
find = {"deferred": lambda: part.made, "lazy": lambda: lazy("weft", {"slow": "made"},
    "package")[0]("made")}[sys.argv[2]]
loading = threading.Thread(target=find)
loading.start()
sys.begun.wait()
threading.Timer(0.3, sys.go.set).start()
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(find() != 1)
print(os.waitpid(child, 0)[1])
loading.join()
"""


@pytest.mark.parametrize("how", ["deferred", "lazy"])
def test_a_child_loads_what_a_thread_was_loading(how: str, tmp_path: Path) -> None:
    """Parts are loaded at first use, and a lock of Python's own guards each."""
    command = [sys.executable, "-W", "ignore", "-c", LOADING, str(tmp_path), how]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("0", "")


@pytest.mark.parametrize("where", ["disk", "memory", "none"])
def test_a_child_of_a_busy_process_answers(where: str, tmp_path: Path) -> None:
    """Whatever its parent's threads were doing when it forked."""
    command = [sys.executable, "-W", "ignore", "-c", BUSY, str(tmp_path / "c"), where]
    done = subprocess.run(
        [*command, "40"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def forked(work: Callable[[], object]) -> int:
    """The exit code of a child that does some work; killed where it hangs."""
    child = os.fork()
    if child == 0:
        import signal

        signal.alarm(30)
        try:
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("what", ["memory", "fake", "limit", "budget"])
def test_a_lock_that_a_thread_holds_is_not_the_childs(what: str) -> None:
    """It was copied as it stood, and its holder stayed with the parent."""
    lm = weft.FunctionLM(lambda _: "[[ answer ]]\nyes\n[[ /end ]]")
    memory, ledger = MemoryCache(), weft.Ledger(weft.Budget(calls=9))
    limiter = Limiter(2)
    locks: dict[str, Any] = {
        "memory": memory._lock,
        "fake": lm._lock,
        "limit": limiter._lock,
        "budget": ledger._room.lock,
    }
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with locks[what]:
            held.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(PATIENCE)

    def ask() -> None:
        with weft.use(lm=lm, cache=memory, budget=ledger):
            weft.Predict("question -> answer", name="ask")(question="new")
        limiter.bound(1)

    code = forked(ask)
    over.set()
    thread.join()

    assert code == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_waits_until_nobody_is_inside_sqlite(tmp_path: Path) -> None:
    """What is under way when somebody wants to fork is finished first."""
    store = disk.DiskStore(tmp_path)
    inside, seen = threading.Event(), list[str]()

    def write() -> None:
        with store._changing() as connection:
            inside.set()
            for number in range(2_000):
                connection.execute("SELECT ?", (number,)).fetchone()
            seen.append("written")

    thread = threading.Thread(target=write)
    thread.start()
    inside.wait(PATIENCE)
    code = forked(lambda: seen[0])
    thread.join()
    store.close()

    assert code == 0


def test_nobody_enters_while_a_process_forks() -> None:
    """A thread that comes later goes on when the fork is over."""
    gate, entered = Turnstile(patience=PATIENCE), threading.Event()

    def enter() -> None:
        with gate:
            entered.set()

    gate.shut()
    thread = threading.Thread(target=enter)
    thread.start()
    with gate:  # the thread that forks may
        before = entered.is_set()
    gate.open()
    thread.join(PATIENCE)

    assert (before, entered.is_set()) == (False, True)


def test_who_is_inside_may_enter_again() -> None:
    """Also while another thread waits to fork: else both would wait for ever."""
    gate = Turnstile(patience=PATIENCE)

    def fork() -> None:
        gate.shut()
        gate.open()

    with gate:
        thread = threading.Thread(target=fork)
        thread.start()
        while not gate._forking:
            pass
        with gate:
            pass
    thread.join(PATIENCE)

    assert not thread.is_alive()


def test_a_fork_waits_no_longer_than_it_has_patience() -> None:
    """A thread that never comes out does not keep a process from forking."""
    gate, out = Turnstile(patience=0.0), threading.Event()
    held = threading.Event()

    def stay() -> None:
        with gate:
            held.set()
            out.wait(PATIENCE)

    thread = threading.Thread(target=stay)
    thread.start()
    held.wait(PATIENCE)
    gate.shut()
    gate.open()
    out.set()
    thread.join()

    assert not gate._inside


@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_is_written_into_a_database_without_a_name(
    at_once: bool, tmp_path: Path
) -> None:
    """Another process deleted it: a new one is made, and what comes is kept there."""
    lm = weft.FunctionLM(lambda _: "[[ answer ]]\nyes\n[[ /end ]]" + " " * 300_000)
    if at_once:
        lm = weft.FunctionLM(lambda _: "[[ answer ]]\nyes\n[[ /end ]]")
    ask, cache = weft.Predict("question -> answer", name="ask"), Cache(tmp_path)
    with weft.use(lm=lm, cache=cache):
        ask(question="before")
        for file in tmp_path.glob("cache.db*"):
            file.unlink()
        ask(question="after")
    cache.close()

    other = Cache(tmp_path)
    assert (other.stats().disk_entries, other.verify().whole) == (1, 1)
    other.close()

"""Lines that are appended: whole, in order, and none lost to a kill."""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import random
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.timing import PATIENCE
from weft.pipeline.ground import files
from weft.pipeline.ground.files import AppendLog, DamagedLine

LINES = st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\n", b" ")))
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

KILLED = """
import sys
from pathlib import Path
from weft.pipeline.ground.files import AppendLog

with AppendLog(Path(sys.argv[1]), patience=60.0) as log:
    for n in range(int(sys.argv[2]), 1_000_000):
        log.append(b"%d %s\\n" % (n, b"x" * 5000), sync=n % 50 == 0)
        print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "lines.log"


def any_line(line: bytes) -> bytes:
    """Whatever stands on a line is what it holds."""
    return line


def own(line: bytes) -> bytes | None:
    """What `write` wrote, and nothing else."""
    return line if line.startswith(b"w") and line.endswith(b".") else None


@given(lines=LINES, cut=st.integers(0, 60), more=LINES)
def test_any_cut_loses_only_what_it_cuts(
    lines: list[bytes],
    cut: int,
    more: list[bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Wherever a file ends, the whole lines before it are read, and gone on with."""
    path = tmp_path_factory.mktemp("cut") / "log"
    with AppendLog(path) as log:
        log.append(*(line + b"\n" for line in lines))
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    left = lines[: path.read_bytes().count(b"\n")]

    with AppendLog(path) as log:
        found = list(log.read(any_line))
        for line in more:
            log.append(line + b"\n")

    assert found == left
    assert path.read_bytes() == b"".join(line + b"\n" for line in [*left, *more])


@given(torn=st.binary(max_size=20), more=st.binary(min_size=1, max_size=20))
def test_what_is_appended_unread_begins_a_line(
    torn: bytes, more: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A torn end stays as it is, and swallows nothing."""
    path = tmp_path_factory.mktemp("torn") / "log"
    path.write_bytes(torn)

    with AppendLog(path, patience=0.0) as log:
        log.append(more + b"\n")

    between = b"\n" if torn and not torn.endswith(b"\n") else b""
    assert path.read_bytes() == torn + between + more + b"\n"


def test_damage_before_the_last_line_is_told(path: Path) -> None:
    """It says where, and nothing is cut off."""
    path.parent.mkdir()
    path.write_bytes(b"w1.\nw2\nw3.\n")

    with AppendLog(path) as log, pytest.raises(DamagedLine) as told:
        list(log.read(own))

    assert (told.value.line, told.value.byte) == (2, 4)
    assert path.read_bytes() == b"w1.\nw2\nw3.\n"


def test_a_last_line_that_is_damaged_is_torn(path: Path) -> None:
    """A file system may write the end of a line before its middle."""
    path.parent.mkdir()
    path.write_bytes(b"w1.\nw\0\0\n")

    with AppendLog(path) as log:
        found = list(log.read(own))

    assert found == [b"w1."]
    assert path.read_bytes() == b"w1.\n"


def test_a_reader_that_stops_early_cuts_nothing(path: Path) -> None:
    """Who finds that the file is another's leaves it as it was."""
    path.parent.mkdir()
    path.write_bytes(b"w1.\nw2.\nw3")

    with AppendLog(path) as log:
        next(log.read(own))

    assert path.read_bytes() == b"w1.\nw2.\nw3"


def test_a_new_file_is_its_owners(path: Path) -> None:
    """Mode 0600; one that is there keeps its own."""
    AppendLog(path).close()
    other = path.with_name("other")
    other.touch()
    other.chmod(0o640)
    AppendLog(other).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(other.stat().st_mode) == 0o640


def test_a_file_has_one_writer_where_none_waits(path: Path) -> None:
    """The second is refused at once; when the first is done it is let in."""
    with AppendLog(path) as first:
        with pytest.raises(BlockingIOError):
            AppendLog(path)
        first.append(b"one\n")
    with AppendLog(path) as second:
        second.append(b"two\n")

    assert path.read_bytes() == b"one\ntwo\n"


def test_who_waited_long_enough_appends_without_the_lock(path: Path) -> None:
    """A stopped process that holds it does not stop everybody else."""
    with AppendLog(path), AppendLog(path, patience=0.01) as other:
        other.append(b"one\n")

    assert path.read_bytes() == b"one\n"


def test_a_full_disk_leaves_no_half_line(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing more is tried: what was to come next may hang on what is lost."""
    real, left = os.write, [3]

    def write(file: int, data: bytes) -> int:
        if not left:
            raise FULL
        return real(file, data[: left.pop()])

    with AppendLog(path) as log:
        log.append(b"one\n")
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write)
            with pytest.raises(OSError, match="No space left"):
                log.append(b"two two\n")
        with pytest.raises(OSError, match="No space left"):
            log.append(b"three\n")

    assert path.read_bytes() == b"one\n"


def test_a_sync_that_failed_ends_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells of lost pages once: a later sync would say that all is well."""

    def fail(file: int) -> None:
        raise FULL

    with AppendLog(path) as log:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", fail)
            with pytest.raises(OSError, match="No space left"):
                log.append(b"one\n", sync=True)
        with pytest.raises(OSError, match="No space left"):
            log.append(b"two\n", sync=True)


def test_closing_waits_for_who_is_writing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of a closed file may be another file's at once."""
    begun, go_on = threading.Event(), threading.Event()
    synced: list[bool] = []

    def slow(file: int) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        os.fstat(file)  # it is open
        synced.append(True)

    monkeypatch.setattr(os, "fdatasync", slow)
    log = AppendLog(path)
    writer = threading.Thread(target=lambda: log.append(b"one\n", sync=True))
    writer.start()
    assert begun.wait(PATIENCE)
    closer = threading.Thread(target=log.close)
    closer.start()
    go_on.set()
    closer.join(PATIENCE)

    assert synced == [True]
    with pytest.raises(OSError, match="closed"):
        log.append(b"two\n")
    writer.join(PATIENCE)
    assert path.read_bytes() == b"one\n"


def write_some(path: Path, who: int) -> None:
    """Fifty lines, each opened, locked and closed for itself."""
    for n in range(50):
        with AppendLog(path, patience=60.0) as log:
            log.append(f"w{who} {n} {'x' * 3000}.\n".encode())


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    """Every line of each is there, whole, and in the order of its writer."""
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=write_some, args=(path, n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE)
        assert writer.exitcode == 0

    with AppendLog(path) as log:
        found = [line.split()[:2] for line in log.read(own)]
    for who in range(3):
        mine = [int(n) for name, n in found if name == b"w%d" % who]
        assert mine == list(range(50))


def test_threads_that_share_a_log_lose_nothing(path: Path) -> None:
    """Also where each line is on the disk before the next is begun."""
    with AppendLog(path) as log:

        def write(who: int) -> None:
            for n in range(30):
                log.append(b"w%d %d.\n" % (who, n), sync=True)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        found = list(log.read(own))

    assert sorted(found) == sorted(
        b"w%d %d." % (w, n) for w in range(4) for n in range(30)
    )


def test_a_kill_loses_no_line_that_was_told(path: Path, tmp_path: Path) -> None:
    """After each SIGKILL all that `append` came back from is there, in order."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    rng, there = random.Random(11), 0

    for _ in range(3):
        words = [sys.executable, str(script), str(path), str(there)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            for _ in range(rng.randrange(1, 200)):
                victim.stdout.readline()
            os.kill(victim.pid, signal.SIGKILL)
            told = [line for line in victim.stdout if line.endswith("\n")]
        with AppendLog(path) as log:
            found = [int(line.split()[0]) for line in log.read(any_line)]
        assert found == list(range(len(found)))
        assert not told or found[-1] >= int(told[-1])
        assert len(found) > there
        there = len(found)


class Growing(io.BytesIO):
    """A file of one line and a half, to which a writer adds the other half later."""

    def readline(self, size: int | None = -1) -> bytes:
        found = super().readline(size)
        if found == b"tw":
            self.write(b"o\nthree\n")
            self.seek(-8, io.SEEK_CUR)
        return found


def test_a_line_that_is_being_written_is_no_line_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What comes of it while others are read is a piece, and is given to nobody."""
    monkeypatch.setattr(files, "open_regular", lambda _: Growing(b"one\ntw"))

    assert list(files.lines_of("any")) == [b"one\n"]

"""Files that a kill leaves whole: written in one step, or line behind line.

`write_whole` is for a text that is replaced: whoever reads finds the old one or the new
one. `AppendLog` is for lines that are added: journals, traces, results as they come.
What is kept for later calls stands in a folder that is ours alone, or is refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, BinaryIO, Final, Self, TypeVar, final

from ..errors import ArtifactError
from . import system

T = TypeVar("T")
_STALE = 3600.0
"""Seconds; a writer needs its spare file for some milliseconds."""
_PAUSE = 0.0005
"""Seconds between two tries to get a lock."""
_LONGEST_LINE: Final = 2**28
"""Bytes of a line that is appended, and that is read."""
LARGEST: Final = 2**30
"""Bytes of a file that may be large, such as an evaluation with all its prompts."""


def write_whole(target: Path, text: str, mode: int = 0o666) -> None:
    """Write a text file; the one that is there stays whole whatever happens.

    The text goes to a new file beside it, reaches the disk, and takes the name. What a
    killed writer of this target left is removed once it is an hour old.

    Args:
        target: The file.
        text: What it is to hold.
        mode: Who may read and write it, less what the process's mask takes away.

    Raises:
        ArtifactError: It could not be written; no other file is left behind.
    """
    write_bytes(target, text.encode("utf-8"), mode)


def write_bytes(target: Path, data: bytes, mode: int = 0o666) -> None:
    """As `write_whole`, for a file that is no text."""
    spare = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(spare, data, mode)
            os.replace(spare, target)  # noqa: PTH105 - one call that tests can fail
        except BaseException:
            with contextlib.suppress(OSError):
                spare.unlink(missing_ok=True)
            raise
        _sync(target.parent)
    except OSError as error:
        raise ArtifactError(f"{target} could not be written: {error}") from error
    with contextlib.suppress(OSError):
        _clear(target)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file to read it; what is none, such as a pipe, is refused at once.

    A link is followed: what it leads to is what the caller named.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    flags = os.O_RDONLY | system.BINARY | getattr(os, "O_NONBLOCK", 0)
    return os.fdopen(_regular(os.open(path, flags)), "rb")


def read_bounded(path: Path, most: int) -> str:
    """A text file, of which no more is read than may be there.

    Raises:
        OSError: It cannot be read, or is no regular file.
        ValueError: It has more than `most` bytes, or is not UTF-8.
    """
    with open_regular(path) as file:
        return decoded(file, most)


def decoded(file: IO[bytes], most: int) -> str:
    """The text in an open file, as `read_bounded` reads it.

    Raises:
        ValueError: As there.
    """
    data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"more than {most} bytes")
    return data.decode("utf-8")


def lines_of(path: str | os.PathLike[str]) -> Generator[bytes]:
    """The lines of a file, each with its newline, up to one that has none yet.

    A line without one is the last, or is being written: what comes of it meanwhile is a
    piece of a line, and belongs to the next reading.

    Raises:
        OSError: It cannot be read, or is no regular file; or a line is longer than one
            that `AppendLog` writes.
    """
    with open_regular(path) as file:
        while line := file.readline(_LONGEST_LINE + 1):
            if not line.endswith(b"\n"):
                if len(line) > _LONGEST_LINE:
                    message = f"a line has over {_LONGEST_LINE} bytes"
                    raise OSError(errno.EFBIG, message)
                return
            yield line


class DamagedLine(ValueError):
    """A line that is none, before the last one.

    Args:
        line: Its number; the first is 1.
        byte: Where it begins in the file.
    """

    def __init__(self, line: int, byte: int) -> None:
        super().__init__(f"line {line} is damaged, at byte {byte}")
        self.line, self.byte = line, byte


@final
class AppendLog:
    r"""A file that only grows, by whole lines, whoever is killed and whenever.

    Lines are appended under an exclusive lock on the file, by any number of threads. A
    new file has mode 0600; one that is there keeps its mode. What a kill left of a last
    line is no line: `read` cuts it off, and what is appended unread begins a new line
    behind it. After a write that failed no further one is tried. A link is not
    followed: whoever may write to the folder could have put it there.

    Args:
        path: The file; its folder is made where it is missing.
        patience: Seconds to wait for another writer to let go of the lock; after them
            lines are appended without it. None is for a file's only writer.

    Raises:
        BlockingIOError: Another writer has the lock, and there is no patience.
        OSError: The file cannot be opened, or is no regular file; or there is no lock
            and no patience.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "log"
    ...     _ = path.write_bytes(b"one\ntw")  # a kill in mid-write
    ...     with AppendLog(path) as log:
    ...         print(list(log.read(bytes)))
    ...         log.append(b"three\n", sync=True)
    ...     path.read_bytes()
    [b'one']
    b'one\nthree\n'
    """

    def __init__(self, path: Path, *, patience: float | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _regular(_opened(path))
        self._state = threading.Condition()
        self._syncing = 0
        self._over: OSError | None = None
        try:
            self._locked = _lock(self._file, patience)
        except OSError:
            os.close(self._file)
            raise

    def read(
        self, of: Callable[[bytes], T | None], begins: bytes = b""
    ) -> Generator[T]:
        """What the lines hold, from the first; a torn last line is cut off at the end.

        Where the caller stops before the end nothing is cut off.

        Args:
            of: What a line, without its newline, holds; None for one that is damaged.
            begins: How the first line begins. A file without a whole line is ours if
                it begins so as far as it goes; nothing of another one is cut off.

        Raises:
            DamagedLine: A line is damaged, and it is not the last; or the file is not
                ours.
        """
        number = whole = 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            lines.seek(0)
            while line := lines.readline(_LONGEST_LINE + 1):
                found = of(line[:-1]) if line.endswith(b"\n") else None
                if found is None:
                    break
                yield found
                number += 1
                whole += len(line)
            rest = line
        if rest:
            last = whole + len(rest) == os.fstat(self._file).st_size
            alike = min(len(begins), len(rest))
            if not last or (not whole and rest[:alike] != begins[:alike]):
                raise DamagedLine(number + 1, whole)
            os.ftruncate(self._file, whole)

    def begins(self, start: bytes) -> bool:
        """Whether the file begins so, as far as it goes; an empty one does."""
        found = system.read_at(self._file, len(start), 0)
        return found == start[: len(found)]

    def append(self, *lines: bytes, sync: bool = False) -> None:
        """Write lines, each with its newline.

        Args:
            lines: What is written, all of it or nothing.
            sync: Whether it is on the disk when this returns.

        Raises:
            OSError: It could not be written, or an earlier one could not; or a line is
                longer than `read` takes, and nothing has changed.
        """
        if max(map(len, lines), default=0) > _LONGEST_LINE:
            raise OSError(errno.EFBIG, f"a line has more than {_LONGEST_LINE} bytes")
        with self._state:
            self._refuse_more()
            try:
                self._write(b"".join(lines))
            except OSError as error:
                self._over = error
                raise
            self._syncing += 1
        try:
            if sync:
                getattr(os, "fdatasync", os.fsync)(self._file)  # macOS has none
        except OSError as error:
            self._over = error
        finally:
            with self._state:
                self._syncing -= 1
                self._state.notify_all()
        self._refuse_more()  # where one sync fails, others may have lost as much

    def close(self) -> None:
        """Close the file once nobody writes; its number may then be another file's."""
        with self._state:
            self._state.wait_for(lambda: not self._syncing)
            self._over = self._over or OSError(errno.EBADF, "the file is closed")
            # By name: a child forked meanwhile holds the same open file for good.
            with contextlib.suppress(OSError):
                system.unlock(self._file)
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        end = os.fstat(self._file).st_size
        if self._locked and end and system.read_at(self._file, 1, end - 1) != b"\n":
            data = b"\n" + data
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:
            if self._locked:  # else it may be another's line that is cut
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, end)
            raise

    def _refuse_more(self) -> None:
        if self._over is not None:
            raise OSError(*self._over.args)


class Unusable(Exception):
    """A folder, or a database in it, that cannot be used now."""


def prepare_folder(folder: Path) -> None:
    """Make a folder ours only, or refuse it.

    Raises:
        Unusable: It is somebody else's, or open to everybody.
    """
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
    found = folder.stat()
    if not system.is_ours(found):
        raise Unusable(f"the folder {str(folder)!r} belongs to another user")
    if found.st_mode & stat.S_IWOTH:
        raise Unusable(f"everybody may write to the folder {str(folder)!r}")


@contextlib.contextmanager
def opening(folder: Path) -> Generator[None]:
    """Hold off other processes while something is made in a folder, or changed."""
    handle = _handle_of(folder)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            system.lock(handle, wait=True)
        yield
    finally:
        # A child that was forked meanwhile holds the handle too, and the lock with it.
        with contextlib.suppress(OSError):
            system.unlock(handle)
        os.close(handle)


def _handle_of(folder: Path) -> int:
    """What is locked for a folder: itself, or a file in it where that has no handle."""
    if hasattr(os, "O_DIRECTORY"):
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | system.BINARY)
    flags = os.O_RDWR | os.O_CREAT | system.BINARY
    return os.open(folder / "opening.lock", flags, 0o600)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | system.NO_WAIT
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "it is a link; name the file itself") from None


def _regular(handle: int) -> int:
    """The handle, if it is one of a regular file; else it is closed."""
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is no regular file")


def _lock(file: int, patience: float | None) -> bool:
    """Take a file's lock; False where that is not to be had in time."""
    ends = time.monotonic() + (patience or 0.0)
    while True:
        try:
            system.lock(file)
        except OSError as error:  # held, or a file system without locks
            if patience is None:
                raise
            held = isinstance(error, BlockingIOError)
            if not held or time.monotonic() >= ends:
                return False
            time.sleep(_PAUSE)
        else:
            return True


def _clear(target: Path) -> None:
    """Remove the old spare files of writers that were killed."""
    spare = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.tmp")
    before = time.time() - _STALE
    for path in target.parent.iterdir():
        if spare.fullmatch(path.name) and path.lstat().st_mtime < before:
            path.unlink()


def _write(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | system.BINARY, mode)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """Let the new name reach the disk too; on Windows a folder cannot be opened."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

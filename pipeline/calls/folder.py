"""The folder of a cache: ours alone, or refused."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from .entry import Damaged, Unusable

DATABASE: Final = "cache.db"
_JOURNAL: Final = "-journal"
_SIDES: Final = ("-wal", "-shm", _JOURNAL)


def move_aside(folder: Path) -> None:
    """Rename a damaged database, so that a new one can be made and nothing is lost."""
    mark = f".corrupt-{time.time_ns()}"
    for ending in ("", *_SIDES):
        file = folder / f"{DATABASE}{ending}"
        with contextlib.suppress(FileNotFoundError):
            file.rename(f"{file}{mark}")


@contextlib.contextmanager
def opening(folder: Path) -> Generator[None]:
    """Hold off other processes while a database is made or its settings change."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        # A child that was forked meanwhile holds the handle too, and the lock with it.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def prepare_folder(folder: Path) -> None:
    """Make a folder ours only, or refuse it.

    Raises:
        Unusable: It is somebody else's, or open to everybody.
    """
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise Unusable(f"the folder {str(folder)!r} belongs to another user")
    if found.st_mode & stat.S_IWOTH:
        raise Unusable(f"everybody may write to the folder {str(folder)!r}")


def prepare_database(folder: Path) -> None:
    """Make the database file ours only, or refuse it.

    Raises:
        Damaged: It is a link, or no file at all; or there is a rollback journal, which
            we leave none of, and in which SQLite would believe the name of a file to
            delete, anywhere.
    """
    for ending in (*_SIDES, ""):
        file = folder / f"{DATABASE}{ending}"
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise Damaged(f"{file.name} is no regular file")
    if (folder / f"{DATABASE}{_JOURNAL}").exists():
        raise Damaged("there is a rollback journal, which is not ours")
    # To open and close a database's file drops SQLite's locks on it, so only where
    # there is need to.
    with contextlib.suppress(FileNotFoundError):
        if stat.S_IMODE((folder / DATABASE).stat().st_mode) == 0o600:
            return
    # SQLite gives its side files the mode of the database.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(folder / DATABASE, flags, 0o600)
    try:
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)

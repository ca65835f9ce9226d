"""A folder that is ours alone, or refused; and a lock on it, for what is made there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Generator
from pathlib import Path


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
    if found.st_uid != os.getuid():
        raise Unusable(f"the folder {str(folder)!r} belongs to another user")
    if found.st_mode & stat.S_IWOTH:
        raise Unusable(f"everybody may write to the folder {str(folder)!r}")


@contextlib.contextmanager
def opening(folder: Path) -> Generator[None]:
    """Hold off other processes while something is made in a folder, or changed."""
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

"""Files written as a whole: whoever reads finds the old text or the new one."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path

from ..errors import ArtifactError

_STALE = 3600.0
"""Seconds; a writer needs its spare file for some milliseconds."""


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
    spare = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(spare, text.encode("utf-8"), mode)
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


def read_bounded(path: Path, most: int) -> str:
    """A text file, of which no more is read than may be there, whatever it is.

    Raises:
        OSError: It cannot be read.
        ValueError: It has more than `most` bytes, or is not UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"more than {most} bytes")
    return data.decode("utf-8")


def _clear(target: Path) -> None:
    """Remove the old spare files of writers that were killed."""
    spare = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}\.tmp")
    before = time.time() - _STALE
    for path in target.parent.iterdir():
        if spare.fullmatch(path.name) and path.lstat().st_mtime < before:
            path.unlink()


def _write(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
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

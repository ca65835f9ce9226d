"""What systems have under other names, or not at all: locks, forks, limits, owners.

POSIX has all of it. Python on Windows has no `fcntl` and no `resource`, no fork, no
owners, no links to refuse, and `os.open` there turns line ends into two characters
unless it is told not to. `filelock` and `portalocker` know such locks too; the first
wants a second file beside each that is locked, and neither locks one byte of a file.
And what the environment names: the folder of the cache.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, Final

from ..errors import ConfigError


def require_fork_hooks() -> None:
    """Refuse a Python whose forks tell nobody; its own `random` cannot be imported.

    Raises:
        ConfigError: It has `os.fork` and no `os.register_at_fork`.
    """
    if hasattr(os, "fork") and not hasattr(os, "register_at_fork"):
        raise ConfigError(
            "this Python forks (os.fork) and tells nobody (no os.register_at_fork): a "
            "child would take its parent's locks and connections for its own",
            hint="Use CPython 3.11 or newer on Linux, macOS or Windows",
        )


def _found(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


_fcntl: Final[Any] = _found("fcntl")
_msvcrt: Final[Any] = None if _fcntl is not None else _found("msvcrt")
_resource: Final[Any] = _found("resource")
_PLACES: Final = (1 << 31) - 1  # `msvcrt.locking` knows no place behind them
_WHOLE: Final = _PLACES - 1  # stands for the whole file, as a rule behind its end

BINARY: Final[int] = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags with which `os.open` changes no byte, and no child gets the file."""

NO_LINK: Final[int] = BINARY | getattr(os, "O_NOFOLLOW", 0)
"""As `BINARY`; a link is refused, where there are links."""

NO_WAIT: Final[int] = NO_LINK | getattr(os, "O_NONBLOCK", 0)
"""As `NO_LINK`; a pipe that nobody writes to is not waited for."""


def at_fork(
    *,
    before: Callable[[], object] | None = None,
    after_in_parent: Callable[[], object] | None = None,
    after_in_child: Callable[[], object] | None = None,
) -> None:
    """As `os.register_at_fork`; nothing to do where no process forks."""
    hooks = {
        "before": before,
        "after_in_parent": after_in_parent,
        "after_in_child": after_in_child,
    }
    register = getattr(os, "register_at_fork", None)
    if register is not None:
        register(**{name: hook for name, hook in hooks.items() if hook is not None})


def lock(file: int, *, wait: bool = False) -> None:
    """Lock an open file for this process.

    Args:
        file: Its number.
        wait: Whether to wait until another process lets go of it.

    Raises:
        BlockingIOError: Another process has it locked, and there is no waiting.
        OSError: The file system knows no locks.
    """
    if _fcntl is not None:
        _fcntl.flock(file, _fcntl.LOCK_EX | (0 if wait else _fcntl.LOCK_NB))
    else:
        _lock_byte(file, _WHOLE, wait=wait)


def unlock(file: int) -> None:
    """Let go of a file's lock.

    Raises:
        OSError: The file system knows no locks.
    """
    if _fcntl is not None:
        _fcntl.flock(file, _fcntl.LOCK_UN)
    else:
        unlock_byte(file, _WHOLE)


def lock_byte(file: int, place: int) -> None:
    """Lock one byte of an open file for this process, written or not.

    Raises:
        BlockingIOError: Another process has it locked.
        OSError: The file system knows no locks.
    """
    if _fcntl is not None:
        try:
            _fcntl.lockf(file, _fcntl.LOCK_EX | _fcntl.LOCK_NB, 1, place)
        except PermissionError as error:  # as some systems call it
            raise BlockingIOError(*error.args) from None
    else:
        _lock_byte(file, place, wait=False)


def unlock_byte(file: int, place: int) -> None:
    """Let go of one byte.

    Raises:
        OSError: The file system knows no locks.
    """
    if _fcntl is not None:
        _fcntl.lockf(file, _fcntl.LOCK_UN, 1, place)
    elif _msvcrt is not None:
        os.lseek(file, place % _PLACES, os.SEEK_SET)
        _msvcrt.locking(file, _msvcrt.LK_UNLCK, 1)


def _lock_byte(file: int, place: int, *, wait: bool) -> None:
    if _msvcrt is None:
        raise OSError("this system has no locks on files")
    while True:
        os.lseek(file, place % _PLACES, os.SEEK_SET)
        # The one that waits gives up after ten seconds.
        how = _msvcrt.LK_LOCK if wait else _msvcrt.LK_NBLCK
        try:
            _msvcrt.locking(file, how, 1)
        except OSError as error:
            if not wait:
                raise BlockingIOError(*error.args) from None
        else:
            return


def read_at(file: int, count: int, place: int) -> bytes:
    """Up to so many bytes of an open file from a place on."""
    if hasattr(os, "pread"):
        return os.pread(file, count, place)
    os.lseek(file, place, os.SEEK_SET)
    return os.read(file, count)


def make_private(file: int) -> None:
    """Let nobody but its owner use an open file, where the system knows of owners."""
    if hasattr(os, "fchmod"):
        os.fchmod(file, 0o600)


def is_ours(found: os.stat_result) -> bool:
    """Whether a file is this user's, as far as the system knows of users."""
    return not hasattr(os, "getuid") or found.st_uid == os.getuid()


def most_files() -> int | None:
    """How many files the process may have open; None where nothing limits them."""
    if _resource is None:
        return None
    files, _ = _resource.getrlimit(_resource.RLIMIT_NOFILE)
    return None if files == _resource.RLIM_INFINITY else int(files)


def cache_place() -> str:
    """The folder of answers and of what is known of models, as it is named just now.

    It is asked before every call, and the environment and the working directory may
    change between two: so it takes as little as it can.
    """
    named = os.environ.get("WEFT_CACHE") or ".weft/cache"
    return named if named[:1] == "/" else os.path.join(os.getcwd(), named)  # noqa: PTH109, PTH118

"""Which process makes a call: one claim a request key, let go of by death.

A claim is a lock on one byte of one file, at a place that the key decides. The
kernel frees it at once when its holder dies, however it dies; a forked child does not
inherit it; and any number of keys need one open file only. Two keys that share a place
(there are 2^60) wait for each other, and nothing worse.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Final

from ..ground import system
from ..ground.loops import PerProcess

_FILE: Final = "flights.lock"


class Claims:
    """The claims of this process in one folder; made by `claims_in`.

    Args:
        folder: An existing folder that is ours.
    """

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | system.NO_LINK
        self._file = os.open(folder / _FILE, flags, 0o600)
        self._held = Counter[int]()
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Claim a key; False where another process holds it.

        Where the file system knows no locks every claim is granted.
        """
        place = _place_of(key)
        with self._lock:
            if not self._held[place]:
                try:
                    system.lock_byte(self._file, place)
                except BlockingIOError:
                    return False
                except OSError:
                    pass  # a file system without locks
            self._held[place] += 1
        return True

    def give_back(self, key: str) -> None:
        """Let go of a key that was taken."""
        place = _place_of(key)
        with self._lock:
            self._held[place] -= 1
            if self._held[place] <= 0:
                del self._held[place]
                with contextlib.suppress(OSError):  # a file system without locks
                    system.unlock_byte(self._file, place)

    def forget(self) -> None:
        """In a forked child: the claims stayed with the parent."""
        self._held.clear()
        self._lock = threading.Lock()


def _place_of(key: str) -> int:
    try:
        return int(key[:15], 16)  # of a request's key, which is a digest already
    except ValueError:
        pass
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 4


claims_in: Final = PerProcess[Path, Claims](Claims, Claims.forget)
"""This process's claims in a folder.

Closing any handle of a file drops all of a process's locks on it, so each is opened
once a process and stays open. Raises `OSError` where the file cannot be made.
"""

"""Answers in memory, bounded in bytes: in front of a disk, or a whole cache."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from ..lm.request import Response

DEFAULT_MEMORY: Final = 64 * 2**20
"""Bytes of the memory layer."""

_ENTRY_OVERHEAD: Final = 800  # key, objects and table slots of one entry, measured


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Counts since the cache was made, and its sizes now.

    Args:
        memory_hits: Answers found in memory.
        disk_hits: Answers found on disk.
        misses: Requests not found.
        writes: Answers written to disk.
        write_errors: Answers that could not be written; they stay in memory.
        damaged: Entries or databases that were refused.
        unusable: Times that the folder or the database could not be used.
        memory_entries: Answers in memory.
        memory_bytes: Their estimated size.
        disk_entries: Answers on disk.
        disk_bytes: The size of the database.
    """

    memory_hits: int = 0
    disk_hits: int = 0
    misses: int = 0
    writes: int = 0
    write_errors: int = 0
    damaged: int = 0
    unusable: int = 0
    memory_entries: int = 0
    memory_bytes: int = 0
    disk_entries: int = 0
    disk_bytes: int = 0


class MemoryCache:
    """Answers in memory only, the least recently used dropped beyond a size.

    Args:
        memory_bytes: The most that the entries may take, by estimate.
    """

    def __init__(self, memory_bytes: int = DEFAULT_MEMORY) -> None:
        self._most = memory_bytes
        self._entries: OrderedDict[str, tuple[Response, int]] = OrderedDict()
        self._bytes = 0
        self._hits = 0
        self._misses = 0
        self._lock = threading.Lock()

    def forget_locks(self) -> None:
        """In a forked child: a lock may be held by a thread that is no more."""
        self._lock = threading.Lock()

    def get(self, key: str) -> Response | None:
        """The answer to a request, marked as cached, or None."""
        found = self.recall(key)
        if found is None:
            with self._lock:
                self._misses += 1
        return found

    def recall(self, key: str) -> Response | None:
        """As `get`, where a miss is not the last word: it is not counted."""
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                return None
            self._entries.move_to_end(key)
            self._hits += 1
            return found[0]

    async def put(self, key: str, response: Response) -> None:
        """Keep an answer."""
        self.keep(key, response)

    def keep(self, key: str, response: Response) -> None:
        """Keep an answer, from ordinary code."""
        response = response.as_cached()
        size = sys.getsizeof(response.text) + _ENTRY_OVERHEAD
        if response.reasoning:
            size += sys.getsizeof(response.reasoning)
        with self._lock:
            old = self._entries.pop(key, None)
            self._bytes -= old[1] if old else 0
            if size > self._most:  # it would push out everything, and then itself
                return
            self._bytes += size
            self._entries[key] = (response, size)
            while self._bytes > self._most:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._bytes -= dropped

    def stats(self) -> CacheStats:
        """Counts and sizes."""
        with self._lock:
            return CacheStats(
                memory_hits=self._hits,
                misses=self._misses,
                memory_entries=len(self._entries),
                memory_bytes=self._bytes,
            )

    def clear(self) -> int:
        """Drop every answer and return how many there were."""
        with self._lock:
            count = len(self._entries)
            self._entries.clear()
            self._bytes = 0
            return count

    def prune(self, max_bytes: int) -> int:
        """Drop the least recently used answers and return how many went."""
        with self._lock:
            count = len(self._entries)
            while self._entries and self._bytes > max_bytes:
                _, (_, dropped) = self._entries.popitem(last=False)
                self._bytes -= dropped
            return count - len(self._entries)

    def close(self) -> None:
        """Nothing to close; here so that both caches are used alike."""

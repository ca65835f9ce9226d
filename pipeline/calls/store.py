"""Answers by request key: the seam to whatever keeps them, one in memory, the bytes.

Instances of the seam: a cache on disk (`cache`), one in memory, a compile's journal. An
entry is "v1", a digest over key and text, and the answer as JSON. The digest covers the
key, so an entry moved to another key is refused like a flipped bit.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from ..errors import ContentFiltered, ModelFailure, TooLarge
from ..ground.loops import afresh_in_children
from ..ground.strictjson import is_text, plain_text
from ..lm.as_json import response_from_json, response_to_json
from ..lm.request import Response, strict_loads
from ..lm.wire.finish import ending_of

WITHHELD: Final = (ContentFiltered, TooLarge)
"""What a request comes to, and not the moment at which it was asked."""

DEFAULT_MEMORY: Final = 64 * 2**20
"""Bytes of the memory layer."""

LARGEST_ENTRY: Final = 2**28
"""Bytes of an answer on disk; a larger one is neither written nor read."""
_ENTRY_OVERHEAD: Final = 800  # key, objects and table slots of one entry, measured
_HEAD: Final = b"v1"
_DIGEST_SIZE: Final = 16
_TEXT_AT: Final = len(_HEAD) + _DIGEST_SIZE


@runtime_checkable
class AnswerStore(Protocol):
    """Answers by request key."""

    def get(self, key: str) -> Response | None:
        """The answer, marked as cached, or None; fast, and without errors."""
        ...

    async def put(self, key: str, response: Response) -> None:
        """Keep an answer; it is kept when this returns."""
        ...


class SharedStore(AnswerStore, ABC):
    """Answers that other processes have, too: of these, one makes a call."""

    @abstractmethod
    async def claim(self, key: str, patience: float | None = None) -> Response | None:
        """Wait until it is this process's turn to make a call.

        Args:
            key: The request's.
            patience: Seconds after which the others are not waited for any more.

        Returns:
            The answer that another process brought meanwhile; or None, and then the
            call is the caller's to make, and `release` must follow.
        """

    @abstractmethod
    def release(self, key: str) -> None:
        """Let other processes have their turn."""


@runtime_checkable
class RunStore(AnswerStore, Protocol):
    """The answers of one run, and which requests got none because of what they ask.

    In such a run a request is asked once, whatever came of it: else what was sent, and
    so what was spent, would hang on which of two equal calls came first.
    """

    async def withhold(self, key: str, error: ModelFailure) -> None:
        """Keep that an answer was withheld; `get` raises the error from now on."""
        ...


class Unsafe(Exception):
    """An entry that is damaged, or claims to be more than a key and some bytes."""


def encode(key: str, response: Response) -> bytes:
    """The bytes of an answer.

    Raises:
        ValueError: The answer holds a number that is not finite, or anything else that
            would not be read again.
    """
    tree = response_to_json(response)
    kept_answer(tree)
    text = plain_text(tree).encode("utf-8", "surrogatepass")
    if len(text) + _TEXT_AT > LARGEST_ENTRY:
        raise ValueError(f"it has more than {LARGEST_ENTRY} bytes")
    return _HEAD + _digest(key, text) + text


def decode(key: str, blob: bytes) -> Response:
    """The answer in some bytes, marked as cached.

    Raises:
        Unsafe: They are not what was written under this key.
    """
    text = blob[_TEXT_AT:]
    if blob[:_TEXT_AT] != _HEAD + _digest(key, text):
        raise Unsafe("its digest does not fit")
    try:
        return kept_answer(strict_loads(text))
    except ValueError as error:
        raise Unsafe(str(error)) from None


def kept_answer(data: object) -> Response:
    """An answer that was kept as plain data, marked as cached.

    Raises:
        ValueError: It has another form, or never was a whole answer of characters.
    """
    answer = response_from_json(data)
    if ending_of(answer.finish_reason) in (None, "content_filter"):
        raise ValueError("the answer did not end")
    texts = [answer.text, answer.reasoning, answer.model, answer.request_id]
    texts += [t for c in answer.tool_calls for t in (c.name, c.arguments, c.id)]
    if not all(map(is_text, texts)):
        raise ValueError("a lone surrogate is no character")
    return answer


def _digest(key: str, text: bytes) -> bytes:
    # A line break ends the key: the text is JSON in one line, so no two pairs collide.
    whole = b"%b\n%b" % (key.encode(), text)
    return hashlib.blake2b(whole, digest_size=_DIGEST_SIZE).digest()


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


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at every entry on disk found.

    Args:
        whole: Entries whose digest fits.
        damaged: Keys of those that do not; each is a miss, and its call is made anew.
        fault: Why the database could not be read to its end, or empty.
    """

    whole: int
    damaged: tuple[str, ...] = ()
    fault: str = ""


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
        self.forget()
        afresh_in_children(self)

    def forget(self) -> None:
        """Start afresh, as a forked child must: no thread of its parent lets go."""
        self._lock = threading.Lock()

    def get(self, key: str, *, final: bool = True) -> Response | None:
        """The answer to a request, marked as cached, or None.

        Args:
            key: The request's.
            final: Whether a miss is the last word, and counted.
        """
        with self._lock:
            found = self._entries.get(key)
            if found is None:
                self._misses += final
                return None
            self._entries.move_to_end(key)
            self._hits += 1
            return found[0]

    def recall(self, key: str) -> Response | None:
        """As `get`, where a miss is not the last word."""
        return self.get(key, final=False)

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
            self._drop_beyond(self._most)

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
        return self.prune(-1)

    def prune(self, max_bytes: int) -> int:
        """Drop the least recently used answers and return how many went."""
        with self._lock:
            count = len(self._entries)
            self._drop_beyond(max_bytes)
            return count - len(self._entries)

    def close(self) -> None:
        """Nothing to close; here so that both caches are used alike."""

    def _drop_beyond(self, size: int) -> None:
        while self._entries and self._bytes > size:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped

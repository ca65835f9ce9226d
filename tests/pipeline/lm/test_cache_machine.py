"""A cache and a dict, treated alike by any sequence of steps, hold the same."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.pipeline.lm.dying import Elsewhere
from tests.pipeline.lm.support import answer_of, key_of, sql
from weft.pipeline.calls.cache import Cache
from weft.pipeline.lm.request import Response

KEYS = 9
SIZES = st.sampled_from([10, 3000, 40_000])


class CacheMachine(RuleBasedStateMachine):
    """A cache against a dict: puts here and elsewhere, kills, reopening, damage.

    `disk` holds, for each key, what may be there: one answer, or None, or several
    where a process was killed before it could say. `seen` is what this cache may have
    in memory. Once the file was damaged every answer may be lost, and none be wrong.
    """

    keys = Bundle("keys")
    elsewhere: Elsewhere

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.disk: dict[int, list[Response | None]] = {}
        self.seen: dict[int, Response] = {}
        self.ever: dict[int, list[Response | None]] = {}
        self.damaged = False
        self.cache = Cache(self.folder.name, memory_bytes=5000)

    def allowed(self, key: int) -> list[Response | None]:
        """What the disk may hold under a key."""
        if self.damaged:
            return [None, *self.ever.get(key, [])]
        return self.disk.get(key, [None])

    def written(self, key: int, answer: Response, *, surely: bool) -> None:
        """An answer was put, or may have been."""
        self.ever.setdefault(key, []).append(answer)
        others = [] if surely else self.disk.get(key, [None])
        self.disk[key] = [answer, *others]

    @rule(target=keys, key=st.integers(0, KEYS - 1))
    def name(self, key: int) -> int:
        return key

    @rule(key=keys, number=st.integers(0, 99), size=SIZES)
    def put(self, key: int, number: int, size: int) -> None:
        answer = answer_of(number, size)
        asyncio.run(self.cache.put(key_of(key), answer))
        self.written(key, answer, surely=True)
        self.seen[key] = answer

    @rule(
        given=st.dictionaries(
            st.integers(0, KEYS - 1),
            st.tuples(st.integers(0, 99), SIZES),
            min_size=1,
        ),
        microseconds=st.none() | st.integers(1, 10_000),
    )
    def put_elsewhere(
        self, given: dict[int, tuple[int, int]], microseconds: int | None
    ) -> None:
        """Another process puts, and may be killed meanwhile."""
        items = [[key, *item] for key, item in given.items()]
        said, ended = self.elsewhere.do(
            self.folder.name, microseconds, kind="put", items=items
        )

        kept = {int(key) for _, key in said}
        assert kept == given.keys() or not ended
        for key, item in given.items():
            self.written(key, answer_of(*item), surely=key in kept)

    @rule(key=keys)
    def get(self, key: int) -> None:
        found = self.cache.get(key_of(key))
        if found is not None and found == self.seen.get(key):
            return  # from memory, perhaps, which another process cannot change
        assert found in self.allowed(key)
        self.disk[key] = [found]
        self.seen.pop(key, None)
        if found is not None:
            self.seen[key] = found

    @rule(key=keys)
    def get_elsewhere(self, key: int) -> None:
        other = Cache(self.folder.name)
        found = other.get(key_of(key))
        other.close()
        assert found in self.allowed(key)
        self.disk[key] = [found]

    @rule()
    def reopen(self) -> None:
        self.cache.close()
        self.cache = Cache(self.folder.name, memory_bytes=5000)
        self.seen.clear()

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.disk.clear()
        self.seen.clear()

    @precondition(lambda self: not self.damaged)
    @rule(key=keys)
    def spoil(self, key: int) -> None:
        """One entry is damaged: it alone is a miss."""
        if None not in self.allowed(key):
            self.reopen()
            statement = "UPDATE Cache SET value = 'spoilt' WHERE key = ?"
            sql(Path(self.folder.name), statement, key_of(key))
            self.disk[key] = [None]

    @rule(seed=st.integers(0, 999), size=st.sampled_from([1, 100, 4096]))
    def damage(self, seed: int, size: int) -> None:
        """The file is damaged, somewhere."""
        self.reopen()
        database, rng = Path(self.folder.name, "cache.db"), random.Random(seed)
        if database.exists():
            self.damaged = True
            with database.open("r+b") as file:
                file.seek(rng.randrange(database.stat().st_size))
                file.write(rng.randbytes(size))

    @invariant()
    def sizes_agree(self) -> None:
        surely = sum(None not in self.allowed(key) for key in self.disk)
        assert self.cache.stats().disk_entries >= surely
        assert self.cache.stats().memory_bytes <= 5000

    def teardown(self) -> None:
        self.cache.close()
        self.folder.cleanup()


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=25, stateful_step_count=20)


@pytest.fixture(scope="module", autouse=True)
def _elsewhere() -> Generator[None]:
    """One process that forks the others."""
    with Elsewhere() as CacheMachine.elsewhere:
        yield

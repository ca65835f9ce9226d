"""A cache and a dict, treated alike by any sequence of steps, hold the same."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from tests.pipeline.lm.support import answer_of, key_of, sql
from weft.pipeline.lm.cache import Cache
from weft.pipeline.lm.request import Response


class CacheMachine(RuleBasedStateMachine):
    """A cache against a dict: put, get, reopen, clear, spoil, and a second cache."""

    keys = Bundle("keys")

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[str, Response] = {}
        self.cache = Cache(self.folder.name, memory_bytes=5000)

    @rule(target=keys, number=st.integers(0, 8))
    def name(self, number: int) -> str:
        return key_of(number)

    @rule(key=keys, number=st.integers(0, 99), size=st.sampled_from([10, 3000, 40_000]))
    def put(self, key: str, number: int, size: int) -> None:
        asyncio.run(self.cache.put(key, answer_of(number, size)))
        self.model[key] = answer_of(number, size)

    @rule(key=keys)
    def get(self, key: str) -> None:
        assert self.cache.get(key) == self.model.get(key)

    @rule(key=keys)
    def get_elsewhere(self, key: str) -> None:
        other = Cache(self.folder.name)
        assert other.get(key) == self.model.get(key)
        other.close()

    @rule()
    def reopen(self) -> None:
        self.cache.close()
        self.cache = Cache(self.folder.name, memory_bytes=5000)

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.model.clear()

    @rule(key=keys)
    def spoil(self, key: str) -> None:
        if key in self.model:
            self.reopen()
            statement = "UPDATE Cache SET value = 'spoilt' WHERE key = ?"
            sql(Path(self.folder.name), statement, key)
            del self.model[key]

    @invariant()
    def sizes_agree(self) -> None:
        if self.model:
            assert self.cache.stats().disk_entries >= len(self.model)
        assert self.cache.stats().memory_bytes <= 5000

    def teardown(self) -> None:
        self.cache.close()
        self.folder.cleanup()


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None
)

"""Each test of a compiler starts with an empty cache and no model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import weft


@pytest.fixture(autouse=True)
def _memory_only() -> Iterator[None]:
    """Each test has a cache of its own, in memory, and no model until it names one."""
    with weft.use(lm=None, cache=weft.MemoryCache()):
        yield

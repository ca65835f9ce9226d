"""One small random model for all tests of models in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.white.tiny import MISSING, make_model


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without the extra the files are not read: one line is skipped in their place."""
    gone = MISSING and collection_path.name.startswith("test_")
    return True if gone and collection_path.name != "test_extra.py" else None


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, as transformers saves one."""
    return make_model(tmp_path_factory.mktemp("white") / "tiny")


@pytest.fixture
def lm(folder: Path) -> Iterator[weft.LM]:
    """The model, greedy, asked afresh at each call."""
    with weft.use(cache=None):
        yield weft.LM(f"torch/{folder}", temperature=0, max_tokens=8)

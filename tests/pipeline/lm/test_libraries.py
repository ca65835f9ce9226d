"""What we know of the insides of libraries is still so, within the ranges we allow."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sqlite3
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import diskcache  # pyright: ignore[reportMissingTypeStubs]
import pytest
from aiohttp.client_proto import ResponseHandler

from tests.pipeline.lm.support import answer_of, key_of
from weft.pipeline.calls.cache import Cache
from weft.pipeline.calls.disk import COLUMNS, DiskStore
from weft.pipeline.calls.store import encode

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.mark.parametrize("library", ["aiohttp", "diskcache", "litellm"])
def test_the_range_ends_before_the_next_change(library: str) -> None:
    """What is private of a library is used below a version that was looked at."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["litellm"]
    [line] = [line for line in wanted if line.startswith(library)]
    most = [part for part in line.split(",") if part.startswith("<")]

    bound = tuple(map(int, most[0].removeprefix("<").split(".")))
    assert tuple(map(int, version(library).split(".")[: len(bound)])) < bound


def test_diskcache_keeps_the_table_that_we_write(tmp_path: Path) -> None:
    """Its columns are those that our statements name."""
    diskcache.Cache(str(tmp_path)).close()

    with contextlib.closing(sqlite3.connect(tmp_path / "cache.db")) as database:
        found = database.execute("PRAGMA table_info(Cache)").fetchall()
    assert tuple(row[1] for row in found) == COLUMNS


async def test_diskcache_reads_what_we_write(tmp_path: Path) -> None:
    """A row of ours is one that diskcache itself finds, counts and gives back."""
    cache = Cache(tmp_path)
    for number in range(300):  # more than one statement holds
        await cache.put(key_of(number), answer_of(number))
    cache.close()

    theirs: Any = diskcache.Cache(str(tmp_path))
    assert len(theirs) == 300
    assert theirs[key_of(7)] == encode(key_of(7), answer_of(7))
    theirs.close()


def test_diskcache_looks_once_for_a_value(tmp_path: Path) -> None:
    """To get a value is one statement: each more would let another thread go first."""
    store = DiskStore(tmp_path)
    store.write([("a" * 64, b"some bytes")])
    theirs: Any = store.__dict__["_cache"]
    said: list[str] = []
    theirs._con.set_trace_callback(said.append)

    assert store.read("a" * 64) == b"some bytes"
    assert len(said) == 1
    store.close()


async def test_aiohttp_makes_the_connections_that_a_connector_names() -> None:
    """`_factory` is where the kind of a connection is said, and this is its kind."""
    pool: Any = aiohttp.TCPConnector()

    assert isinstance(pool._factory(), ResponseHandler)
    assert "_factory" in inspect.getsource(aiohttp.TCPConnector)
    assert isinstance(ResponseHandler.should_close, property)
    await pool.close()


def test_litellm_has_what_the_bridge_reaches_for() -> None:
    """Its handler, its kept clients, its worker and the modules of a first call."""
    bridge = importlib.import_module("weft.pipeline.lm.wire.litellm_bridge")
    litellm = bridge._load()
    http = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    worker = importlib.import_module("litellm.litellm_core_utils.logging_worker")

    assert "shared_session" in inspect.signature(http.AsyncHTTPHandler).parameters
    assert isinstance(litellm.in_memory_llm_clients_cache.cache_dict, dict)
    assert callable(worker.GLOBAL_LOGGING_WORKER.clear_queue)
    assert callable(worker.GLOBAL_LOGGING_WORKER.stop)
    assert litellm.openai_text_completion_compatible_providers
    assert callable(litellm.get_llm_provider)
    for name in bridge._AT_FIRST_CALL:
        importlib.import_module(name)

"""A look at every entry says which are damaged, and changes nothing."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from tests.pipeline.lm.support import answer_of, fill, key_of, sql
from weft.commands.tools import cache as command
from weft.pipeline.calls.cache import Cache, Verified


def test_whole(tmp_path: Path) -> None:
    """Entries as they were written are whole; an empty folder stays empty."""
    fill(tmp_path / "full", range(150))

    assert Cache(tmp_path / "full").verify() == Verified(150)
    assert Cache(tmp_path / "none").verify() == Verified(0)
    assert not (tmp_path / "none").exists()


def test_damaged(tmp_path: Path) -> None:
    """A changed value, a moved entry and a planted pickle are named, and kept."""
    fill(tmp_path, range(150))
    sql(tmp_path, "UPDATE Cache SET value = x'00' WHERE key = ?", key_of(3))
    sql(tmp_path, "UPDATE Cache SET key = 'moved' WHERE key = ?", key_of(4))
    sql(tmp_path, "UPDATE Cache SET mode = 4 WHERE key = ?", key_of(149))
    cache = Cache(tmp_path)

    found = cache.verify()

    assert found == Verified(147, (key_of(3), "moved", key_of(149)))
    assert cache.get(key_of(5)) == answer_of(5)
    assert cache.stats().disk_entries == 150
    cache.close()


def test_a_database_that_is_none(tmp_path: Path) -> None:
    """What cannot be read at all is a fault, and is left where it is."""
    fill(tmp_path, range(3))
    (tmp_path / "cache.db").write_bytes(b"noise" * 1000)

    assert Cache(tmp_path).verify().fault
    assert (tmp_path / "cache.db").read_bytes() == b"noise" * 1000


def test_the_command(tmp_path: Path) -> None:
    """`weft cache verify` names the damaged entries and ends with 1."""
    fill(tmp_path, range(5))
    words = Namespace(dir=str(tmp_path), action="verify", to=None)
    sound = command(words)
    sql(tmp_path, "UPDATE Cache SET value = x'00' WHERE key = ?", key_of(3))

    spoilt = command(words)

    assert (sound.code, sound.data["whole"], sound.data["damaged"]) == (0, 5, [])
    assert (spoilt.code, spoilt.data["damaged"]) == (1, [key_of(3)])
    assert key_of(3) in spoilt.text

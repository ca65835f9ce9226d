"""Published ways out of Python sandboxes stay inside."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.modules.code.escapes import ESCAPES

pytest.importorskip("pydantic_monty")

CANARY = "weft-canary-5d1f"
BOX = weft.Sandbox(seconds=0.3, memory=50_000_000)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.mark.parametrize("name", ESCAPES)
def test_no_way_out(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listening: socket.socket,
) -> None:
    """It is an error, it read nothing and wrote nothing, and connected to nothing."""
    secret, touched = tmp_path / "secret", tmp_path / "touched"
    secret.write_text(CANARY, "utf-8")
    monkeypatch.setenv("WEFT_CANARY", CANARY)
    code = ESCAPES[name].code.replace("SECRET", str(secret))
    code = code.replace("TOUCHED", str(touched))
    code = code.replace("PORT", str(listening.getsockname()[1]))

    run = BOX.run(code)

    assert run.error is not None, run
    assert CANARY not in repr(run)
    assert not touched.exists()
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_there_are_many_with_their_sources() -> None:
    """At least twenty, each from a named place."""
    assert len(ESCAPES) >= 20
    assert all(escape.source for escape in ESCAPES.values())
    assert len({escape.source for escape in ESCAPES.values()}) >= 15


def test_the_process_beside_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even who broke the interpreter would find no secret in its environment."""
    proc = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if not proc.exists():
        pytest.skip("needs Linux' /proc")
    monkeypatch.setenv("WEFT_CANARY", CANARY)
    seen: list[bytes] = []

    def look() -> int:
        """Look at the processes that this one started."""
        for task in Path("/proc/self/task").iterdir():
            found = (task / "children").read_text().split()
            for child in map(Path("/proc").joinpath, found):
                name = (child / "comm").read_text().strip()
                seen.extend([(child / "environ").read_bytes()] * (name == "monty"))
        return len(seen)

    BOX.run("look()", functions=[look])

    assert seen == [b""]

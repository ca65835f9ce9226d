"""What weft gives to other people's tests works, and changes nothing unasked."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from weft import testing

TESTS = """
import socket
import pytest
import weft
from weft.testing import NetworkRefused

def reach():
    socket.getaddrinfo("weft.invalid", 80)

def test_open():
    with pytest.raises(socket.gaierror):
        reach()

def test_closed(weft_no_network):
    with pytest.raises(NetworkRefused):
        reach()

def test_server(weft_no_network, fault_server):
    fault_server.answer = lambda body: "[[ answer ]]\\nyes\\n[[ /end ]]"
    ask = weft.Predict("question -> answer", lm=weft.LM("m", api_base=fault_server.url))
    with weft.use(cache=None):
        assert ask(question="well?").answer == "yes"
    assert fault_server.count == 1
"""


def run(folder: Path, *flags: str) -> str:
    """Run the tests above in a pytest of their own and give back its last line."""
    (folder / "test_theirs.py").write_text(TESTS)
    words = ["-m", "pytest", "-q", "-p", "weft.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *words, *flags, "test_theirs.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip().splitlines()[-1]


def test_nothing_unasked(tmp_path: Path) -> None:
    """Without the flag only the tests that ask for it have no network."""
    assert run(tmp_path).startswith("3 passed")


def test_the_flag(tmp_path: Path) -> None:
    """With the flag no test has one."""
    assert run(tmp_path, "--weft-no-network").startswith("1 failed, 2 passed")


def test_the_network_comes_back() -> None:
    """The scope's end restores what was there."""
    before = socket.socket.connect, socket.getaddrinfo

    with testing.no_network(), pytest.raises(testing.NetworkRefused, match=r"192\.0"):
        socket.create_connection(("192.0.2.1", 9), timeout=0.1)

    assert (socket.socket.connect, socket.getaddrinfo) == before


def test_every_name_is_there() -> None:
    """`__all__` holds what the module promises."""
    assert all(hasattr(testing, name) for name in testing.__all__)

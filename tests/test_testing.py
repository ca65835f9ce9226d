"""What weft gives to other people's tests works, and changes nothing unasked."""

from __future__ import annotations

import asyncio
import http.server
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
    """The last line of a pytest of its own, which finds the plugin by itself."""
    (folder / "test_theirs.py").write_text(TESTS)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
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
    before = socket.socket.connect, socket.getaddrinfo, socket.socket.sendto

    with testing.no_network(), pytest.raises(testing.NetworkRefused, match=r"192\.0"):
        socket.create_connection(("192.0.2.1", 9), timeout=0.1)

    after = socket.socket.connect, socket.getaddrinfo, socket.socket.sendto
    assert after == before


def test_every_name_is_there() -> None:
    """`__all__` holds what the module promises."""
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_ours_have_no_network() -> None:
    """The flag is set for this project's own tests."""
    with pytest.raises(testing.NetworkRefused, match="example"):
        socket.getaddrinfo("example.com", 443)


@pytest.mark.parametrize(
    "name", ["127.0.0.1.example.com", "localhost.example.com", "0.0.0.0.example", "::2"]
)
def test_names_that_only_look_like_here(name: str) -> None:
    """A name is this machine's as a whole, not by how it starts."""
    with testing.no_network(), pytest.raises(testing.NetworkRefused, match=name):
        socket.getaddrinfo(name, 443)


async def test_every_way_out_is_closed() -> None:
    """Datagrams, which need no connection, look-ups of every kind, asyncio's own."""
    loop = asyncio.get_running_loop()
    far = ("192.0.2.1", 9)
    with (
        testing.no_network(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        for way in (
            lambda: datagrams.sendto(b"x", far),
            lambda: datagrams.sendto(b"x", 0, far),
            lambda: datagrams.sendmsg([b"x"], [], 0, far),
            lambda: socket.gethostbyname("example.com"),
            lambda: socket.gethostbyname_ex("example.com"),
            lambda: socket.gethostbyaddr("192.0.2.1"),
            lambda: socket.getnameinfo(("192.0.2.1", 9), 0),
            lambda: socket.getaddrinfo("::ffff:192.0.2.1", 9),
        ):
            with pytest.raises(testing.NetworkRefused):
                way()
        with pytest.raises(testing.NetworkRefused):
            await loop.create_connection(asyncio.Protocol, *far)

        assert datagrams.sendto(b"x", ("127.0.0.1", 9)) == 1
        datagrams.connect(("127.0.0.1", 9))
        assert datagrams.sendmsg((b"x", b"y")) == 2
        assert socket.gethostbyname("localhost")


def test_this_machine_by_other_names() -> None:
    """Its own name and mapped addresses are here too: servers bind to them."""
    with testing.no_network():
        assert socket.getfqdn()
        assert socket.getnameinfo(("127.0.0.1", 9), socket.NI_NUMERICHOST)[0]
        assert socket.getaddrinfo("::ffff:127.0.0.1", 9)
        with http.server.HTTPServer(("", 0), http.server.BaseHTTPRequestHandler):
            pass

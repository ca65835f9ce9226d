r"""For tests of your programs: models that ask nobody, and a server that misbehaves.

`ScriptedLM`, `FunctionLM`, `ReplayLM` and `RefusingLM` stand in for a model.
`FaultServer` is a real HTTP server on this machine that answers as scripted: slowly,
with any status, cut short, reset, malformed, or for ever. `no_network` refuses every
connection beyond this machine; under pytest ask for the fixture `weft_no_network`, or
run with `--weft-no-network`.

>>> import weft
>>> lm = ScriptedLM({"never came": "[[ team ]]\ncards\n[[ /end ]]"})
>>> route = weft.Predict("message -> team", lm=lm)
>>> with weft.use(cache=None):
...     route(message="my card never came").team, lm.calls
('cards', 1)
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Any

from .pipeline.lm.fakes import FunctionLM, RefusingLM, ReplayLM, ScriptedLM
from .pipeline.lm.fault_server import FaultServer, Reply, Seen

__all__ = [
    "FaultServer",
    "FunctionLM",
    "NetworkRefused",
    "RefusingLM",
    "ReplayLM",
    "Reply",
    "ScriptedLM",
    "Seen",
    "no_network",
]

_HERE = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104 - compared, not bound


class NetworkRefused(AssertionError):
    """A test tried to reach beyond this machine."""


@contextlib.contextmanager
def no_network() -> Generator[None]:
    """Refuse connections and look-ups that are not to this machine, in a scope.

    It holds in the whole process and every thread of it. Unix sockets work.

    >>> with no_network():
    ...     socket.getaddrinfo("example.com", 443)
    Traceback (most recent call last):
    weft.testing.NetworkRefused: a test tried to reach 'example.com'
    """
    kept: list[tuple[Any, str, Any]] = [
        (socket.socket, "connect", socket.socket.connect),
        (socket.socket, "connect_ex", socket.socket.connect_ex),
        (socket, "getaddrinfo", socket.getaddrinfo),
    ]
    for holder, name, real in kept:
        guard = _look_up if name == "getaddrinfo" else _connect
        setattr(holder, name, guard(real))
    try:
        yield
    finally:
        for holder, name, real in kept:
            setattr(holder, name, real)


def _connect(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX:
            _refuse_elsewhere(address[0])
        return real(self, address)

    return connect


def _look_up(real: Callable[..., Any]) -> Callable[..., Any]:
    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_elsewhere(host)
        return real(host, *args, **kwargs)

    return look_up


def _refuse_elsewhere(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if not name.startswith(_HERE):
        raise NetworkRefused(f"a test tried to reach {name!r}")

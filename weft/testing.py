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
import ipaddress
import socket
from collections.abc import Callable, Generator
from typing import Any

from .fault_server import FaultServer, Reply, Seen
from .pipeline.lm.fakes import FunctionLM, RefusingLM, ReplayLM, ScriptedLM

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

_LOOK_UPS = (
    *("getaddrinfo", "getnameinfo"),
    *("gethostbyname", "gethostbyname_ex", "gethostbyaddr"),
)
_SENDS = ("connect", "connect_ex", "sendto", "sendmsg")


class NetworkRefused(AssertionError):
    """A test tried to reach beyond this machine."""


@contextlib.contextmanager
def no_network() -> Generator[None]:
    """Refuse connections and look-ups that are not to this machine, in a scope.

    It holds in the whole process and every thread of it, for all that goes through
    Python's own sockets. Unix sockets work.

    >>> with no_network():
    ...     socket.getaddrinfo("example.com", 443)
    Traceback (most recent call last):
    weft.testing.NetworkRefused: a test tried to reach 'example.com'
    """
    kept: list[tuple[Any, str, Any]] = [
        *((socket.socket, name, getattr(socket.socket, name)) for name in _SENDS),
        *((socket, name, getattr(socket, name)) for name in _LOOK_UPS),
    ]
    for holder, name, real in kept:
        guard = _look_up if holder is socket else _send
        setattr(holder, name, guard(real))
    try:
        yield
    finally:
        for holder, name, real in kept:
            setattr(holder, name, real)


def _send(real: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: socket.socket, *args: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            match args:  # the address comes last; over a connection there is none
                case [*_, (host, int(), *_)]:
                    _refuse_elsewhere(host)
                case _:
                    pass
        return real(self, *args)

    return send


def _look_up(real: Callable[..., Any]) -> Callable[..., Any]:
    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        # `getnameinfo` is given a whole address, host and port.
        _refuse_elsewhere(host[0] if isinstance(host, tuple) else host)
        return real(host, *args, **kwargs)

    return look_up


def _refuse_elsewhere(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        found = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        here = name.lower() in {"localhost", socket.gethostname().lower()}
    else:
        if isinstance(found, ipaddress.IPv6Address):
            found = found.ipv4_mapped or found
        here = found.is_loopback or found.is_unspecified
    if not here:
        raise NetworkRefused(f"a test tried to reach {name!r}")

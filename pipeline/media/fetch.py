"""One file from the web, within limits: for values that are asked to be fetched.

Whoever names a URL makes this machine ask it. So each address that a name leads to is
looked at before it is connected to, and the connection goes to that very address, so
that no second look-up can lead elsewhere; the same for each redirect. Addresses that
are not of the public web are refused: OWASP, "Server Side Request Forgery Prevention".
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from typing import Final, NamedTuple

from ..errors import CallError
from ..ground.words import brief
from .kinds import plain_name

_MOST_REDIRECTS: Final = 5
_PIECE: Final = 64 * 2**10
_MOVED: Final = (301, 302, 303, 307, 308)
_PORTS: Final = {"http": 80, "https": 443}


class Fetched(NamedTuple):
    """What came."""

    data: bytes
    media_type: str  # as the server calls it; empty where it does not


class _Refused(Exception):
    """Why nothing was fetched."""


def fetched(
    url: str, most_bytes: int, timeout: float, *, private: bool = False
) -> Fetched:
    """Fetch what stands at an address.

    Args:
        url: An http or https address.
        most_bytes: The most bytes that are read.
        timeout: Seconds for everything together.
        private: Whether addresses that are not public may be asked.

    Raises:
        CallError: It may not be asked, does not answer in time, or answers otherwise.
    """
    ends, at = time.monotonic() + timeout, url
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            came = _asked(at, most_bytes, ends, private=private)
            if isinstance(came, Fetched):
                return came
            at = urllib.parse.urljoin(at, came)
        why = f"it redirects more than {_MOST_REDIRECTS} times"
    except TimeoutError:
        why = f"it took longer than {timeout:g} s"
    except (OSError, http.client.HTTPException) as error:
        why = f"{type(error).__name__}: {error}"
    except (_Refused, ValueError) as error:
        why = str(error)
    way = "" if at == url else f" (by way of {brief(repr(at), 100)})"
    raise CallError(
        f"{brief(repr(url), 100)} cannot be fetched{way}: {why}",
        hint="Give the data itself: .open(path), or the bytes",
    )


def _asked(url: str, most: int, ends: float, *, private: bool) -> Fetched | str:
    """What an address answers, or where it redirects to."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _Refused("it is no http or https address")
    if parts.username is not None or parts.password is not None:
        raise _Refused("it holds a login")
    port = parts.port or _PORTS[parts.scheme]
    connection = _connected(parts.scheme, parts.hostname, port, ends, private=private)
    with closing(connection), _ended_at(ends, connection.sock):
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        if port != _PORTS[parts.scheme]:
            host = f"{host}:{port}"
        path = urllib.parse.quote(path, safe="/?&=%:;,+@!$'()*~#[]")
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host)
        connection.putheader("Accept-Encoding", "identity")
        connection.putheader("User-Agent", "weft")
        connection.endheaders()
        answer = connection.getresponse()
        if answer.status in _MOVED and (to := answer.getheader("Location")):
            return to
        if answer.status != 200:
            raise _Refused(f"the server answers {answer.status}")
        if answer.getheader("Content-Encoding", "identity") != "identity":
            raise _Refused("the server packs its answer, which nobody asked for")
        told = plain_name(answer.getheader("Content-Type") or "")
        return Fetched(_body(answer, connection, most, ends), told)


def _body(
    answer: http.client.HTTPResponse,
    connection: http.client.HTTPConnection,
    most: int,
    ends: float,
) -> bytes:
    if (answer.length or 0) > most:
        raise _Refused(f"it has {answer.length:,} bytes, more than {most:,}")
    pieces: list[bytes] = []
    held = 0
    while True:
        if connection.sock is not None:
            connection.sock.settimeout(_left(ends))
        piece = answer.read1(_PIECE)
        if not piece:
            break
        held += len(piece)
        if held > most:
            raise _Refused(f"it has more than {most:,} bytes")
        pieces.append(piece)
    if answer.length:
        raise _Refused("its answer broke off")
    return b"".join(pieces)


@contextmanager
def _ended_at(ends: float, sock: socket.socket) -> Generator[None]:
    """Hang up when the time is over: a server that drips never lets a read time out."""

    def hang_up() -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    clock = threading.Timer(_left(ends), hang_up)
    clock.daemon = True
    clock.start()
    try:
        yield
    except (OSError, http.client.HTTPException, _Refused):
        _left(ends)  # what broke off because the time was over says so
        raise
    finally:
        clock.cancel()


def _connected(
    scheme: str, host: str, port: int, ends: float, *, private: bool
) -> http.client.HTTPConnection:
    """A connection to an address of a host that may be asked."""
    addresses = _addresses_of(host, port)
    if not private:
        for address in addresses:
            if not is_public(address):
                raise _Refused(
                    f"{host!r} is at {address}, which is no address of the public web; "
                    "private=True asks it all the same"
                )
    sock = socket.create_connection((addresses[0], port), timeout=_left(ends))
    try:
        if scheme == "https":
            context = ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
    sock.settimeout(_left(ends))
    connection = http.client.HTTPConnection(host, port)
    connection.sock = sock
    return connection


def _addresses_of(host: str, port: int) -> list[str]:
    """Where a host is; what is an address already is not looked up."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host))]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[4][0]) for place in found]


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def is_public(address: str) -> bool:
    """Whether an address is one of the public web, and of no network in between.

    >>> is_public("93.184.215.14"), is_public("10.0.0.1"), is_public("::1")
    (True, False, False)
    >>> is_public("169.254.169.254"), is_public("::ffff:127.0.0.1")
    (False, False)
    >>> is_public("64:ff9b::a00:1"), is_public("100.64.0.1")
    (False, False)
    """
    place = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(place, ipaddress.IPv6Address):
        inner = place.ipv4_mapped or place.sixtofour
        if place.teredo is not None:
            return False
        if place in ipaddress.IPv6Network("64:ff9b::/96"):  # RFC 6052
            inner = ipaddress.IPv4Address(int(place) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return place.is_global and not (place.is_multicast or place.is_reserved)

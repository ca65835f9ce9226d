"""The server: loopback only, one user, and only for a page that knows the token.

It is the standard library's `http.server`, where a framework was considered and left
out: one person on one machine asks a few times a second, nothing is routed, negotiated
or streamed, and a dependency would be the larger part of what has to be trusted here.

Who may ask: a request must name the token in its path, 127.0.0.1 or localhost with the
right port as its Host (so a foreign name that resolves to 127.0.0.1 gets nowhere), and,
where it has an Origin, this server's own. What is sent forbids anything from elsewhere.

One review at a time writes a file, and it comes back at the address it had: a small
file beside the remarks, `.NAME.lock`, is locked while a review runs. It remembers port
and token, readable by its owner only, so that a page that is still open goes on after
the server was killed and started again.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import secrets
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from ..pipeline.errors import ConfigError
from ..pipeline.ground import system
from ..pipeline.ground.shapes import as_dict
from .desk import Reply

_TOKEN_BYTES = 24
HOST = "127.0.0.1"
_LARGEST = 1024 * 1024
_LENGTH = re.compile("[0-9]{1,12}")
_PATIENCE = 60.0
_AT_ONCE = 64
"""Connections: each is a thread, before anybody can know whether it may ask."""
_POLICY = "Content-Security-Policy"
_HEADERS = {
    "Cache-Control": "no-store",
    _POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Refusal(Exception):
    """A request that gets no answer.

    Args:
        status: The HTTP status.
        why: In words.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Answering(Protocol):
    """What a server serves: it answers, and knows no sockets."""

    def get(self, path: str, query: str) -> Reply:
        """What is read."""
        ...

    def post(self, path: str, body: bytes) -> Reply:
        """What is changed."""
        ...


class ReviewServer(http.server.ThreadingHTTPServer):
    """Serves one desk on 127.0.0.1; `serve_forever` until `shutdown`.

    Args:
        desk: What answers.
        token: Part of every path.
        port: 0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, desk: Answering, token: str, port: int = 0) -> None:
        self.desk = desk
        self.token = token
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((HOST, port), _Handler)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The page's address, with its token."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; one connection too many is closed instead."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and let the next connection in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is no event."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "weft"
    sys_version = ""
    timeout = _PATIENCE
    _policy = ""

    def do_GET(self) -> None:
        self._answer(writes=False)

    def do_POST(self) -> None:
        self._answer(writes=True)

    def _answer(self, *, writes: bool) -> None:
        owner = cast("ReviewServer", self.server)
        try:
            path, query = self._asked(owner)
            if writes:
                reply = owner.desk.post(path, self._body())
            else:
                reply = owner.desk.get(path, query)
        except Refusal as refused:
            self.close_connection = True  # its body was not read
            text = json.dumps({"error": refused.why}).encode()
            reply = Reply(text, status=refused.status)
        self._send(reply)

    def _asked(self, owner: ReviewServer) -> tuple[str, str]:
        """The path behind the token, and the query, of a request that may ask.

        Raises:
            Refusal: It may not.
        """
        hosts = {f"{HOST}:{owner.port}", f"localhost:{owner.port}"}
        given = self.headers.get_all("Host") or []
        if len(given) != 1 or given[0] not in hosts:
            raise Refusal(403, "this is no page for other hosts")
        origins = self.headers.get_all("Origin") or []
        if any(origin.removeprefix("http://") not in hosts for origin in origins):
            raise Refusal(403, "this is no page for other origins")
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Refusal(403, "this is no page for other sites")
        asked, _, query = self.path.partition("#")[0].partition("?")
        if not asked.startswith("/"):  # an address of another host, or no path at all
            raise Refusal(400, "a request names a path of this server")
        token, slash, rest = asked.removeprefix("/").partition("/")
        known = secrets.compare_digest(token.encode(), owner.token.encode())
        if not known or not slash:
            raise Refusal(403, "the address lacks its token: take the one printed")
        return rest, query

    def _body(self) -> bytes:
        if self.headers.get_content_type() != "application/json":
            raise Refusal(415, "a change is JSON")
        given = self.headers.get_all("Content-Length") or [""]
        if len(given) != 1 or not _LENGTH.fullmatch(given[0]):
            raise Refusal(411, "a change says how long it is")
        if "Transfer-Encoding" in self.headers:
            raise Refusal(411, "a change says how long it is")
        length = int(given[0])
        if length > _LARGEST:
            raise Refusal(413, "a change is at most 1 MB")
        body = self.rfile.read(length)
        if len(body) < length:
            raise Refusal(400, "the change broke off")
        return body

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self._policy = reply.policy
        self.end_headers()
        self.wfile.write(reply.body)

    def end_headers(self) -> None:
        """Every answer, an error too, says what a browser may do with it."""
        own = {_POLICY: self._policy} if self._policy else {}
        for name, value in (_HEADERS | own).items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Nothing is logged: the address holds the token."""


@dataclass
class Place:
    """Where a review can be found.

    Args:
        port: On 127.0.0.1; 0 where any will do.
        token: Whoever does not know it is refused.
    """

    port: int
    token: str
    _file: int

    def keep(self, port: int) -> None:
        """Remember the port that it became."""
        self.port = port
        text = json.dumps({"port": port, "token": self.token}).encode()
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, text)


@contextlib.contextmanager
def held(out: Path) -> Generator[Place]:
    """The place of the review that writes `out`, for this process alone.

    Raises:
        ConfigError: Another review writes it now, or its folder is not writable.
    """
    path = out.parent / f".{out.name}.lock"
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | system.NO_LINK, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    try:
        try:
            system.lock(file)
        except OSError:
            raise ConfigError(
                f"another review writes {out} now",
                hint="Go on there, or name another file with --out",
            ) from None
        system.make_private(file)
        yield _known(file)
    finally:
        os.close(file)


def _known(file: int) -> Place:
    """The place of the last time; a new one where there is none."""
    fresh = Place(0, secrets.token_urlsafe(_TOKEN_BYTES), file)
    try:
        data = as_dict(json.loads(system.read_at(file, 4096, 0)))
    except (ValueError, RecursionError):
        return fresh
    port, token = data.get("port"), data.get("token")
    if not isinstance(port, int) or not 1024 <= port <= 65535:
        return fresh
    if not isinstance(token, str) or len(token) < _TOKEN_BYTES or not token.isascii():
        return fresh
    return Place(port, token, file)

"""`weft mcp serve`: programs as tools, for clients of the Model Context Protocol."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from typing import Any

from ..modules.mcp.server import (
    Server,
    Transport,
    listen_at,
    place_of,
    process_wire,
)
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.errors import ConfigError
from .arguments import settings
from .output import Outcome, remark
from .targets import objects_named, program_named


def mcp(arguments: argparse.Namespace) -> Outcome:
    """Serve until the client leaves, or, over HTTP, until it is interrupted."""
    host, port = str(arguments.host), arguments.http
    with contextlib.ExitStack() as stack:
        # What a target prints while it is imported is none of the protocol, either.
        wire = None if port is not None else stack.enter_context(process_wire())
        socket = None if port is None else stack.enter_context(listen_at(host, port))
        stack.enter_context(settings(arguments))
        server = Server(*_served(arguments.target))
        names = ", ".join(tool["name"] for tool in server.listed())
        where = "stdio" if socket is None else f"http://{place_of(socket)}/mcp"
        remark(f"serving {names} on {where}", quiet=arguments.quiet)
        allowed = arguments.allow_host
        given: dict[str, Any] = {"host": host, "listening": socket, "wire": wire}
        transport: Transport = "stdio" if socket is None else "http"
        asyncio.run(server.run(transport, **given, allowed_hosts=allowed))
    return Outcome("", None)


def _served(texts: list[str]) -> list[Any]:
    """What is served, in the order in which it was named."""
    live = [text for text in texts if not text.endswith(SUFFIX)]
    found = dict(zip(live, objects_named(live), strict=True))
    for text, target in found.items():
        if not callable(target) or isinstance(target, type):
            raise ConfigError(
                f"{text!r} is of type {type(target).__name__}, nothing to serve",
                hint="Name a program, a module, a tool or a typed function",
            )
    return [found[text] if text in found else program_named(text) for text in texts]

"""`weft mcp serve`: programs as tools, for clients of the Model Context Protocol."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from typing import Any

from ..modules.mcp.server import Server, process_wire
from ..pipeline.artifact.state import SUFFIX
from ..pipeline.errors import ConfigError
from .arguments import settings
from .output import Outcome, remark
from .targets import object_named, program_named


def mcp(arguments: argparse.Namespace) -> Outcome:
    """Serve until the client leaves, or, over HTTP, until it is interrupted."""
    port: int | None = arguments.http
    with contextlib.ExitStack() as stack:
        # What a target prints while it is imported is none of the protocol, either.
        wire = None if port is not None else stack.enter_context(process_wire())
        stack.enter_context(settings(arguments))
        server = Server(*map(_served, arguments.target))
        where = f"http://{arguments.host}:{port}/mcp" if port is not None else "stdio"
        names = ", ".join(tool["name"] for tool in server.listed())
        remark(f"serving {names} on {where}", quiet=arguments.quiet)
        if wire is not None:
            asyncio.run(server.run("stdio", wire=wire))
        else:
            address: dict[str, Any] = {"host": arguments.host, "port": port}
            asyncio.run(
                server.run("http", **address, allowed_hosts=arguments.allow_host)
            )
    return Outcome("", None)


def _served(text: str) -> Any:
    if text.endswith(SUFFIX):
        return program_named(text)
    found = object_named(text)
    if not callable(found) or isinstance(found, type):
        raise ConfigError(
            f"{text!r} is of type {type(found).__name__}, nothing to serve",
            hint="Name a program, a module, a tool or a typed function",
        )
    return found

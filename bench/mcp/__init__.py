"""MCP: how many of the published conformance scenarios `weft.mcp` passes.

The suite is `@modelcontextprotocol/conformance` of npm, the sets of requirements of
both versions of the protocol. As a client weft runs every scenario without OAuth; as a
server every one that a server with tools can be asked, and those of prompts and
resources, which weft does not serve, are listed as what they are.

It needs `npm` and, the first time, the network: the suite and a Node that it runs on
are installed from npm into `--suite FOLDER`, or into a folder that is thrown away.
"""

from __future__ import annotations

from .conformance import run

__all__ = ["run"]

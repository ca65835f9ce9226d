"""MCP, the Model Context Protocol: servers as tools, and programs as servers.

`with weft.mcp.tools(["python", "server.py"]) as tools:` gives the tools of a server,
and `weft.mcp.serve(program)` makes a program one. The extra `mcp` brings the library.
"""

from __future__ import annotations

from ..modules.mcp.client import Toolbox, tools
from ..modules.mcp.context import Context, context
from ..modules.mcp.handlers import Handlers
from ..modules.mcp.place import Http, Stdio
from ..modules.mcp.server import Server, aserve, serve

__all__ = [
    "Context",
    "Handlers",
    "Http",
    "Server",
    "Stdio",
    "Toolbox",
    "aserve",
    "context",
    "serve",
    "tools",
]

"""The `mcp` library is an extra: it is loaded at first use, or its absence is told."""

from __future__ import annotations

import sys

from ...pipeline.errors import ConfigError
from ...pipeline.ground.lazy import first_use


def need_library() -> None:
    """Load what `library` stands on.

    Raises:
        ConfigError: It is not installed, or something else is in its place.
    """
    try:
        with first_use:
            from . import library  # noqa: PLC0415 - an extra
    except ImportError as error:
        found = str(getattr(sys.modules.get("mcp"), "__file__", None) or "")
        hint = "Write pip install 'mcp>=2.3'"
        if found.endswith("mcp.py"):
            hint = f"Rename {found}: Python takes it for the library"
        raise ConfigError(
            f"MCP servers are reached through the mcp library: {error}", hint=hint
        ) from None
    del library

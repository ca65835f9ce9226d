"""The `mcp` library is an extra: it is loaded at first use, or its absence is told."""

from __future__ import annotations

from ...pipeline.errors import ConfigError
from ...pipeline.ground.lazy import first_use


def need_library() -> None:
    """Load what `library` stands on.

    Raises:
        ConfigError: It is not installed, or not as it has to be.
    """
    try:
        with first_use:
            from . import library  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            f"MCP servers are reached through the mcp library: {error}",
            hint="Write pip install 'weft-lm[mcp]'",
        ) from None
    del library

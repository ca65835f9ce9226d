"""The known adapters, by name."""

from __future__ import annotations

from ..errors import ConfigError, did_you_mean
from .base import Adapter, Rendered
from .chat import ChatAdapter
from .json_object import JSONAdapter
from .reply import Parsed
from .xml import XMLAdapter

__all__ = ["Adapter", "Parsed", "Rendered", "adapter_of"]

_ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for adapter in (ChatAdapter(), JSONAdapter(), XMLAdapter())
}


def adapter_of(name: str) -> Adapter:
    """The adapter of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in _ADAPTERS:
        raise ConfigError(
            f"no adapter {name!r}", hint=did_you_mean(name, sorted(_ADAPTERS))
        )
    return _ADAPTERS[name]

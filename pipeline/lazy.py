"""Public names that are imported at first use (PEP 562), so that imports stay light."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(
    package: str, where: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`.

    Args:
        package: Its `__name__`.
        where: For each public name, the module below the package that defines it; a
            module that is public itself stands under its own name as "".
    """

    def find(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{where[name] or name}")
        value = getattr(module, name) if where[name] else module
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(where)

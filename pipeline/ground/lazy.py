"""What is imported at first use, so that imports stay light: names and modules.

Public names of a package come from its `__getattr__` (PEP 562). A module that only some
programs need is written twice, so that checkers see the real one:

    if TYPE_CHECKING:
        from . import svg
    else:
        svg = deferred("weft.pipeline.graph", "svg")
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import dspy_hints as habits
    from . import dspy_names as brought


def lazy(
    package: str, where: Mapping[str, str], table: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__`.

    Args:
        package: Its `__name__`.
        where: For each public name, the module below the package that defines it; a
            module that is public itself stands under its own name as "".
        table: The table in `brought` of names that people bring along.
    """

    def find(name: str) -> Any:
        if name not in where:
            raise missing(package, name, where, table)
        module = import_module(f"{package}.{where[name] or name}")
        value = getattr(module, name) if where[name] else module
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(where)


def missing(
    package: str, name: str, known: Iterable[str], table: str
) -> AttributeError:
    """The error for a name that a package lacks; it says what is meant.

    Args:
        package: The package's `__name__`.
        name: What was asked for.
        known: What it has.
        table: The table in `brought` of names that people bring along.
    """
    said = f"module {package!r} has no attribute {name!r}"
    # Python itself asks for such names, and has no use for a remedy.
    if name.startswith("__"):
        return AttributeError(said)
    remedy = habits.name_remedy(name, known, getattr(brought, table))
    return AttributeError(f"{said}. {remedy}" if remedy else said)


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


def deferred(package: str | None, name: str) -> ModuleType:
    """A module that is imported when it is first asked for something.

    Args:
        package: The `__package__` of the module that says so.
        name: The module's name in it.

    >>> deferred("weft.pipeline.graph", "svg").__name__
    'weft.pipeline.graph.svg'
    """
    return _Deferred(f"{package}.{name}")


if not TYPE_CHECKING:
    brought = deferred(__package__, "dspy_names")
    habits = deferred(__package__, "dspy_hints")

"""Names of modules: the variables by which a function's code reaches them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

from .module import Module


def is_module(value: object) -> TypeGuard[Module[..., Any]]:
    """Whether a value is a module, of whatever types."""
    return isinstance(value, Module)


def variables_of(function: Callable[..., Any]) -> dict[int, str]:
    """Names by which a function's code reaches modules, by the modules' identity.

    Variables of the function's Python module, of the functions around it, and
    attributes of modules and classes that it names are found; other callables have
    none.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return {}
    words = list(dict.fromkeys(_words(code)))
    reachable = closure_of(function)
    scope: dict[str, Any] = getattr(function, "__globals__", {})
    for word in words:
        if word in scope:
            reachable.setdefault(word, scope[word])
    holders = [v for v in reachable.values() if isinstance(v, types.ModuleType | type)]
    for holder in holders:
        held = vars(holder)
        for word in words:
            if word in held:
                reachable.setdefault(word, held[word])
    found: dict[int, str] = {}
    for name, value in reachable.items():
        if is_module(value):
            found.setdefault(id(value), name)
    return found


def _words(code: types.CodeType) -> Iterator[str]:
    """Every name in a function's code, that of functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _words(constant)


def closure_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Variables of the functions around one that it uses, as far as they are set."""
    code: Any = getattr(function, "__code__", None)
    cells: Any = getattr(function, "__closure__", None) or ()
    found: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars if cells else (), cells, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue  # a variable that is not assigned yet
    return found


def frame_names() -> dict[int, str]:
    """Names by which the nearest code outside weft reaches modules of its own file.

    So a helper function may call a module that the program's function never names.
    """
    here = inspect.currentframe()
    while here is not None:
        if not str(here.f_globals.get("__name__", "")).startswith("weft."):
            found: dict[int, str] = {}
            for word in here.f_code.co_names:
                value = here.f_globals.get(word)
                if is_module(value):
                    found.setdefault(id(value), word)
            return found
        here = here.f_back
    return {}

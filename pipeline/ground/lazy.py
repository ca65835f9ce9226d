"""What is done at its first use and kept: results, and imports, which so stay light.

Public names of a package come from its `__getattr__` (PEP 562). A module that only some
programs need is written twice, so that checkers see the real one:

    if TYPE_CHECKING:
        from . import run
    else:
        run = deferred("weft.pipeline", "run")
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, TypeVar

from .hints import missing
from .system import at_fork

_public: dict[str, list[str]] = {}
_PATIENCE: Final = 10.0  # seconds; a fork that waits for ever would be worse


K = TypeVar("K")
V = TypeVar("V")


class Memo(dict[K, V]):
    """What was worked out, by what it was worked out from; emptied where it is full.

    A key of identities stays one while what they are of is held in the value.

    >>> squares = Memo[int, int](2)
    >>> [squares.get(n) or squares.keep(n, n * n) for n in (1, 2, 3, 3)]
    [1, 4, 9, 9]
    >>> squares
    {3: 9}
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: K, value: V) -> V:
        """Keep what was worked out; gives it back."""
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value


class FirstUse:
    """Entered where a part of weft loads at its first use; a fork waits until it has.

    Python has a lock for each module. A child would get that of a module that a thread
    loads just then as it stands, and nobody there would ever let go of it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._shut = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def shut(self) -> None:
        """Before a fork: nothing loads any more."""
        self._shut = self._lock.acquire(timeout=_PATIENCE)

    def open(self) -> None:
        """Behind it, in the parent."""
        if self._shut:
            self._lock.release()

    def forget(self) -> None:
        """Behind it, in the child, where no other thread is left."""
        if self._shut:
            self._lock.release()
        else:
            self._lock = threading.RLock()


first_use: Final = FirstUse()
import_module("logging")  # what loads asks for loggers: its lock comes behind ours
at_fork(
    before=first_use.shut,
    after_in_parent=first_use.open,
    after_in_child=first_use.forget,
)


def lazy(
    package: str, where: Mapping[str, str], kind: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A package's `__getattr__`, `__dir__` and `__all__`.

    Args:
        package: Its `__name__`.
        where: For each module below the package, the public names that it defines;
            modules that are public themselves stand under "".
        kind: What it is to those who bring names along, as in `hints.brought`.
    """
    modules = {name: path for path, names in where.items() for name in names.split()}
    _public[kind] = [*modules]

    def find(name: str) -> Any:
        if name not in modules:
            raise missing(f"module {package!r}", kind, name, modules)
        with first_use:
            module = import_module(f"{package}.{modules[name] or name}")
        value = getattr(module, name) if modules[name] else module
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted(modules), [*modules]


def public_names(kind: str) -> list[str]:
    """The names of the package that is of this kind to those who bring names along."""
    return _public[kind]


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> Any:
        module = vars(self).get("_loaded")
        if module is None:
            with first_use:
                module = import_module(self.__name__)
            vars(self)["_loaded"] = module
        return getattr(module, name)


def deferred(package: str | None, name: str) -> ModuleType:
    """A module that is imported when it is first asked for something.

    Args:
        package: The `__package__` of the module that says so.
        name: The module's name in it.

    >>> deferred("weft.pipeline", "run").__name__
    'weft.pipeline.run'
    """
    return _Deferred(f"{package}.{name}")

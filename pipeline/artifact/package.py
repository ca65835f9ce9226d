"""Folders of artifacts as ordinary packages: imported lazily, seen by type checkers."""

from __future__ import annotations

import importlib.resources
import keyword
import logging
from collections.abc import Callable, Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from unicodedata import normalize

from ..errors import ArtifactError, ConfigError, did_you_mean
from ..graph.module import Module
from ..graph.program import Program, as_given, as_program
from ..ground.files import write_whole
from ..ground.options import path_of
from ..ground.words import brief
from .fit import fitted
from .load import artifact_text, parse_artifact, read_artifact
from .rebuild import rebuilt, stand_ins
from .soft import hold_trained
from .state import SUFFIX, trained_of
from .stubs import HEADER, package_stub

_log: Final = logging.getLogger("weft")
_INIT = '''"""Programs compiled by weft: each artifact of this folder can be imported.

Steps that a program calls go in here: weft.programs(__name__, steps=[...]).
"""

import weft

__getattr__, __dir__, __all__ = weft.programs(__name__)
'''


class PackageHooks(NamedTuple):
    """What a package of artifacts assigns to its module-level names."""

    getattr: Callable[[str], Program[..., Any] | Module[..., Any]]
    dir: Callable[[], list[str]]
    all: list[str]


def programs(
    package: str,
    *,
    steps: Iterable[Callable[..., Any]] = (),
    live: Mapping[str, Program[..., Any] | Module[..., Any]] | None = None,
) -> PackageHooks:
    """Hooks that let a package's artifacts be imported, lazily.

    Each is a program, or a module where one was saved.

    Args:
        package: The package's `__name__`.
        steps: The steps that its programs call.
        live: Live programs or modules by artifact name, whose structure and types are
            used instead of those rebuilt from the file.

    Returns:
        `__getattr__`, `__dir__` and `__all__` for the package (PEP 562).

    Raises:
        ConfigError: The package is no text.
    """
    if not isinstance(cast(object, package), str):
        raise ConfigError(
            f"programs: package={brief(repr(package))} is no package's name",
            hint="Write weft.programs(__name__) in its __init__.py",
        )
    given = tuple(steps)
    folder = importlib.resources.files(package)
    files = _artifacts(folder)
    names = sorted(files)
    loaded: dict[str, Program[..., Any] | Module[..., Any]] = {}

    def find(name: str) -> Program[..., Any] | Module[..., Any]:
        if name not in files:
            hint = "" if name.startswith("__") else did_you_mean(name, names)
            raise AttributeError(f"package {package!r} has no program {name!r}. {hint}")
        if name not in loaded:
            where = f"{package}/{name}{SUFFIX}"
            made = parse_artifact(artifact_text(files[name], where), where)
            hold_trained(trained_of(made.program), folder, name)
            known = (live or {}).get(name)
            if known is None:
                loaded[name] = as_given(rebuilt(made, given, where))
            else:
                fit = fitted(as_program(known), made, where)
                loaded[name] = as_given(fit, known)
        return loaded[name]

    return PackageHooks(find, lambda: names, names)


def package(folder: str | Path) -> Path:
    """Make a folder of artifacts an importable package.

    Writes its `__init__.py`, which is left as it is where there is one; its
    `__init__.pyi`, from which type checkers know each program's inputs and result; and
    `py.typed`, so that they look. A stub that somebody else wrote is left as it is, and
    a warning of the logger `weft` names it, as it does an `__init__.py` that does not
    call `weft.programs`.

    Raises:
        ArtifactError: The folder holds no artifact, or it cannot be imported, or one of
            its artifacts.
    """
    place = path_of(folder, "folder")
    found = sorted(place.glob(f"*{SUFFIX}"))
    if not found:
        raise ArtifactError(
            f"{place} holds no {SUFFIX} file", hint="Save a program there first"
        )
    if not importable(place.absolute().name):
        raise ArtifactError(
            f"the folder {str(place)!r} cannot be imported: its name is no free Python "
            "name",
            hint="Rename the folder, or load its files: weft.load(path)",
        )
    made: dict[str, Program[..., Any]] = {}
    for path in found:
        name = path.name.removesuffix(SUFFIX)
        if not importable(name):
            raise ArtifactError(
                f"{path.name!r} cannot be imported: {name!r} is no free Python name",
                hint="Rename the file",
            )
        state = read_artifact(path)
        steps = stand_ins(state.program)
        made[name] = rebuilt(state, steps, str(path))
    files = ("__init__.py", "__init__.pyi", "py.typed")
    init, stub, marker = (place / name for name in files)
    if not init.exists():
        write_whole(init, _INIT)
    elif "weft.programs(" not in artifact_text(init):
        _log.warning("%s was not written by weft: nothing is imported by it", init)
    if not stub.exists() or artifact_text(stub).startswith(HEADER):
        write_whole(stub, package_stub(made))
    else:
        _log.warning("%s was not written by weft, and is left as it is", stub)
    if not marker.exists():
        write_whole(marker, "")
    return init


def importable(name: str) -> bool:
    """Whether an artifact of this name can be imported from its folder.

    A name that Python reads as another one, such as one with a ligature, cannot.

    >>> importable("qa"), importable("my-qa"), importable("weft"), importable("ﬁnd")
    (True, False, False, False)
    """
    free = name != "weft" and not name.startswith("_") and not keyword.iskeyword(name)
    return free and name.isidentifier() and normalize("NFKC", name) == name


def _artifacts(folder: Traversable) -> dict[str, Traversable]:
    found = {
        entry.name.removesuffix(SUFFIX): entry
        for entry in folder.iterdir()
        if entry.name.endswith(SUFFIX)
    }
    return {name: entry for name, entry in found.items() if importable(name)}

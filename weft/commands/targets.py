"""What TARGET means: a program in a file, in a module, or in an artifact.

Importing the file or module that a user names is the user's act, as in
`python file.py`; from an artifact nothing is ever imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from .. import load
from ..pipeline.artifact.describe import Target
from ..pipeline.artifact.load import read_artifact
from ..pipeline.artifact.rebuild import stand_ins
from ..pipeline.artifact.state import SUFFIX, ProgramState
from ..pipeline.errors import ArtifactError, ConfigError, WeftError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program, as_program

_FORMS = "Write path/to/file.py:name, package.module:name, or path/to/NAME.weft.json"


def program_named(text: str, live: str | None = None) -> Program[..., Any]:
    """The program that a TARGET names; a module becomes a program of one node.

    Args:
        text: The target.
        live: Another target, whose structure and steps an artifact needs.

    Raises:
        SetupError: There is no such thing, or it is no program.
    """
    if text.endswith(SUFFIX):
        if live:
            return load(text, program=program_named(live))
        _refuse_steps(text)
        return as_program(load(text))
    if live:
        raise ConfigError(f"--program goes with an artifact, and {text!r} is none")
    return as_program(_live(text))


def _live(text: str) -> Program[..., Any] | Module[..., Any]:
    found = object_named(text)
    if isinstance(found, Program | Module):
        return found  # pyright: ignore[reportUnknownVariableType] - of whatever types
    raise ConfigError(
        f"{text!r} is of type {type(found).__name__}, no program",
        hint="Decorate a typed function with @weft.program, or name a module",
    )


def program_to_show(text: str, live: str | None = None) -> Program[..., Any]:
    """As `program_named`; an artifact's steps may be missing, since nothing runs."""
    if live or not text.endswith(SUFFIX):
        return program_named(text, live)
    return as_program(load(text, steps=stand_ins(read_artifact(text).program)))


def target_to_show(text: str, live: str | None = None) -> Target:
    """As `program_named`, for those who only read: the path where it is an artifact.

    A module stays a module, and what a file says need not be rebuilt.
    """
    if live:
        return program_named(text, live)
    return text if text.endswith(SUFFIX) else _live(text)


def object_named(text: str) -> Any:
    """What `file.py:name` or `package.module:name` names.

    Raises:
        ConfigError: There is no such file, module or name, or importing it failed.
    """
    return objects_named([text])[0]


def objects_named(texts: Iterable[str]) -> list[Any]:
    """As `object_named` for each; a file or module that many name is imported once.

    Raises:
        ConfigError: As there.
    """
    modules: dict[str, ModuleType] = {}
    found: list[Any] = []
    for text in texts:
        place, _, name = text.rpartition(":")
        if not place or not name.isidentifier():
            hint = f"Write {text}:name" if text.endswith(".py") else _FORMS
            raise ConfigError(f"{text!r} names nothing to import", hint=hint)
        if place not in modules:
            from_file = place.endswith(".py")
            modules[place] = _from_file(Path(place)) if from_file else _from_path(place)
        found.append(_member(modules[place], place, name))
    return found


def _member(module: ModuleType, place: str, name: str) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    known = [n for n, v in vars(module).items() if isinstance(v, Program | Module)]
    raise ConfigError(f"{place} has no {name!r}", hint=did_you_mean(name, known))


def _from_file(path: Path) -> ModuleType:
    """Import a file as `python file.py` would: its folder comes first in the path."""
    if not path.is_file():
        raise ConfigError(f"there is no file {str(path)!r}", hint=_FORMS)
    name = path.stem if path.stem not in sys.modules else f"weft_target_{path.stem}"
    _look_in(str(path.absolute().parent))
    spec = importlib.util.spec_from_file_location(name, path.absolute())
    if spec is None or spec.loader is None:
        raise ConfigError(f"{str(path)!r} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except WeftError:
        raise
    except SystemExit as error:
        raise ConfigError(
            f"importing {str(path)!r} ended the process with exit code {error.code}",
            hint='Put what the script does under `if __name__ == "__main__":`',
        ) from None
    except Exception as error:
        raise _broken(str(path), error) from error
    return module


def _from_path(name: str) -> ModuleType:
    """Import a module as `python -m` would: the working directory comes first."""
    _look_in(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except WeftError:
        raise
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            message = f"there is no module {error.name!r}"
            raise ConfigError(message, hint=_FORMS) from None
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error


def _look_in(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _broken(name: str, error: Exception) -> ConfigError:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    what = str(error)
    if isinstance(error, SyntaxError):
        # Its traceback ends in the importer, and the error itself knows the line.
        place, what = f"{error.filename}:{error.lineno}", error.msg
    return ConfigError(
        f"importing {name!r} raised {type(error).__name__}: {what}",
        hint=(f"It happened at {place}; " if place else "")
        + "WEFT_DEBUG=1 shows the whole traceback",
    )


def _refuse_steps(path: str) -> None:
    names = sorted(_steps_of(read_artifact(path).program))
    if names:
        raise ArtifactError(
            f"{path} calls the step {names[0]!r}, and an artifact brings no code",
            hint="Name the program it was compiled from: --program file.py:name",
        )


def _steps_of(state: ProgramState) -> set[str]:
    found = set(state.steps)
    for inner in state.programs.values():
        found |= _steps_of(inner)
    return found

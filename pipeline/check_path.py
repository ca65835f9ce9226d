"""Checking programs in files without a model: what `weft check PATH` runs in CI.

Programs are traced when they are decorated, so importing a file checks every program in
it. Nothing is called: a file that calls a model while it is imported is told so.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .artifact import SUFFIX, read_artifact
from .budget import Budget
from .errors import BudgetExceeded, ConfigError, WeftError
from .lm.fakes import RefusingLM
from .runtime import use

_PLACE = re.compile(r"^(?P<file>.+?):(?P<line>\d+): (?P<rest>.*)\Z", re.DOTALL)
_USES_WEFT = re.compile(r"^\s*(import|from)\s+weft\b", re.MULTILINE)
_SKIPPED = {"__pycache__", "build", "dist", "node_modules", "site-packages"}


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        file: Where it stands.
        line: The line, counted from 1; 0 where no line is to blame.
        kind: The error's name.
        message: What is wrong.
        hint: What to write instead; may be empty.
    """

    file: str
    line: int
    kind: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.kind}: {self.message}"
        return f"{text}. {self.hint}" if self.hint else text


def check_path(path: str | Path) -> list[Problem]:
    """Check every program in a file, or in all files of a folder.

    Python files that use weft are imported, as `python -c "import ..."` would do, with
    no model and a budget of nothing; artifacts are read. A file is reported with its
    first problem, because Python stops at it.

    Args:
        path: A Python file, an artifact, or a folder of both.

    Returns:
        The problems, in the order of the files; empty when all is well.

    Raises:
        ConfigError: There is no such path.
    """
    place = Path(path)
    if not place.exists():
        raise ConfigError(f"there is no {str(path)!r}", hint="Give a file or a folder")
    found: list[Problem] = []
    for file in _files(place):
        problem = _artifact(file) if file.name.endswith(SUFFIX) else _python(file)
        if problem is not None:
            found.append(problem)
    return found


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for path in sorted(place.rglob("*")):
        inner = path.relative_to(place).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in inner)
        if hidden or not path.is_file():
            continue
        if path.name.endswith(SUFFIX) or (
            path.suffix == ".py"
            and _USES_WEFT.search(path.read_text(encoding="utf-8", errors="replace"))
        ):
            yield path


def _artifact(path: Path) -> Problem | None:
    try:
        read_artifact(path)
    except WeftError as error:
        message = error.message.removeprefix(f"{path}: ")
        return Problem(str(path), 0, type(error).__name__, message, error.hint)
    return None


def _python(path: Path) -> Problem | None:
    nobody = RefusingLM()
    try:
        with use(lm=nobody, cache=None, budget=Budget(calls=0)):
            _import(path.absolute())
    except WeftError as error:
        called = nobody.calls > 0 or isinstance(error, BudgetExceeded)
        return _of_weft(path, error, called=called)
    except SystemExit:
        return Problem(
            str(path),
            _line(path, sys.exc_info()[1]),
            "SystemExit",
            "it ends the process while it is imported",
            'Put what runs under `if __name__ == "__main__":`',
        )
    except Exception as error:  # noqa: BLE001 - a file may raise anything
        message = str(error) or "no message"
        return Problem(str(path), _line(path, error), type(error).__name__, message)
    return None


def _of_weft(path: Path, error: WeftError, *, called: bool) -> Problem:
    kind = type(error).__name__
    if called:
        return Problem(
            str(path),
            _line(path, error),
            kind,
            "it calls a model while it is imported",
            'Put what runs under `if __name__ == "__main__":`',
        )
    placed = _PLACE.match(error.message)
    if placed is not None:
        line = int(placed["line"])
        return Problem(placed["file"], line, kind, placed["rest"], error.hint)
    return Problem(str(path), _line(path, error), kind, error.message, error.hint)


def _line(path: Path, error: BaseException | None) -> int:
    """The last line of the file itself that an error came through."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return error.lineno
    line = 0
    for frame in traceback.extract_tb(error.__traceback__ if error else None):
        if Path(frame.filename) == path.absolute():
            line = frame.lineno or 0
    return line


def _import(path: Path) -> ModuleType:
    """Import a file under the name that it has in its package, afresh."""
    root, parts = path.parent, [path.stem]
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    if len(parts) > 1:
        names = parts[:-1] if parts[-1] == "__init__" else parts
        importlib.invalidate_caches()
        sys.modules.pop(".".join(names), None)
        return importlib.import_module(".".join(names))
    name = f"weft_checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{str(path)!r} cannot be imported", hint="Give a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.modules.pop(name, None)
    return module

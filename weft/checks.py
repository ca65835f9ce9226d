"""Checking programs in files without a model: what `weft check PATH` runs in CI.

Programs are traced when they are decorated, so importing a file checks every program in
it. While a file is checked, one that cannot be traced is noted, and a stand-in with its
types takes its place, so that the programs behind it are checked too. Nothing is
called: a file that calls a model while it is imported is told so.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from .authoring.lint import lint_module, lint_text
from .pipeline.artifact.editions import told_of_newer
from .pipeline.artifact.load import read_artifact
from .pipeline.artifact.rebuild import rebuilt, stand_ins
from .pipeline.artifact.state import SUFFIX, modules_of
from .pipeline.calls.budget import Budget
from .pipeline.errors import (
    BudgetExceeded,
    ConfigError,
    GraphError,
    SignatureError,
    StepError,
    WeftError,
)
from .pipeline.graph.binding import Take
from .pipeline.graph.build import Traced
from .pipeline.graph.graph import Graph, Node
from .pipeline.graph.module import Module
from .pipeline.graph.program import Program, as_program, forgiving
from .pipeline.graph.step import Step
from .pipeline.lm.fakes import RefusingLM
from .pipeline.run.settings import use
from .pipeline.signature.field import FieldSpec

_PLACE = re.compile(r"^(?P<file>.+?):(?P<line>\d+): (?P<rest>.*)\Z", re.DOTALL)
_OWN = (GraphError, SignatureError, SyntaxError)
_GUARD = 'Put what runs under `if __name__ == "__main__":`'
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


class Checked(NamedTuple):
    """What was found in files.

    Attributes:
        problems: What is wrong, in the order of the files.
        wordings: What is odd about the words of instructions, a line each; see `lint`.
    """

    problems: list[Problem]
    wordings: list[str]


def check_path(path: str | Path) -> list[Problem]:
    """Check every program in a file, or in all files of a folder.

    Python files that use weft are imported, as `python -c "import ..."` would do, with
    no model and a budget of nothing; artifacts are read. Every program of a file that
    is wired wrongly is reported; of what else is wrong, such as a signature that nobody
    understands, the first only, because Python stops at it.

    Args:
        path: A Python file, an artifact, or a folder of both.

    Returns:
        The problems, in the order of the files; empty when all is well.

    Raises:
        ConfigError: There is no such path.
    """
    return checked_path(path).problems


def checked_path(path: str | Path) -> Checked:
    """As `check_path`, with what is odd about the words, which is no problem.

    Raises:
        ConfigError: There is no such path.
    """
    found: list[Problem] = []
    words: list[str] = []
    for file in _files(path):
        if file.name.endswith(SUFFIX):
            found += _artifact(file)
            words += _words_of_artifact(file)
        else:
            held: list[Program[..., Any]] = []
            found += _python(file, held)
            words += _words(file, held)
    # A file that others import is met more than once.
    return Checked(list(dict.fromkeys(found)), list(dict.fromkeys(words)))


def _words(file: Path, programs: Sequence[Program[..., Any]]) -> Iterator[str]:
    """What is odd about instructions; those of a module that many use come once."""
    seen: set[str] = set()
    for program in programs:
        for path, module in program.modules.items():
            text = f"{module.parameters.instruction}\n{module.parameters.adapter}"
            if text not in seen:
                seen.add(text)
                found = lint_module(path, module)
                yield from (f"{file}: {one}" for one in found)


def _words_of_artifact(file: Path) -> Iterator[str]:
    """The same of an artifact; its steps are no matter, and stand in."""
    try:
        held = read_artifact(file)
    except WeftError:  # a problem, and told as one
        return
    made = dict[str, Module[..., Any]]()
    with contextlib.suppress(WeftError):  # a type of it is in nobody's code but its own
        made |= rebuilt(held, stand_ins(held.program), str(file)).modules
    for path, module in modules_of(held.program):
        if path in made:
            found = lint_module(path, made[path])
        else:
            found = lint_text(path, "\n".join(module.instruction))
        yield from (f"{file}: {one}" for one in found)


def newer_editions(path: str | Path) -> list[str]:
    """What is no problem and worth knowing: newer editions of forms that files record.

    Args:
        path: A file or a folder, as for `check_path`.

    Returns:
        A line for each artifact, in the order of the files, with how to verify them.

    Raises:
        ConfigError: There is no such path.
    """
    files = [file for file in _files(path) if file.name.endswith(SUFFIX)]
    whole = [file for file in files if not _artifact(file)]
    return list(filter(None, map(told_of_newer, whole)))


def _files(path: str | Path) -> Iterator[Path]:
    place = Path(path)
    if not place.exists():
        raise ConfigError(f"there is no {str(path)!r}", hint="Give a file or a folder")
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


def _artifact(path: Path) -> list[Problem]:
    try:
        read_artifact(path)
    except WeftError as error:
        message = error.message.removeprefix(f"{path}: ")
        return [Problem(str(path), 0, type(error).__name__, message, error.hint)]
    return []


def _python(path: Path, held: list[Program[..., Any]]) -> list[Problem]:
    """What is wrong with a file; the programs and modules in it go into `held`."""
    nobody, before = RefusingLM(), set(sys.modules)
    found, stand_ins = list[Problem](), list[Traced]()

    def noted(function: Callable[..., Any], error: Exception) -> Traced:
        """Note what is wrong with a program, and give what stands for it."""
        file = Path(function.__code__.co_filename)
        found.append(_problem(path, file, error))
        stand_ins.append(_stand_in(function))
        return stand_ins[-1]

    end: BaseException | None = None
    try:
        with forgiving(noted), use(lm=nobody, cache=None, budget=Budget(calls=0)):
            made = vars(_import(path.absolute())).values()
            held += [as_program(v) for v in made if isinstance(v, Program | Module)]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a file may raise anything
        end = error
    _forget(stand_ins, before)
    called = nobody.calls > 0 or isinstance(end, BudgetExceeded)
    # What a program that was noted has brought about is no problem of its own.
    if end is not None and (not found or isinstance(end, _OWN)):
        found.append(_at_import(path, end) if called else _problem(path, path, end))
    return found


def _stand_in(function: Callable[..., Any]) -> Traced:
    name, hints = function.__name__, _hints(function)
    known = inspect.signature(function).parameters.values()
    inputs = tuple(_input(parameter, hints) for parameter in known)
    result = hints.get("return", Any)
    node = Node(name, "step", name, {}, result)
    graph = Graph(name, inputs, (node,), Take(name), result)
    step: Step[..., Any] = Step(_unwired, name)
    return Traced(graph, {name: step})


def _unwired() -> None:
    raise StepError("this program is wired wrongly and cannot run")


def _input(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> FieldSpec:
    given = parameter.default is not parameter.empty
    extra: dict[str, Any] = {"default": None} if given else {}
    made = FieldSpec(parameter.name, "input", hints.get(parameter.name, Any), **extra)
    try:
        _ = made.adapter
    except SignatureError:
        return FieldSpec(parameter.name, "input", Any, **extra)
    return made


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, SignatureError):
        return {}


def _problem(path: Path, file: Path, error: BaseException) -> Problem:
    """An error as a problem of a file, which is named as the caller names `path`."""
    kind, hint = type(error).__name__, ""
    message = str(error) or "no message"
    if isinstance(error, SystemExit):
        message, hint = "it ends the process while it is imported", _GUARD
    if isinstance(error, WeftError):
        message, hint = error.message, error.hint
        placed = _PLACE.match(message)
        if placed is not None:
            where, line = Path(placed["file"]), int(placed["line"])
            return Problem(_named(where, path), line, kind, placed["rest"], hint)
    return Problem(_named(file, path), _line(file, error), kind, message, hint)


def _at_import(path: Path, error: BaseException) -> Problem:
    message = "it calls a model while it is imported"
    return Problem(str(path), _line(path, error), type(error).__name__, message, _GUARD)


def _named(file: Path, path: Path) -> str:
    return str(path) if file == path.absolute() else str(file)


def _forget(stand_ins: Sequence[Traced], before: Collection[str]) -> None:
    """Let modules that hold a stand-in be imported afresh, and those that hold them."""
    kept = {id(traced.graph) for traced in stand_ins}
    held = {name: vars(sys.modules[name]) for name in set(sys.modules) - set(before)}
    dropped = -1
    while dropped < len(kept):
        dropped = len(kept)
        for name in list(held) if kept else ():
            values = held[name].values()
            if any(
                id(v) in kept or id(getattr(v, "structure", 0)) in kept for v in values
            ):
                kept.add(id(sys.modules.pop(name)))
                del held[name]


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

"""How the repository is laid out, and what may import what."""

import ast
import functools
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import weft

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("pipeline", "modules", "compilers")
MAY_IMPORT = {
    "pipeline": {"pipeline"},
    "modules": {"modules", "pipeline"},
    "compilers": {"compilers", "modules", "pipeline"},
}
WRAPPED = (
    *("aiohttp", "diskcache", "jsonschema", "litellm", "networkx", "referencing"),
    *(
        "mcp",
        "numpy",
        "openpyxl",
        "opentelemetry",
        "pandas",
        "polars",
        "pydantic_monty",
        "ray",
        "rich",
        "xllamacpp",
    ),
    *("torch", "transformers", "peft", "gguf", "safetensors"),
)
WHOLE_ROOM = {"mcp": "modules/mcp"}
"""What takes more than one file: one asks, the other answers."""
UNSAFE_MODULES = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
# One process reads the files, for all the rules.
pytestmark = pytest.mark.xdist_group("layout")
MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 70
LONG = {
    "pipeline/errors.py": "the one tree of errors",
    "pipeline/graph/program.py": "the one class of programs, and how one is told",
    "pipeline/graph/module.py": "the one base class, with the options that it takes",
    "weft/__init__.py": "the one list of public names",
    "weft/commands/table.py": "the one table of what can be typed",
    "weft/hints.py": "the one table of names that people bring along",
}
"""Files that are longer, and the one idea that each is."""


class Imported(NamedTuple):
    """One imported module: its absolute name, and where the import stands."""

    name: str
    where: str


def python_files(*folders: str) -> Iterator[Path]:
    """Every Python file below the folders, not following the links in weft/."""
    for folder in folders:
        for path, subfolders, files in os.walk(ROOT / folder):
            subfolders[:] = sorted(
                name for name in subfolders if not name.startswith((".", "__"))
            )
            yield from (Path(path, f) for f in sorted(files) if f.endswith(".py"))


def library_files() -> Iterator[Path]:
    return python_files("weft", *LAYERS)


def place(path: Path, node: ast.AST | None = None) -> str:
    line = getattr(node, "lineno", None)
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def package_of(path: Path) -> str:
    """The dotted name of the package a file of the library lives in."""
    parts = path.relative_to(ROOT).parent.parts
    return ".".join(parts if parts[0] == "weft" else ("weft", *parts))


@functools.cache
def imports_of(path: Path) -> tuple[Imported, ...]:
    """What a file imports, wherever in the file, with relative names resolved.

    Several rules ask it of every file, and each file is read once.
    """
    found: list[Imported] = []
    package = package_of(path).split(".")
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            continue
        where = place(path, node)
        match node:
            case ast.Import(names=names):
                found += (Imported(alias.name, where) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                start = ".".join([*base, *filter(None, [module])])
                found += (Imported(f"{start}.{alias.name}", where) for alias in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name("import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found.append(Imported(name, where))
            case _:
                pass
    return tuple(found)


def layer_of(name: str) -> str | None:
    """The layer an absolute module name belongs to; None outside weft."""
    head, _, rest = name.partition(".")
    first = rest.split(".")[0]
    if head != "weft":
        return None
    return first if first in LAYERS else "weft"


def settings_of(tool: str) -> dict[str, Any]:
    """What pyproject.toml says to one tool."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    settings: dict[str, Any] = pyproject["tool"][tool]
    return settings


def test_packages_listed_are_packages_on_disk() -> None:
    """pyproject.toml lists each folder with Python in it, and nothing else."""
    setuptools = settings_of("setuptools")

    on_disk = {package_of(path) for path in library_files()}

    assert sorted(setuptools["packages"]) == sorted(on_disk)
    assert setuptools["package-dir"] == {"weft": "weft"} | {
        f"weft.{folder}": folder for folder in LAYERS
    }


def test_every_package_says_what_it_is() -> None:
    """Each package has an __init__.py, and that starts with a docstring."""
    folders = {path.parent for path in library_files()}

    silent = [
        place(folder)
        for folder in sorted(folders)
        if not (folder / "__init__.py").is_file()
        or not ast.get_docstring(tree_of(folder / "__init__.py"))
    ]

    assert silent == []


@pytest.mark.parametrize("package", [weft, weft.compilers], ids=lambda p: p.__name__)
def test_no_public_name_is_the_name_of_a_file(package: ModuleType) -> None:
    """Python puts a module over a function of its name, whenever it is imported."""
    folder = Path(str(package.__file__)).parent
    public = {"compilers", "errors", "events", "mcp", "metrics", "modules", "testing"}
    files = {path.stem for path in folder.iterdir()} - public

    assert files.isdisjoint(dir(package))


def test_links_in_weft_are_relative() -> None:
    """weft/ leads to the three folders by links that survive a move."""
    links = {
        entry.name: str(entry.readlink())
        for entry in (ROOT / "weft").iterdir()
        if entry.is_symlink()
    }

    assert links == {folder: f"../{folder}" for folder in LAYERS}


def test_pyright_is_told_of_every_link() -> None:
    """Pyright does not walk through links: one not named would go unchecked."""
    assert {f"weft/{folder}" for folder in LAYERS} <= set(
        settings_of("pyright")["include"]
    )


def test_layers_import_downwards_only() -> None:
    """Compilers know modules, modules know pipeline, and nothing reaches back."""
    upward = [
        f"{where}: {folder} imports {name}"
        for folder, allowed in MAY_IMPORT.items()
        for path in python_files(folder)
        for name, where in imports_of(path)
        if (layer := layer_of(name)) is not None and layer not in allowed
    ]

    assert upward == []


def test_folders_are_never_imported_by_their_bare_names() -> None:
    """`import pipeline` works in this folder only, so nobody writes it."""
    bare = [
        f"{where}: {name}"
        for path in python_files("weft", *LAYERS, "tests", "examples", "bench", "docs")
        for name, where in imports_of(path)
        if name.split(".")[0] in LAYERS
    ]

    assert bare == []


def test_heavy_dependencies_stay_in_one_file() -> None:
    """Each wrapped dependency is imported in one place, where it can be replaced."""
    users: dict[str, set[str]] = {name: set() for name in WRAPPED}
    for path in library_files():
        for name, _ in imports_of(path):
            wrapped = name.split(".")[0]
            room = place(path.parent)
            alone = WHOLE_ROOM.get(wrapped) != room
            users.get(wrapped, set()).add(place(path) if alone else room)

    spread = {name: sorted(files) for name, files in users.items() if len(files) > 1}

    assert spread == {}


def test_library_neither_evaluates_nor_unpickles() -> None:
    """Data never becomes code: no eval, no exec, no pickle or its relatives."""
    unsafe = [
        f"{where}: {name}"
        for path in library_files()
        for name, where in imports_of(path)
        if name.split(".")[0] in UNSAFE_MODULES
    ]
    for path in library_files():
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.Name(id="eval" | "exec" | "__import__" as name):
                    unsafe.append(f"{place(path, node)}: {name}")
                case ast.Attribute(
                    value=ast.Name(id="builtins"), attr="eval" | "exec" as name
                ):
                    unsafe.append(f"{place(path, node)}: builtins.{name}")
                case _:
                    pass

    assert unsafe == []


def test_files_fit_one_idea() -> None:
    """A file of the library that is longer than most is one idea, and says which."""
    lengths = {
        place(path): len(path.read_text("utf-8").splitlines())
        for path in library_files()
    }

    assert {p for p, n in lengths.items() if n > MOST_LINES_IN_A_FILE} == set(LONG)


def test_functions_fit_one_screen() -> None:
    """No function of the library is longer than a screen, docstring included."""
    lengths = {
        f"{place(path, node)} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in library_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {f: n for f, n in lengths.items() if n > MOST_LINES_IN_A_FUNCTION} == {}

"""What `import weft` does, and above all what it does not do."""

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.timing import PATIENCE

# Runs in a fresh interpreter. Audit hooks see every socket and every opened file,
# whoever opens them, and cannot be taken away again.
CHILD = """
import json, os, sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
    "os.symlink", "os.system", "os.truncate", "shutil.rmtree",
    "sqlite3.connect", "subprocess.Popen",
}
seen = []

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if set(mode or "") & set("wax+") or (flags or 0) & WRITING:
            seen.append(f"open {path!r} {mode!r}")
    elif event.startswith("socket.") or event in CHANGES:
        seen.append(f"{event} {arguments!r}")

names = sys.argv[1:]
sys.addaudithook(watch)
import weft
touched = [name for name in names if getattr(weft, name, None) is not None]
print(json.dumps({"seen": seen, "touched": touched, "modules": sorted(sys.modules)}))
"""
HEAVY = (
    *("aiohttp", "diskcache", "jsonschema", "litellm", "networkx", "pydantic_monty"),
    *("opentelemetry", "pandas", "ray", "rich"),
)
NAMES = (
    "Signature",
    "Input",
    "Output",
    "Predict",
    "ChainOfThought",
    "LM",
    "configure",
    "use",
    "step",
    "program",
    "evaluate",
    "compile",
)


class Child:
    """What one fresh interpreter did while it imported weft."""

    def __init__(self, *names: str, home: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-B", "-c", CHILD, *names],
            capture_output=True,
            check=False,
            cwd=home,
            env={**os.environ, "HOME": str(home)},
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        self.stderr = done.stderr
        self.seen: list[str] = report["seen"]
        self.touched: list[str] = report["touched"]
        self.modules: set[str] = set(report["modules"])


@pytest.fixture(params=[(), NAMES], ids=["import", "names"])
def child(request: pytest.FixtureRequest, tmp_path: Path) -> Child:
    return Child(*request.param, home=tmp_path)


def test_import_loads_no_heavy_dependency(child: Child) -> None:
    """A script that needs no model pays for no model library."""
    assert sorted(child.modules.intersection(HEAVY)) == []


def test_names_load_no_driver_and_no_artifact(tmp_path: Path) -> None:
    """What a compile and a file need is imported when there is one."""
    names = ("Signature", "Predict", "program", "evaluate", "compile", "quote")
    child = Child(*names, home=tmp_path)

    later = ("compilers.driving.driver", "compilers.auto", "pipeline.artifact.state")
    assert sorted(child.modules.intersection(f"weft.{name}" for name in later)) == []


def test_import_touches_neither_network_nor_disk(child: Child, tmp_path: Path) -> None:
    """Importing opens no socket, starts nothing, and writes no file."""
    assert child.seen == []
    assert list(tmp_path.iterdir()) == []


def test_import_is_silent(child: Child) -> None:
    """Importing prints nothing and warns of nothing."""
    assert child.stderr == ""


@pytest.mark.parametrize("package", [weft, weft.compilers], ids=lambda p: p.__name__)
def test_checkers_see_the_names_that_programs_get(package: Any) -> None:
    """What is imported for checkers alone is what is found at run time."""
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert shown.keys() == set(package.__all__)
    for name, module in shown.items():
        place = ".".join(filter(None, (package.__name__, module)))
        defined = importlib.import_module(place if module else f"{place}.{name}")
        assert getattr(package, name) is (getattr(defined, name) if module else defined)

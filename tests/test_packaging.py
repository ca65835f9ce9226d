"""The wheel holds the library, all of it and nothing else, and works elsewhere."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.timing import PATIENCE

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "runs"
)
# Building twice would be slow, so one worker runs all of these.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

_SHIPPED = {".py", ".json", ".jsonl", ".typed", ".html", ".css", ".js"}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The standard output of a command; its complaints, if it fails."""
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    shutil.copytree(ROOT, source, symlinks=True, ignore=NOT_COPIED)
    out = folder / "dist"
    run(
        *(sys.executable, "-m", "build", "--no-isolation", "--outdir", out),
        cwd=source,
    )
    return out


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def library_on_disk() -> set[str]:
    """Every file of the library that users need, by its name in the wheel."""
    folders = {"weft": "weft"} | {
        name: f"weft/{name}" for name in ("pipeline", "modules", "compilers")
    }
    return {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in folders.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in _SHIPPED
        and not any(part.is_symlink() for part in path.parents)
    }


def test_wheel_holds_the_library_and_nothing_else(members: set[str]) -> None:
    """Modules, data and py.typed are in the wheel; tests and benchmarks are not."""
    library = {name for name in members if ".dist-info/" not in name}

    assert library == library_on_disk()
    assert {"weft/py.typed", "weft/pipeline/__init__.py"} <= library
    assert {"weft/modules/__init__.py", "weft/compilers/__init__.py"} <= library


def test_wheel_carries_its_licence(members: set[str]) -> None:
    """The licence travels with every copy."""
    assert any(name.endswith("licenses/LICENSE") for name in members)


def test_wheel_asks_for_the_runtime_only(wheel: Path) -> None:
    """Development tools and benchmarks are nobody else's dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()

    asked = [
        line.removeprefix("Requires-Dist: ")
        for line in metadata.splitlines()
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    ]

    wanted = map(Requirement, project["dependencies"])
    assert set(map(Requirement, asked)) == set(wanted)


def test_source_archive_holds_the_library(dist: Path) -> None:
    """The wheel can be built again from the source archive alone."""
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}

    assert {"pyproject.toml", "LICENSE", "weft/py.typed"} <= names
    assert {"pipeline/__init__.py", "modules/__init__.py"} <= names


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
        *("--disable-pip-version-check", "--no-compile", "--target", folder, wheel),
        cwd=folder.parent,
    )
    return folder


def test_installed_wheel_imports_from_anywhere(site: Path, tmp_path: Path) -> None:
    """An installed weft needs neither the checkout nor its links."""
    show = "import weft, weft.pipeline, weft.modules, weft.compilers as c; "
    printed = run(
        *(sys.executable, "-c", show + "print(weft.__file__, c.__file__, sep='\\n')"),
        cwd=tmp_path,
        PYTHONPATH=str(site),
    )

    files = [Path(line).relative_to(site).as_posix() for line in printed.split()]
    assert files == ["weft/__init__.py", "weft/compilers/__init__.py"]
    assert not (site / "pipeline").exists()


THEIRS = """
import socket
import weft
import pytest

def test_theirs(fault_server):
    assert fault_server.url.startswith("http://127.0.0.1:")
    with pytest.raises(weft.testing.NetworkRefused, match="reach 'example.com'"):
        socket.getaddrinfo("example.com", 443)
    print(weft.__file__)
"""


def test_installed_wheel_brings_the_pytest_plugin(site: Path, tmp_path: Path) -> None:
    """A project that installs weft has its flag and fixtures, and writes no line."""
    (tmp_path / "test_theirs.py").write_text(THEIRS)

    printed = run(
        *(sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"),
        "--weft-no-network",
        cwd=tmp_path,
        PYTHONPATH=str(site),
    )

    assert str(site / "weft" / "__init__.py") in printed
    assert "1 passed" in printed

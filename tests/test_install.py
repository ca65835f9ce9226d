"""How weft is installed: from a clone, under a name that nobody else has."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import weft

ROOT = Path(__file__).parents[1]
TEXTS = {".py", ".md", ".toml", ".json", ".html", ".yml", ".yaml", ".txt", ""}
FROM_INDEX = re.compile(r"""(?:pip|uv) (?:\w+ )?install(?:\s+-\S+)*\s+["']?weft\b""")
REQUIRED = re.compile(r"pip install '([\w-]+>=[\d.]+)'")


def project() -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found: dict[str, Any] = tomllib.loads(text)["project"]
    return found


def texts(*folders: str) -> Iterator[tuple[str, str]]:
    """The text files of the repository, or of some folders, by name."""
    for name in folders or [p.name for p in ROOT.iterdir() if p.name[0] != "."]:
        top = ROOT / name
        for path in [top, *sorted(top.rglob("*"))]:  # links are not followed
            if path.is_file() and path.suffix in TEXTS:
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def test_the_package_has_a_name_of_its_own() -> None:
    """`weft` on the package index is somebody else's; what is imported is `weft`."""
    assert project()["name"] == "weft-lm"
    assert project()["version"] == weft.__version__
    assert importlib.metadata.version("weft-lm") == weft.__version__


def test_nobody_is_told_to_install_from_the_index() -> None:
    """That would bring another project's code."""
    said = [name for name, text in texts() if FROM_INDEX.search(text)]

    for wrong in ("weft", "--upgrade weft", "'weft[otel]'", "weft-lm"):
        assert FROM_INDEX.search(f"pip install {wrong}")
    assert said == []


def test_what_a_remedy_installs_is_what_the_extra_asks_for() -> None:
    """Each optional library is named with the oldest version that is supported."""
    extras = project()["optional-dependencies"]
    wanted = {specs[0].partition(",")[0] for specs in extras.values()}
    found = {
        spec
        for _, text in texts(
            *("pipeline", "modules", "compilers", "weft/extras", "README.md", "docs")
        )
        for spec in REQUIRED.findall(text)
    }

    assert found == wanted

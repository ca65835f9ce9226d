"""Goal 29: the import is light and offline; what is installed is what was locked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.goals.conftest import Figure
from tests.goals.size import FULL, size
from tests.server import Reply, Server

ROOT = Path(__file__).resolve().parents[2]
STOLEN = ("1.82.7", "1.82.8")
"""The releases of litellm that took credentials; PyPI has withdrawn them."""

CHILD = """
import json, sys, time
seen = []
sys.addaudithook(
    lambda event, _: seen.append(event) if event.startswith("socket.") else None
)
before, started = len(sys.modules), time.process_time()
from weft import Signature, Input, Output, Predict, program, step, evaluate, compile
print(json.dumps([time.process_time() - started, len(sys.modules) - before, seen]))
"""


def test_the_import_is_light(figure: Figure, tmp_path: Path) -> None:
    """It takes few modules and little time, asks no name server, and writes nothing."""
    found: list[tuple[float, int, list[str]]] = []
    for _ in range(size(2, 20)):
        done = subprocess.run(
            [sys.executable, "-c", CHILD],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            text=True,
        )
        found.append(json.loads(done.stdout))

    fastest = min(seconds for seconds, _, _ in found)
    modules = max(count for _, count, _ in found)
    figure(
        f"goal 29: weft with the names of a program: {1000 * fastest:.0f} ms of "
        f"processor time at best, {modules} modules, "
        f"{sum(len(seen) for _, _, seen in found)} look-ups or sockets, "
        f"{len(list(tmp_path.iterdir()))} files written"
    )
    assert modules <= 300
    assert [seen for _, _, seen in found] == [[]] * len(found)
    assert list(tmp_path.iterdir()) == []
    if FULL:
        assert fastest <= 0.35


WITHOUT = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "litellm":
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
import weft

lm = weft.LM("openai/m", api_base=sys.argv[1], api_key="none")
ask = weft.Predict("question -> answer", name="ask")
rows = [{"question": f"{n}", "answer": "yes"} for n in range(20)]
with weft.use(lm=lm, cache=sys.argv[2]):
    print(weft.evaluate(ask, rows, weft.metrics.exact("answer")).mean)
try:
    elsewhere = weft.LM("anthropic/claude-haiku-4-5")
    weft.Predict("question -> answer", lm=elsewhere)(question="well?")
except weft.errors.ConfigError as error:
    print(error)
"""


def test_all_but_other_providers_works_without_litellm(
    server: Server, tmp_path: Path
) -> None:
    """Where litellm is not installed, only a model that needs it says so."""
    server.answer = lambda _: Reply("[[ answer ]]\nyes\n[[ /end ]]")

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, server.url, str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
    )

    mean, said = done.stdout.strip().split("\n", 1)
    assert mean == "1.0"
    assert "pip install 'litellm>=" in said


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "requirements-bench.lock"]
)
def test_locks_hold_a_hash_for_everything(name: str, figure: Figure) -> None:
    """One version each, known by its hashes; the stolen ones are nowhere."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if re.match(r"[a-zA-Z]", line)]

    pinned = [line for line in lines if re.match(r"\S+==\S+ ", line)]
    hashed = [line for line in pinned if "--hash=sha256:" in line]
    figure(f"goal 29: {name}: {len(hashed)} packages, each pinned by hash")
    assert len(lines) == len(pinned) == len(hashed) > 0
    assert not any(line.startswith(f"litellm=={v} ") for line in lines for v in STOLEN)


def test_the_lock_lacks_nothing_that_its_packages_need() -> None:
    """Nothing is resolved when it is installed: what it lacks would not be there."""
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    there = {canonicalize_name(d.name): d for d in metadata.distributions()}
    locked = set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))

    lacking = [
        f"{name}: {line}"
        for name in locked & there.keys()
        for line in there[name].requires or ()
        if not _is_met(Requirement(line), there)
    ]
    assert not lacking

    recipes = (ROOT / "Makefile").read_text("utf-8")
    assert len(re.findall(r"^\t.*PIP_LOCKED", recipes, re.MULTILINE)) == 5
    assert "--require-hashes --no-deps\n" in recipes


def _is_met(need: Requirement, there: Mapping[str, metadata.Distribution]) -> bool:
    if need.marker is not None and not need.marker.evaluate({"extra": ""}):
        return True
    found = there.get(canonicalize_name(need.name))
    return found is not None and need.specifier.contains(
        found.version, prereleases=True
    )


def test_the_stolen_releases_cannot_be_resolved() -> None:
    """Not by users either, whose installer reads the extra's range."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (asked,) = (
        Requirement(line)
        for line in project["optional-dependencies"]["litellm"]
        if line.startswith("litellm")
    )

    assert [asked.specifier.contains(version) for version in STOLEN] == [False, False]
    assert asked.specifier.contains("1.106.2")

"""The pair of projects in examples/: each in an environment of its own, from wheels.

The environments are fresh, and hold the wheels that were built here and nothing else;
what those depend on is seen through a path file, because tests have no network.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.timing import PATIENCE

ROOT = Path(__file__).resolve().parents[1]
CACHE = str(ROOT / ".mypy_cache" / "packages")
NOT_COPIED = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "runs"
)
QA = """
import weft

respond = weft.Predict("question -> answer", "Answer briefly.")


@weft.program
def qa(question: str) -> str:
    return respond(question=question).answer


weft.save(qa, "support_programs/qa.weft.json")
weft.package("support_programs")
"""
SEEN = """\
from typing import Literal

from support_programs import qa, reply, triage

reveal_type(qa)
reveal_type(triage)
answer: str = qa(question="x") + reply(message="x")
team: Literal["issuing", "payments", "access"] = triage(message="x")
"""
WRONG = """\
from support_programs import qa, triage

qa()
qa(message="x")
qa(question=1)
number: int = qa(question="x")
triage(message="x") == "cards"
"""
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """What a command prints, without this environment's PYTHONPATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def environment(place: Path, *wheels: Path) -> Path:
    """The interpreter of a new environment with these wheels; weft is not in sight."""
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    (site,) = place.glob("lib/python*/site-packages")
    others = sysconfig.get_paths()["purelib"]
    (site / "others.pth").write_text(f"{others}\n", "utf-8")
    python = place / "bin" / "python"
    install(python, *wheels)
    return python


def install(python: Path, *wheels: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    alone = ["--no-index", "--no-deps", "--disable-pip-version-check"]
    run(*pip, *alone, *wheels, cwd=python.parent)


def wheel(python: Path | str, source: Path, out: Path) -> Path:
    """The wheel of a project, built by an environment's own Python."""
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", out]
    run(python, *words, cwd=source)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def weft_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weft")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=NOT_COPIED)
    return wheel(sys.executable, folder / "source", folder / "dist")


@pytest.fixture(scope="module")
def consumer(weft_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A consumer's folder `app` and environment `env`; the publisher is gone."""
    place = tmp_path_factory.mktemp("pair")
    project = place / "publisher"
    shutil.copytree(
        ROOT / "examples" / "two_projects" / "publisher", project, ignore=NOT_COPIED
    )
    before = kept(project / "support_programs")
    publisher = environment(place / "publishing", weft_wheel)
    run(publisher, "make_programs.py", cwd=project)
    assert kept(project / "support_programs") == before
    (project / "qa_program.py").write_text(QA, "utf-8")
    run(publisher, "qa_program.py", cwd=project)
    made = wheel(publisher, project, place / "dist")

    home = place / "consumer"
    shutil.copytree(ROOT / "examples" / "two_projects" / "consumer", home / "app")
    environment(home / "env", weft_wheel, made)
    shutil.rmtree(project)
    shutil.rmtree(place / "publishing")
    return home


def kept(package: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in package.iterdir() if p.is_file()}


def test_the_consumer_runs_what_the_publisher_made(consumer: Path) -> None:
    """Programs come out of the wheel, weft out of its own, and both just work."""
    python, app = consumer / "env" / "bin" / "python", consumer / "app"
    where = "import weft, support_programs as s; print(weft.__file__, s.__file__)"

    said = run(python, "app.py", "card", "lost", cwd=app)
    files = run(python, "-c", where, cwd=Path("/")).split()

    assert said.startswith("issuing: ")
    assert [Path(f).is_relative_to(consumer / "env") for f in files] == [True, True]


def test_pyright_sees_what_the_programs_take_and_give(consumer: Path) -> None:
    """`qa(question: str) -> str`, and each wrong call is an error."""
    python, app = consumer / "env" / "bin" / "python", consumer / "app"
    write(app)
    words = ["-m", "pyright", "--outputjson", "--pythonpath", python]

    out = run(python, *words, "app.py", "seen.py", "wrong.py", cwd=app, code=1)

    found = json.loads(out)["generalDiagnostics"]
    seen = [d["message"] for d in found if d["file"].endswith("seen.py")]
    teams = "Literal['issuing', 'payments', 'access']"
    assert seen == [
        'Type of "qa" is "Program[(question: str), str]"',
        f'Type of "triage" is "Program[(message: str), {teams}]"',
    ]
    assert lines_of(found, "wrong.py") == [3, 4, 5, 6, 7]
    assert lines_of(found, "app.py") == []


def test_mypy_sees_what_the_programs_take_and_give(consumer: Path) -> None:
    """The same, from the other checker."""
    python, app = consumer / "env" / "bin" / "python", consumer / "app"
    write(app)
    words = ["-m", "mypy", "--strict", "--strict-equality", "--follow-imports=silent"]

    out = run(
        *(python, *words, "--cache-dir", CACHE, "app.py", "seen.py", "wrong.py"),
        cwd=app,
        code=1,
    )

    assert 'Program[[question: str], str]"' in out.replace("builtins.", "")
    teams = "Literal['issuing'] | Literal['payments'] | Literal['access']"
    assert f'Program[[message: str], {teams}]"' in out
    wrong = [line for line in out.splitlines() if ": error: " in line]
    places = sorted({line.partition(": error: ")[0] for line in wrong})
    assert places == [f"wrong.py:{n}" for n in (3, 4, 5, 6, 7)]


def write(app: Path) -> None:
    (app / "seen.py").write_text(SEEN, "utf-8")
    (app / "wrong.py").write_text(WRONG, "utf-8")
    strict = '{"typeCheckingMode": "strict"}'
    (app / "pyrightconfig.json").write_text(strict, "utf-8")


def lines_of(found: list[dict[str, Any]], file: str) -> list[int]:
    """Lines with an error, from 1."""
    lines = {
        d["range"]["start"]["line"] + 1
        for d in found
        if d["file"].endswith(file) and d["severity"] == "error"
    }
    return sorted(lines)

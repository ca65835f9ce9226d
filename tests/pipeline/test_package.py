"""Folders of artifacts as packages: imported lazily, from folder, wheel and zip."""

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Literal

import pytest

import weft
from tests.pipeline import saved
from weft.errors import ArtifactError
from weft.pipeline.graph.program import as_program

ROOT = Path(__file__).resolve().parents[2]


@weft.program
def classify(message: str, loud: bool = False) -> Literal["cards", "app"]:
    return weft.Predict(saved.Triage, name="route")(message=message, loud=loud).team


@weft.program
def cite(text: str) -> list[saved.Claim]:
    types = {"Claims": list[saved.Claim]}
    find = weft.Predict("text -> claims: Claims", types=types, name="find")
    return find(text=text).claims


@weft.program
def whole(question: str) -> saved.Answer:
    return weft.Predict(saved.Answer, name="reply")(question=question)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site") / "programs"
    weft.save(saved.with_demos(saved.triage), place / "triage.weft.json")
    for made in (classify, cite, whole, saved.qa, saved.sentiment):
        program = as_program(made)
        weft.save(program, place / f"{program.name}.weft.json")
    weft.package(place)
    return place


def python(code: str, path: Path | str) -> str:
    """What a new process prints; it sees weft and `path`."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


USE = """
    import programs
    from programs import triage
    from programs import triage as again
    assert triage is again
    print(sorted(programs.__all__))
    print(triage.parameters["triage/instruction"].splitlines()[0])
    import weft
    with weft.use(lm="embedded", cache=None):
        print(triage(message="card").team)
    try:
        programs.triaje
    except AttributeError as error:
        print(error)
"""


def check(printed: str) -> None:
    names, instruction, team, error = printed.splitlines()
    assert names == "['cite', 'classify', 'qa', 'sentiment', 'triage', 'whole']"
    assert instruction == "Route it."
    assert team in ("cards", "app")
    assert error.startswith("package 'programs' has no program 'triaje'. Did you mean")


def test_a_folder_is_imported(folder: Path) -> None:
    """`from programs import triage` works in any process that finds the folder."""
    check(python(USE, folder.parent))


def test_a_zip_is_imported(folder: Path, tmp_path: Path) -> None:
    """Nothing needs a file of its own on disk."""
    archive = tmp_path / "site.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in folder.iterdir():
            if path.is_file():
                opened.write(path, f"programs/{path.name}")

    check(python(USE, archive))


def test_only_what_is_imported_is_read(folder: Path, tmp_path: Path) -> None:
    """A package of many programs costs what is used of it."""
    place = tmp_path / "programs"
    place.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (place / path.name).write_bytes(path.read_bytes())
    (place / "broken.weft.json").write_text("{", "utf-8")

    printed = python(
        """
        from programs import triage
        try:
            from programs import broken
        except Exception as error:
            print(type(error).__name__, error)
        """,
        tmp_path,
    )

    assert printed.startswith("ArtifactError programs/broken.weft.json is no artifact")


def test_steps_are_bound_by_the_package(folder: Path, tmp_path: Path) -> None:
    """The importing package brings the code; a file names none."""
    place = tmp_path / "programs"
    place.mkdir()
    (place / "qa.weft.json").write_bytes((folder / "qa.weft.json").read_bytes())
    (place / "__init__.py").write_text(
        textwrap.dedent(
            """
            import weft

            @weft.step
            def search(query: str, k: int = 3) -> list[str]:
                return [query] * k

            __getattr__, __dir__, __all__ = weft.programs(__name__, steps=[search])
            """
        ),
        "utf-8",
    )
    before = (place / "__init__.py").read_text()

    weft.package(place)
    printed = python("from programs import qa; print(sorted(qa.steps))", tmp_path)

    assert printed == "['search']\n"
    assert (place / "__init__.py").read_text() == before


def test_live_programs_bring_their_own_types(folder: Path) -> None:
    """A package that has the source gives it: only parameters come from the file."""
    printed = python(
        """
        import weft
        from tests.pipeline import saved
        hooks = weft.programs("programs", live={"triage": saved.triage})
        made = hooks.getattr("triage")
        print(made.modules["triage"].signature is saved.Triage)
        """,
        folder.parent,
    )

    assert printed == "True\n"


@pytest.mark.parametrize("name", ["my-qa", "class", "weft", "_qa"])
def test_a_name_that_cannot_be_imported_is_refused(name: str, tmp_path: Path) -> None:
    """`from programs import my-qa` is no Python."""
    weft.save(saved.triage, tmp_path / f"{name}.weft.json")

    with pytest.raises(ArtifactError, match="Rename the file"):
        weft.package(tmp_path)


def test_an_empty_folder_is_no_package(tmp_path: Path) -> None:
    """There is nothing to import in it."""
    with pytest.raises(ArtifactError, match="Save a program there first"):
        weft.package(tmp_path)


# What checkers see --------------------------------------------------------------------


def test_stubs_say_what_each_program_takes_and_gives(folder: Path) -> None:
    """Parameters keep their names; results are types, not strings."""
    stub = (folder / "__init__.pyi").read_text("utf-8")

    for line in (
        "def qa(question: str) -> str: ...",
        "def cite(text: str) -> list[Claim]: ...",
        'def classify(message: str, loud: bool = ...) -> Literal["cards", "app"]: ...',
        'def sentiment(text: str, scale: int = ...) -> Literal["glad", "sad"]: ...',
        "def whole(question: str) -> Answer: ...",
    ):
        assert f"@weft.program\n{line}\n" in stub


CHECKED = """
from typing import Literal, assert_type
from programs import cite, classify, qa, sentiment, triage, whole

assert_type(qa(question="x"), str)
assert_type(classify("hi", loud=True), Literal["cards", "app"])
assert_type(sentiment(text="x"), Literal["glad", "sad"])
assert_type(cite(text="x")[0].sources[0].page, int | None)
tone: str = cite(text="x")[0].tone.value
assert_type(whole(question="x").answer, str)
assert_type(triage(message="x").team, Literal["cards", "app"])
assert_type(qa.run(question="x").value, str)
"""
WRONG = """
from programs import cite, qa, whole

qa(query="x")
qa()
qa(question=3)
whole(question="x").anwser
cite(text="x")[0].missing
from programs import nothing
"""


# In one worker with the other test that has mypy write into this cache.
@pytest.mark.xdist_group("wheel")
@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_checkers_see_the_types(checker: str, folder: Path, tmp_path: Path) -> None:
    """mypy and pyright agree: right calls pass, each wrong one is an error."""
    (tmp_path / "right.py").write_text(CHECKED, "utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, "utf-8")
    path = os.pathsep.join([str(folder.parent), str(ROOT)])
    cache = CACHE
    options = {
        "mypy": ["--strict", "--follow-imports=silent", "--cache-dir", cache],
        "pyright": ["--pythonpath", sys.executable],
    }[checker]
    if checker == "pyright":
        paths = f'["{folder.parent}", "{ROOT}"]'
        (tmp_path / "pyrightconfig.json").write_text(
            f'{{"typeCheckingMode": "strict", "extraPaths": {paths}}}', "utf-8"
        )

    done = subprocess.run(
        [sys.executable, "-m", checker, *options, "right.py", "wrong.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "right.py" not in done.stdout, done.stdout
    missed = [
        line
        for number, line in enumerate(WRONG.splitlines(), 1)
        if number > 3 and f"wrong.py:{number}:" not in done.stdout
    ]
    assert missed == [], done.stdout


CACHE = str(ROOT / ".mypy_cache" / "packages")

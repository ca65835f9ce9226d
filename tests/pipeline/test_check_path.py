"""`weft check` finds every program of a file that is wired wrongly."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

import weft

PARTS = """
import weft

respond = weft.Predict("question, passages: list[str] -> answer: str")
count = weft.Predict("text -> number: int")


@weft.step
def search(query: str) -> list[str]:
    return [query]
"""
MANY = (
    PARTS
    + """

@weft.program
def misspelt(question: str) -> str:
    return respond(question=question, pasages=[question]).answer  # here


@weft.program
def good(question: str) -> str:
    return respond(question=question, passages=search(question)).answer


@weft.program
def calls_the_first(question: str) -> int:
    return count(text=misspelt(question)).number


@weft.program
def also_wrong(question: str) -> str:
    number = count(text=misspelt(question)).number
    return respond(question=number, passages=[question]).answer  # here


@weft.program  # here
def wrong_promise(question: str) -> int:
    return misspelt(question)


@weft.program
def plain_python(question: str) -> str:
    return respnd(question=question).answer  # here


@weft.program  # here
def wrong_default(question: str = 3) -> str:
    return misspelt(question)


@weft.program
def last(question: str) -> str:
    found = weft.each(search(question), lambda q: count(text=q).numbr)  # here
    return respond(question=question, passages=found).answer


tuned = misspelt.with_parameters({"respond/instruction": "x"})
"""
)


def written(folder: Path, **files: str) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def places(text: str) -> list[int]:
    """The lines that are marked."""
    return [n for n, one in enumerate(text.split("\n"), 1) if one.endswith("# here")]


def test_every_broken_program_has_its_line(tmp_path: Path) -> None:
    """A program behind a broken one is checked by the types that this one promises."""
    path = written(tmp_path, many=MANY) / "many.py"

    found = weft.check_path(path)

    assert [p.line for p in found] == places(MANY)
    assert {p.file for p in found} == {str(path)}
    assert [p.kind for p in found].count("GraphError") == 5
    assert "Did you mean 'passages'?" in found[0].hint
    assert "promises int" in found[2].message
    assert "respnd" in found[3].message


def test_what_a_broken_program_brings_about_is_not_reported(tmp_path: Path) -> None:
    """Code behind it may fail because of it; a second cause of its own is reported."""
    ran = MANY.partition("tuned =")[0] + "print(misspelt('now'))\n"
    signed = MANY.partition("tuned =")[0] + "weft.Predict('question ->')\n"
    folder = written(tmp_path, ran=ran, signed=signed)

    one, other = (weft.check_path(folder / f"{name}.py") for name in ("ran", "signed"))

    assert [p.line for p in one] == places(MANY)
    assert [p.line for p in other] == [*places(MANY), signed.count("\n")]
    assert other[-1].kind == "SignatureError"


def test_files_that_import_a_broken_one_are_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mistake is reported once, in its own file, whoever met it first."""
    uses = """
    import weft
    from zz_parts import also_wrong, good

    @weft.program
    def whole(question: str) -> int:
        return good(question)

    @weft.program
    def fine(question: str) -> str:
        return also_wrong(question)
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = written(tmp_path, zz_parts=MANY.partition("tuned =")[0], uses=uses)

    found = weft.check_path(folder)

    inner = [p.line for p in found if p.file.endswith("zz_parts.py")]
    outer = [p.line for p in found if p.file.endswith("uses.py")]
    assert (sorted(inner), outer) == (places(MANY), [5])
    assert "zz_parts" not in sys.modules


def test_a_check_leaves_errors_what_they_are(tmp_path: Path) -> None:
    """Outside a check a program that is wired wrongly is an error at once."""
    folder = written(tmp_path, many=MANY)
    weft.check_path(folder)

    with pytest.raises(weft.errors.GraphError, match="pasages"):
        exec(compile(MANY, "many.py", "exec"), {"__name__": "many"})

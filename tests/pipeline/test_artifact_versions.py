"""Versions of artifacts: a history of files, a way back, and labels that are text."""

import os
from pathlib import Path
from typing import cast

import pytest

import weft
from tests.pipeline import saved
from weft.errors import ArtifactError
from weft.pipeline.graph.digest import program_digest


def tuned(text: str) -> weft.Program[..., object]:
    return saved.triage.with_parameters({"triage/instruction": text})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three versions, each compiled from the one before."""
    place, parent = tmp_path / "programs", ""
    for text, score in (("one", 0.5), ("two", 0.6), ("three", 0.7)):
        made = {
            "parent": parent,
            "score": {"seed": [0, 0, 0], "compiled": [score, 0, 1]},
            "compiler": {"name": "APE"},
        }
        program = tuned(text)
        weft.save(program, place / "qa.weft.json", provenance=made, history=True)
        parent = program_digest(program)
    return place


def test_log_tells_the_versions_the_newest_first(folder: Path) -> None:
    """The order comes from the parents, not from clocks or names."""
    versions = weft.log(folder)
    digests = [program_digest(tuned(text)) for text in ("three", "two", "one")]

    assert [v.digest for v in versions] == digests
    assert [v.parent for v in versions] == [*digests[1:], ""]
    assert [v.current for v in versions] == [True, False, False]
    assert str(versions[0]) == f"qa  {digests[0][7:19]}   70.0  APE  (current)"


def test_nothing_is_kept_unless_asked(tmp_path: Path) -> None:
    """Whoever has git needs no second history."""
    for text in ("one", "two"):
        weft.save(tuned(text), tmp_path / "qa.weft.json")

    assert [p.name for p in tmp_path.iterdir()] == ["qa.weft.json"]


def test_a_history_that_is_there_goes_on(folder: Path) -> None:
    """Once a folder keeps versions, every save keeps the one it replaces."""
    weft.save(tuned("four"), folder / "qa.weft.json")

    assert len(weft.log(folder)) == 4


def test_rollback_puts_the_parent_back_and_loses_nothing(folder: Path) -> None:
    """The file has the bytes it had; the newer version can be put back as well."""
    before = (folder / "qa.weft.json").read_bytes()

    back = weft.rollback(folder / "qa.weft.json")
    loaded = weft.load(folder / "qa.weft.json")
    again = weft.rollback(folder / "qa.weft.json", program_digest(tuned("three"))[7:15])

    assert back.digest == program_digest(tuned("two"))
    assert loaded.parameters["triage/instruction"] == "two"
    assert again.digest == program_digest(tuned("three"))
    assert (folder / "qa.weft.json").read_bytes() == before
    assert len(weft.log(folder)) == 3


def test_rollback_to_what_is_not_there_is_refused(folder: Path) -> None:
    """What is kept is named."""
    path = folder / "qa.weft.json"
    for _ in range(2):
        weft.rollback(path)

    with pytest.raises(ArtifactError, match=r"it names no parent.*Kept: "):
        weft.rollback(path)
    with pytest.raises(ArtifactError, match="'dead' names 0 of its versions"):
        weft.rollback(path, "dead")


def test_a_file_that_is_not_there_is_said_first(folder: Path) -> None:
    """A damaged neighbour is another file's trouble."""
    (folder / "bad.weft.json").write_text("{", "utf-8")

    with pytest.raises(ArtifactError, match=r"there is no artifact .*gone\.weft\.json"):
        weft.rollback(folder / "gone.weft.json")


def test_without_a_history_it_is_said_how_to_have_one(tmp_path: Path) -> None:
    """Whoever never kept a version learns where versions are kept."""
    made = {"parent": program_digest(tuned("one"))}
    path = weft.save(tuned("two"), tmp_path / "qa.weft.json", provenance=made)

    with pytest.raises(ArtifactError, match=r"its parent \w{12} was not") as said:
        weft.rollback(path)

    assert str(said.value).endswith(f"once there is a folder {tmp_path / 'history'}")


def test_a_label_is_a_line_of_text(folder: Path) -> None:
    """What is in production is a line that git can blame."""
    two = program_digest(tuned("two"))

    weft.label(folder, "production", two[7:17])
    weft.label(folder, "candidate", program_digest(tuned("three")))
    weft.label(folder, "previous", "production")

    assert (folder / "labels.txt").read_text("utf-8") == (
        f"candidate: {program_digest(tuned('three'))}\n"
        f"previous: {two}\nproduction: {two}\n"
    )
    assert weft.read_labels(folder)["production"] == two
    labelled = {v.digest: v.labels for v in weft.log(folder)}
    assert labelled[two] == ("previous", "production")
    assert weft.rollback(folder / "qa.weft.json", "production").digest == two


@pytest.mark.parametrize(
    "line", ["production", "a: sha256:12", "a b: sha256:" + "0" * 64]
)
def test_a_damaged_label_file_names_its_line(line: str, folder: Path) -> None:
    """A label that points nowhere is no label."""
    (folder / "labels.txt").write_text(f"# labels\n{line}\n", "utf-8")

    with pytest.raises(ArtifactError, match=r"labels\.txt:2: "):
        weft.log(folder)


def test_a_label_needs_a_version_and_a_name(folder: Path) -> None:
    """A misspelt digest or a name with a space is refused, and nothing is written."""
    with pytest.raises(ArtifactError, match="'ffff' names 0 versions"):
        weft.label(folder, "production", "ffff")
    for name in ("in use", "", 5, None):
        with pytest.raises(ArtifactError, match=f"{name!r} is no label"):
            weft.label(folder, cast(str, name), program_digest(tuned("two")))
    assert not (folder / "labels.txt").exists()


def test_a_history_is_no_part_of_the_package(folder: Path) -> None:
    """What is imported is the current version alone."""
    weft.package(folder)

    stub = (folder / "__init__.pyi").read_text("utf-8")

    assert '__all__ = ["qa"]' in stub


def test_what_a_killed_save_left_goes_with_a_later_one(tmp_path: Path) -> None:
    """Only this target's, and only when it is too old to be a writer's of now."""
    names = [
        "qa.weft.json.0a1b2c3d",
        "qa.weft.json.ffffffff",
        "other.weft.json.0a1b2c3d",
    ]
    old, fresh, other = [tmp_path / f".{name}.tmp" for name in names]
    for path in (old, fresh, other):
        path.write_text("half", "utf-8")
    for path in (old, other):
        os.utime(path, (0, 0))

    weft.save(tuned("one"), tmp_path / "qa.weft.json")

    assert [p.exists() for p in (old, fresh, other)] == [False, True, True]


def test_a_version_is_named_by_text(folder: Path) -> None:
    """Anything else is refused as what it is."""
    with pytest.raises(ArtifactError, match="to=5 is no version"):
        weft.rollback(folder / "qa.weft.json", cast(str, 5))
    with pytest.raises(ArtifactError, match="version=5 is no version"):
        weft.label(folder, "production", cast(str, 5))


@pytest.mark.parametrize("text", ["{}", '{"program": 5}'])
def test_a_file_without_a_program_is_no_version(text: str, folder: Path) -> None:
    """It would be listed with an empty digest."""
    (folder / "history" / "qa-0.weft.json").write_text(text)

    with pytest.raises(ArtifactError, match=r"qa-0\.weft\.json is no artifact"):
        weft.log(folder)


def test_a_broken_neighbour_stops_no_other_artifact(folder: Path) -> None:
    """Its versions are read, go back and are labelled; the folder's log names it."""
    (folder / "other.weft.json").write_text("<<<<<<< HEAD\n")
    (folder / "history" / "other-0.weft.json").write_text("")
    two = program_digest(tuned("two"))

    listed = weft.log(folder / "qa.weft.json")
    back = weft.rollback(folder / "qa.weft.json")
    named = weft.label(folder, "production", two)

    assert [v.name for v in listed] == ["qa"] * 3
    assert (back.digest, named.digest) == (two, two)
    with pytest.raises(ArtifactError, match=r"other\.weft\.json is no artifact") as at:
        weft.log(folder)
    assert at.value.hint.startswith("Take it out of the folder")

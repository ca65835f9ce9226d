"""Data sets as people keep them: Hugging Face, Parquet, Excel, folders of images."""

from __future__ import annotations

import builtins
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import weft
from weft.errors import ConfigError, DataError

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


class Split:
    """As a split of a Hugging Face dataset is: features, names, rows."""

    def __init__(self, rows: list[dict[str, Any]], **features: Any) -> None:
        self._rows, self.features = rows, features or None
        self.column_names = [*rows[0]]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self._rows


class Drawn:
    """As a decoded image of Pillow's is."""

    def getbands(self) -> tuple[str, ...]:
        return ("L",)

    def save(self, file: Any, format: str) -> None:  # noqa: A002 - theirs
        assert format == "PNG"
        file.write(b"\x89PNG\r\n\x1a\n" + b"\0" * 16)


LABELS = SimpleNamespace(names=["neg", "pos"])
TEXTS = Split(
    [{"text": "good", "label": 1}, {"text": "?", "label": -1}], label=LABELS, text=None
)


def test_class_labels_of_a_dataset_are_their_names() -> None:
    """A model is asked in words; a label that is not given is None."""
    rows = weft.read_rows(TEXTS, ["text"])

    assert [(row.text, row.label) for row in rows] == [("good", "pos"), ("?", None)]
    many = Split([{"q": "x", "tags": [0, 1]}], tags=SimpleNamespace(feature=LABELS))
    assert weft.read_rows(many, ["q"])[0].tags == ["neg", "pos"]
    whole = {"kind": LABELS, "at": SimpleNamespace(names=None)}
    for feature, value, wanted in (
        ([LABELS], [1], ["pos"]),
        (SimpleNamespace(feature=[LABELS]), [[1], [0]], [["pos"], ["neg"]]),
        (whole, {"kind": 1, "at": 1}, {"kind": "pos", "at": 1}),
        ([whole], [{"kind": -1, "at": 0}], [{"kind": None, "at": 0}]),
        (  # how older versions write a list of structures
            SimpleNamespace(feature=whole),
            {"kind": [0, 1], "at": [0, 1]},
            {"kind": ["neg", "pos"], "at": [0, 1]},
        ),
    ):
        inside = Split([{"q": "x", "tags": value}], tags=feature)
        assert weft.read_rows(inside, ["q"])[0].tags == wanted
    bare = Split([{"q": "x", "label": 1}])
    assert weft.read_rows(bare, ["q"])[0].label == 1


def test_a_dataset_of_splits_says_which_a_row_is_of() -> None:
    """And where a row stands that does not fit."""
    rows = weft.read_rows({"train": TEXTS, "test": TEXTS}, ["text"])

    assert [row.meta["split"] for row in rows] == ["train", "train", "test", "test"]
    with pytest.raises(DataError, match=r"'test': rows\[0\]: the input 'q' is missing"):
        weft.read_rows({"test": TEXTS}, ["q"])


def test_decoded_images_of_a_dataset_are_images() -> None:
    """Pillow is not asked for."""
    (row,) = weft.read_rows(Split([{"image": Drawn(), "n": [Drawn()]}]), ["image"])

    assert row.image.media_type == "image/png"
    assert row.n[0] == row.image
    (row,) = weft.read_rows(Split([{"q": "x", "n": {"pic": Drawn()}}]), ["q"])
    assert row.n == {"pic": weft.Image(row.n["pic"].data)}


def test_fields_are_renamed_before_anything_is_told_of_them() -> None:
    """Also to `id`; a name that no row has, or that is taken, is refused."""
    given = [{"q": "x", "a": "y", "idx": 7}]
    (row,) = weft.read_rows(
        given, ["question"], rename={"q": "question", "a": "answer", "idx": "id"}
    )
    assert (row.id, row.question, row.answer) == ("7", "x", "y")

    swapped = {"q": "a", "a": "q"}  # a name that is given up may be taken
    (row,) = weft.read_rows(given, ["q"], rename=swapped)
    assert (row.q, row.a) == ("y", "x")

    for rename, said in {
        ("query", "question"): "no row has a field 'query'",
        ("q", "a"): "two fields the name 'a'",
        ("q", ""): "no mapping of names",
    }.items():
        with pytest.raises(DataError, match=said):
            weft.read_rows(given, ["q"], rename=dict([rename]))
    with pytest.raises(DataError, match="no mapping of names"):
        weft.read_rows(given, ["q"], rename="q")  # type: ignore[arg-type]


def test_parquet_is_read_part_by_part(tmp_path: Path) -> None:
    """More rows than one part has, nulls and lists as they are."""
    path = tmp_path / "rows.parquet"
    size = 5000
    frame = pl.DataFrame({"q": [str(n) for n in range(size)], "a": [[1], None] * 2500})
    frame.write_parquet(path)

    rows = weft.read_rows(path, ["q"])

    assert [row.q for row in rows] == [str(n) for n in range(size)]
    assert [row.a for row in rows[:2]] == [[1], None]
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match="is no Parquet file"):
        weft.read_rows(path, ["q"])


@pytest.mark.parametrize(
    ("library", "name"), [("polars", "rows.parquet"), ("openpyxl", "rows.xlsx")]
)
def test_a_library_that_is_not_there_is_named_with_its_command(
    library: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed, and nothing fetched."""
    real = builtins.__import__

    def refuse(module: str, *rest: Any) -> Any:
        if module.partition(".")[0] == library:
            raise ImportError(module)
        return real(module, *rest)

    (tmp_path / name).write_bytes(b"")
    monkeypatch.delitem(sys.modules, library, raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=f"pip install '{library}>="):
        weft.read_rows(tmp_path / name, ["q"])


def test_a_sheet_is_its_rows(tmp_path: Path) -> None:
    """Of several with rows one is named; empty rows are none."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "first"
    for cells in (["q", "a"], ["x", 1], [None, None], ["y"]):
        book.active.append(cells)
    path = tmp_path / "rows.xlsx"
    book.create_sheet("empty")
    book.save(path)
    assert [(r.q, r.a) for r in weft.read_rows(path, ["q"])] == [("x", 1), ("y", None)]

    book.create_sheet("second").append(["q"])
    book["second"].append(["z"])
    book.save(path)
    assert weft.read_rows(f"{path}#second", ["q"])[0].q == "z"
    for wrong, said in {
        str(path): 'several sheets with rows. Name one: "rows.xlsx#first"',
        f"{path}#third": "no sheet 'third'. It has first, empty, second",
        f"{tmp_path}/none.xlsx": "cannot be read",
    }.items():
        with pytest.raises(DataError, match=said):
            weft.read_rows(wrong, ["q"])
    book["second"].append(["u", "v"])
    book.save(path)
    with pytest.raises(DataError, match="#second:3: 2 cells under 1 name"):
        weft.read_rows(f"{path}#second", ["q"])
    path.write_bytes(b"PK no more")
    with pytest.raises(DataError, match="is no Excel workbook"):
        weft.read_rows(path, ["q"])


def test_a_workbook_without_a_row_says_so(tmp_path: Path) -> None:
    """And names no sheet, which would be as empty."""
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "none.xlsx"
    openpyxl.Workbook().save(path)

    with pytest.raises(DataError, match=r"no row in any sheet. Write the names"):
        weft.read_rows(path, ["a"])


def test_a_sheet_may_be_called_anything(tmp_path: Path) -> None:
    """With dots and signs of its own."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for title in ("v1.0", "a#b", "rows.csv"):
        for cells in (["q"], [title]):
            (book[title] if title in book else book.create_sheet(title)).append(cells)
    path = tmp_path / "rows.xlsx"
    book.save(path)

    for title in ("v1.0", "a#b", "rows.csv"):
        assert weft.read_rows(f"{path}#{title}", ["q"])[0].q == title


@pytest.mark.parametrize(
    ("old", "new", "rows"),
    [
        (b'<dimension ref="A1:B3"', b'<dimension ref="A1"', 2),  # loses no row
        (b"</sheetData>", b"<", None),
        (b"</worksheet>", b"", None),
    ],
)
def test_a_sheet_that_says_what_is_not_so(
    old: bytes, new: bytes, rows: int | None, tmp_path: Path
) -> None:
    """Loses no row by a wrong size, and is named where it cannot be read."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in (["q", "a"], ["x", 1], ["y", 2]):
        book.active.append(cells)
    book.save(tmp_path / "right.xlsx")
    path = tmp_path / "wrong.xlsx"
    with (
        zipfile.ZipFile(tmp_path / "right.xlsx") as right,
        zipfile.ZipFile(path, "w") as wrong,
    ):
        for name in right.namelist():
            wrong.writestr(name, right.read(name).replace(old, new))

    if rows is not None:
        assert [row.a for row in weft.read_rows(path, ["q"])] == [1, 2]
    else:
        with pytest.raises(DataError, match="is no Excel workbook, or is damaged"):
            weft.read_rows(path, ["q"])


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GIF + name.encode())


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    """In the order of the paths, splits above the classes; hidden files are left."""
    put(tmp_path, "train/owl/b.gif", "train/owl/a.gif", "test/cat/c.GIF", ".DS_Store")

    rows = weft.read_rows(tmp_path, ["image"])

    told = [(row.label, row.meta["split"]) for row in rows]
    assert told == [("cat", "test"), ("owl", "train"), ("owl", "train")]
    assert rows[1].image == weft.Image.open(tmp_path / "train/owl/a.gif")
    assert len({row.id for row in rows}) == 3


def test_a_folder_with_metadata(tmp_path: Path) -> None:
    """A row for each image, each image a row."""
    put(tmp_path, "a.gif", "b.gif")
    table = tmp_path / "metadata.csv"
    table.write_text("file_name,caption\na.gif,One\nb.gif,Two\n")
    rows = weft.read_rows(tmp_path, ["photo"], rename={"image": "photo"})
    assert [row.caption for row in rows] == ["One", "Two"]

    for text, said in {
        "file_name,c\na.gif,One\n": "b.gif has no row in metadata.csv",
        "file_name,c\na.gif,1\nb.gif,2\nc.gif,3\n": "c.gif is in the metadata",
        "file_name,c\na.gif,1\nb.gif,2\na.gif,3\n": "a.gif has two rows",
        "name,c\na.gif,1\n": "metadata.csv:2: 'file_name' is missing",
        "file_name,c\n../a.gif,1\n": "leads out of the folder",
    }.items():
        table.write_text(text)
        with pytest.raises(DataError, match=said):
            weft.read_rows(tmp_path, ["image"])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "holds no image"),
        (["a.txt"], "is neither an image nor metadata"),
        (["a/b/c.gif"], "folders within folders"),
        (["train/a.gif", "bus/b.gif"], "train/a.gif is of no class, and .* of 'bus'"),
    ],
)
def test_a_folder_that_is_none_of_images(
    names: list[str], said: str, tmp_path: Path
) -> None:
    """Nothing is passed over in silence."""
    put(tmp_path, *names)

    with pytest.raises(DataError, match=said):
        weft.read_rows(tmp_path, ["image"])


def test_a_file_that_only_says_it_is_an_image(tmp_path: Path) -> None:
    """Is named."""
    (tmp_path / "a.png").write_bytes(b"no image at all")

    with pytest.raises(DataError, match=r"a\.png: Image"):
        weft.read_rows(tmp_path, ["image"])

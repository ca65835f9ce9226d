"""Rows of a folder of images, as people keep them: a folder for each class.

    birds/owl/1.png          {"image": ..., "label": "owl"}
    birds/test/owl/2.png     the same, with "split": "test"
    birds/metadata.csv       a row for each image, by its file_name

These are the forms of Hugging Face's `imagefolder`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from ..errors import CallError, DataError
from ..media.values import Image

_IMAGES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_SPLITS: Final = frozenset({"train", "validation", "valid", "dev", "test"})
_METADATA: Final = ("metadata.jsonl", "metadata.csv")
_FILE: Final = "file_name"
_NOT_OURS: Final = frozenset({"thumbs.db", "desktop.ini"})

Located = Iterator[tuple[str, object]]


def image_folder(folder: Path, read: Callable[[Path], Located]) -> Located:
    """A row for each image, in the order of the paths.

    Args:
        folder: The folder.
        read: What reads a file of rows, for metadata.

    Raises:
        DataError: A file is no image, an image has no row of the metadata, or the other
            way round.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in found if not _hidden(path.relative_to(folder))]
    tables = [path for path in found if path.name in _METADATA]
    told = dict[Path, dict[str, Any]]()
    for table in tables:
        for path, cells in _told(table, read):
            if path in told:
                raise DataError(
                    f"{table}: {path.name} has two rows",
                    hint="For several rows of an image pass rows of your own: "
                    '{"image": weft.Image.open(path), ...}',
                )
            told[path] = cells
    images = [path for path in found if path not in tables]
    for path in images:
        if path.suffix.lower() not in _IMAGES:
            raise DataError(
                f"{path} is neither an image nor metadata.jsonl or metadata.csv",
                hint="A folder of rows holds PNG, JPEG, GIF and WebP files: move "
                "others elsewhere",
            )
    missing = next((path for path in told if path not in images), None)
    if missing is not None:
        raise DataError(f"{missing} is in the metadata, and not in the folder")
    if not images:
        raise DataError(f"{folder} holds no image", hint="Give the folder of the rows")
    if not tables:
        _refuse_unclear(images, folder)
    for path in images:
        if tables and path not in told:
            raise DataError(f"{path} has no row in {tables[0].name}")
        yield str(path), {**_row(path, folder), **told.get(path, {})}


def _row(path: Path, folder: Path) -> dict[str, Any]:
    """An image, with what the folders above it say."""
    try:
        row: dict[str, Any] = {"image": Image.open(path)}
    except CallError as error:
        said = error.message
        named = said if str(path) in said else f"{path}: {said}"
        raise DataError(named, hint=error.hint) from None
    *above, _ = path.relative_to(folder).parts
    if above and above[0] in _SPLITS:
        row["split"] = above.pop(0)
    if len(above) == 1:
        row["label"] = above[0]
    elif above:
        raise DataError(
            f"{path} is in folders within folders: none of them is its class",
            hint="Write FOLDER/CLASS/FILE or FOLDER/SPLIT/CLASS/FILE",
        )
    return row


def _refuse_unclear(images: Sequence[Path], folder: Path) -> None:
    """Refuse a folder "train" that may be a class, since classes stand beside it.

    Raises:
        DataError: There is one.
    """
    tops = {path: path.relative_to(folder).parts[:-1] for path in images}
    classes = [above for above in tops.values() if above and above[0] not in _SPLITS]
    bare = [p for p, above in tops.items() if len(above) == 1 and above[0] in _SPLITS]
    if classes and bare:
        raise DataError(
            f"{bare[0]} is of no class, and other images are of {classes[0][0]!r}",
            hint="Write FOLDER/SPLIT/CLASS/FILE, also where a class is called "
            f"{tops[bare[0]][0]!r}",
        )


def _told(
    table: Path, read: Callable[[Path], Located]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The rows of a file of metadata, by the image's path."""
    for where, row in read(table):
        cells = dict(cast("Mapping[str, Any]", row))
        name = cells.pop(_FILE, None)
        if not isinstance(name, str) or not name:
            raise DataError(
                f"{where}: {_FILE!r} is missing",
                hint=f'A row of metadata names its image: "{_FILE}": "owl/1.png"',
            )
        path = table.parent / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise DataError(f"{where}: {name!r} leads out of the folder")
        yield path, cells


def _hidden(path: Path) -> bool:
    """Whether it is a file that people did not put there."""
    return any(part.startswith(".") for part in path.parts) or (
        path.name.lower() in _NOT_OURS
    )

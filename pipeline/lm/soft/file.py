"""The vectors of soft words on disk: `NAME.soft.safetensors` beside `NAME.weft.json`.

The format is safetensors': the length of a header, the header in JSON, and numbers; it
holds no code. The tensors are named by their digests, so that while a pair of files is
replaced the vectors of both versions can stand in one file, and a kill leaves no half.
Read here without the package of that name, which wants numpy or torch to read numbers:
a program whose words a server has needs neither.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from ...errors import ArtifactError, cause
from ...ground import strictjson
from ...ground.files import open_regular, write_bytes
from ...ground.shapes import as_dict, is_dict, is_list
from .words import Soft

SUFFIX: Final = ".soft.safetensors"
_MOST_HEADER: Final = 2**20
_MOST: Final = 2**30
_HEAD: Final = struct.Struct("<Q")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def write_soft(path: Path, softs: Iterable[Soft]) -> None:
    """Write vectors, each once; the file that is there stays whole whatever happens.

    Raises:
        ArtifactError: It could not be written.
    """
    write_bytes(path, bytes_of({soft.digest: soft for soft in softs}))


def bytes_of(softs: Mapping[str, Soft]) -> bytes:
    """What the file of some vectors holds, by their digests."""
    header: dict[str, Any] = {"__metadata__": {"format": "weft.soft/1"}}
    at, parts = 0, list[bytes]()
    for digest in sorted(softs):
        soft = softs[digest]
        end = at + len(soft.vectors)
        shape = [soft.count, soft.width]
        header[digest] = {"dtype": "F32", "shape": shape, "data_offsets": [at, end]}
        parts.append(soft.vectors)
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((_HEAD.pack(len(text)), text, *parts))


Tensor = tuple[int, int, bytes]
"""Rows, width and bytes."""


def read_vectors(path: Path | Traversable) -> dict[str, Tensor]:
    """Each tensor of a file, by digest; none where there is no file.

    Raises:
        ArtifactError: It cannot be read, or is no such file.
    """
    try:
        with open_regular(path) if isinstance(path, Path) else path.open("rb") as file:
            data = file.read(_MOST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {cause(error)}") from None
    try:
        return _tensors(data)
    except (ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        raise ArtifactError(
            f"{path} holds no soft words: {str(error)[:200]}",
            hint="Restore it from a copy, together with the artifact beside it",
        ) from None


def _tensors(data: bytes) -> dict[str, Tensor]:
    if len(data) > _MOST:
        raise ValueError(f"it has more than {_MOST} bytes")
    (size,) = _HEAD.unpack_from(data)
    if not 2 <= size <= min(_MOST_HEADER, len(data) - _HEAD.size):
        raise ValueError("its header has no such length")
    header = strictjson.loads_object(data[_HEAD.size : _HEAD.size + size].decode())
    rest = data[_HEAD.size + size :]
    found: dict[str, Tensor] = {}
    at = 0
    for name, told in header.items():
        if name == "__metadata__":
            continue
        tree = as_dict(told)
        shape, place = tree.get("shape"), tree.get("data_offsets")
        known = is_dict(told) and is_list(shape) and is_list(place)
        if not known or not _DIGEST.fullmatch(name) or tree.get("dtype") != "F32":
            raise ValueError(f"{name[:80]!r} is no tensor of soft words")
        rows, width = _counts(shape)
        begin, end = _counts(place)
        if begin != at or end - begin != rows * width * 4 or end > len(rest):
            raise ValueError(f"the bytes of {name[:80]!r} are not where they should be")
        found[name] = rows, width, rest[begin:end]
        at = end
    if at != len(rest):
        raise ValueError("there are bytes that belong to nothing")
    return found


def _counts(pair: Any) -> tuple[int, int]:
    first, second = pair
    if type(first) is not int or type(second) is not int or min(first, second) < 0:
        raise ValueError(f"{pair!r:.80} are no two counts")
    return first, second


def soft_from(data: Mapping[str, Any], held: Mapping[str, Any], where: str) -> Soft:
    """Soft words from what an artifact says of them, and the vectors beside it.

    Args:
        data: As `Soft.as_data` writes them, checked for their types.
        held: What `read_vectors` gave.
        where: The file of vectors, for messages.

    Raises:
        ArtifactError: The vectors are not there, or are others.
        ConfigError: Something of it cannot be.
    """
    digest, name = data["sha256"], data["name"]
    if digest not in held:
        what = "is missing" if not held else "does not hold them: it was altered"
        raise ArtifactError(
            f"the vectors of the soft words {name!r} are not there: {where} {what}",
            hint="Keep the two files of an artifact together; weft.load(..., "
            "soft=False) loads its best program without soft words",
        )
    rows, width, vectors = held[digest]
    near = tuple(tuple(words) for words in data["near"])
    shape = data["count"], data["width"]
    made = Soft(name, data["place"], vectors, rows, width, data["model"], near)
    if made.digest != digest or shape != (rows, width):
        raise ArtifactError(
            f"the vectors of the soft words {name!r} in {where} are not those that "
            "the artifact was saved with: the file was altered",
            hint="Restore it from a copy",
        )
    return made

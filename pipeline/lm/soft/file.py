"""Trained numbers on disk, beside `NAME.weft.json`: soft words and low-rank updates.

`NAME.soft.safetensors` holds vectors, `NAME.lora.safetensors` matrices. The format is
safetensors': the length of a header, the header in JSON, and numbers; it holds no code.
Vectors are named by their digest, matrices by the digest of the whole and peft's name,
so that while the files are replaced the numbers of both versions can stand in one, and
a kill leaves no half. Read here without the package of that name, which wants numpy or
torch to read numbers: a program whose words a server has needs neither.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from ...errors import ArtifactError, cause
from ...ground import strictjson
from ...ground.files import open_regular
from ...ground.shapes import as_dict, is_dict, is_list
from .lora import Lora, Tensor
from .words import Soft

SUFFIX: Final = ".soft.safetensors"
LORA_SUFFIX: Final = ".lora.safetensors"
_MOST_HEADER: Final = 2**24
_MOST: Final = 2**30
_HEAD: Final = struct.Struct("<Q")
_NAME: Final = re.compile(r"sha256:[0-9a-f]{64}(/[A-Za-z0-9_.]{1,240})?")


def bytes_of(tensors: Mapping[str, Tensor]) -> bytes:
    """What the file of some tensors holds, by their names."""
    header: dict[str, Any] = {"__metadata__": {"format": "weft.soft/1"}}
    at, parts = 0, list[bytes]()
    for name in sorted(tensors):
        rows, width, numbers = tensors[name]
        end = at + len(numbers)
        told = {"dtype": "F32", "shape": [rows, width], "data_offsets": [at, end]}
        header[name] = told
        parts.append(numbers)
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((_HEAD.pack(len(text)), text, *parts))


def read_vectors(path: Path | Traversable) -> dict[str, Tensor]:
    """Each tensor of a file, by name; none where there is no file.

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
        tuned = str(path).endswith(LORA_SUFFIX)
        raise ArtifactError(
            f"{path} holds no {'low-rank updates' if tuned else 'soft words'}: "
            f"{str(error)[:200]}",
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
        if not known or not _NAME.fullmatch(name) or tree.get("dtype") != "F32":
            raise ValueError(f"{name[:80]!r} is no tensor of a program")
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
    told = f"the vectors of the soft words {name!r}"
    if digest not in held:
        raise ArtifactError(
            f"{told} are not there: {where} {_lost(held)}",
            hint="Keep the two files of an artifact together; weft.load(..., "
            "soft=False) loads its best program without soft words",
        )
    rows, width, vectors = held[digest]
    near = tuple(tuple(words) for words in data["near"])
    shape = data["count"], data["width"]
    made = Soft(name, data["place"], vectors, rows, width, data["model"], near)
    if made.digest != digest or shape != (rows, width):
        raise _altered(told, where)
    return made


def tensors_of(trained: Soft | Lora) -> dict[str, Tensor]:
    """What of soft words, or of low-rank updates, lies in the file, by name there."""
    if isinstance(trained, Soft):
        return {trained.digest: (trained.count, trained.width, trained.vectors)}
    return {f"{trained.digest}/{name}": one for name, one in trained.tensors.items()}


def lora_from(data: Mapping[str, Any], held: Mapping[str, Any], where: str) -> Lora:
    """Low-rank updates from what an artifact says of them, and the matrices beside it.

    Args:
        data: As `Lora.as_data` writes them, checked for their types.
        held: What `read_vectors` gave.
        where: The file of matrices, for messages.

    Raises:
        ArtifactError: The matrices are not there, or are others.
        ConfigError: Something of it cannot be.
    """
    digest, name = data["sha256"], data["name"]
    own = f"{digest}/"
    tensors = {n.removeprefix(own): t for n, t in held.items() if n.startswith(own)}
    told = f"the matrices of the low-rank updates {name!r}"
    if not tensors:
        raise ArtifactError(
            f"{told} are not there: {where} {_lost(held)}",
            hint="Keep the files of an artifact together; weft.load(..., soft=False) "
            "loads its best program without them",
        )
    rank, alpha, targets = data["rank"], data["alpha"], tuple(data["targets"])
    made = Lora(name, rank, alpha, targets, tensors, data["model"])
    if made.digest != digest or made.count != data["count"]:
        raise _altered(told, where)
    return made


def _lost(held: Mapping[str, Any]) -> str:
    return "does not hold them: it was altered" if held else "is missing"


def _altered(what: str, where: str) -> ArtifactError:
    return ArtifactError(
        f"{what} in {where} are not those that the artifact was saved with: the file "
        "was altered",
        hint="Restore it from a copy",
    )

"""An index as a file of data: a line of what it is, then a line for each passage.

There is no code in it, no key and no address. The postings are not in it: they are made
from the texts in less time than it takes to read them.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import pydantic

from ...pipeline.errors import ArtifactError
from ...pipeline.ground import strictjson
from ...pipeline.ground.files import LARGEST, read_bounded, write_whole
from ...pipeline.lm.embedding.packing import Vector, packed, unpacked
from .corpus import Entry

FORMAT: Final = "weft.index/1"
SUFFIX: Final = ".index.jsonl"


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class Head(_Strict):
    """What an index is, beside its passages.

    Args:
        name: As of a step and a tool.
        description: What a model is told.
        by: What passages are ranked by.
        k1: Of BM25.
        b: Of BM25.
        embedder: What makes vectors comparable, or None without vectors.
        digest: Of all the rest.
        format: The file's format.
    """

    name: str
    description: str = ""
    by: Literal["words", "vectors", "both"] = "words"
    k1: Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
    b: Annotated[float, pydantic.Field(ge=0, le=1)]
    embedder: dict[str, Any] | None = None
    digest: str = ""
    format: Literal["weft.index/1"] = FORMAT


class _Line(_Strict):
    id: str
    text: str
    meta: dict[str, Any] = {}
    vector: str = ""


def digest_of(head: Head, entries: Sequence[Entry], vectors: Sequence[Vector]) -> str:
    """SHA-256 of what decides what is found: not the name, nor what is said of it."""
    told = hashlib.sha256()
    bare = {"by": head.by, "k1": head.k1, "b": head.b, "embedder": head.embedder}
    for line in (strictjson.canonical(bare), *_lines(entries, vectors)):
        told.update(line.encode("utf-8") + b"\n")
    return f"sha256:{told.hexdigest()}"


def write(
    path: Path, head: Head, entries: Sequence[Entry], vectors: Sequence[Vector]
) -> Path:
    """Write an index; an old file stays whole.

    Raises:
        ArtifactError: The path has another ending, or it cannot be written.
    """
    if not path.name.endswith(SUFFIX):
        raise ArtifactError(
            f"{path.name!r} does not end with {SUFFIX}",
            hint=f"Write {path.stem + SUFFIX!r}",
        )
    lines = [strictjson.canonical(head.model_dump()), *_lines(entries, vectors)]
    write_whole(path, "\n".join(lines) + "\n")
    return path


def read(path: Path) -> tuple[Head, tuple[Entry, ...], tuple[Vector, ...]]:
    """What `write` wrote; its digest is not compared yet.

    Raises:
        ArtifactError: It cannot be read, or is no such file.
    """
    try:
        # By line breaks alone: texts hold other characters that end lines.
        first, *rest = read_bounded(path, LARGEST).removesuffix("\n").split("\n")
        head = Head.model_validate(strictjson.loads_object(first))
        told = (strictjson.loads(line, own=True) for line in rest)
        lines = [_Line.model_validate(data) for data in told]
        packs = (line.vector for line in lines if line.vector)
        vectors = tuple(vector for pack in packs for vector in unpacked(pack))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        said = str(error).splitlines()[0][:200]
        if isinstance(error, pydantic.ValidationError):
            fault = error.errors(include_url=False, include_context=False)[0]
            said = f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        raise ArtifactError(
            f"{path} is no index: {said}",
            hint=f"An index is what index.save wrote, {FORMAT!r}",
        ) from None
    sizes = {len(vector) for vector in vectors}
    ids = {line.id for line in lines}
    wanted = len(lines) if head.embedder is not None else 0
    if len(vectors) != wanted or len(sizes) > 1 or len(ids) < len(lines) or not ids:
        raise ArtifactError(
            f"{path} is no index: passages, ids and vectors do not fit one another"
        )
    if (head.by == "words") != (head.embedder is None):
        raise ArtifactError(f"{path} is no index: it ranks by what is not there")
    return head, tuple(Entry(line.id, line.text, line.meta) for line in lines), vectors


def as_vector(numbers: Sequence[float]) -> Vector:
    """Numbers as a vector is held."""
    return array("f", numbers)


def _lines(entries: Sequence[Entry], vectors: Sequence[Vector]) -> Iterator[str]:
    for number, entry in enumerate(entries):
        line: dict[str, Any] = {"id": entry.id, "text": entry.text}
        line |= {"meta": dict(entry.meta)} if entry.meta else {}
        line |= {"vector": packed([vectors[number]])} if vectors else {}
        yield strictjson.canonical(line)

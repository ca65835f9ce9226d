"""The further files of an artifact: `NAME.soft.safetensors`, `NAME.lora.safetensors`.

An artifact says how its soft words are called, where they stand, for which weights they
were trained, and the digest of their vectors, and likewise of low-rank updates; the
numbers lie beside it. The files are replaced so that a kill at any time leaves ones
that belong together: first come the numbers of the old and of the new one in one file,
then the artifact, then the new numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from ..errors import ArtifactError, ConfigError
from ..ground.files import write_bytes, write_whole
from ..lm.soft.file import (
    LORA_SUFFIX,
    SUFFIX,
    bytes_of,
    lora_from,
    read_vectors,
    soft_from,
    tensors_of,
)
from ..lm.soft.lora import Lora, Tensor
from ..lm.soft.words import MOST_WORDS, Place, Soft, is_soft_name

_ARTIFACT: Final = ".weft.json"
_SHA256: Final = r"^sha256:[0-9a-f]{64}$"
_SUFFIXES: Final = (SUFFIX, LORA_SUFFIX)

Files = Mapping[str, Mapping[str, Tensor]]
"""Tensors by name, by the suffix of the file that they lie in."""


def _soft_name(text: str) -> str:
    if not is_soft_name(text):
        raise ValueError(f"{text[:80]!r} is no name of soft words")
    return text


class SoftState(BaseModel):
    """Soft words: all but their vectors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, AfterValidator(_soft_name)]
    place: Place
    count: Annotated[int, Field(ge=1, le=MOST_WORDS)]
    width: Annotated[int, Field(ge=1)]
    model: Annotated[str, Field(pattern=_SHA256)]
    sha256: Annotated[str, Field(pattern=_SHA256)]
    norms: list[float] = []
    near: list[list[str]] = []
    _held: list[Soft] = PrivateAttr(default_factory=list[Soft])

    @property
    def soft(self) -> Soft:
        """The words with their vectors.

        Raises:
            ArtifactError: The artifact was read without its second file.
        """
        if self._held:
            return self._held[0]
        raise ArtifactError(
            f"the vectors of the soft words {self.name!r} did not come along",
            hint="Read the artifact from its folder, where its second file lies",
        )

    def hold(self, soft: Soft) -> None:
        """Keep the words with their vectors."""
        self._held[:] = [soft]

    @property
    def lines(self) -> list[str]:
        """The words for people: each with its norm and the real words next to it."""
        shown = [f"{self.count} at {self.place!r}, {self.sha256[7:19]}"]
        for at in range(self.count):
            word = f"<|{self.name}:{at}|>" if self.place != "deep" else f"position {at}"
            norm = f"norm {self.norms[at]:.3g}" if at < len(self.norms) else ""
            near = ", ".join(map(repr, self.near[at])) if at < len(self.near) else ""
            told = [word, norm, f"near {near}" if near else ""]
            shown.append("  ".join(filter(None, told)))
        return shown


class LoraState(BaseModel):
    """Low-rank updates: all but their matrices."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, AfterValidator(_soft_name)]
    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    targets: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,100}$")]]
    count: Annotated[int, Field(ge=1)]
    model: Annotated[str, Field(pattern=_SHA256)]
    sha256: Annotated[str, Field(pattern=_SHA256)]
    _held: list[Lora] = PrivateAttr(default_factory=list[Lora])

    @property
    def lora(self) -> Lora:
        """The updates with their matrices.

        Raises:
            ArtifactError: The artifact was read without its further file.
        """
        if self._held:
            return self._held[0]
        raise ArtifactError(
            f"the matrices of the low-rank updates {self.name!r} did not come along",
            hint="Read the artifact from its folder, where its further file lies",
        )

    def hold(self, lora: Lora) -> None:
        """Keep the updates with their matrices."""
        self._held[:] = [lora]

    @property
    def lines(self) -> list[str]:
        """The updates for people."""
        of = f"rank {self.rank}, alpha {self.alpha:g}, of {', '.join(self.targets)}"
        return [f"{self.name}: {of}, {self.count:,} numbers, {self.sha256[7:19]}"]


def beside(path: Path, suffix: str = SUFFIX) -> Path:
    """Where the vectors of an artifact lie, or by their suffix its matrices.

    >>> beside(Path("programs/qa.weft.json")).name
    'qa.soft.safetensors'
    """
    return path.with_name(name_of(path) + suffix)


def hold_trained(
    states: Iterable[SoftState | LoraState], folder: Path | Traversable, name: str
) -> None:
    """Read the numbers beside an artifact into what it says of them.

    Args:
        states: What it says.
        folder: The folder that it lies in.
        name: Its name, without its suffix.

    Raises:
        ArtifactError: They are not there, or are others than when it was saved.
    """
    held: dict[str, dict[str, Tensor]] = {}
    for state in states:
        suffix = SUFFIX if isinstance(state, SoftState) else LORA_SUFFIX
        file = folder / f"{name}{suffix}"
        if suffix not in held:
            held[suffix] = read_vectors(file)
        try:
            if isinstance(state, SoftState):
                state.hold(soft_from(state.model_dump(), held[suffix], str(file)))
            else:
                state.hold(lora_from(state.model_dump(), held[suffix], str(file)))
        except ConfigError as error:
            raise ArtifactError(f"{file}: {error.message}", hint=error.hint) from None


def name_of(path: Path) -> str:
    """The name of an artifact, by its path."""
    return path.name.removesuffix(_ARTIFACT)


def files_of(trained: Iterable[Soft | Lora]) -> Files:
    """The tensors of soft words and low-rank updates, by the file that they lie in."""
    made: dict[str, dict[str, Tensor]] = {suffix: {} for suffix in _SUFFIXES}
    for one in trained:
        made[SUFFIX if isinstance(one, Soft) else LORA_SUFFIX] |= tensors_of(one)
    return made


def files_beside(path: Path) -> Files:
    """The tensors that lie beside an artifact.

    Raises:
        ArtifactError: A file cannot be read.
    """
    return {suffix: read_vectors(beside(path, suffix)) for suffix in _SUFFIXES}


def write_files(path: Path, text: str, files: Files) -> None:
    """Write an artifact and the numbers beside it; a kill leaves files that fit.

    Raises:
        ArtifactError: Something could not be written; the old files are whole then.
    """
    stale: list[tuple[Path, Mapping[str, Tensor]]] = []
    for suffix in _SUFFIXES:
        file, new = beside(path, suffix), files[suffix]
        there = file.is_file()
        both = {**_known(file), **new} if there else new
        if new:
            write_bytes(file, bytes_of(both))
        if there and (not new or len(both) > len(new)):
            stale.append((file, new))
    write_whole(path, text)
    for file, new in stale:
        if new:
            write_bytes(file, bytes_of(new))
        else:
            file.unlink(missing_ok=True)


def copy_files(source: Path, target: Path) -> None:
    """Lay copies of what lies beside one artifact beside another."""
    for suffix in _SUFFIXES:
        file = beside(source, suffix)
        if file.is_file():
            write_bytes(beside(target, suffix), file.read_bytes())


def _known(file: Path) -> dict[str, Tensor]:
    """The tensors in a file that is replaced; of a damaged one none is kept."""
    try:
        return read_vectors(file)
    except ArtifactError:
        return {}

"""The second file of an artifact: `NAME.soft.safetensors`, vectors of its soft words.

An artifact says how its soft words are called, where they stand, for which weights they
were trained, and the digest of their vectors; the numbers lie beside it. Both files are
replaced so that a kill at any time leaves a pair that belongs together: first come the
vectors of the old and of the new one in one file, then the artifact, then the new
vectors alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr

from ..errors import ArtifactError, ConfigError
from ..ground.files import write_bytes, write_whole
from ..lm.soft.file import SUFFIX, Tensor, bytes_of, read_vectors, soft_from
from ..lm.soft.words import MOST_WORDS, Place, Soft, is_soft_name

_ARTIFACT: Final = ".weft.json"
_SHA256: Final = r"^sha256:[0-9a-f]{64}$"


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


def beside(path: Path) -> Path:
    """Where the vectors of an artifact lie.

    >>> beside(Path("programs/qa.weft.json")).name
    'qa.soft.safetensors'
    """
    return path.with_name(path.name.removesuffix(_ARTIFACT) + SUFFIX)


def hold_vectors(states: Iterable[SoftState], file: Path | Traversable) -> None:
    """Read the vectors beside an artifact into what it says of its soft words.

    Args:
        states: What it says.
        file: The file of vectors, `beside` the artifact.

    Raises:
        ArtifactError: They are not there, or are others than when it was saved.
    """
    wanted = list(states)
    if not wanted:
        return
    held = read_vectors(file)
    for state in wanted:
        try:
            state.hold(soft_from(state.model_dump(), held, str(file)))
        except ConfigError as error:
            raise ArtifactError(f"{file}: {error.message}", hint=error.hint) from None


def write_pair(path: Path, text: str, softs: Iterable[Soft]) -> None:
    """Write an artifact and the vectors beside it; a kill leaves a pair that fits.

    Raises:
        ArtifactError: Something could not be written; the old pair is whole then.
    """
    new = {soft.digest: soft for soft in softs}
    file = beside(path)
    there = file.is_file()
    if not new and not there:
        write_whole(path, text)
        return
    both = {**_known(file), **new} if there else new
    write_bytes(file, bytes_of(both))
    write_whole(path, text)
    if not new:
        file.unlink(missing_ok=True)
    elif len(both) > len(new):
        write_bytes(file, bytes_of(new))


def copy_vectors(source: Path, target: Path) -> None:
    """Lay a copy of the vectors of one artifact beside another; none where none are."""
    file = beside(source)
    if file.is_file():
        write_bytes(beside(target), file.read_bytes())


def _known(file: Path) -> dict[str, Soft]:
    """The vectors in a file that is replaced; of a damaged one none is kept."""
    try:
        held = read_vectors(file)
    except ArtifactError:
        return {}
    return {soft.digest: soft for soft in map(unnamed, held.values())}


def unnamed(tensor: Tensor) -> Soft:
    """Vectors of which only shape and numbers are known, to be written again."""
    rows, width, vectors = tensor
    return Soft("unnamed", "deep", vectors, rows, width, f"sha256:{'0' * 64}")

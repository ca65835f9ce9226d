"""Versions of artifacts as plain files: a history folder, and a file of labels.

A version is known by the digest of its behaviour; what it was compiled from, its
parent, stands in its provenance. Versions that were replaced are kept in the folder
`history` beside the artifact. Labels are lines such as `production: sha256:...` in
`labels.txt`, made for reading, for a diff, and for `git blame`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import ArtifactError, did_you_mean
from ..graph.digest import digest_of, digits_of
from ..ground import strictjson
from ..ground.files import write_whole
from ..ground.options import path_of
from ..ground.shapes import as_dict, is_dict
from ..ground.words import brief
from .load import artifact_text
from .soft import copy_files, files_beside, name_of, write_files
from .state import SUFFIX, compiled_score

_FOLDER = "history"
_LABELS = "labels.txt"
_LINE = re.compile(r"([\w.-]+): (sha256:[0-9a-f]{64})")
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64})?")
_HOW_TO_KEEP = (
    "Versions that are replaced are kept by weft compile --keep, by save(..., "
    "history=True), and once there is a folder {}"
)


@dataclass(frozen=True)
class Version:
    """One version of a program.

    Args:
        name: The artifact's name, without its suffix.
        digest: The digest of its behaviour.
        parent: The digest of what it was compiled from; empty where nobody said.
        path: The file.
        current: Whether this is the one that is imported, and no kept one.
        score: Mean score in [0, 1] as the file says, or None.
        compiler: Who made it, as the file says: a compiler, or a call such as "draft";
            empty where nobody said.
        labels: The labels that point at it.
        message: What was asked for, as the file says: a person's note, of a revision.
    """

    name: str
    digest: str
    parent: str
    path: Path
    current: bool
    score: float | None = None
    compiler: str = ""
    labels: tuple[str, ...] = ()
    message: str = ""

    def __str__(self) -> str:
        score = "" if self.score is None else f"  {100 * self.score:5.1f}"
        marks = [*(["current"] if self.current else []), *self.labels]
        by = f"  {self.compiler}" if self.compiler else ""
        by += f"  {brief(' '.join(self.message.split()))!r}" if self.message else ""
        shown = f"  ({', '.join(marks)})" if marks else ""
        text = f"{self.name}  {_short(self.digest)}{score}{by}{shown}"
        # Of a file that nobody vouches for: nothing in it moves a terminal's cursor.
        return "".join(c if c.isprintable() else "?" for c in text)

    def answers(self, wanted: str) -> bool:
        """Whether a label, or the first digits of a digest, means this version."""
        digits = self.digest.removeprefix("sha256:")
        asked = wanted.removeprefix("sha256:")
        return wanted in self.labels or (len(asked) >= 4 and digits.startswith(asked))


def log(folder: str | Path) -> list[Version]:
    """The versions of a folder's artifacts, by name; children come before parents.

    Args:
        folder: The folder; of one artifact in it, the versions of that one alone.

    Raises:
        ArtifactError: There is no such folder, or a file of theirs cannot be read.
    """
    place = path_of(folder, "folder")
    if place.name.endswith(SUFFIX) and not place.is_dir():
        # What is wrong with another artifact of the folder is no matter of this one.
        return _ordered(_read(_files(place.parent, name_of(place)), place.parent))
    if not place.is_dir():
        raise ArtifactError(f"{place} is no folder", hint="Give a folder of artifacts")
    return _ordered(_read(_files(place), place))


def _files(place: Path, name: str | None = None) -> list[Path]:
    """The files of a folder's artifacts, or of one: those in use, then those kept."""
    used, kept = sorted(place.glob(f"*{SUFFIX}")), place / _FOLDER
    old = sorted(kept.glob(f"*{SUFFIX}"))
    if name is None:
        return used + old
    return [
        *(path for path in used if name_of(path) == name),
        *(path for path in old if name_of(path).rpartition("-")[0] == name),
    ]


def _read(paths: Iterable[Path], place: Path) -> list[Version]:
    labels = read_labels(place)
    return [_version(path, path.parent == place, labels) for path in paths]


def _ordered(versions: Iterable[Version]) -> list[Version]:
    found: dict[tuple[str, str], Version] = {}
    for version in versions:
        found.setdefault((version.name, version.digest), version)
    ordered: dict[tuple[str, str], Version] = {}
    for first in sorted(found.values(), key=lambda v: (not v.current, v.digest)):
        at: Version | None = first
        while at is not None and (at.name, at.digest) not in ordered:
            ordered[at.name, at.digest] = at
            at = found.get((at.name, at.parent))
    return sorted(ordered.values(), key=lambda v: v.name)


def keep(path: Path, *, make: bool = True) -> Path | None:
    """Keep a version in the history folder, if there is one and `make` allows it.

    Its name is made of the digest of what it holds, and not of the one that it claims:
    a file that somebody prepared would choose where it is written, or take the place of
    another version.

    Raises:
        ArtifactError: The file is no artifact, the folder is a link, or the version
            could not be written.
    """
    folder = path.parent / _FOLDER
    if not path.is_file() or not (make or folder.is_dir()):
        return None
    if folder.is_symlink():
        raise ArtifactError(
            f"{folder} is a link", hint="Make it a folder: versions are kept beside"
        )
    text = artifact_text(path)
    digest = digest_of(_data(path, text).get("program"))
    target = folder / f"{name_of(path)}-{_short(digest)}{SUFFIX}"
    if not target.exists():
        copy_files(path, target)
        write_whole(target, text)
    return target


def rollback(path: str | Path, to: str | None = None) -> Version:
    """Put an earlier version back in place; the one that is there is kept.

    Args:
        path: The artifact.
        to: A label, or the first digits of a digest; the parent by default.

    Raises:
        ArtifactError: That version is not in the history folder.
    """
    target = path_of(path, "path")
    if not (target.name.endswith(SUFFIX) and target.is_file()):
        raise ArtifactError(
            f"there is no artifact {target}",
            hint=f"Name a file that ends with {SUFFIX}",
        )
    if not isinstance(cast(object, to), str | None):
        raise ArtifactError(
            f"to={to!r} is no version", hint="Give a label, or digits of a digest"
        )
    versions = log(target)
    parent = next(v for v in versions if v.current).parent
    wanted = to or parent
    fits = [v for v in versions if wanted and v.answers(wanted)]
    if len(fits) != 1:
        what = f"its parent {_short(parent)} was not kept"
        if to:
            what = f"{to!r} names {len(fits)} of its versions"
        elif not parent:
            what = "it names no parent"
        known = ", ".join(_short(v.digest) for v in versions if not v.current)
        how = _HOW_TO_KEEP.format(target.parent / _FOLDER)
        raise ArtifactError(
            f"{target}: {what}", hint=f"Kept: {known}" if known else how
        )
    keep(target)
    kept = files_beside(fits[0].path)
    write_files(target, artifact_text(fits[0].path), kept)
    return _version(target, True, read_labels(target.parent))


def read_labels(folder: str | Path) -> dict[str, str]:
    """Digests by label, from a folder's `labels.txt`; empty where there is none.

    Raises:
        ArtifactError: A line is no label; the message names it.
    """
    path = Path(folder) / _LABELS
    if not path.is_file():
        return {}
    made: dict[str, str] = {}
    for number, line in enumerate(artifact_text(path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] in made:
            raise ArtifactError(
                f"{path}:{number}: {line[:80]!r} is no label, or is there twice",
                hint="Write for example production: sha256:... (64 digits)",
            )
        made[match[1]] = match[2]
    return made


def label(folder: str | Path, name: str, version: str) -> Version:
    """Let a label point at a version.

    Args:
        folder: The folder of artifacts.
        name: The label, such as "production".
        version: Another label, or the first digits of a digest.

    Raises:
        ArtifactError: There is no such version, or the name is none.
    """
    place = path_of(folder, "folder")
    versions, labels = _whole(place), read_labels(place)
    if not isinstance(cast(object, version), str):
        raise ArtifactError(
            f"version={version!r} is no version",
            hint="Give another label, or digits of a digest",
        )
    fits = [v for v in versions if v.answers(version)]
    if len(fits) != 1:
        raise ArtifactError(
            f"{version!r} names {len(fits)} versions in {folder}",
            hint=did_you_mean(version, [_short(v.digest) for v in versions]),
        )
    named = isinstance(cast(object, name), str)
    if not named or _LINE.fullmatch(f"{name}: {fits[0].digest}") is None:
        raise ArtifactError(f"{name!r} is no label", hint="Write a word")
    labels[name] = fits[0].digest
    lines = [f"{key}: {labels[key]}\n" for key in sorted(labels)]
    write_whole(place / _LABELS, "".join(lines))
    return fits[0]


def _whole(place: Path) -> list[Version]:
    """As `log`, without the files that cannot be read: no label can mean one."""
    if not place.is_dir():
        return log(place)
    found: list[Version] = []
    for path in _files(place):
        with suppress(ArtifactError):
            found += _read([path], place)
    return _ordered(found)


def _version(path: Path, current: bool, labels: dict[str, str]) -> Version:
    data = _data(path, artifact_text(path))
    told, digest = as_dict(data.get("provenance")), str(data.get("digest", ""))
    return Version(
        name_of(path) if current else name_of(path).rpartition("-")[0],
        digest,
        str(told.get("parent", "")),
        path,
        current,
        next(iter(compiled_score(told)), None),
        str(as_dict(told.get("compiler")).get("name", told.get("by", ""))),
        tuple(sorted(name for name, at in labels.items() if at == digest)),
        str(told.get("message", "")),
    )


def _data(path: Path, text: str) -> dict[str, Any]:
    try:
        data = strictjson.loads_object(text)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path} is no artifact: {error}",
            hint="Take it out of the folder, or write it anew with weft.save; after a "
            "merge, look for its marks",
        ) from None
    if not is_dict(data.get("program")):
        raise ArtifactError(
            f"{path} is no artifact: it holds no program",
            hint="Take it out of the folder, or write it with weft.save",
        )
    digest = data.get("digest", "")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ArtifactError(
            f"{path} is no artifact: its digest is {digest!r:.80}",
            hint='A digest is "sha256:" and 64 digits, or empty after an edit by hand',
        )
    return data


def _short(digest: object) -> str:
    return digits_of(digest) or "unknown"

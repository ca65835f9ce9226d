"""The files that a command writes: no other file is lost to them, and all can be made.

A file that is there is written over only where it is of the kind that the command
writes, and nothing that the same command reads, under whatever name or link. Both are
found out before anything is paid for.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ..pipeline.artifact.state import SUFFIX
from ..pipeline.errors import ConfigError
from ..pipeline.ground.files import open_regular, write_whole
from ..pipeline.ground.shapes import is_list
from ..pipeline.ground.strictjson import escaped
from .table import words_of

_LOOKED_AT: Final = 4096
"""Bytes at the beginning of a file, which tell what it is."""


class Kind(NamedTuple):
    """What a command writes, and how one that is there is known.

    Args:
        words: What it is, as in "an evaluation"; empty where none is written over.
        begins: How such a file begins; None where it is a folder, or none.
        inside: The file that such a folder holds, or empty for any folder; None where
            it is a file.
    """

    words: str
    begins: re.Pattern[bytes] | None = None
    inside: str | None = None

    def may_replace(self, path: Path) -> bool:
        """Whether nothing is lost that is not of this kind; what is empty holds none.

        Raises:
            OSError: It cannot be read.
        """
        if path.is_dir():
            inside = self.inside
            held = [*path.iterdir()] if inside else []
            return not held or inside in {one.name for one in held}
        with open_regular(path) as file:
            start = file.read(_LOOKED_AT)
        begins = self.begins
        return begins is not None and (not start or begins.match(start) is not None)


def _json(keys: str) -> re.Pattern[bytes]:
    """How a JSON object begins whose first key is one of some."""
    return re.compile(rf'\s*\{{\s*"(?:{keys})"\s*:'.encode())


_OBJECT = re.compile(rb"\s*\{")
_NEW = Kind("")
_PAGE = Kind(
    "a page of weft's",
    re.compile(rb'<!doctype html>\s*<html lang="en"><head><meta charset="utf-8">'),
)
_EVALUATION = Kind("an evaluation", _json("program"))
# No artifact has another name than NAME.weft.json, which says enough of an object.
_ARTIFACT = Kind("an artifact", _OBJECT)
_CHATS = Kind("a file of chats", _json("messages"))
# Whoever goes on with these reads every line of them first, and refuses what is none.
_REMARKS = Kind("a file of remarks", _OBJECT)
_CHOICES = Kind("a file of choices", _OBJECT)
_ANSWERS = Kind("a file of answers", _OBJECT)
_EXPORT = Kind(
    "an export",
    re.compile(
        rb'\s*\{\s*"(?:traces"|[^"]+"\s*:\s*\{\s*"(?:messages|name|traces)")\s*:'
    ),
)
_MODEL = Kind("a baked model", re.compile(b"GGUF"), "weft.soft.json")
_ADAPTER = Kind("an adapter", re.compile(b"GGUF"))
_PEFT = Kind("a folder of peft's", inside="adapter_config.json")
_FOLDER = Kind("a folder", inside="")

_Kinds = Mapping[str, Kind]
_DRAFT: _Kinds = {"out": _NEW}
WRITES: Final[Mapping[str, _Kinds]] = {
    "demo": {"out": _FOLDER},
    "eval": {"html": _PAGE, "save": _EVALUATION, "out": _ARTIFACT},
    "draft": _DRAFT,
    "interview": {**_DRAFT, "answers": _ANSWERS},
    "revise": _DRAFT,
    "synthesize": _DRAFT,
    "gate": {"html": _PAGE},
    "try": {"html": _PAGE},
    "take-eval": {"save": _EVALUATION, "out": _ANSWERS},
    "blind": {"out": _CHOICES},
    "compile": {"html": _PAGE, "out": _ARTIFACT},
    "finetune": {"out": _CHATS},
    "review": {"out": _REMARKS},
    "show": {"html": _PAGE},
    "export": {"out": _EXPORT},
    "import-dspy": {"out": _ARTIFACT},
    "soft bake": {"out": _MODEL},
    "soft adapter": {"out": _ADAPTER},
    "soft export": {"peft": _PEFT},
    "soft import": {"out": _ARTIFACT},
}
"""What each command writes, by the option that names it."""


def refuse_loss(arguments: argparse.Namespace) -> None:
    """Refuse to write over what is read, or over what is of another kind.

    Raises:
        ConfigError: One of the options names such a file; the message says which.
    """
    written = _written(arguments)
    for name in written:
        _refuse_read(arguments, name, written)
        _refuse_twice(arguments, name, written)
        _refuse_other(Path(getattr(arguments, name)), name, written[name])


def require_writable(path: Path) -> None:
    """Find out before anything is paid for that a file could not be written.

    Raises:
        ConfigError: Its folder cannot be made or written to, or it is a folder.
    """
    problem, hint = "", "Name another file"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Rights on paper are not enough: file systems refuse for reasons of their own.
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        with contextlib.suppress(FileNotFoundError):
            path.stat()  # a name may be too long, or lead round in a circle
    except OSError as error:
        made = stat.S_ISDIR(_mode(path.parent))
        what = f"{path} cannot be written" if made else f"the folder of {path} cannot"
        problem = f"{what}{'' if made else ' be made'}: {error.strerror}"
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        problem, hint = f"{path} cannot be written: it is a folder", "Name a file in it"
    elif mode and not os.access(path, os.W_OK):
        problem = f"{path} cannot be written: it is read-only"
    if problem:
        raise ConfigError(problem, hint=hint)


def write_text(path: Path, text: str) -> None:
    """Write what a command made; a file that is there stays whole until then.

    A link is followed, and a file keeps its rights. A pipe or a device is written to.

    Raises:
        ArtifactError: It could not be written.
        OSError: The pipe or the device could not.
    """
    # Half a character, as a model may write it, is spelt out: it must cost no result.
    whole = escaped(text)
    mode = _mode(path)
    if mode and not stat.S_ISREG(mode):
        path.write_text(whole, encoding="utf-8")
    else:
        place = Path(os.path.realpath(path))
        write_whole(place, whole, stat.S_IMODE(mode) if mode else 0o666)


def _mode(path: Path) -> int:
    """What there is under a name, as `stat` says it; 0 where there is nothing."""
    with contextlib.suppress(OSError, ValueError):  # a text that no file is named
        return path.stat().st_mode
    return 0


def _written(arguments: argparse.Namespace) -> dict[str, Kind]:
    """What the options of this command name, and of what kind each is.

    Raises:
        ConfigError: One of them names nothing.
    """
    command = arguments.command
    if command == "soft":
        command = f"soft {arguments.action}"
    kinds = dict(WRITES.get(command, {}))
    if command == "revise" and arguments.keep:
        kinds["out"] = _ARTIFACT
    given = {n: k for n, k in kinds.items() if getattr(arguments, n) is not None}
    for name in given:
        if not getattr(arguments, name):
            raise ConfigError(f"--{name} is empty", hint=f"Write --{name} PATH")
    return given


def _refuse_read(
    arguments: argparse.Namespace, name: str, written: Mapping[str, Kind]
) -> None:
    """Refuse what the command reads; a new version of an artifact is no loss of one."""
    path = Path(getattr(arguments, name))
    if not _mode(path):
        return
    words = words_of(arguments.command)
    for other, value in vars(arguments).items():
        if other in written or other not in words:
            continue
        for text in value if is_list(value) else [value]:
            for source in _meant(text) if isinstance(text, str) else ():
                anew = written[name] is _ARTIFACT and source.name.endswith(SUFFIX)
                if path.samefile(source) and not anew:
                    raise ConfigError(
                        f"--{name} {path} would write over {source}, which "
                        f"{words[other]} names",
                        hint=f"Name another file with --{name}",
                    )


def _meant(text: str) -> list[Path]:
    """The paths that are there, of those that a word may mean.

    Any word may mean one: rows, a target with its name, a setting such as `path=FILE`.
    """
    place = text.rpartition(":")[0]
    module = place.replace(".", "/")
    meant = [text, text.removeprefix("torch/"), text.partition("=")[2], place]
    if module:
        meant += [f"{module}.py", f"{module}/__init__.py"]
    return [Path(one) for one in meant if one and _mode(Path(one))]


def _refuse_twice(
    arguments: argparse.Namespace, name: str, written: Mapping[str, Kind]
) -> None:
    """Refuse a file that two options write."""
    path = getattr(arguments, name)
    for other in written:
        if other == name:
            return
        if os.path.realpath(getattr(arguments, other)) == os.path.realpath(path):
            raise ConfigError(
                f"--{other} and --{name} both write {path}",
                hint=f"Name another file with --{name}",
            )


def _refuse_other(path: Path, name: str, kind: Kind) -> None:
    """Refuse what is there and is of another kind; pipes and devices hold nothing."""
    mode = _mode(path)
    is_folder = stat.S_ISDIR(mode)
    if not stat.S_ISREG(mode) and (kind.inside is None or not is_folder):
        return
    with contextlib.suppress(OSError):  # that it cannot be written is told elsewhere
        if not kind.may_replace(path):
            no = f": it is not {kind.words}" if kind.words else ""
            raise ConfigError(
                f"{path} is there already, and is not written over{no}",
                hint=f"Name another {'folder' if is_folder else 'file'} with --{name}",
            )

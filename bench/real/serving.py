"""The models that answer: an address, or a file that llama.cpp serves while it runs."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import BenchError

__all__ = ["Model", "models_of", "served"]

CONTEXT, SLOTS = 4096, 4


@dataclass(frozen=True)
class Model:
    """A model by the name that the tables give it.

    Attributes:
        name: Such as "smollm2".
        where: An address in the OpenAI format, or the path of a GGUF file.
    """

    name: str
    where: str


def models_of(text: str) -> list[Model]:
    """The models of `--models NAME=WHERE,...`; none for an empty text.

    Raises:
        BenchError: A part has no name or no place.

    >>> models_of("smollm2=http://127.0.0.1:8101/v1")[0].name
    'smollm2'
    """
    found: list[Model] = []
    for part in filter(None, text.split(",")):
        name, _, where = part.partition("=")
        if not (name and where):
            raise BenchError(
                f"--models {part!r} names no model; write NAME=URL or NAME=FILE.gguf"
            )
        found.append(Model(name, where))
    return found


@contextlib.contextmanager
def served(model: Model) -> Generator[tuple[str, dict[str, Any]]]:
    """The model's address, and what is known of the server and the file.

    Raises:
        BenchError: The file or the interpreter is missing, or the server ends at once.
    """
    if model.where.startswith("http"):
        yield model.where, _told(model.where)
        return
    path, llama = Path(model.where).absolute(), os.environ.get("WEFT_LLAMA_PYTHON")
    if not (llama and path.is_file()):
        raise BenchError(
            f"{model.name} needs the file {path}, and WEFT_LLAMA_PYTHON, which names "
            "an interpreter that holds xllamacpp; or name a server that runs."
        )
    script = Path(__file__).with_name("llama.py")
    with subprocess.Popen(
        [llama, script, path, str(CONTEXT), str(SLOTS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("serving "):
                break
        else:
            raise BenchError(f"llama.cpp does not serve {path} with {llama}")
        _, url, version = line.rstrip("\n").split(" ", 2)
        told = _told(url)
        try:
            yield url, {**told, "server": f"{told.get('server', '')} ({version})"}
        finally:
            process.kill()


def _told(url: str) -> dict[str, Any]:
    """What a llama.cpp server says of itself; nothing where it is another."""
    root = url.removesuffix("/").removesuffix("/v1")
    try:
        with urllib.request.urlopen(f"{root}/props", timeout=30) as reply:  # noqa: S310 - an address of the user's own
            props = json.load(reply)
    except urllib.error.HTTPError as refused:
        refused.close()
        return {}
    except (urllib.error.URLError, ValueError):
        return {}
    if "build_info" not in props:
        return {}
    settings = props.get("default_generation_settings", {})
    file = Path(props.get("model_path", ""))
    return {
        "file": file.name,
        "sha256": _digest(file),
        "server": f"llama.cpp {props['build_info']}",
        "slots": props.get("total_slots"),
        "context": settings.get("n_ctx"),
    }


def _digest(path: Path) -> str:
    """The file's, where the server runs on this machine."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

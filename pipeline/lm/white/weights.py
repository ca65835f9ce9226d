"""A model in this process: which weights, how wide, and under what name.

What changes answers is in its endpoint, which goes into keys, journals and artifacts:
the digest of the weights with their tokenizer, and the context. Nothing is computed or
imported here; weights in files that hold code (pickle) are refused by not being read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...errors import ConfigError, cause
from ...ground.shapes import as_dict, as_list
from ..abilities import IN_PROCESS as PREFIX
from ..abilities import Abilities
from ..local.gguf import control_among, read_header
from ..local.model import CONTEXT, Room
from ..local.weights import PACKAGED, digest_of, find_weights
from ..soft.known import ANY
from .libraries import require_libraries

_DIGITS: Final = 16
_THINKS: Final = "<think>"
_READ: Final = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer.model"),
    *("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"),
    *("added_tokens.json", "vocab.json", "merges.txt"),
)


@dataclass(frozen=True, slots=True)
class WhiteModel:
    """What runs in this process; equal where the answers are.

    Args:
        digest: SHA-256 of the weights and of what reads texts for them, in hex.
        context: Tokens of prompt and reply together.
        threads: How many threads compute; sums of several threads may differ in their
            last digits, so more than one stands in the endpoint.
        name: What its user calls it.
        path: The GGUF file, or the folder.
        width: Numbers in an embedding.
        deep: Numbers that a position has in the keys and values of all layers.
        abilities: What it can do.
    """

    digest: str
    context: int
    threads: int
    name: str = field(compare=False)
    path: Path = field(compare=False, repr=False)
    width: int = field(compare=False)
    deep: int = field(compare=False)
    abilities: Abilities = field(compare=False, repr=False)
    slots: int = field(default=1, init=False, compare=False)

    @property
    def endpoint(self) -> str:
        """Who answers, the same on every machine that has the files."""
        beside = "" if self.threads == 1 else f"/{self.threads}"
        return f"{PREFIX}{self.digest[:_DIGITS]}/{self.context}{beside}"

    @property
    def sha256(self) -> str:
        """The digest as soft words and low-rank updates name it."""
        return f"sha256:{self.digest}"


@dataclass(frozen=True, slots=True)
class _Told:
    """What the files say of a model."""

    context: int
    template: str
    width: int
    deep: int
    control: tuple[str, ...] = ()


def find_white(name: str, room: Room) -> WhiteModel:
    """The model that a name or a path means; nothing is loaded.

    Args:
        name: A name in `PACKAGED`, a path to a GGUF file, or to a folder that
            transformers can read.
        room: How much context, and how many threads; slots there are none.

    Raises:
        ConfigError: It is not here, cannot be read, or the extra is not installed.
    """
    require_libraries()
    if room.slots not in (None, 1):
        raise ConfigError(
            f'"torch/{name}" answers one call after the other',
            hint="Leave slots out; it is for models that llama.cpp serves",
        )
    if room.lora:
        raise ConfigError(
            f'"torch/{name}" needs no adapter: it answers through the low-rank updates '
            "that a program has",
            hint="Leave lora out, and load the program: weft.load(NAME.weft.json)",
        )
    path = Path(name).expanduser()
    if path.is_dir():
        path = path.resolve()
        told, digest, said = _of_folder(path), _digest_of_folder(path), path.name
    else:
        path = find_weights(name, served=False)
        header, digest = read_header(path), digest_of(path)
        said = name if name in PACKAGED else path.stem
        widths = header.width, header.deep
        told = _Told(header.context, header.template, *widths, header.control)
    context = _context(name, room.context, told.context)
    threads = 1 if room.threads is None else _threads(room.threads)
    able = _abilities(told, context)
    return WhiteModel(digest, context, threads, said, path, told.width, told.deep, able)


def _context(name: str, wanted: int | None, most: int) -> int:
    if wanted is None:
        return min(CONTEXT, most or CONTEXT)
    if type(wanted) is not int or not 0 < wanted <= (most or wanted):
        raise ConfigError(
            f"context={wanted!r} is no number of tokens that {name!r} takes",
            hint=f"Write context={most or CONTEXT} or less",
        )
    return wanted


def _threads(wanted: int) -> int:
    if type(wanted) is not int or wanted < 1:
        raise ConfigError(
            f"threads={wanted!r} is no whole number, 1 or more",
            hint="Leave it out for one, which gives the same bytes on one machine",
        )
    return wanted


def _of_folder(path: Path) -> _Told:
    config = _json(path / "config.json")
    if not any(path.glob("*.safetensors")):
        raise ConfigError(
            f"the folder {str(path)!r} has no weights as safetensors",
            hint="Save them with save_pretrained of a new transformers; files that "
            "hold code, such as pytorch_model.bin, are not opened",
        )
    said = path / "chat_template.jinja"
    template = _text(said) if said.is_file() else ""
    if not template and (path / "tokenizer_config.json").is_file():
        template = str(_json(path / "tokenizer_config.json").get("chat_template") or "")
    width, layers, heads = (
        int(config.get(key) or 0)
        for key in ("hidden_size", "num_hidden_layers", "num_attention_heads")
    )
    pairs = int(config.get("num_key_value_heads") or heads)
    head = int(config.get("head_dim") or width // max(1, heads))
    most = int(config.get("max_position_embeddings") or 0)
    return _Told(most, template, width, layers * 2 * pairs * head, _control_in(path))


def _control_in(path: Path) -> tuple[str, ...]:
    """The control tokens of a folder's tokenizer."""
    file = path / "tokenizer.json"
    listed = as_list(_json(file).get("added_tokens")) if file.is_file() else []
    added = [(one.get("content"), one.get("special")) for one in map(as_dict, listed)]
    return control_among((t, s is True) for t, s in added if isinstance(t, str))


def _digest_of_folder(path: Path) -> str:
    """The digest of the names and digests of all files that are read."""
    files = [path / name for name in _READ] + sorted(path.glob("*.safetensors"))
    lines = [f"{digest_of(f)}  {f.name}\n" for f in sorted(files) if f.is_file()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _json(path: Path) -> Mapping[str, Any]:
    try:
        return as_dict(json.loads(_text(path)))
    except ValueError as error:
        raise ConfigError(f"{str(path)!r} is no JSON: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{str(path)!r} cannot be read: {cause(error)}",
            hint='Write "torch/FOLDER" with a folder that save_pretrained wrote, or '
            '"torch/PATH.gguf"',
        ) from None


def _abilities(told: _Told, context: int) -> Abilities:
    thinks = _THINKS in told.template
    return Abilities(
        schema=False,
        grammar=False,
        stop=True,
        logprobs=True,
        echo=False,
        forced=True,
        tools=False,
        reasoning=False,
        thinks=thinks,
        seed=True,
        context=context,
        slots=1,
        base=not told.template,
        images=False,
        audio=False,
        files=False,
        soft=(ANY,),
        lora=(ANY,),
        control=told.control,
    )

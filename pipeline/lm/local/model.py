"""A local model: which weights, with how much room, and under what name.

What changes answers is in its endpoint, which goes into keys, journals and artifacts:
the digest of the file, with the chat template in it, and the context. Slots and threads
change how fast it is. No path, port or key is there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from ...errors import ConfigError
from ...ground import strictjson
from ...ground.shapes import as_dict, as_list
from ..abilities import LOCAL as PREFIX
from ..abilities import Abilities
from .gguf import Header, read_header
from .weights import PACKAGED, digest_of, find_weights

CONTEXT: Final = 4096
"""Tokens of prompt and reply in each slot, unless more are asked for."""
SLOTS: Final = 4
TIMEOUT: Final = 600.0
"""Seconds of one attempt: no request gets lost on the way, and small machines take
half a minute to read a long prompt."""
_DIGITS: Final = 16
_THINKS: Final = "<think>"


@dataclass(frozen=True, slots=True)
class Room:
    """How a local model is served; None is the default.

    Args:
        context: Tokens of prompt and reply together, in each slot; by default 4,096, or
            what the model was trained on where that is less.
        slots: How many calls are answered at once; by default 4.
        threads: How many threads compute; by default as many as there are cores, less
            one for whoever asks.
        lora: Files of low-rank updates, each applied to the calls that have them.
    """

    context: int | None = None
    slots: int | None = None
    threads: int | None = None
    lora: tuple[str, ...] = ()


class Adapter(NamedTuple):
    """A file of low-rank updates that a server holds.

    Args:
        mark: The name of the updates, and twelve digits of their digest.
        sha256: Their digest.
        path: The file.
        digest: That of the file, in hex.
    """

    mark: str
    sha256: str
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class LocalModel:
    """What a server serves; equal where one server does for both.

    Args:
        digest: The file's SHA-256 in hex.
        context: Tokens of prompt and reply together, in each slot.
        slots: How many calls it answers at once.
        threads: How many threads compute.
        name: What its user calls it.
        path: The file.
        abilities: What it can do.
        embedding: Whether it gives vectors of texts, instead of replies.
        pooled: Whether it was trained to do so; else the mean of its tokens' vectors
            stands for a text.
        adapters: The low-rank updates that the server holds.
    """

    digest: str
    context: int
    slots: int
    threads: int
    name: str = field(compare=False)
    path: Path = field(compare=False, repr=False)
    abilities: Abilities = field(compare=False, repr=False)
    embedding: bool = False
    pooled: bool = field(default=False, compare=False, repr=False)
    silent: tuple[int, ...] = field(default=(), compare=False, repr=False)
    """Tokens that are read and never said: the soft words in the file."""
    adapters: tuple[Adapter, ...] = ()

    @property
    def endpoint(self) -> str:
        """Who answers, the same on every machine that has the file."""
        return f"{PREFIX}{self.digest[:_DIGITS]}/{self.context}"


def find_model(name: str, room: Room) -> LocalModel:
    """The model that a name or a path means; nothing is started.

    The file is hashed here, at the latest when the model is made: its digest is part of
    every request, and requests are made on an event loop, which must not wait.

    Args:
        name: A name in `PACKAGED`, or a path to a GGUF file.
        room: How it is to be served.

    Raises:
        ConfigError: It is not here, cannot be read, or does not fit the room.
    """
    path = find_weights(name)
    header = read_header(path)
    if header.adapter:
        raise ConfigError(
            f"{str(path)!r} is an adapter, and no model",
            hint=f'Write LM("local/BASE.gguf", lora={path.name!r})',
        )
    if header.files > 1:
        raise ConfigError(
            f"{str(path)!r} is one of {header.files} files of a model",
            hint="Join them: llama-gguf-split --merge FIRST.gguf WHOLE.gguf",
        )
    context = _context(name, room.context, header)
    slots = SLOTS if room.slots is None else _count("slots", room.slots)
    threads = _threads() if room.threads is None else _count("threads", room.threads)
    said, digest = name if name in PACKAGED else path.stem, digest_of(path)
    bases = {f"sha256:{digest}", header.base}
    found = [_adapter(file, said, bases) for file in room.lora]
    adapters = tuple({one.sha256: one for one in found}.values())  # each once
    abilities = _abilities(header, context, slots, adapters)
    told = digest, context, slots, threads, said, path, abilities
    silent = soft_tokens(header.soft)
    return LocalModel(*told, pooled=header.pooled, silent=silent, adapters=adapters)


def _adapter(file: str, who: str, bases: set[str]) -> Adapter:
    """A file of low-rank updates, as what it says of itself.

    Args:
        file: The path.
        who: What the model is called.
        bases: The digests of the weights that it may be of.

    Raises:
        ConfigError: It is none that weft wrote, or of other weights.
    """
    named = isinstance(cast(object, file), str)
    path = Path(file).expanduser() if named else None
    if path is None or not path.is_file():
        raise ConfigError(
            f"the adapter {file!r} does not exist",
            hint="Write one: weft soft adapter NAME.weft.json --model BASE.gguf --out "
            "ADAPTER.gguf",
        )
    header = read_header(path)
    told = _soft_told(header.lora)
    name, digest, model = (told.get(key) for key in ("name", "sha256", "model"))
    texts = [one for one in (name, digest, model) if isinstance(one, str) and one]
    if not header.adapter or len(texts) != 3:
        raise ConfigError(
            f"{str(path)!r} is no adapter that weft wrote, so no program has its "
            "updates",
            hint="Take peft's into a program, weft soft import, and write it by weft "
            "soft adapter; or start llama-server --lora yourself",
        )
    if model not in bases:
        raise ConfigError(
            f"the adapter {str(path)!r} is of the weights {texts[2][7:19]}, and "
            f"{who!r} is {min(bases - {''})[7:19]}",
            hint="Give the model that it was trained for; where that is a folder and "
            "this its GGUF file, take the updates over: weft soft export, and import "
            "with this --model",
        )
    mark = f"{texts[0]}@{texts[1].removeprefix('sha256:')[:12]}"
    return Adapter(mark, texts[1], str(path.resolve()), digest_of(path))


def _context(name: str, wanted: int | None, header: Header) -> int:
    if wanted is None:
        return min(CONTEXT, header.context or CONTEXT)
    _count("context", wanted)
    if header.context and wanted > header.context:
        raise ConfigError(
            f"context={wanted} is more than the {header.context} tokens that "
            f"{name!r} was trained on",
            hint=f"Write context={header.context} or less",
        )
    return wanted


def _count(option: str, value: int) -> int:
    if type(value) is not int or value < 1:
        raise ConfigError(
            f"{option}={value!r} is no whole number, 1 or more",
            hint="Leave it out for the default",
        )
    return value


def _threads() -> int:
    """As many as there are cores that this process may use, less one.

    A thread that waits for its core holds up all others at every layer of the model:
    with as many threads as cores and something else to do, an answer takes ten times as
    long.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, cores - 1)


def _abilities(
    header: Header, context: int, slots: int, adapters: Sequence[Adapter]
) -> Abilities:
    """What llama.cpp can do with such a model."""
    thinks = _THINKS in header.template
    return Abilities(
        schema=True,
        grammar=True,
        stop=True,
        logprobs=True,
        seed=True,
        stream_options=True,
        reasoning=thinks,
        thinks=thinks,
        context=context,
        slots=slots,
        base=not header.template,
        soft=soft_words(header.soft),
        lora=tuple(one.mark for one in adapters),
        control=header.control,
    )


def soft_words(told: str) -> tuple[str, ...]:
    """What a model file says of the soft words in it: names with their digests.

    Args:
        told: JSON, by name the digest of the vectors and the ids of the tokens; from a
            file that nobody vouches for.

    >>> soft_words('{"triage": {"sha256": "sha256:0123456789abcdef", "ids": [7]}}')
    ('triage@0123456789ab',)
    >>> soft_words("?")
    ()
    """

    def _digits(said: object) -> str:
        return str(said).removeprefix("sha256:")[:12]

    held = _soft_told(told).items()
    digests = {name: as_dict(words).get("sha256") for name, words in held}
    return tuple(f"{name}@{_digits(said)}" for name, said in digests.items() if said)


def soft_tokens(told: str) -> tuple[int, ...]:
    """The ids of the soft words' tokens, by the same; what is no id is left out.

    >>> soft_tokens('{"triage": {"sha256": "sha256:01", "ids": [7, 8, "x"]}}')
    (7, 8)
    """
    lists = (as_dict(w).get("ids") for w in _soft_told(told).values())
    return tuple(n for ids in lists for n in as_list(ids) if type(n) is int)


def _soft_told(told: str) -> Mapping[str, Any]:
    try:
        return strictjson.loads_object(told) if told else {}
    except (ValueError, RecursionError):
        return {}

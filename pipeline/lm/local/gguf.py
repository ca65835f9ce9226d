"""What a GGUF file says of itself, read from its head; the weights are not touched.

The format is llama.cpp's: a magic word, a version, two counts, and then keys with typed
values (ggml's docs/gguf.md). The package `gguf` reads it too and was refused: it needs
numpy and more, and brings back every one of the file's values.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...errors import ConfigError, cause
from ..soft.words import fenced

Value = int | float | bool | str

SOFT: Final = "weft.soft"
"""The key of what a file says of the soft words that were baked into it."""
BASE: Final = "weft.base"
"""The key of the digest of the weights that soft words were baked into."""
LORA: Final = "weft.lora"
"""The key of what an adapter says of the low-rank updates in it."""
_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_MOST_KEYS: Final = 4096
_LONGEST: Final = 2**24  # bytes of one text; chat templates have some thousand
_STRING, _ARRAY = 8, 9
_VOCABULARY: Final = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type")
_CONTROL, _USER = 3, 4
"""Kinds of tokens: what llama.cpp calls control, and what a model's maker added."""
_LOOKS_SO: Final = re.compile(r"<([|\uff5c])[^\s<>]+\1>")
_LONGEST_TOKEN: Final = 256  # bytes
_NUMBERS: Final = dict(zip((*range(8), *range(10, 13)), "BbHhIif?Qqd", strict=True))


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a model from the head of its file.

    Args:
        architecture: Such as "llama".
        context: Tokens that it was trained on at once; 0 where the file has no word.
        template: Its chat template; empty for a model that was never taught turns.
        files: In how many files the model lies.
        pooled: Whether it was trained to give one vector of a text.
        width: Numbers in an embedding; 0 where the file has no word.
        deep: Numbers that a position has in the keys and values of all layers.
        soft: What `weft soft bake` wrote of the soft words in it, in JSON, or empty.
        adapter: Whether it is no model, but low-rank updates of one.
        lora: What `weft soft adapter` wrote of these, in JSON, or empty.
        base: The digest of the file that soft words were baked into, or empty.
        control: What its tokenizer reads as control tokens wherever it stands.
    """

    architecture: str
    context: int
    template: str
    files: int
    pooled: bool = False
    width: int = 0
    deep: int = 0
    soft: str = ""
    adapter: bool = False
    lora: str = ""
    base: str = ""
    control: tuple[str, ...] = ()


def read_header(path: Path) -> Header:
    """What a GGUF file says of itself.

    Raises:
        ConfigError: It cannot be read, or is no GGUF file.
    """
    try:
        values, control = _values(path)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{str(path)!r} is no GGUF file: {error}",
            hint="Name a model in llama.cpp's format, downloaded whole",
        ) from None
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {cause(error)}"
        raise ConfigError(message, hint="Name a file that you may read") from None
    return replace(_header(values), control=control)


def control_among(added: Iterable[tuple[str, bool]]) -> tuple[str, ...]:
    """The control tokens among those that were added to a vocabulary.

    One that looks like a control token is one, as llama.cpp's own converter has it.
    Soft words are none: they stand in prompts because weft put them there.

    Args:
        added: Texts of tokens, and whether the file calls them control tokens.

    >>> control_among([("</s>", True), ("<|im_end|>", False), ("<b>", False)])
    ('</s>', '<|im_end|>')
    >>> control_among([("<|triage:0|>", True)])
    ()
    """
    return tuple(
        text
        for text, control in added
        if (control or _LOOKS_SO.fullmatch(text)) and fenced(text) == text
    )


def _values(path: Path) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The values that are no lists, by key, and the control tokens."""
    if not path.stat().st_size:  # nothing that could be mapped
        raise ValueError("it is empty")
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        reader = _Reader(mapped)
        return reader.values(), reader.control()


def _header(values: Mapping[str, Value]) -> Header:
    architecture = values.get("general.architecture")
    context = values.get(f"{architecture}.context_length")
    template = values.get("tokenizer.chat_template")
    files = values.get("split.count")
    soft, lora, base = (values.get(key) for key in (SOFT, LORA, BASE))
    return Header(
        architecture if isinstance(architecture, str) else "",
        context if isinstance(context, int) else 0,
        template if isinstance(template, str) else "",
        max(1, files) if isinstance(files, int) else 1,
        bool(values.get(f"{architecture}.pooling_type")),
        *_widths(values, f"{architecture}"),
        soft if isinstance(soft, str) else "",
        values.get("adapter.type") == "lora",
        lora if isinstance(lora, str) else "",
        base if isinstance(base, str) else "",
    )


def _widths(values: Mapping[str, Value], architecture: str) -> tuple[int, int]:
    """Numbers in an embedding, and in the keys and values of a position."""
    names = ("block_count", "attention.head_count", "attention.head_count_kv")
    width, layers, heads, pairs = (
        value if isinstance(value := values.get(f"{architecture}.{name}"), int) else 0
        for name in ("embedding_length", *names)
    )
    own = values.get(f"{architecture}.attention.key_length")
    head = own if isinstance(own, int) else width // max(1, heads)
    return width, layers * 2 * (pairs or heads) * head


class _Reader:
    """Walks through the head of a mapped file, and never beyond its end."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        self._at = 0
        self._lists: dict[str, tuple[int, int, int]] = {}

    def values(self) -> dict[str, Value]:
        """The values that are no lists, by key."""
        if self._mapped[:4] != _MAGIC:
            raise ValueError("it does not begin with GGUF")
        self._at = 4
        version = self._number("I")
        if version not in _VERSIONS:
            raise ValueError(f"its version is {version}, and 2 and 3 are known")
        self._number("Q")  # how many tensors there are
        keys = self._number("Q")
        if keys > _MOST_KEYS:
            raise ValueError(f"it says that it has {keys} keys")
        found: dict[str, Value] = {}
        for _ in range(int(keys)):
            key = self._text()
            kind = int(self._number("I"))
            if kind == _ARRAY:
                self._lists[key] = self._skip_list()
            else:
                found[key] = self._value(kind)
        return found

    def control(self) -> tuple[str, ...]:
        """The texts of the control tokens, in the order of the vocabulary."""
        texts, kinds = (self._lists.get(key, (0, 0, 0)) for key in _VOCABULARY)
        if texts[:2] != (_STRING, kinds[1]) or _NUMBERS.get(kinds[0]) not in ("i", "I"):
            return ()
        listed = struct.unpack_from(f"<{kinds[1]}i", self._mapped, kinds[2])
        wanted = {n: kind for n, kind in enumerate(listed) if kind in (_CONTROL, _USER)}
        found: list[tuple[str, bool]] = []
        self._at, last = texts[2], max(wanted, default=-1)
        length_at = struct.Struct("<Q").unpack_from
        for n in range(last + 1):
            length = length_at(self._mapped, self._at)[0]
            if n in wanted and length <= _LONGEST_TOKEN:
                raw = self._mapped[self._at + 8 : self._at + 8 + length]
                text = raw.decode("utf-8", "replace")
                found.append((text, wanted[n] == _CONTROL))
            self._advance(8 + length)
        return control_among(found)

    def _value(self, kind: int) -> Value:
        if kind == _STRING:
            return self._text()
        if kind not in _NUMBERS:
            raise ValueError(f"it has a value of an unknown kind, {kind}")
        return self._number(_NUMBERS[kind])

    def _number(self, form: str) -> int | float | bool:
        form = f"<{form}"
        number: int | float | bool = struct.unpack_from(form, self._mapped, self._at)[0]
        self._at += struct.calcsize(form)
        return number

    def _text(self) -> str:
        length = int(self._number("Q"))
        if length > _LONGEST:
            raise ValueError(f"it has a text of {length} bytes")
        raw = self._mapped[self._at : self._at + length]
        self._advance(length)
        return raw.decode()

    def _skip_list(self) -> tuple[int, int, int]:
        """Go past a list; a vocabulary has some hundred thousand texts.

        Its kind, how much it holds, and where that begins.
        """
        kind, count = int(self._number("I")), int(self._number("Q"))
        where = kind, count, self._at
        if kind in _NUMBERS:
            self._advance(count * struct.calcsize(f"<{_NUMBERS[kind]}"))
            return where
        if kind != _STRING:
            raise ValueError(f"it has a list of an unknown kind, {kind}")
        length_at = struct.Struct("<Q").unpack_from
        for _ in range(count):  # ends at the end of the file, whatever the count
            self._advance(8 + length_at(self._mapped, self._at)[0])
        return where

    def _advance(self, size: int) -> None:
        self._at += size
        if self._at > len(self._mapped):
            raise ValueError("it ends within its head")

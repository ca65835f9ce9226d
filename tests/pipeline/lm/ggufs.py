"""GGUF files made by hand, as small as they can be."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

Plain = int | float | bool | str
LLAMA = {"general.architecture": "llama", "llama.context_length": 8192}
TEMPLATE = {"tokenizer.chat_template": "{{ messages }}"}


def packed(
    values: Mapping[str, Plain | list[str] | list[int]], version: int = 3
) -> bytes:
    """The head of a file with these keys, and no tensor."""
    head = b"GGUF" + struct.pack("<IQQ", version, 0, len(values))
    return head + b"".join(_text(key) + _value(v) for key, v in values.items())


def vocabulary(kinds: Mapping[str, int]) -> dict[str, list[str] | list[int]]:
    """The keys of a vocabulary: the kind of each token, by its text."""
    tokens, told = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
    return {tokens: [*kinds], told: [*kinds.values()]}


def write_model(path: Path, ending: bytes = b"", **more: Plain) -> Path:
    """A file that passes for a model with a chat template."""
    path.write_bytes(packed(LLAMA | TEMPLATE | more) + ending)
    return path


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Plain | list[str] | list[int]) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            kind, form = (4, "I") if 0 <= value < 2**32 else (11, "q")
            return struct.pack(f"<I{form}", kind, value)
        case float():
            return struct.pack("<Id", 12, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case [int(), *_]:
            head = struct.pack("<IIQ", 9, 5, len(value))
            return head + struct.pack(f"<{len(value)}i", *value)
        case list():
            texts = b"".join(_text(f"{one}") for one in value)
            return struct.pack("<IIQ", 9, 8, len(value)) + texts

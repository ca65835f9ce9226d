"""GGUF files made by hand, as small as they can be."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

Plain = int | float | bool | str
LLAMA = {"general.architecture": "llama", "llama.context_length": 8192}
TEMPLATE = {"tokenizer.chat_template": "{{ messages }}"}


def packed(values: Mapping[str, Plain | list[str]], version: int = 3) -> bytes:
    """The head of a file with these keys, and no tensor."""
    head = b"GGUF" + struct.pack("<IQQ", version, 0, len(values))
    return head + b"".join(_text(key) + _value(v) for key, v in values.items())


def write_model(path: Path, ending: bytes = b"", **more: Plain) -> Path:
    """A file that passes for a model with a chat template."""
    path.write_bytes(packed(LLAMA | TEMPLATE | more) + ending)
    return path


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Plain | list[str]) -> bytes:
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
        case list():
            texts = b"".join(map(_text, value))
            return struct.pack("<IIQ", 9, 8, len(value)) + texts

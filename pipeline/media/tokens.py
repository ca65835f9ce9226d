"""What images, audio and files cost in tokens: usually, and at most, where it is known.

Of an image the provider counts its sides. OpenAI's rule for its models of 2024 and 2025
scales it into 2048 by 2048, then to 768 on its shorter side, and counts 85 tokens and
170 for each tile of 512 (https://platform.openai.com/docs/guides/images-vision,
"Calculating costs"); others count a token for some 750 pixels (Anthropic, "Vision") or
for 28 by 28 (Qwen2-VL, arXiv 2409.12191). What sound and files cost hangs on what is in
them, and nobody but the provider has looked.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from .values import Image, Media

_TILE: Final = 512
_MINI: Final = "gpt-4o-mini"
"""Counts 2,833 tokens and 5,667 a tile, as it bills; its tiles are no more than 8."""

_MOST_OF_MINI: Final = 2_833 + 8 * 5_667
_MOST_OF_IMAGE: Final = 5_000  # of one whose sides say less: Claude's most is 4,784
_MOST_OF_UNSEEN: Final = 16_384  # Qwen2-VL's most, for an image that is passed on
_BYTES_OF_SOUND: Final = 16  # a token: 32 of them a second (Gemini) at 8 kbit a second


def usual_tokens_of(media: Media, model: str = "") -> int | None:
    r"""The tokens that a value takes in a prompt; None where nobody knows.

    >>> usual_tokens_of(Image(b"GIF89a\x00\x04\x00\x04\x00\x00\x00;"))
    765
    """
    sides = media.pixels if isinstance(media, Image) else None
    if sides is None:
        return None
    scale = min(1.0, 2048 / max(sides), 768 / max(1, min(sides)))
    across, down = (ceil(max(1, side * scale) / _TILE) for side in sides)
    if _MINI in model:
        return 2_833 + 5_667 * across * down
    return 85 + 170 * across * down


def most_tokens(media: Media, model: str = "") -> int:
    """The tokens that a value may take at most, for budgets; of a file, its bytes."""
    if isinstance(media, Image):
        if _MINI in model:
            return _MOST_OF_MINI
        sides = media.pixels
        if sides is None:
            return _MOST_OF_UNSEEN
        return max(_MOST_OF_IMAGE, sides.width * sides.height // 750)
    if media.kind == "audio":
        return 64 + media.size // _BYTES_OF_SOUND
    return max(_MOST_OF_IMAGE, media.size)

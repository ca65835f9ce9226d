"""Whether a model takes images, audio and files: known, refused, or not known.

What is not known passes. A model that is known to lack one is not asked; and where its
server is the first to say so, that is remembered, and the error is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ..errors import CallError, ConfigError
from ..media.kinds import Kind
from ..media.values import Media
from .abilities import abilities_of
from .lm import LanguageModel

ABILITY: Final[Mapping[Kind, str]] = {
    "image": "images",
    "audio": "audio",
    "file": "files",
}
"""The ability that each kind needs."""

_PART: Final[Mapping[Kind, str]] = {
    "image": r"(?:image|vision|multi-?modal)",
    "audio": r"(?:audio|sound)",
    "file": r"(?:file|document|pdf)",
}
# Ollama: "this model does not support image input". llama.cpp: "image input is not
# supported - hint: if this is unexpected, you may need to provide the mmproj". vLLM:
# "At most 0 image(s) may be provided in one prompt", "is not a multimodal model".
# Of OpenAI: "Invalid content type. image_url is only supported by certain models." Of
# OpenRouter: "No endpoints found that support image input". Mistral: "Image input is
# not enabled for this model". DeepSeek: "unknown variant `image_url`, expected `text`".
_LACKS: Final = (
    r"(?:does not|doesn't|cannot|can't|do not) (?:support|accept|process|handle) "
    r"(?:the )?.{0,20}PART|"
    r"PART\w*(?: inputs?| content| parts?)?['`\"]* (?:is|are) (?:not|only) "
    r"(?:supported|enabled|available|allowed)|"
    r"at most 0 PART|not an? PART model|support PART input|"
    r"unknown variant [`'\"]?(?:input_)?PART|unsupported .{0,20}PART"
)
_REFUSALS: Final = {
    kind: re.compile(_LACKS.replace("PART", part), re.IGNORECASE)
    for kind, part in _PART.items()
}
_FORMAT: Final = re.compile(r"format|media[_ ]type|mime|extension|size", re.IGNORECASE)
"""Of one image, that it is of a type that is not taken: others may be."""


def refuse_media(media: Iterable[Media], lm: LanguageModel, who: str) -> None:
    """Refuse a call before it is paid for that its model cannot take.

    Args:
        media: What of it is no text.
        lm: Who would be asked.
        who: The module, for messages.

    Raises:
        ConfigError: The model is known to take none of that kind.
        CallError: The data of one is not in this process.
    """
    can = None
    for one in media:
        can = can or abilities_of(lm)
        ability = ABILITY[one.kind]
        if can is not None and getattr(can, ability) is False:
            what = {"image": "images", "audio": "audio", "file": "files"}[one.kind]
            raise ConfigError(
                f"{who}: {lm.model!r} takes no {what}",
                hint="Ask a model that does: with_(lm=...). If it does by now: "
                f'LM(..., abilities={{"{ability}": True}})',
            )
        if not one.held:
            raise CallError(
                f"{who}: the data of {one} is not in this process",
                hint="Traces and journals hold digests alone: give the data again, "
                f"such as weft.{type(one).__name__}.open(path)",
            )


def lacking(said: str, media: Iterable[Media]) -> dict[str, bool]:
    """The abilities that a refusal says the model lacks, of those that were needed.

    >>> from ..media.values import Image
    >>> photo = Image.from_url("https://example.org/a.png")
    >>> lacking("this model does not support image input", [photo])
    {'images': False}
    """
    if _FORMAT.search(said) and "mmproj" not in said:
        return {}
    kinds: dict[Kind, None] = dict.fromkeys(one.kind for one in media)
    return {ABILITY[kind]: False for kind in kinds if _REFUSALS[kind].search(said)}

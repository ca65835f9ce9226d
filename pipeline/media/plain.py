"""Plain data in which media stand: found, and their data for a file of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ..errors import ArtifactError
from ..ground.shapes import is_dict, is_sequence
from .media import Blob, blob_of
from .turns import History
from .values import Media, media_from


def media_in(values: object) -> list[Media]:
    """The values of these types that plain data stands for, wherever they stand in it.

    Lists and objects are gone through; no text is looked into.
    """
    if isinstance(values, Media):
        return [values]
    if is_sequence(values):
        return [m for one in values for m in media_in(one)]
    if not is_dict(values):
        return []
    made = media_from(values) if "media" in values else None
    return [made] if made else [m for one in values.values() for m in media_in(one)]


class Described(NamedTuple):
    """Values as plain data, and the media in them."""

    values: dict[str, Any]
    media: list[Media]


def described(values: Mapping[str, Any]) -> Described | None:
    """Values with media and histories as plain data; None where there are none."""
    made = {name: _told(value) for name, value in values.items()}
    held = media_in(values)
    if not held and all(made[name] is value for name, value in values.items()):
        return None
    return Described(made, held)


def _told(value: Any) -> Any:
    """Plain data for a value of these types, or a list of them; else the value."""
    if isinstance(value, Media | History):
        return value.as_data()
    if is_sequence(value) and any(isinstance(one, Media) for one in value):
        return [_told(one) for one in value]
    return value


MOST_KEPT: Final = 4 * 2**20
"""The most bytes of media that an artifact holds, all together."""


def data_of(values: object, who: str) -> dict[str, str]:
    """The data of the media in plain data, in base64 by digest, for an artifact.

    Raises:
        ArtifactError: It is too much for a file that people read, or is not here.
    """
    found = {one.sha256: one for one in media_in(values) if one.sha256}
    size = sum(one.size for one in found.values())
    lost = next((one for one in found.values() if not one.held), None)
    if lost is not None:
        raise ArtifactError(
            f"{who} shows {lost}, and its data is not in this process",
            hint="Leave the demo out, or keep its row's image in memory",
        )
    if size > MOST_KEPT:
        raise ArtifactError(
            f"the demos of {who} show media of {size:,} bytes, and an artifact holds "
            f"up to {MOST_KEPT:,}",
            hint="Show fewer or smaller ones: with_(demos=[...]); or images by their "
            "URL: weft.Image.from_url(url)",
        )
    return {digest: found[digest].base64 for digest in sorted(found)}


def blobs_of(kept: Mapping[str, str]) -> list[Blob]:
    """The data that an artifact holds; media find it while the result is kept.

    Raises:
        ValueError: A text is no base64, or not of its digest, or it is too much.
    """
    made: list[Blob] = []
    if sum(map(len, kept.values())) > 2 * MOST_KEPT:
        raise ValueError("it holds too much media")
    for digest, text in kept.items():
        blob = blob_of(base64.b64decode(text, validate=True))
        if blob.sha256 != digest:
            raise ValueError(f"the data of media {digest[:12]!r} is of another digest")
        made.append(blob)
    return made

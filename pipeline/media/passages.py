"""A passage that was found, and a quote from one: types for fields and lists."""

from __future__ import annotations

from typing import Any

import pydantic


def _for_models(schema: dict[str, Any]) -> None:
    """Leave out what is said to people: a model is told of the fields alone."""
    schema.pop("description", None)


class Passage(pydantic.BaseModel):
    """A piece of text that a search found; immutable.

    A model is shown all three, as JSON, so that no text of one can pass for another.

    Args:
        id: Its name in the index, by which it is cited.
        text: What it says.
        score: How well it fits the query, higher is better. The scale is the search's
            own: BM25's sum, a cosine, or the sum of inverse ranks.

    >>> Passage(id="p1", text="The bridge opened in 1871.", score=4.2)
    Passage(id='p1', text='The bridge opened in 1871.', score=4.2)
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", json_schema_extra=_for_models
    )

    id: str
    text: str
    score: float = 0.0


class Citation(pydantic.BaseModel):
    """A quote, and the passage that it is from; immutable.

    Args:
        passage: The passage's id; of plain texts their number, "1", "2", ...
        quote: Words of the passage, letter for letter.

    >>> Citation(passage="p1", quote="opened in 1871").passage
    'p1'
    """

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", json_schema_extra=_for_models
    )

    passage: str = pydantic.Field(description="the id of the passage")
    quote: str = pydantic.Field(description="words of that passage, letter for letter")


KNOWN: dict[str, Any] = {"Passage": Passage, "Citation": Citation}
"""By the names that a signature's string form knows them by."""

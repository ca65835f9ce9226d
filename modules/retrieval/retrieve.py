"""Retrieve: the passages of an index that fit a query, as a module of programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, final

from ...pipeline.errors import ConfigError
from ...pipeline.graph.module import Call, Module, Part
from ...pipeline.graph.step import Step
from ...pipeline.ground.options import checked, require_whole
from ...pipeline.lm.request import JSON
from ...pipeline.media.passages import Passage
from ...pipeline.signature.field import FieldSpec
from ...pipeline.signature.forms import make_signature
from ...pipeline.signature.signature import make_value
from ..agents.tool import Tool
from .index import Index, index_of

_MOST: Final = 1000
_SIGNATURE: Final = make_signature(
    (
        FieldSpec("query", "input", str, "what is searched for"),
        FieldSpec("passages", "output", list[Passage], "what fits, the best first"),
    ),
    "Find passages for the query.",
    name="Retrieve",
)


@final
class Retrieve(Module[..., Any]):
    """Find the passages of an index that fit a query: `retrieve(query=...).passages`.

    It asks no language model. Its one part is the index's step, which is traced with
    the query and what was found, and with the embedder's call where there is one. An
    artifact holds the digest of the index and not the index: it is loaded with
    `weft.load(path, steps=[index])`, and an index of another content is refused.

    Args:
        index: What is searched.
        k: How many passages at the most, 1 to 1,000.
        digest: What the index's digest must be; any by default.
        name: Its name; that of the variable it is called by in a program.

    Raises:
        ConfigError: The index is none, or of another digest, or k is no such number.

    >>> import weft
    >>> index = weft.Index(["The bridge opened in 1871.", "The harbour is deep."])
    >>> found = weft.Retrieve(index, k=1)(query="how deep is the harbour?")
    >>> [passage.text for passage in found.passages]
    ['The harbour is deep.']
    """

    kind = "Retrieve"

    @checked
    def __init__(
        self,
        index: Index | Step[..., Any] | Tool[..., Any],
        *,
        k: int = 5,
        digest: str | None = None,
        name: str | None = None,
    ) -> None:
        held = index_of(index)
        kind = "no number of passages"
        require_whole("Retrieve: k", k, 1, _MOST, kind, f"Give 1 to {_MOST}")
        if digest is not None and digest != held.digest:
            raise ConfigError(
                f"the index {held.name!r} has the digest {held.digest:.19}..., and "
                f"{digest:.19}... is wanted: its passages, or how they are ranked, are "
                "others",
                hint="Pass the index as it was (index.save, weft.Index.load), or make "
                "the program anew with this one, and measure it",
            )
        self._signed(_SIGNATURE, None, name=name)
        self._index, self._k = held, k

    def parts(self) -> Mapping[str, Part]:
        """The index, as the step that searches it."""
        return {"index": self._index.step}

    def settings(self) -> Mapping[str, JSON]:
        """How many passages, and which index."""
        return {"k": self._k, "digest": self._index.digest}

    async def body(self, call: Call, inputs: Mapping[str, Any]) -> Any:
        """Search."""
        found = await call(self._index.step, {**inputs, "k": self._k})
        return make_value(self._asked, {**inputs, "passages": found})

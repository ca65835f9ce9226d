"""Index: passages that are searched by their words, their meaning, or both."""

from __future__ import annotations

import copy
import keyword
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, Self, cast, final

from ...pipeline import seam
from ...pipeline.data.sources import Source
from ...pipeline.errors import ArtifactError, CallError, ConfigError, DataError
from ...pipeline.graph.step import Step
from ...pipeline.ground import strictjson
from ...pipeline.ground.options import checked
from ...pipeline.ground.text_index import K1, B, TextIndex
from ...pipeline.ground.words import brief, counted
from ...pipeline.lm.embedding.model import EmbeddingModel
from ...pipeline.lm.embedding.packing import Vector
from ...pipeline.lm.embedding.ranking import RANKS, Vectors, fused
from ...pipeline.lm.request import JSON
from ...pipeline.media.passages import Passage
from ...pipeline.run.bridge import in_thread
from ..agents.tool import Tool
from . import index_file
from .corpus import Entry, entries_of

By = Literal["words", "vectors", "both"]
"""What passages are ranked by: BM25, cosines, or both by reciprocal rank fusion."""

_BY: Final = ("words", "vectors", "both")
_K: Final = 5
_MOST: Final = 1000
_DEEP: Final = 50
"""How many of each ranking are fused at the least."""
_ON_LOOP: Final = 5_000
"""Passages that are searched on the loop; that takes some milliseconds."""
_DIGITS: Final = 4


@final
class Index:
    """Passages that are searched; immutable, and known by the digest of its content.

    By itself it ranks by words, BM25 (Robertson and Zaragoza 2009), without a model.
    `embedded(embedder)` adds vectors. To use it in a program write
    `weft.Retrieve(index)`; as an agent's tool it goes into `tools=[index]`.

    Args:
        passages: Texts, rows, or the path or table of rows that `weft.read_rows` takes.
        text: The field of a row that is searched and shown, or several, joined by
            line breaks.
        id: The field that names a passage, by which it is cited; without it passages
            are numbered from 0.
        name: What it is called: as a step of programs, and as a tool.
        description: When to use it, as a model is told.
        k1: How soon a further occurrence of a word counts for little, above 0.
        b: How much a long text's words are held against it, from 0 to 1.

    Raises:
        DataError: A passage has no text, or an id that another one has.
        ConfigError: The name is none, or a number is out of its range.

    >>> index = Index(["The bridge opened in 1871.", "The harbour is deep."])
    >>> index.search("when did the bridge open?", k=1)
    [Passage(id='0', text='The bridge opened in 1871.', score=0.8374)]
    """

    name: str
    description: str
    entries: tuple[Entry, ...]
    k1: float
    b: float
    by: By
    embedder: EmbeddingModel | None
    vectors: tuple[Vector, ...]

    @checked
    def __init__(
        self,
        passages: Source | Iterable[str],
        *,
        text: str | Sequence[str] = "text",
        id: str = "id",  # noqa: A002 - the field's own word
        name: str = "search",
        description: str = "",
        k1: float = K1,
        b: float = B,
    ) -> None:
        if isinstance(cast(object, passages), str) and "\n" in cast(str, passages):
            message = "one text is no set of passages"
            raise DataError(message, hint="Cut it, and write Index([one, another])")
        self._begin(entries_of(passages, text, id), name, description, k1, b)

    def _begin(
        self,
        entries: tuple[Entry, ...],
        name: str,
        description: str,
        k1: float,
        b: float,
    ) -> None:
        if not isinstance(cast(object, name), str) or not _is_name(name):
            raise ConfigError(
                f"Index: name={name!r} is no name", hint="Write one as of a function"
            )
        told = cast(object, description)
        if not isinstance(told, str) or not strictjson.is_text(told):
            message = f"Index: description={description!r} is no text"
            raise ConfigError(message, hint="Say in words when to use it")
        for option, value, least, most in (("k1", k1, 0.0, 1e6), ("b", b, 0.0, 1.0)):
            known = type(cast(object, value)) in (int, float) and least <= value <= most
            if not known or (option == "k1" and not value):
                message = f"Index: {option}={value!r} is out of range"
                raise ConfigError(message, hint=f"Usual are k1={K1} and b={B}")
        vars(self).update(name=name, description=description, entries=entries)
        vars(self).update(k1=float(k1), b=float(b))
        vars(self).update(by="words", embedder=None, vectors=())

    @cached_property
    def _words(self) -> TextIndex:
        texts = [entry.text for entry in self.entries]
        return TextIndex.of_words(texts, k1=self.k1, b=self.b)

    @cached_property
    def _near(self) -> Vectors:
        return Vectors(self.vectors)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {entry.id: number for number, entry in enumerate(self.entries)}

    def embedded(self, embedder: EmbeddingModel, *, by: By = "both") -> Index:
        """The same passages with a vector each; asks the embedder and waits.

        Args:
            embedder: `weft.Embedder(...)`; it is asked again for each query.
            by: "vectors", or "both": words and vectors, by reciprocal rank fusion
                (Cormack et al. 2009).

        Raises:
            ModelError: A call failed.
            BudgetExceeded: A call does not fit the budget.
        """
        asking = self.aembedded(embedder, by=by)
        return seam.engine(self.name, "embedded").wait(asking)

    async def aembedded(self, embedder: EmbeddingModel, *, by: By = "both") -> Index:
        """As `embedded`, without blocking the event loop."""
        if by not in _BY[1:] or not isinstance(cast(object, embedder), EmbeddingModel):
            raise ConfigError(
                f"embedded({embedder!r}, by={by!r}) names no embedder, or no way",
                hint='Write index.embedded(weft.Embedder("..."), by="both")',
            )
        made = await embedder.aembed([entry.text for entry in self.entries])
        return self._with(embedder, [index_file.as_vector(one) for one in made], by)

    def _with(
        self, embedder: EmbeddingModel, vectors: Sequence[Vector], by: By
    ) -> Index:
        made = object.__new__(Index)
        made._begin(self.entries, self.name, self.description, self.k1, self.b)
        vars(made).update(by=by, embedder=embedder, vectors=tuple(vectors))
        return made

    def search(self, query: str, k: int = _K) -> list[Passage]:
        """The passages that fit a query best, the best first; waits where it asks.

        By words only those are found that share one with the query.

        Args:
            query: What is searched for.
            k: How many at the most, 1 to 1,000.

        Raises:
            CallError: The query is no text, or blank, or k no such number.
            ModelError: The embedder's call failed.
        """
        if self.embedder is None:
            return self._found(_checked(query, k), k, None)
        return seam.engine(self.name, "search").wait(self.asearch(query, k))

    async def asearch(self, query: str, k: int = _K) -> list[Passage]:
        """As `search`, without blocking the event loop."""
        asked, near = _checked(query, k), None
        if self.embedder is not None:
            (near,) = await self.embedder.aembed([asked], role="query")
        if len(self.entries) <= _ON_LOOP:
            return self._found(asked, k, near)
        return await in_thread(self._found, asked, k, near)

    def _found(self, query: str, k: int, near: Sequence[float] | None) -> list[Passage]:
        depth = k if self.by != "both" else max(k, _DEEP)
        ranked: list[tuple[int, float]] = []
        if self.by != "vectors":
            ranked = self._words.ranked(query, depth)
        if near is not None:
            if len(near) != self._near.size:
                raise ConfigError(
                    f"{self.name!r} has vectors of {self._near.size} numbers, and the "
                    f"query's has {len(near)}",
                    hint="Embed the passages and the query by one model",
                )
            close = self._near.nearest(near, depth)
            if self.by == "both":
                places = [[number for number, _ in one] for one in (ranked, close)]
                ranked = fused(places, k, RANKS)
            else:
                ranked = close
        digits = _DIGITS if self.by != "both" else _DIGITS + 2
        return [
            Passage(
                id=self.entries[number].id,
                text=self.entries[number].text,
                score=round(score, digits),
            )
            for number, score in ranked[:k]
        ]

    async def _answer(self, query: str, k: int = _K) -> list[Passage]:
        """As `asearch`, for models: a blank query finds nothing."""
        if not query.strip():
            return []
        try:
            asked = _checked(query, k)
        except CallError as error:  # told to an agent's model, and ends no run
            raise ValueError(str(error)) from None
        return await self.asearch(asked, k)

    @cached_property
    def tool(self) -> Tool[..., list[Passage]]:
        """It as an agent's tool: `weft.ReAct(..., tools=[index])`."""
        said = self.description or (
            "Search the passages for what is asked; gives those that fit best."
        )
        arguments = {"query": "what is searched for", "k": "how many passages"}
        return Tool(self._answer, self.name, said, arguments=arguments)

    @property
    def step(self) -> Step[..., list[Passage]]:
        """It as a step; an artifact that searches it is loaded with `steps=[index]`."""
        return self.tool.step

    @cached_property
    def digest(self) -> str:
        """SHA-256 over passages, ids, what they are ranked by, and the vectors."""
        return index_file.digest_of(self._head(), self.entries, self.vectors)

    def _head(self, digest: str = "") -> index_file.Head:
        return index_file.Head(
            name=self.name,
            description=self.description,
            by=self.by,
            k1=self.k1,
            b=self.b,
            embedder=None if self.embedder is None else self.embedder.settings,
            digest=digest,
        )

    def save(self, path: str | Path) -> Path:
        """Write it as a file of data, `NAME.index.jsonl`: passages, vectors, digest.

        Raises:
            ArtifactError: The path has another ending, or cannot be written.
        """
        head = self._head(self.digest)
        return index_file.write(Path(path), head, self.entries, self.vectors)

    @classmethod
    def load(cls, path: str | Path, *, embedder: EmbeddingModel | None = None) -> Self:
        """Read what `save` wrote; asks nobody.

        Args:
            path: The file.
            embedder: The one that its vectors are by; a file names it, and says nothing
                of where texts are sent.

        Raises:
            ArtifactError: It is damaged, or its vectors are by another embedder.
            ConfigError: It has vectors, and no embedder is given; or the reverse.
        """
        if not isinstance(cast(object, embedder), EmbeddingModel | None):
            message = f"Index.load: embedder={embedder!r} is no embedder"
            raise ConfigError(message, hint='Write embedder=weft.Embedder("...")')
        head, entries, vectors = index_file.read(Path(path))
        made = object.__new__(cls)
        try:
            made._begin(entries, head.name, head.description, head.k1, head.b)
        except ConfigError as error:
            raise ArtifactError(f"{path} is no index: {error.message}") from None
        if embedder is not None and not vectors:
            raise ConfigError(
                f"{path} has no vectors, and is searched by words alone",
                hint="Leave embedder= out, or write Index.load(...).embedded(embedder)",
            )
        if vectors:
            if embedder is None:
                who = (head.embedder or {}).get("model")
                raise ConfigError(
                    f"{path} has vectors of {who!r}, and each query needs one too",
                    hint=f"Write Index.load(..., embedder=weft.Embedder({who!r}))",
                )
            if embedder.settings != head.embedder:
                raise ArtifactError(
                    f"{path}: its vectors are by {head.embedder}, and not by "
                    f"{embedder.settings}",
                    hint="Pass the embedder as it was, or embed the passages again",
                )
            vars(made).update(by=head.by, embedder=embedder, vectors=vectors)
        if made.digest != head.digest:
            raise ArtifactError(
                f"{path} is damaged: its digest is not that of its content",
                hint="Build the index again from its passages",
            )
        return made

    def __setattr__(self, name: str, value: object) -> None:
        """Refused: its digest is that of what it was made of.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(
            f"an index cannot be changed: make one with another {name}"
        )

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __getitem__(self, name: str) -> Passage:
        """A passage by its id.

        Raises:
            DataError: There is none.
        """
        entry = self._entry(name)
        return Passage(id=entry.id, text=entry.text)

    def meta(self, name: str) -> Mapping[str, JSON]:
        """What else the row of a passage held.

        Raises:
            DataError: There is no such passage.
        """
        return copy.deepcopy(self._entry(name).meta)

    def _entry(self, name: str) -> Entry:
        if name not in self._numbers:
            raise DataError(
                f"{self.name!r} has no passage {name!r}",
                hint="Ids are texts, as in the passages that a search gives",
            )
        return self.entries[self._numbers[name]]

    def __repr__(self) -> str:
        by = {"words": "BM25", "vectors": "vectors", "both": "BM25 and vectors"}
        size = counted(len(self.entries), "passage")
        return f"Index({self.name!r}: {size}, {by[self.by]})"


def index_of(given: object) -> Index:
    """An index, or that whose step or tool was given.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(given, Index):
        return given
    step: Any = getattr(given, "step", given)  # of a tool, its step
    function: Any = step.function if isinstance(step, Step) else None
    held = getattr(function, "__self__", None)
    if isinstance(held, Index):
        return held
    raise ConfigError(
        f"{brief(repr(given))} is no index",
        hint="Write weft.Retrieve(weft.Index(passages))",
    )


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _checked(query: object, k: object) -> str:
    if not isinstance(query, str) or not query.strip() or not strictjson.is_text(query):
        kind = "is blank" if isinstance(query, str) else f"is {type(query).__name__}"
        raise CallError(
            f"a query is a text, and this {kind}",
            hint="In a program write weft.Retrieve(index)(query=...).passages",
        )
    if type(k) is not int or not 0 < k <= _MOST:
        raise CallError(f"k={k!r} is no number of passages", hint="Give 1 to 1000")
    return query

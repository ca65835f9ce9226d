"""Models that make vectors of texts: the seam, and the public fake.

A request is some texts at once, as the messages of a `Request` that says what it wants
in its `sampling`, so that it goes the way of every call: cache, retries, limits, budget
and trace. The answer's text is the vectors, packed. One text's request is the key under
which its vector is kept, whatever it was sent along with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import (
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Sized,
)
from typing import Any, ClassVar, Final, Literal, cast, final

from ... import seam
from ...errors import CallError, ConfigError, ProtocolError
from ...ground.strictjson import is_text
from ...ground.words import counted
from ..request import JSON, Message, Request, Response, Usage
from .packing import packed

Role = Literal["passage", "query"]
"""What a text is: one that is searched, or what it is searched for."""

BATCH: Final = 64
"""Texts of one call at the most."""
BATCH_BYTES: Final = 2**18
"""Bytes of text of one call at the most; a longer text goes alone."""
KIND: Final = "embedding"


class EmbeddingModel(ABC):
    """A model that gives each text a vector, near vectors to texts of like meaning.

    `complete` makes one attempt, as a language model's does. To ask, write
    `model.embed(texts)`.
    """

    schema_mode: ClassVar[bool] = False
    batch: int = BATCH
    batch_bytes: int = BATCH_BYTES

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, in indexes and messages."""

    @property
    @abstractmethod
    def model(self) -> str:
        """The model's name as its endpoint knows it."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Who answers: a base URL without credentials, or a back end's name."""

    @property
    def dimensions(self) -> int | None:
        """How many numbers a vector has, where that was said."""
        return None

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """What requests say beside the texts; nothing that is not sent or kept."""
        # No token is answered, and nothing is drawn: equal texts, equal vectors.
        return {KIND: "float32", "max_tokens": 0, "temperature": 0}

    @property
    def settings(self) -> dict[str, JSON]:
        """What makes its vectors comparable to others: of an index, and of a query."""
        return {"model": self.name, "dimensions": self.dimensions}

    @abstractmethod
    def complete(self, request: Request) -> Coroutine[Any, Any, Response]:
        """The vectors of a request's texts, packed, in one attempt."""

    def written(self, text: str, role: Role) -> str:
        """A text as the model is sent it."""
        del role
        return text

    @final
    def embed(
        self, texts: Sequence[str], *, role: Role = "passage"
    ) -> list[list[float]]:
        """The vector of each text, in order; asks and waits.

        Args:
            texts: What is to be compared; equal ones are sent once.
            role: Whether they are searched, or are what is searched for. Only models
                with prefixes make a difference.

        Raises:
            CallError: They are no texts, or one is empty.
            ModelError: A call failed.
            BudgetExceeded: A call does not fit the budget.
        """
        asking = self.aembed(texts, role=role)
        return seam.engine(self.name, "embed").wait(asking)

    @final
    def aembed(
        self, texts: Sequence[str], *, role: Role = "passage"
    ) -> Coroutine[Any, Any, list[list[float]]]:
        """As `embed`, without blocking the event loop."""
        remedy = "Search in a step or by weft.Retrieve, which become nodes"
        seam.refuse_traced(f"the embedder {self.name!r} cannot be asked", remedy)
        written = [self.written(text, role) for text in checked_texts(texts)]
        return seam.engine(self.name, "aembed").embed(self, written)

    @final
    def request_of(self, texts: Iterable[str]) -> Request:
        """The request for some texts' vectors."""
        turns = tuple(Message("user", text) for text in texts)
        return Request(self.model, turns, self.sampling, endpoint=self.endpoint)

    @final
    def batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """Texts in the calls that ask for them: as many and as large as may be."""
        held: list[str] = []
        size = 0
        for text in texts:
            more = len(text.encode("utf-8"))
            if held and (len(held) >= self.batch or size + more > self.batch_bytes):
                yield held
                held, size = [], 0
            held.append(text)
            size += more
        if held:
            yield held


@final
class FunctionEmbedder(EmbeddingModel):
    """A function in place of a model that makes vectors: the fake for tests.

    Args:
        function: Takes a text and gives its vector, always of one length.
        name: What it is called; two functions in one cache need two names.

    `requests` holds what was asked, call by call.

    >>> import weft
    >>> sizes = FunctionEmbedder(lambda text: [float(len(text)), 1.0])
    >>> with weft.use(cache=None):
    ...     sizes.embed(["four", "fourteen"])
    [[4.0, 1.0], [8.0, 1.0]]
    """

    def __init__(
        self, function: Callable[[str], Sequence[float]], name: str = "function"
    ) -> None:
        if not callable(function):
            raise ConfigError(
                f"{function!r} is no function", hint="Give one of a text to numbers"
            )
        self._function, self._name = function, name
        self.requests: list[Request] = []

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def model(self) -> str:
        """The name of the fake."""
        return self._name

    @property
    def endpoint(self) -> str:
        """No address: nothing leaves the process."""
        return "function"

    async def complete(self, request: Request) -> Response:
        """The function's vectors; a token a word."""
        self.requests.append(request)
        texts = [message.text for message in request.messages]
        vectors = [_one(self._function(text)) for text in texts]
        usage = Usage(sum(len(text.split()) for text in texts), 0)
        return answer_of(vectors, request, usage, cost=0.0)


def _one(made: Sequence[float]) -> Sequence[float]:
    """A vector as it is; what a function of several texts gives is refused."""
    first = made[0] if isinstance(cast(object, made), Sized) and len(made) else None
    if isinstance(cast(object, first), Sized):
        raise ConfigError(
            "the function of an embedder gave a list of vectors for one text",
            hint="Write FunctionEmbedder(lambda text: function([text])[0])",
        )
    return made


def answer_of(
    vectors: Sequence[Sequence[float]],
    request: Request,
    usage: Usage | None,
    *,
    cost: float | None = None,
) -> Response:
    """A response that holds vectors, one for each text.

    Raises:
        ProtocolError: There are more or fewer, they differ in length, are of another
            length than was asked for, or hold what is no number.
    """
    count = len(request.messages)
    sized = all(isinstance(cast(object, vector), Sized) for vector in vectors)
    lengths = {len(vector) for vector in vectors} if sized else {0}
    wanted = request.sampling.get("dimensions")
    problem = ""
    if len(vectors) != count:
        problem = f"{counted(len(vectors), 'vector')} came for {counted(count, 'text')}"
    elif len(lengths) > 1 or 0 in lengths:
        problem = f"the vectors have {sorted(lengths)} numbers"
    elif wanted is not None and [*lengths] != [wanted]:
        numbers = counted(min(lengths), "number")
        problem = f"the vectors have {numbers}, and not {wanted} as asked"
    if problem:
        hint = "Give the length that the model has: dimensions=..." if wanted else ""
        raise ProtocolError(problem, hint=hint, model=request.model)
    try:
        text = packed(vectors)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"a vector holds what is no 32-bit number: {error}"
        raise ProtocolError(message, model=request.model) from None
    return Response(text, usage, model=request.model, cost=cost)


def checked_texts(texts: Sequence[str]) -> list[str]:
    """Texts that can be sent.

    Raises:
        CallError: They are no list of texts, or one is blank or holds no characters.
    """
    if isinstance(texts, str) or not isinstance(cast(object, texts), Sequence):
        raise CallError(
            f"texts to embed are a list, and this is {type(texts).__name__}",
            hint='Write embed(["one text", "another"])',
        )
    for number, text in enumerate(texts):
        why = ""
        if not isinstance(cast(object, text), str):
            why = f"is of type {type(text).__name__}"
        elif not is_text(text):
            why = "holds a lone surrogate"
        elif not text.strip():
            why = "is blank, and has no meaning to compare"
        if why:
            raise CallError(f"text {number} {why}", hint="Leave it out")
    return list(texts)

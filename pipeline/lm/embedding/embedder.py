"""The embedding model that a user names: `Embedder("openai/text-embedding-3-small")`.

Model strings, addresses and keys are those of `LM`; a route says who answers.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast, final

from ...errors import ConfigError, ModelError
from ...ground.lazy import deferred
from ...ground.options import checked
from ...ground.words import brief
from ..lm import checked_headers, checked_proxy, checked_timeout, sendable
from ..request import JSON, Request, Response, Usage
from ..route import EMBEDDED, OPENAI, resolve
from ..wire.credentials import authorised, key_for
from ..wire.secrets import Sent
from .model import BATCH, BATCH_BYTES, EmbeddingModel, Role, answer_of
from .reading import body_of, response_of

if TYPE_CHECKING:
    from ..local import model as local_model
else:
    local_model = deferred("weft.pipeline.lm", "local.model")

_TIMEOUT: Final = 60.0
_OURS: Final = frozenset({"model", "input", "dimensions", "encoding_format"})
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_DIMENSIONS: Final = 256  # of the stand-in
_WORDS: Final = re.compile(r"\w+")
_SIZE: Final = 3


@final
class Embedder(EmbeddingModel):
    """A model that makes vectors of texts, named by a string; immutable.

    Texts are sent in batches, each kept in the cache by itself, retried, and booked on
    the budget by the tokens that the server counts.

    Args:
        model: As of `weft.LM`: "openai/NAME", "ollama/NAME" and the other servers, any
            name where `api_base` is given, "PROVIDER/NAME" for the other providers of
            litellm, "local/PATH.gguf" for a model that runs here, or "embedded" for the
            offline stand-in, which compares pieces of words and knows no meaning.
        dimensions: How many numbers a vector is to have; sent to the endpoint, and held
            against what comes. By default the model's own.
        query_prefix: What stands before a text that is searched for, where the model
            was trained so, such as "query: " or "search_query: ".
        passage_prefix: What stands before a text that is searched.
        batch: Texts of one call at the most.
        batch_bytes: Bytes of text of one call at the most; a longer one goes alone.
        api_base: The base URL; wins over the environment.
        api_key: The key; else the provider's environment variable is read.
        timeout: Wall-clock seconds of one attempt, by default 60; 600 for a local one.
        headers: Further HTTP headers.
        proxy: The address of an HTTP proxy to go through.
        extra: Further fields of the request body, such as {"truncate": True}.
        context: For a local model, the most tokens of a text.

    Raises:
        ConfigError: An unknown model string, or a value that cannot be sent.

    >>> import weft
    >>> near = Embedder("embedded", dimensions=64)
    >>> with weft.use(cache=None):
    ...     (vector,) = near.embed(["The bridge opened in 1871."])
    >>> len(vector)
    64
    """

    @checked
    def __init__(
        self,
        model: str,
        *,
        dimensions: int | None = None,
        query_prefix: str = "",
        passage_prefix: str = "",
        batch: int = BATCH,
        batch_bytes: int = BATCH_BYTES,
        api_base: str | None = None,
        api_key: str | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        extra: Mapping[str, JSON] | None = None,
        context: int | None = None,
    ) -> None:
        _check_texts(
            model=model, query_prefix=query_prefix, passage_prefix=passage_prefix
        )
        _check_secrets(api_base=api_base, api_key=api_key)
        _check_counts(dimensions=dimensions, batch=batch, batch_bytes=batch_bytes)
        self._name, self._dimensions = model, dimensions
        self._prefixes: dict[Role, str] = {
            "query": query_prefix,
            "passage": passage_prefix,
        }
        self.batch, self.batch_bytes = batch, batch_bytes
        room = None
        if context is not None or model.startswith("local/"):
            room = local_model.Room(context)
        if model.startswith("torch/") and api_base is None:
            raise ConfigError(
                f"{model!r} runs in this process, and makes no vectors of texts",
                hint='Write weft.Embedder("local/PATH.gguf")',
            )
        route = resolve(model, api_base, room)
        local = cast("local_model.LocalModel | None", route.local)
        if local is not None:
            # One slot: side by side llama.cpp mixes texts into each other's means.
            route = replace(route, local=replace(local, embedding=True, slots=1))
        self._route, self._api_key = route, api_key
        if timeout is None:
            timeout = _TIMEOUT if local is None else local_model.TIMEOUT
        self._timeout = checked_timeout(timeout)
        self._headers = checked_headers(headers or {})
        self._proxy = checked_proxy(proxy)
        self._extra = _checked_extra(extra or {})

    @property
    def name(self) -> str:
        """The string that it was made from."""
        return self._name

    @property
    def model(self) -> str:
        """The model's name as its endpoint knows it."""
        return self._route.model

    @property
    def endpoint(self) -> str:
        """Who answers: a base URL without credentials, or a back end's name."""
        return self._route.endpoint

    @property
    def dimensions(self) -> int | None:
        """How many numbers a vector has, where that was said."""
        return self._dimensions

    @property
    def sampling(self) -> Mapping[str, JSON]:
        """What requests say beside the texts."""
        wanted = self._dimensions
        told = {} if wanted is None else {"dimensions": wanted}
        return {**super().sampling, **told, **self._extra}

    @property
    def settings(self) -> dict[str, JSON]:
        """What makes its vectors comparable to others."""
        prefixes = {f"{role}_prefix": said for role, said in self._prefixes.items()}
        return {**super().settings, **prefixes, **self._extra}

    def written(self, text: str, role: Role) -> str:
        """A text behind the prefix of its role."""
        return self._prefixes[role] + text

    async def complete(self, request: Request) -> Response:
        """The vectors of a request's texts, packed, in one attempt.

        Raises:
            ModelError: The attempt failed; the class says how.
            ConfigError: litellm is needed and not installed, or no server starts.
        """
        try:
            return await self._answered(request)
        except ModelError as error:  # in its frames stand keys
            fault = error.with_traceback(None)
        raise fault

    async def _answered(self, request: Request) -> Response:
        route, name = self._route, self._name
        if route.endpoint == EMBEDDED:
            return _stand_in(request)
        if route.back_end == "litellm":
            from ..wire import litellm_bridge  # noqa: PLC0415 - litellm takes seconds

            key = key_for(route, name, self._api_key)
            return await litellm_bridge.embed(
                request, route, key, self._headers, self._timeout, self._proxy
            )
        body = body_of(request)
        if route.local is not None:
            from ..local import calls  # noqa: PLC0415 - aiohttp is heavy

            served = cast("local_model.LocalModel", route.local)
            said = await calls.embed(request, body, served, self._timeout)
            return response_of(said, request)
        from ..wire import openai_http  # noqa: PLC0415 - aiohttp is heavy

        sent = authorised(route, name, self._api_key, self._headers)
        said = await openai_http.post(
            request, "embeddings", body, route.url, sent, self._timeout, self._proxy
        )
        return response_of(said, request, Sent(route.url, sent, self._proxy or ""))

    def __repr__(self) -> str:
        shown = [repr(self._name)]
        if self._route.url and self._route.endpoint != OPENAI:
            shown.append(f"api_base={self._route.endpoint!r}")
        if self._dimensions is not None:
            shown.append(f"dimensions={self._dimensions}")
        return f"Embedder({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Embedder) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        told = json.dumps([self.settings, self._headers], sort_keys=True)
        return self._route, told, self._api_key, self._timeout, self._proxy


def _stand_in(request: Request) -> Response:
    texts = [message.text for message in request.messages]
    wanted = request.sampling.get("dimensions") or _DIMENSIONS
    vectors = [vector_of(text, cast(int, wanted)) for text in texts]
    usage = Usage(sum(len(_TOKEN.findall(text)) for text in texts), 0)
    return answer_of(vectors, request, usage, cost=0.0)


def vector_of(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """The stand-in's vector of a text, of length 1; the same on every machine.

    It knows no meaning: texts are near where they share pieces of words. It is here so
    that documentation, examples and tests run without a network, a key or a bill.

    Feature hashing (Weinberger et al. 2009, arXiv 0902.2206): each trigram adds its
    damped count at a place that its CRC-32 decides, with a sign that does too.

    >>> near = lambda a, b: sum(map(float.__mul__, vector_of(a), vector_of(b)))
    >>> near("a stolen card", "cards get stolen") > near("a stolen card", "the weather")
    True
    """
    folded = f" {' '.join(_WORDS.findall(text.casefold()))} "
    grams = Counter(folded[at : at + _SIZE] for at in range(len(folded) - _SIZE + 1))
    made = [0.0] * dimensions
    for gram, count in grams.items():
        code = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
        sign = 1.0 if code & 1 else -1.0
        made[(code >> 1) % dimensions] += sign * (1.0 + math.log(count))
    norm = math.sqrt(sum(value * value for value in made))
    if not norm:  # no word: somewhere, so that it has a direction
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / norm for value in made]


def _check_texts(**texts: object) -> None:
    for name, text in texts.items():
        if not sendable(text):
            hint = 'Write it like Embedder("openai/text-embedding-3-small")'
            if callable(text):
                hint = "Write weft.FunctionEmbedder(function): of a text its vector"
            message = f"Embedder: {name}={brief(repr(text))} is no text of one line"
            raise ConfigError(message, hint=hint)


def _check_secrets(**texts: object) -> None:
    for name, text in texts.items():
        if not isinstance(text, str | None):  # not shown: it may be a secret
            message = f"Embedder: {name} is no text, but of type {type(text).__name__}"
            raise ConfigError(message, hint=f'Write {name}="..."')


def _check_counts(**counts: object) -> None:
    for name, count in counts.items():
        least = name == "dimensions" and count is None
        if not least and (type(count) is not int or count < 1):
            raise ConfigError(
                f"Embedder: {name}={count!r} is no number of them",
                hint="Give a whole number from 1 on, or leave it out",
            )


def _checked_extra(extra: Mapping[str, JSON]) -> dict[str, JSON]:
    taken = sorted(_OURS & {*extra})
    if taken:
        raise ConfigError(
            f"Embedder: extra cannot set {taken[0]!r}", hint="weft sets it by itself"
        )
    try:
        made: dict[str, JSON] = json.loads(json.dumps(dict(extra), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ConfigError(
            f"Embedder: extra holds a value that JSON cannot carry: {extra!r}",
            hint="Use finite numbers, texts, lists and dicts with text keys",
        ) from None
    return made

"""The model a user names: `LM("openai/gpt-5-mini", temperature=0)`.

One final class; which back end answers is settled by `route`. Back ends are imported
at the first call, so that `import weft` stays light and works without litellm.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Unpack, cast, final

from ..errors import ConfigError, ModelError
from ..ground.hints import Advised
from ..ground.lazy import deferred
from ..ground.options import checked_with
from .abilities import Abilities, checked_abilities, merged
from .context import DEFAULT_OUTPUT_TOKENS
from .direct import Direct
from .known import known, tell_slots
from .lm import (
    SAMPLING,
    LanguageModel,
    Listener,
    Sampling,
    Unchanging,
    checked_headers,
    checked_proxy,
    checked_sampling,
    checked_timeout,
    sendable,
)
from .request import JSON, Request, Response, apart
from .route import OPENAI, resolve
from .scoring.wanted import refuse_questions
from .wire.credentials import authorised, key_for

if TYPE_CHECKING:
    from .known.metadata import Told
    from .local import model as local_model
    from .local.model import LocalModel
    from .white.weights import WhiteModel
else:
    local_model = deferred(__package__, "local.model")

_TIMEOUT: Final = 60.0  # seconds
_UNSAID: Final = (None, (), "")


@final
class LM(Unchanging, Direct, Advised):
    """A language model, named by a string; immutable, and equal by its settings.

    Modules ask it; so does a call, `lm("text")`, whose answer is a `Response`.

    Args:
        model: "openai/NAME", "hosted_vllm/NAME", "ollama/NAME", "lm_studio/NAME" and
            the other servers of `abilities.KINDS`, any name where `api_base` is given,
            "local/smollm2", "local/gemma3-270m" or "local/PATH.gguf" for a model that
            runs here (a path from / has two slashes), "torch/PATH.gguf" or
            "torch/FOLDER" for one in this process, whose prompts can be trained,
            "PROVIDER/NAME" for the other providers of litellm,
            "litellm/PROVIDER/NAME" to force litellm, or "embedded" for the offline
            stand-in, which is no language model.
        api_base: The base URL; wins over the environment.
        api_key: The key; else the provider's environment variable is read at each call.
        timeout: Wall-clock seconds of one attempt, whatever the server does; by default
            60, and 600 for a local model, which is as slow as its machine.
        headers: Further HTTP headers.
        proxy: The address of an HTTP proxy to go through, "http://HOST:PORT", with its
            login where it has one. None is taken from the environment, except by
            litellm.
        extra: Further fields of the request body, such as {"top_k": 20}.
        schema_mode: Whether the endpoint obeys a JSON schema; by default it is taken
            for granted where the endpoint is of OpenAI's or vLLM's kind.
        base: Whether the model was never taught turns, so that it is asked to continue
            a text (`/completions`); by default what is known of it.
        abilities: What the endpoint can do, over what is known of it, such as
            {"stop": False, "context": 4096}; the names are those of `Abilities`.
            `slots` bounds the calls in flight at the endpoint, whatever the model.
        context: For a local model, tokens of prompt and reply in each slot; by default
            4,096, or what it was trained on where that is less.
        slots: For a local model, how many calls are answered at once; by default 4.
            Memory grows with slots times context.
        threads: For a local model, how many threads compute; by default as many as
            there are cores, less one.
        lora: For a model that llama.cpp serves here, files of low-rank updates that
            `weft soft adapter` wrote; each is applied to the calls that have them.
        sampling: `temperature`, `max_tokens` (default 4096, so that a budget has a
            bound to reserve; a quarter of a local model's context) and the other names
            in `SAMPLING`.

    Raises:
        ConfigError: An unknown model string or option, or a value that cannot be sent.

    >>> LM("openai/gpt-5-mini", api_key="secret", temperature=0)
    LM('openai/gpt-5-mini', max_tokens=4096, temperature=0)
    >>> LM("openai/gpt-5-mini", temprature=0)
    Traceback (most recent call last):
    weft.pipeline.errors.ConfigError: LM has no option 'temprature'. \
Did you mean 'temperature'?
    """

    _advised_as = "model"
    __slots__ = (
        "_abilities",
        "_api_key",
        "_hash",
        "_headers",
        "_identity",
        "_merged",
        "_name",
        "_proxy",
        "_route",
        "_sampling",
        "_schema_mode",
        "_timeout",
    )

    @checked_with(SAMPLING)
    def __init__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        proxy: str | None = None,
        extra: Mapping[str, JSON] | None = None,
        schema_mode: bool | None = None,
        base: bool | None = None,
        abilities: Mapping[str, Any] | None = None,
        context: int | None = None,
        slots: int | None = None,
        threads: int | None = None,
        lora: str | Sequence[str] = (),
        **sampling: Unpack[Sampling],
    ) -> None:
        if not sendable(model):
            message = f"{model!r} is no text, so it names no model"
            raise ConfigError(message, hint='Write it like "openai/gpt-5-mini"')
        for name, text in (("api_base", api_base), ("api_key", api_key)):
            if not isinstance(
                cast(object, text), str | None
            ):  # not shown: it may be a secret
                message = f"{name} is no text, but of type {type(text).__name__}"
                raise ConfigError(message, hint=f'Write {name}="..."')
        self._name = model
        room = _room(model, context, slots, threads, lora)
        self._route = resolve(model, api_base, room)
        local = self._route.local
        if local is not None:
            tell_slots(local.endpoint, local.slots)
        self._api_key = api_key
        if timeout is None:
            timeout = _TIMEOUT if local is None else local_model.TIMEOUT
        self._timeout = checked_timeout(timeout)
        self._headers = checked_headers(headers or {})
        self._proxy = checked_proxy(proxy)
        if proxy is not None and self._route.back_end in {"local", "torch", "embedded"}:
            message = f"{model!r} answers here, and no proxy leads there"
            raise ConfigError(message, hint="Leave proxy out")
        if local is not None:
            named = {name.lower() for name in self._headers}
            if api_key is not None or "authorization" in named:
                message = f"{model!r} runs here, behind a key that weft makes"
                raise ConfigError(message, hint="Leave api_key and Authorization out")
            # A context is small here: a reply that rambles must leave room to prompts.
            most = min(DEFAULT_OUTPUT_TOKENS, local.context // 4)
            sampling = {"max_tokens": most, **sampling}
        self._sampling = checked_sampling(sampling, extra or {})
        self._schema_mode = (
            self._route.schema_mode if schema_mode is None else schema_mode
        )
        said = Abilities(schema=schema_mode, base=base)
        self._abilities = said.over(checked_abilities(abilities or {}))
        if self._abilities.slots:
            tell_slots(self._route.endpoint, self._abilities.slots)
        self._identity = (
            self._route,
            json.dumps(self._sampling, sort_keys=True),
            tuple(sorted(self._headers.items())),
            (api_key, self._timeout, self._schema_mode, self._abilities, proxy),
        )
        self._hash = hash(self._identity)
        self._merged: tuple[Abilities, Abilities] | None = None

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
    def sampling(self) -> Mapping[str, JSON]:
        """Sampling parameters and further body fields, in the wire's own names."""
        return dict(self._sampling)  # a copy: nobody changes a model

    @property
    def schema_mode(self) -> bool:
        """Whether the endpoint obeys a JSON schema in `response_format`."""
        return self._schema_mode

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do for this model, as far as it is known now."""
        route = self._route
        learnt = known(route.endpoint, route.model)
        held = self._merged  # asked before every call, and rarely anything new
        if held is None or held[0] is not learnt:
            held = learnt, merged(self._abilities, learnt, route.abilities)
            self._merged = held
        return held[1]

    async def told(self) -> Told | None:
        """What the server says of itself where no model is called; None without one.

        For `weft probe`, and for those who started the server themselves: a program
        asks for nothing that its user did not ask for. Of a local model all is known
        already, and no page is asked for.
        """
        route = self._route
        if route.back_end not in {"http", "local"}:
            return None
        from .known.metadata import Told, told_by  # noqa: PLC0415 - aiohttp is heavy

        if route.local is not None:
            return Told({}, 0, "llama.cpp")
        headers = authorised(route, self._name, self._api_key, self._headers)
        return await told_by(route.url, headers, route.model, self._proxy)

    @property
    def weights(self) -> LocalModel | WhiteModel | None:
        """Which weights run here; None of a model that runs elsewhere."""
        return self._route.local

    @property
    def timeout(self) -> float:
        """Wall-clock seconds of one attempt."""
        return self._timeout

    def complete(self, request: Request) -> Coroutine[Any, Any, Response]:
        """Answer one request, in one attempt.

        Args:
            request: What to send; its sampling is sent as it is.

        Raises:
            ModelError: The attempt failed; the class says how.
            ConfigError: litellm is needed and not installed.
        """
        return self._asked(request, None)

    async def stream(self, request: Request, listener: Listener) -> Response:
        """As `complete`, and show the reply to `listener` while it arrives.

        Endpoints send it piece by piece, through litellm too; the stand-in, and a text
        that is continued through litellm, come in one piece.

        Raises:
            ModelError: The attempt failed; the class says how.
        """
        if self._route.back_end != "embedded":
            return await self._asked(request, listener)
        response = await self.complete(request)
        listener.show(response.text)
        return response

    async def _asked(self, request: Request, listener: Listener | None) -> Response:
        """An attempt, whose fault comes without the frames that it came through.

        Reporters of errors keep the variables of every frame, and in these stand keys.
        """
        try:
            return await self._answered(request, listener)
        except ModelError as error:
            fault = error.with_traceback(None)
        raise fault

    def _answered(
        self, request: Request, listener: Listener | None
    ) -> Awaitable[Response]:
        route, able = self._route, self.abilities
        if route.back_end == "http":
            from .wire.openai_http import ask  # noqa: PLC0415 - aiohttp is heavy

            return ask(
                request,
                route.url,
                authorised(route, self._name, self._api_key, self._headers),
                self._timeout,
                able,
                listener,
                self._proxy,
            )
        refuse_questions(request, route.back_end)
        if route.back_end == "embedded":
            return _embedded().complete(request)
        headers = self._headers
        if route.back_end == "torch":
            from .white import calls as here  # noqa: PLC0415 - for this back end alone

            model = cast("WhiteModel", route.local)
            return here.ask(request, model, self._timeout, listener)
        if route.local is not None:
            from .local import calls  # noqa: PLC0415 - aiohttp is heavy

            timeout = self._timeout
            served = cast("LocalModel", route.local)
            return calls.ask(request, served, headers, timeout, able, listener)
        from .wire import litellm_bridge  # noqa: PLC0415 - litellm takes seconds

        key = key_for(route, self._name, self._api_key)
        own = apart(request)  # litellm writes into what it is given
        return litellm_bridge.complete(
            own, route, key, headers, self._timeout, able, listener, self._proxy
        )

    def portable(self) -> dict[str, Any]:
        """What another process makes the same model of: its options, and no secret.

        Raises:
            ConfigError: It has headers, or a login or a query in its address, in which
                secrets stand.
        """
        route, said = self._route, asdict(self._abilities)
        if self._headers or route.login or "?" in route.url:
            message = f"{self._name!r} has headers, or more than a place in its address"
            raise ConfigError(f"{message}; such things hold keys, and do not travel")
        made = {"model": self._name, "timeout": self._timeout} | {
            name: self._sampling[name] for name in SAMPLING if name in self._sampling
        }
        made["extra"] = {n: v for n, v in self._sampling.items() if n not in SAMPLING}
        made["abilities"] = {n: v for n, v in said.items() if v not in _UNSAID}
        made["schema_mode"] = self._abilities.schema
        if route.url and route.endpoint != OPENAI:
            made["api_base"] = route.endpoint
        if route.local is not None:
            rooms = ("context", "slots", "threads")
            made |= {name: getattr(route.local, name) for name in rooms}
            held: Sequence[Any] = getattr(route.local, "adapters", ())
            made |= {"lora": [one.path for one in held]} if held else {}
        return made

    @property
    def keyed(self) -> bool:
        """Whether it was given a key of its own, or finds one where it runs."""
        variable = self._route.key_variable
        return self._api_key is not None or bool(variable and os.environ.get(variable))

    def __repr__(self) -> str:
        shown = [repr(self._name)]
        if self._route.url and self._route.endpoint != OPENAI:
            shown.append(f"api_base={self._route.endpoint!r}")
        shown += [f"{name}={self._sampling[name]!r}" for name in sorted(self._sampling)]
        return f"LM({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LM) and self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash


def _room(
    model: str,
    context: int | None,
    slots: int | None,
    threads: int | None,
    lora: str | Sequence[str],
) -> local_model.Room | None:
    """How a model that runs here is served; None where it is not, and nobody says."""
    files = (lora,) if isinstance(lora, str) else tuple(lora or ())
    here = model[:6] in ("local/", "torch/")
    if not here and not files and {context, slots, threads} == {None}:
        return None
    return local_model.Room(context, slots, threads, files)


@functools.cache
def _embedded() -> LanguageModel:
    from .embedded import Embedded  # noqa: PLC0415 - most programs never need it

    return Embedded()

"""Which back end a model string means, under what name, at which address.

The endpoint is part of every cache key, so it is settled once, here, from the arguments
and the environment, and never from data such as an artifact.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..errors import ConfigError
from ..ground.lazy import deferred
from .abilities import KINDS, Abilities, abilities_of_kind

if TYPE_CHECKING:
    from .local import model as local_model
    from .local.model import LocalModel, Room
    from .white import weights as white_weights
    from .white.weights import WhiteModel
else:
    local_model = deferred(__package__, "local.model")
    white_weights = deferred(__package__, "white.weights")

OPENAI: Final = "https://api.openai.com/v1"
EMBEDDED: Final = "embedded/3"
"""No address: the edition of the stand-in, raised whenever one of its answers changes,
so that no cache mixes two."""

_STAND_IN: Final = Abilities(schema=False, follows=True, form="chat/1")
# Tools: https://platform.openai.com/docs/guides/function-calling; a model that has none
# says so, which is learnt.
_HOSTED: Final = Abilities(
    schema=True, grammar=False, follows=True, max_completion_tokens=True, tools=True
)
# "Only `gpt-6-luna` is supported": `types/decision_create_params.py` of openai 3.57.
_DECIDING: Final = frozenset({"gpt-6-luna"})
# https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview and
# https://ai.google.dev/gemini-api/docs/function-calling: all models that are served.
_WITH_TOOLS: Final = frozenset({"ANTHROPIC", "GEMINI"})
_SERVED: Final = Abilities(schema=True)
_FORMS: Final = (
    'Write "openai/NAME", "hosted_vllm/NAME", "ollama/NAME", "local/NAME", '
    '"torch/PATH", "PROVIDER/NAME" for any provider of litellm, any name with '
    'api_base="http://.../v1", or "embedded"'
)
# Whose model a bare name is likely to be.
_FIRMS: Final = {
    **dict.fromkeys(("gpt", "o1", "o3", "o4"), "openai"),
    "claude": "anthropic",
    "gemini": "gemini",
    "mistral": "mistral",
    "deepseek": "deepseek",
    **dict.fromkeys(("llama", "qwen"), "ollama"),
}
# Prefixes that mean a provider of litellm even where an api_base is given. Anything
# else with an api_base, such as "Qwen/Qwen3-8B", is a name of that server's own.
_PROVIDERS: Final = frozenset(
    {
        *("ai21", "aiml", "anthropic", "azure", "azure_ai", "bedrock", "cerebras"),
        *("cloudflare", "cohere", "cohere_chat", "dashscope", "databricks"),
        *("deepinfra", "deepseek", "fireworks_ai", "gemini", "github"),
        *("github_copilot", "groq", "huggingface", "hyperbolic", "litellm_proxy"),
        *("mistral", "moonshot", "nebius", "novita", "nscale", "nvidia_nim", "oci"),
        *("ollama_chat", "openrouter", "perplexity", "replicate", "sagemaker"),
        *("sagemaker_chat", "sambanova", "snowflake", "together_ai"),
        *("vercel_ai_gateway", "vertex_ai", "volcengine", "watsonx", "xai"),
        *("xinference", "zai"),
    }
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the requests of a model go.

    Args:
        back_end: Who sends them.
        model: The name that the endpoint knows.
        endpoint: The base URL without credentials and query, or the back end's name.
        url: The base URL to send to, without credentials; empty for the back end's own.
        login: The URL's "user:password", or empty.
        key_variable: The environment variable that holds the key, or empty.
        through: The name that litellm knows.
        schema_mode: Whether the endpoint was held, when forms had one edition, to be of
            a kind that obeys JSON schemas; what that edition sends hangs on it.
        abilities: What endpoints of this kind can do.
        kind: The kind of server that the prefix names, or empty.
        local: What the server serves, where weft runs it; or what runs in this process.
    """

    back_end: Literal["embedded", "http", "litellm", "local", "torch"]
    model: str
    endpoint: str
    url: str = ""
    login: str = field(default="", repr=False)
    key_variable: str = ""
    through: str = ""
    schema_mode: bool = False
    abilities: Abilities = field(default_factory=Abilities)
    kind: str = ""
    local: LocalModel | WhiteModel | None = None


@dataclass(frozen=True, slots=True)
class _Base:
    """A base URL, which may hold a login, and the setting that says it."""

    address: str = field(repr=False)
    said_in: str = "api_base"


def resolve(name: str, api_base: str | None = None, room: Room | None = None) -> Route:
    """The route that a model string means.

    Args:
        name: The model string.
        api_base: A base URL that wins over the environment.
        room: How a local model is to be served; of other models nobody can say.

    Raises:
        ConfigError: The string has no known form, or the address cannot be used.

    >>> resolve("Qwen/Qwen3-8B", "http://user:secret@localhost:8000/v1/").endpoint
    'http://localhost:8000/v1'
    >>> resolve("anthropic/claude-haiku-4-5").back_end
    'litellm'
    """
    provider, slash, rest = name.partition("/")
    if provider == "local" and rest and api_base is None:
        return _local(local_model.find_model(rest, room or local_model.Room()))
    if provider == "torch" and rest and api_base is None:
        return _white(white_weights.find_white(rest, room or local_model.Room()))
    if room is not None and room != local_model.Room():
        raise ConfigError(
            f"{name!r} does not run here, so context, slots, threads and lora are "
            "not ours",
            hint='Leave them out; they are for LM("local/...") and LM("torch/...")',
        )
    if name == "embedded" and api_base is None:
        return Route("embedded", name, EMBEDDED, abilities=_STAND_IN)
    if (slash and not rest) or not provider or name == "embedded":
        raise _unknown(name)
    if provider == "litellm" and slash:
        return _bridged(rest, api_base)
    if provider == "openai" and slash:
        base = _base(api_base, "OPENAI_BASE_URL", "OPENAI_API_BASE") or _Base(OPENAI)
        return _http(rest, base, "OPENAI_API_KEY")
    if provider in KINDS and slash:
        return _served(provider, rest, api_base)
    if api_base is not None and not (slash and provider in _PROVIDERS):
        return _http(name, _Base(api_base), "")
    if not slash or _meant(provider):
        raise _unknown(name)
    return _litellm(name, api_base)


def _served(kind: str, name: str, api_base: str | None) -> Route:
    """The route to a server of a known kind."""
    variable = f"{kind.upper()}_API_BASE"
    base = _base(api_base, variable) or _Base(KINDS[kind].base)
    if not base.address:
        message = f"no address is set for {f'{kind}/{name}'!r}"
        raise ConfigError(message, hint=f"Pass api_base= or set {variable}")
    # vLLM is the one that forms of the first edition sent a schema to, at the address
    # as it was given: so it stands in cache keys.
    first = kind == "hosted_vllm"
    base = base if first else replace(base, address=_with_version(base.address))
    route = _http(name, base, f"{kind.upper()}_API_KEY", schema_mode=first)
    return replace(route, kind=kind, abilities=abilities_of_kind(kind, name))


def _http(
    name: str, base: _Base, key_variable: str, *, schema_mode: bool = True
) -> Route:
    hosted = base.address.startswith(OPENAI)
    able = _HOSTED if hosted else _SERVED
    if hosted and name in _DECIDING:
        able = replace(able, decisions=True)
    return Route(
        "http",
        name,
        *_address(base),
        key_variable=key_variable,
        through=f"openai/{name}",
        schema_mode=schema_mode,
        abilities=able,
    )


def _local(model: LocalModel) -> Route:
    return Route(
        "local",
        model.name,
        model.endpoint,
        schema_mode=True,
        abilities=model.abilities,
        local=model,
    )


def _white(model: WhiteModel) -> Route:
    return Route(
        "torch",
        model.name,
        model.endpoint,
        abilities=model.abilities,
        local=model,
    )


def _litellm(name: str, api_base: str | None) -> Route:
    provider = name.partition("/")[0].upper()
    base = _base(api_base, f"{provider}_API_BASE", f"{provider}_BASE_URL")
    where = _address(base) if base else ("litellm", "", "")
    able = Abilities(follows=True, tools=provider in _WITH_TOOLS or None)
    return Route("litellm", name, *where, through=name, abilities=able)


def _bridged(name: str, api_base: str | None) -> Route:
    """The same endpoint, name and key as without the prefix, sent by litellm."""
    route = resolve(name, api_base)
    if route.back_end == "embedded":
        raise _unknown(f"litellm/{name}")
    able = replace(route.abilities, decisions=None)  # litellm has no such call
    return replace(route, back_end="litellm", abilities=able)


def _base(api_base: str | None, *variables: str) -> _Base | None:
    """The address that is said: here, or else in the first variable that is set."""
    if api_base:
        return _Base(api_base)
    return next((_Base(os.environ[v], v) for v in variables if os.environ.get(v)), None)


def _address(base: _Base) -> tuple[str, str, str]:
    """The endpoint and the URL of an address, both without its login, and the login."""
    parts = _split(base.address.strip())
    if parts is None:  # the address is not repeated: it may hold a password
        quoted = '"' if base.said_in == "api_base" else ""
        raise ConfigError(
            f"{base.said_in} is no http or https address",
            hint="Begin it with http:// or https://, as in "
            f"{base.said_in}={quoted}http://localhost:8000/v1{quoted}",
        )
    login, _, host = parts.netloc.rpartition("@")
    parts = parts._replace(netloc=host.lower(), path=_root_of(parts), fragment="")
    return urlunsplit(parts._replace(query="")), urlunsplit(parts), login


_PATHS: Final = ("/chat/completions", "/completions", "/embeddings", "/responses")
"""What is asked below a base URL, for whoever gives the whole address."""


def _root_of(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    return path.removesuffix(next(filter(path.endswith, _PATHS), ""))


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
        host = parts.hostname or ""
        host.encode("idna")  # raises where no name server could be asked for it
    except ValueError:
        return None
    known = parts.scheme in {"http", "https"} and host and " " not in host
    return parts if known else None


def _with_version(base: str) -> str:
    """The OpenAI-compatible interface of most servers lives under /v1."""
    parts = _split(base.strip())
    if parts is None or _root_of(parts):
        return base
    return urlunsplit(parts._replace(path="/v1"))


def _meant(provider: str) -> str:
    """The kind of server that is written otherwise here, such as "llama.cpp"."""
    plain = _plain(provider)
    return next((kind for kind in KINDS if _plain(kind) == plain != ""), "")


def _plain(word: str) -> str:
    return "".join(filter(str.isalnum, word)).lower()


def _unknown(name: str) -> ConfigError:
    provider, _, rest = name.partition("/")
    meant = {key: f"{firm}/{name}" for key, firm in _FIRMS.items()}
    whole = next((full for key, full in meant.items() if name.startswith(key)), "")
    if difflib.get_close_matches(name, ["embedded"]):
        whole = "embedded"
    if rest and _meant(provider):
        whole = f"{_meant(provider)}/{rest}"
    hint = f'Did you mean "{whole}"? Else w{_FORMS[1:]}' if whole else _FORMS
    return ConfigError(f"unknown model string {name!r}", hint=hint)

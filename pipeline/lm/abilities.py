"""What an endpoint can do for one model: known, or not known, and never assumed.

Each ability is True, False, or None where nobody knows yet. Knowledge comes, the
nearest first, from what the user says (`LM(abilities={...})`), from what the endpoint
said of itself or did in answer to the user's own calls (`known`), and from its kind:
`KINDS` are the servers that people run themselves, with what their documents say, each
with the pages that it was taken from, as they stood in November 2026. Nothing here
makes a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from operator import attrgetter
from typing import (
    Any,
    Final,
    Protocol,
    cast,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from ..errors import ConfigError, did_you_mean
from .lm import LanguageModel


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an endpoint can do for one model; None where it is not known.

    Args:
        schema: It enforces a JSON schema in `response_format`.
        grammar: It enforces a grammar in llama.cpp's notation.
        choice: It enforces one of some texts (`structured_outputs`), as vLLM has it.
        stop: It ends a reply at a stop sequence.
        logprobs: It gives log-probabilities.
        text_logprobs: It gives them of a text to be continued; where that is not known,
            `logprobs` says it.
        echo: It gives those of a text to be continued too (`echo`).
        decisions: It answers questions at `/v1/decisions`, as OpenAI has it.
        systemone: It answers questions at `/v1/systemone`, as SGLang has it.
        max_completion_tokens: It wants that name in place of `max_tokens`.
        system_role: It takes a system turn.
        tools: It takes tool definitions.
        reasoning: It shows what was thought in a field of its own.
        thinks: The model thinks in the text of its reply (`<think>`).
        seed: It takes a seed.
        stream_options: It takes `stream_options`.
        context: Tokens of prompt and reply together.
        output: The most tokens of a reply.
        without: Sampling options that it refuses for this model.
        slots: How many calls it answers at once.
        base: The model was never taught turns: it continues text.
        follows: The model follows a form of reply that is only described to it.
        form: The form that `weft probe` found best, or empty.
        images: The model takes images.
        audio: The model takes audio.
        files: The model takes files, such as PDFs.
        forced: It says how probable a reply is that is laid before it whole.
        soft: The soft words that it has: "NAME@" and twelve digits of the digest of
            their vectors, or the name alone; "*" for any that were trained for it.
        lora: The low-rank updates that it answers through where a call has them, named
            alike.
        control: Texts that its tokenizer takes for control tokens wherever they stand,
            such as "<|im_end|>". In turns and values they are sent as text.
    """

    schema: bool | None = None
    grammar: bool | None = None
    choice: bool | None = None
    stop: bool | None = None
    logprobs: bool | None = None
    text_logprobs: bool | None = None
    echo: bool | None = None
    decisions: bool | None = None
    systemone: bool | None = None
    max_completion_tokens: bool | None = None
    system_role: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    thinks: bool | None = None
    seed: bool | None = None
    stream_options: bool | None = None
    context: int | None = None
    output: int | None = None
    without: tuple[str, ...] = ()
    slots: int | None = None
    base: bool | None = None
    follows: bool | None = None
    form: str = ""
    images: bool | None = None
    audio: bool | None = None
    files: bool | None = None
    forced: bool | None = None
    soft: tuple[str, ...] = ()
    lora: tuple[str, ...] = ()
    control: tuple[str, ...] = field(default=(), repr=False)  # a file may have 6,000

    def gives_logprobs(self, *, continues: bool) -> bool | None:
        """Whether log-probabilities come with a reply, or with a continued text."""
        if continues and self.text_logprobs is not None:
            return self.text_logprobs
        return self.logprobs

    def over(self, other: Abilities) -> Abilities:
        """What is known here; where it is not, what is known there.

        >>> Abilities(seed=False).over(Abilities(seed=True, context=4096)).context
        4096
        """
        # Asked at every call: `replace` and `fields` would take four times as long.
        pairs = zip(_values(self), _values(other), strict=True)
        made = [there if here in (None, "", ()) else here for here, there in pairs]
        refused = dict.fromkeys((*self.without, *other.without))
        made[_WITHOUT] = (*refused,)
        return Abilities(*made)


@lru_cache(maxsize=256)
def merged(said: Abilities, learnt: Abilities, kind: Abilities) -> Abilities:
    """What is known from all three, the nearest first; asked before every call."""
    return said.over(learnt).over(kind)


def _kind_of(said: Any) -> Any:
    """The type of an ability's values, where it is known."""
    if said is str or get_origin(said) is tuple:
        return get_origin(said) or str
    return said.__args__[0]


_NAMES: Final = tuple(one.name for one in fields(Abilities))
_WITHOUT: Final = _NAMES.index("without")
_values: Final = attrgetter(*_NAMES)
KINDS_OF_VALUES: Final[Mapping[str, type]] = {
    name: _kind_of(kind) for name, kind in get_type_hints(Abilities).items()
}
"""The type of each ability's value where it is known."""


def checked_abilities(given: Mapping[str, Any]) -> Abilities:
    """Abilities as a user says them.

    Raises:
        ConfigError: There is no such ability, or its value is of another type.

    >>> checked_abilities({"schema": False, "context": 4096}).context
    4096
    """
    for name, value in given.items():
        if name not in KINDS_OF_VALUES:
            raise ConfigError(
                f"there is no ability {name!r}",
                hint=did_you_mean(name, KINDS_OF_VALUES),
            )
        kind = KINDS_OF_VALUES[name]
        if value is not None and type(value) is not kind:
            raise ConfigError(
                f"the ability {name}={value!r} is no {kind.__name__}",
                hint=f"Write abilities={{{name!r}: {kind()!r}}}, or leave it out",
            )
        texts = cast("tuple[object, ...]", value or ()) if kind is tuple else ()
        if not all(isinstance(one, str) and one for one in texts):
            raise ConfigError(
                f"the ability {name}={value!r:.200} holds what is no text",
                hint=f"Write texts: abilities={{{name!r}: ('...',)}}",
            )
    return Abilities(**given)


@runtime_checkable
class KnownModel(LanguageModel, Protocol):
    """A model whose endpoint's abilities are known, as far as anybody knows them.

    The fakes and the stand-in are none: they answer in the form that they are asked.
    """

    @property
    def abilities(self) -> Abilities:
        """What the endpoint can do now, as far as it is known."""
        ...


_kinds: dict[type, bool] = {}  # whether a class of models is known: asked every call


def abilities_of(lm: LanguageModel) -> Abilities | None:
    """What is known of a model's endpoint; None where it has no abilities to know."""
    known = _kinds.get(type(lm))
    if known is None:
        known = _kinds[type(lm)] = isinstance(lm, KnownModel)
    return cast("KnownModel", lm).abilities if known else None


_SILENT: Final = Abilities()


LOCAL: Final = "local:"
"""How the endpoint of a model begins that runs here."""
IN_PROCESS: Final = "torch:"
"""How that of a model begins that runs in this process."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server. `NAME_API_BASE` names another address, `NAME_API_KEY` a key.

    Args:
        base: Where it listens by default, or empty where that must be said.
        abilities: What its documents say that it can do.
        marks: Fields of an answer that no other kind sends; "choices." leads to those
            of the first choice.
    """

    base: str
    abilities: Abilities = _SILENT
    marks: tuple[str, ...] = ()


_OLDER: Final = Abilities(max_completion_tokens=False)
_ENGINE: Final = replace(
    _OLDER, schema=True, stop=True, logprobs=True, seed=True, stream_options=True
)
"""What the engines that others build upon all say of themselves."""

KINDS: Final[Mapping[str, Kind]] = {
    # Fields taken, JSON mode, logprobs, tools, the key that is ignored:
    # https://docs.ollama.com/api/openai-compatibility. Schemas enforced:
    # https://docs.ollama.com/capabilities/structured-outputs.
    "ollama": Kind(
        "http://localhost:11434/v1", replace(_ENGINE, system_role=True, tools=True)
    ),
    # Schemas: https://lmstudio.ai/docs/developer/openai-compat/structured-output.
    # Fields taken, in which logprobs are missing:
    # https://lmstudio.ai/docs/developer/openai-compat/chat-completions. Variables:
    # https://docs.litellm.ai/docs/providers/lm_studio.
    "lm_studio": Kind(
        "http://localhost:1234/v1",
        replace(
            _OLDER, schema=True, stop=True, system_role=True, tools=True, seed=True
        ),
        marks=("stats",),
    ),
    # response_format, `grammar`, stop, seed, logprobs, GET /props, port:
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md.
    "llamacpp": Kind(
        "http://localhost:8080/v1", replace(_ENGINE, grammar=True), marks=("timings",)
    ),
    # A llama.cpp in one file: https://github.com/mozilla-ai/llamafile. Address and
    # variables: https://docs.litellm.ai/docs/providers/llamafile.
    "llamafile": Kind("http://localhost:8080/v1", Abilities(stop=True, seed=True)),
    # Address, fields: https://docs.sglang.io/docs/basic_usage/openai_api_completions.
    # "The model output will be guaranteed to follow the given constraints", of which
    # `grammar` is none: https://docs.sglang.io/docs/advanced_features/structured_outputs.
    # Its /v1/decisions has fields of its own, and not every version has /v1/systemone:
    # `entrypoints/openai/protocol.py` and `entrypoints/systemone` of 0.5.23.
    "sglang": Kind(
        "http://localhost:30000/v1",
        replace(_ENGINE, grammar=False, decisions=False),
        marks=("choices.matched_stop",),
    ),
    # Fields: https://docs.vllm.ai/en/stable/serving/openai_compatible_server/. Schemas,
    # and `structured_outputs` with `choice`, the one way since v0.12:
    # https://docs.vllm.ai/en/stable/features/structured_outputs/. Variables, and that
    # there is no default address: https://docs.litellm.ai/docs/providers/vllm.
    # `echo` with logprobs:
    # https://docs.vllm.ai/en/latest/getting_started/examples/openai_completion_client.html
    "hosted_vllm": Kind(
        "",
        replace(_ENGINE, echo=True, grammar=False, choice=True),
        marks=("prompt_logprobs", "kv_transfer_params"),
    ),
    # Address: https://docs.docker.com/ai/model-runner/api-reference/; llama.cpp or vLLM
    # inside. Variables: https://docs.litellm.ai/docs/providers/docker_model_runner.
    "docker_model_runner": Kind("http://localhost:12434/engines/v1", _OLDER),
    # Address and fields: stop and both names of the limit are taken, logprobs are not
    # given to chats, response_format is not in the list:
    # https://github.com/lemonade-sdk/lemonade/blob/main/docs/api/openai.md. Variables:
    # https://docs.litellm.ai/docs/providers/lemonade.
    "lemonade": Kind(
        "http://localhost:13305/v1",
        replace(_OLDER, stop=True, logprobs=False, tools=True),
    ),
    # Address and the key that every request needs: https://jan.ai/docs/local-api;
    # llama.cpp inside.
    "jan": Kind("http://localhost:1337/v1"),
    # Address, and `grammar` as the way to constrain a chat:
    # https://localai.io/features/constrained_grammars/.
    "localai": Kind("http://localhost:8080/v1"),
    # Address: https://github.com/LostRuins/koboldcpp/wiki.
    "koboldcpp": Kind("http://localhost:5001/v1"),
    # Address and fields, response_format not among them:
    # https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md; with one the
    # reply is empty: https://github.com/ml-explore/mlx-lm/issues/1007.
    "mlx_lm": Kind(
        "http://localhost:8080/v1", replace(_OLDER, schema=False, stop=True)
    ),
    # Address, and that grammars are for /generate and tools for chats:
    # https://huggingface.co/docs/text-generation-inference/basic_tutorials/using_guidance
    "tgi": Kind("http://localhost:3000/v1", replace(_OLDER, tools=True)),
}
"""Kinds by the prefix of model strings."""


def abilities_of_kind(kind: str, model: str) -> Abilities:
    """What a server of that kind can do for a model.

    >>> abilities_of_kind("ollama", "llama3.2").schema
    True
    >>> abilities_of_kind("ollama", "gpt-oss:120b-cloud").schema
    False
    """
    told = KINDS[kind].abilities
    if kind != "ollama":
        return told
    _, _, tag = model.rpartition(":")
    # "Ollama's Cloud currently does not support structured outputs":
    # https://docs.ollama.com/capabilities/structured-outputs.
    if tag.endswith("cloud"):
        return replace(told, schema=False)
    # They drop a schema without a word: https://github.com/ollama/ollama/issues/17183.
    return replace(told, schema=None) if "mlx" in tag else told

"""Servers that speak OpenAI's format: where they listen and what their documents say.

The instances are the servers that people run themselves. What a document is silent
about is None here; what a server does against its documents is learnt (`known`). Each
entry names the pages that it was taken from, as they stood in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from .abilities import Abilities

_SILENT: Final = Abilities()


LOCAL: Final = "local:"
"""How the endpoint of a model begins that runs here."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server.

    Args:
        base: Where it listens by default, or empty where that must be said.
        variable: The environment variable that names another address.
        key_variable: The one that holds the key.
        abilities: What its documents say that it can do.
        marks: Fields of an answer that no other kind sends; "choices." leads to those
            of the first choice.
    """

    base: str
    variable: str
    key_variable: str
    abilities: Abilities = _SILENT
    marks: tuple[str, ...] = ()


KINDS: Final[Mapping[str, Kind]] = {
    # Fields taken, JSON mode, logprobs, tools, the key that is ignored:
    # https://docs.ollama.com/api/openai-compatibility. Schemas enforced:
    # https://docs.ollama.com/capabilities/structured-outputs.
    "ollama": Kind(
        "http://localhost:11434/v1",
        "OLLAMA_API_BASE",
        "OLLAMA_API_KEY",
        Abilities(
            schema=True,
            stop=True,
            logprobs=True,
            max_completion_tokens=False,
            system_role=True,
            tools=True,
            seed=True,
            stream_options=True,
        ),
    ),
    # Schemas: https://lmstudio.ai/docs/developer/openai-compat/structured-output.
    # Fields taken, in which logprobs are missing:
    # https://lmstudio.ai/docs/developer/openai-compat/chat-completions. Variables:
    # https://docs.litellm.ai/docs/providers/lm_studio.
    "lm_studio": Kind(
        "http://localhost:1234/v1",
        "LM_STUDIO_API_BASE",
        "LM_STUDIO_API_KEY",
        Abilities(
            schema=True,
            stop=True,
            max_completion_tokens=False,
            system_role=True,
            tools=True,
            seed=True,
        ),
        marks=("stats",),
    ),
    # response_format, stop, seed, logprobs, GET /props, port:
    # https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md.
    "llamacpp": Kind(
        "http://localhost:8080/v1",
        "LLAMACPP_API_BASE",
        "LLAMACPP_API_KEY",
        Abilities(
            schema=True,
            grammar=True,  # tools/server/README.md, `grammar`
            stop=True,
            logprobs=True,
            max_completion_tokens=False,
            seed=True,
            stream_options=True,
        ),
        marks=("timings",),
    ),
    # A llama.cpp in one file: https://github.com/mozilla-ai/llamafile. Address and
    # variables: https://docs.litellm.ai/docs/providers/llamafile.
    "llamafile": Kind(
        "http://localhost:8080/v1",
        "LLAMAFILE_API_BASE",
        "LLAMAFILE_API_KEY",
        Abilities(stop=True, seed=True),
    ),
    # Address, fields: https://docs.sglang.io/docs/basic_usage/openai_api_completions.
    # "The model output will be guaranteed to follow the given constraints":
    # https://docs.sglang.io/docs/advanced_features/structured_outputs.
    "sglang": Kind(
        "http://localhost:30000/v1",
        "SGLANG_API_BASE",
        "SGLANG_API_KEY",
        Abilities(
            schema=True,
            stop=True,
            logprobs=True,
            max_completion_tokens=False,
            seed=True,
            stream_options=True,
        ),
        marks=("choices.matched_stop",),
    ),
    # Fields: https://docs.vllm.ai/en/stable/serving/openai_compatible_server/. Schemas:
    # https://docs.vllm.ai/en/stable/features/structured_outputs/. Variables, and that
    # there is no default address: https://docs.litellm.ai/docs/providers/vllm.
    "hosted_vllm": Kind(
        "",
        "HOSTED_VLLM_API_BASE",
        "HOSTED_VLLM_API_KEY",
        Abilities(
            schema=True,
            stop=True,
            logprobs=True,
            max_completion_tokens=False,
            seed=True,
            stream_options=True,
        ),
        marks=("prompt_logprobs", "kv_transfer_params"),
    ),
    # Address: https://docs.docker.com/ai/model-runner/api-reference/; llama.cpp or vLLM
    # inside. Variables: https://docs.litellm.ai/docs/providers/docker_model_runner.
    "docker_model_runner": Kind(
        "http://localhost:12434/engines/v1",
        "DOCKER_MODEL_RUNNER_API_BASE",
        "DOCKER_MODEL_RUNNER_API_KEY",
        Abilities(max_completion_tokens=False),
    ),
    # Address and fields: stop and both names of the limit are taken, logprobs are not
    # given to chats, response_format is not in the list:
    # https://github.com/lemonade-sdk/lemonade/blob/main/docs/api/openai.md. Variables:
    # https://docs.litellm.ai/docs/providers/lemonade.
    "lemonade": Kind(
        "http://localhost:13305/v1",
        "LEMONADE_API_BASE",
        "LEMONADE_API_KEY",
        Abilities(
            stop=True,
            logprobs=False,
            max_completion_tokens=False,
            tools=True,
        ),
    ),
    # Address and the key that every request needs: https://jan.ai/docs/local-api;
    # llama.cpp inside.
    "jan": Kind("http://localhost:1337/v1", "JAN_API_BASE", "JAN_API_KEY"),
    # Address, and `grammar` as the way to constrain a chat:
    # https://localai.io/features/constrained_grammars/.
    "localai": Kind("http://localhost:8080/v1", "LOCALAI_API_BASE", "LOCALAI_API_KEY"),
    # Address: https://github.com/LostRuins/koboldcpp/wiki.
    "koboldcpp": Kind(
        "http://localhost:5001/v1", "KOBOLDCPP_API_BASE", "KOBOLDCPP_API_KEY"
    ),
    # Address and fields, response_format not among them:
    # https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md; with one the
    # reply is empty: https://github.com/ml-explore/mlx-lm/issues/1007.
    "mlx_lm": Kind(
        "http://localhost:8080/v1",
        "MLX_LM_API_BASE",
        "MLX_LM_API_KEY",
        Abilities(schema=False, stop=True, max_completion_tokens=False),
    ),
    # Address, and that grammars are for /generate and tools for chats:
    # https://huggingface.co/docs/text-generation-inference/basic_tutorials/using_guidance
    "tgi": Kind(
        "http://localhost:3000/v1",
        "TGI_API_BASE",
        "TGI_API_KEY",
        Abilities(tools=True, max_completion_tokens=False),
    ),
}
"""Kinds by the prefix of model strings."""


def abilities_of(kind: str, model: str) -> Abilities:
    """What a server of that kind can do for a model.

    >>> abilities_of("ollama", "llama3.2").schema
    True
    >>> abilities_of("ollama", "gpt-oss:120b-cloud").schema
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

"""The names that OpenTelemetry spans bear, all of them and only here.

The names under `gen_ai` are those of the OpenTelemetry semantic conventions for
generative AI, version 1.41 (docs/gen-ai/gen-ai-spans.md and gen-ai-agent-spans.md); the
conventions moved to github.com/open-telemetry/semantic-conventions-genai afterwards,
with the same names. Their status is "development": when they change, this file does.
`error` and `server` are stable. What begins with `weft` is our own.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
SCOPE: Final = "weft"

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
WORKFLOW: Final = "gen_ai.workflow.name"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"

NUMBERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
}
"""Sampling options whose values are floating-point numbers, and their attributes."""

COUNTS: Final = {
    "max_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
}
"""Sampling options whose values are whole numbers, and their attributes."""

STOP: Final = "gen_ai.request.stop_sequences"

CHAT: Final = "chat"
TEXT: Final = "text_completion"
INVOKE_WORKFLOW: Final = "invoke_workflow"

RUN_ID: Final = "weft.run_id"
NODE_PATH: Final = "weft.node.path"
NODE_KIND: Final = "weft.node.kind"
NODE_ORDER: Final = "weft.node.order"
NODE_REUSED: Final = "weft.node.reused"
NODE_REPAIRS: Final = "weft.node.repairs"
NODE_INPUTS: Final = "weft.node.inputs"
NODE_OUTPUTS: Final = "weft.node.outputs"
RUN_INPUTS: Final = "weft.run.inputs"
RUN_VALUE: Final = "weft.run.value"
CACHED: Final = "weft.cached"
RETRIES: Final = "weft.retries"
COST: Final = "weft.cost_usd"

_PROVIDERS: Final = {
    "anthropic": "anthropic",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "gemini": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "perplexity": "perplexity",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
_LITELLM: Final = "litellm"


def provider_of(model: str, endpoint: str) -> str:
    """The convention's name of who answers.

    It names the kind of the interface: "openai" for every server that speaks OpenAI's,
    whoever runs it; `server.address` tells them apart.

    >>> provider_of("gpt-5-mini", "https://api.openai.com/v1")
    'openai'
    >>> provider_of("bedrock/claude", "litellm"), provider_of("embedded", "embedded")
    ('aws.bedrock', 'weft.embedded')
    """
    if endpoint == _LITELLM:
        prefix = model.partition("/")[0]
        return _PROVIDERS.get(prefix, prefix)
    if "://" in endpoint:
        prefix, slash, _ = model.partition("/")
        return _PROVIDERS.get(prefix, "openai") if slash else "openai"
    return f"weft.{endpoint.partition(':')[0]}"


def server_of(endpoint: str) -> dict[str, str | int]:
    """Address and port of a server; nothing where the endpoint is no URL.

    >>> server_of("https://api.openai.com/v1")
    {'server.address': 'api.openai.com', 'server.port': 443}
    >>> server_of("embedded/2")
    {}
    """
    parts = urlsplit(endpoint)
    if not parts.hostname:
        return {}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {SERVER_ADDRESS: parts.hostname, SERVER_PORT: port}

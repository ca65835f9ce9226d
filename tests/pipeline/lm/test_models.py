"""A model string means one back end, one name and one address, or it is an error."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any, cast

import pytest

from weft.pipeline.errors import AuthError, ConfigError
from weft.pipeline.lm.abilities import KINDS
from weft.pipeline.lm.fakes import ScriptedLM
from weft.pipeline.lm.lm import SAMPLING, LanguageModel, as_lm
from weft.pipeline.lm.models import LM
from weft.pipeline.lm.request import Message, Request
from weft.pipeline.lm.route import resolve

OPENAI = "https://api.openai.com/v1"
HERE = "http://localhost:8000/v1"


@pytest.mark.parametrize(
    ("name", "api_base", "back_end", "model", "endpoint"),
    [
        ("embedded", None, "embedded", "embedded", "embedded/3"),
        ("openai/gpt-5-mini", None, "http", "gpt-5-mini", OPENAI),
        ("openai/gpt-5-mini", HERE, "http", "gpt-5-mini", HERE),
        ("openai/Qwen/Qwen3-8B", HERE, "http", "Qwen/Qwen3-8B", HERE),
        ("hosted_vllm/Qwen/Qwen3-8B", HERE, "http", "Qwen/Qwen3-8B", HERE),
        ("ollama/llama3", None, "http", "llama3", "http://localhost:11434/v1"),
        ("ollama/llama3", "http://box:11434", "http", "llama3", "http://box:11434/v1"),
        ("lm_studio/m", None, "http", "m", "http://localhost:1234/v1"),
        ("lm_studio/qwen/q3", "http://box:1", "http", "qwen/q3", "http://box:1/v1"),
        ("llamacpp/m", None, "http", "m", "http://localhost:8080/v1"),
        ("sglang/Qwen/Q3", None, "http", "Qwen/Q3", "http://localhost:30000/v1"),
        ("docker_model_runner/ai/m", "http://b/x", "http", "ai/m", "http://b/x"),
        ("hosted_vllm/m", "http://box:8000", "http", "m", "http://box:8000"),
        ("litellm/lm_studio/m", None, "litellm", "m", "http://localhost:1234/v1"),
        ("Qwen/Qwen3-8B", HERE, "http", "Qwen/Qwen3-8B", HERE),
        ("llama3", HERE, "http", "llama3", HERE),
        ("anthropic/claude", None, "litellm", "anthropic/claude", "litellm"),
        ("anthropic/claude", HERE, "litellm", "anthropic/claude", HERE),
        ("litellm/openai/m", HERE, "litellm", "m", HERE),
        ("litellm/anthropic/claude", None, "litellm", "anthropic/claude", "litellm"),
        ("m", "HTTP://Box:1/v1/", "http", "m", "http://box:1/v1"),
        ("m", "http://u:p@box/v1?key=k#f", "http", "m", "http://box/v1"),
        ("m", f"{HERE}/chat/completions", "http", "m", HERE),
        ("m", f"{HERE}/completions/", "http", "m", HERE),
        ("m", f"{HERE}/embeddings", "http", "m", HERE),
        ("m", f"{HERE}/responses", "http", "m", HERE),
        ("ollama/m", "http://b/chat/completions", "http", "m", "http://b/v1"),
        (
            "anthropic/claude",
            f"{HERE}/completions",
            "litellm",
            "anthropic/claude",
            HERE,
        ),
    ],
)
def test_routes(
    name: str, api_base: str | None, back_end: str, model: str, endpoint: str
) -> None:
    """Each form of a model string leads to its back end, name and endpoint."""
    route = resolve(name, api_base)

    assert (route.back_end, route.model, route.endpoint) == (back_end, model, endpoint)


@pytest.mark.parametrize(
    ("name", "variable", "value", "endpoint"),
    [
        ("openai/m", "OPENAI_BASE_URL", HERE, HERE),
        ("openai/m", "OPENAI_API_BASE", HERE, HERE),
        ("hosted_vllm/m", "HOSTED_VLLM_API_BASE", HERE, HERE),
        ("ollama/m", "OLLAMA_API_BASE", "http://box:1", "http://box:1/v1"),
        ("lm_studio/m", "LM_STUDIO_API_BASE", "http://box:1", "http://box:1/v1"),
        ("azure/m", "AZURE_API_BASE", "https://me.example/", "https://me.example"),
    ],
)
def test_addresses_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, value: str, endpoint: str
) -> None:
    """The environment's address is the endpoint; an argument wins over it."""
    monkeypatch.setenv(variable, value)

    assert LM(name).endpoint == endpoint
    assert LM(name, api_base="http://other/v1").endpoint == "http://other/v1"


@pytest.mark.parametrize(
    "name", ["gpt-5-mini", "", "/x", "openai/", "litellm/embedded", "litellm/x"]
)
def test_unknown_strings(name: str) -> None:
    """A string of no known form is an error that lists the forms."""
    with pytest.raises(ConfigError, match=r'unknown model string .*"openai/NAME"'):
        LM(name)


@pytest.mark.parametrize(
    "api_base",
    [
        "box:8000",
        "ftp://x/v1",
        "http://",
        "http://u:pw@x:port/v1",
        "http://a..b/v1",
        "http://a b",
    ],
)
def test_unusable_addresses(api_base: str) -> None:
    """An address that is none is refused, and not repeated: it may hold a password."""
    with pytest.raises(ConfigError, match="api_base is no http") as caught:
        LM("m", api_base=api_base)

    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("value", ["127.0.0.1:11434", "http://[", "http://u:pw@x:port"])
@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai/m", "OPENAI_BASE_URL"),
        ("openai/m", "OPENAI_API_BASE"),
        ("ollama/m", "OLLAMA_API_BASE"),
        ("hosted_vllm/m", "HOSTED_VLLM_API_BASE"),
        ("groq/m", "GROQ_API_BASE"),
        ("groq/m", "GROQ_BASE_URL"),
        ("litellm/ollama/m", "OLLAMA_API_BASE"),
    ],
)
def test_unusable_addresses_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, value: str
) -> None:
    """The error names the variable that says it, and what to write there."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigError, match=f"^{variable} is no http") as caught:
        LM(name)

    assert f"{variable}=http://" in caught.value.hint
    assert "pw" not in str(caught.value)


def test_vllm_without_an_address() -> None:
    """A vLLM server has no default address, and the error says how to give one."""
    with pytest.raises(ConfigError, match="HOSTED_VLLM_API_BASE"):
        LM("hosted_vllm/m")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"temprature": 0}, "Did you mean 'temperature'"),
        ({"apikey": "x"}, "LM has no option 'apikey'"),
        ({"max_tokens": 0}, "max_tokens=0 is no positive"),
        ({"max_tokens": None}, "max_tokens=None"),
        ({"temperature": float("nan")}, "JSON cannot carry"),
        ({"stop": object()}, "JSON cannot carry"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": float("inf")}, "timeout=inf"),
        ({"extra": {"messages": []}}, "extra cannot set 'messages'"),
        ({"extra": {"max_completion_tokens": 5}}, "Pass max_tokens"),
        ({"extra": {"temperature": 1}}, "Pass temperature= itself"),
        ({"headers": {"X": "a\r\nY: b"}}, "line break"),
        ({"headers": {"X": "a\0b"}}, "the header 'X'"),
        ({"headers": {"X": "\ud800"}}, "the header 'X'"),
        ({"headers": {"X": 5}}, "the header 'X' is no text"),
        ({"extra": {"x": "\ud800"}}, "JSON cannot carry"),
        ({"extra": {"api_key": "sesame"}}, "extra cannot hold 'api_key': (?!.*sesame)"),
        ({"api_key": 5}, "api_key is no text, but of type int"),
        ({"api_base": b"http://u:sesame@h"}, r"of type bytes\. Write api_base="),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], match: str) -> None:
    """A misspelt option or a value that cannot be sent is an error with a remedy."""
    with pytest.raises(ConfigError, match=match):
        LM("openai/m", **options)


def test_sampling() -> None:
    """Options and further fields go into the sampling, with a bound on the answer."""
    lm = LM("openai/m", temperature=0, extra={"top_k": 20})

    assert lm.sampling == {"max_tokens": 4096, "temperature": 0, "top_k": 20}
    assert "temperature" in SAMPLING


def test_nobody_changes_a_model() -> None:
    """What was passed in, and what is handed out, can be changed without effect."""
    stop = ["a"]
    lm = LM("openai/m", stop=stop)
    stop.append("b")
    cast("dict[str, Any]", lm.sampling)["seed"] = 1

    assert lm.sampling == {"max_tokens": 4096, "stop": ["a"]}


def test_no_secret_is_shown() -> None:
    """Neither key, login, query nor header is in the repr or the endpoint."""
    lm = LM(
        "m",
        api_base="http://user:SECRET1@h/v1?k=SECRET2",
        api_key="SECRET3",
        headers={"X": "SECRET4"},
    )

    assert "SECRET" not in repr(lm) + lm.endpoint
    assert repr(lm) == "LM('m', api_base='http://h/v1', max_tokens=4096)"


def test_equality() -> None:
    """Models are equal by their settings; the key is one of them."""
    one, same = LM("openai/m", seed=1), LM("openai/m", seed=1)

    assert one == same
    assert hash(one) == hash(same)
    assert len({one, LM("openai/m", seed=2), LM("openai/m", seed=1, api_key="k")}) == 3
    assert pickle.loads(pickle.dumps(one)) == one


def test_schema_mode() -> None:
    """OpenAI's and vLLM's kind obeys schemas unless told otherwise; others do not."""
    assert LM("openai/m").schema_mode
    assert LM("m", api_base=HERE).schema_mode
    assert not LM("m", api_base=HERE, schema_mode=False).schema_mode
    assert not LM("ollama/m").schema_mode
    assert not LM("anthropic/m").schema_mode
    assert LM("anthropic/m", schema_mode=True).schema_mode


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("llama.cpp/m", "llamacpp/m"),
        ("LM-Studio/org/m", "lm_studio/org/m"),
        ("lmstudio/m", "lm_studio/m"),
    ],
)
def test_servers_written_otherwise(name: str, meant: str) -> None:
    """A server's name as people write it leads to its prefix, and not to litellm."""
    with pytest.raises(ConfigError, match=f'Did you mean "{meant}"'):
        LM(name)

    assert LM(name, api_base=HERE).model == name


@pytest.mark.parametrize("kind", KINDS)
def test_servers_that_people_run(kind: str) -> None:
    """Each kind speaks OpenAI's format, with its own key, and needs no litellm."""
    route = resolve(f"{kind}/some/model", HERE)

    assert (route.back_end, route.model, route.endpoint) == ("http", "some/model", HERE)
    assert route.key_variable == f"{kind.upper()}_API_KEY"
    assert route.schema_mode is (kind == "hosted_vllm")
    assert LM(f"{kind}/some/model", api_base=HERE).abilities == route.abilities


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("ollama/llama3.2", True),
        ("ollama/gpt-oss:120b-cloud", False),
        ("ollama/gemma4:12b-mlx", None),
        ("lm_studio/m", True),
        ("mlx_lm/m", False),
        ("koboldcpp/m", None),
        ("openai/m", True),
        ("anthropic/m", None),
    ],
)
def test_what_documents_say_of_schemas(name: str, schema: bool | None) -> None:
    """A schema is sent where the documents say that it is enforced."""
    assert LM(name).abilities.schema is schema


def test_it_is_a_language_model() -> None:
    """`LM` satisfies the protocol that the runtime asks for."""
    assert isinstance(LM("embedded"), LanguageModel)


async def test_no_key_for_openai() -> None:
    """OpenAI without a key is an error before anything is sent."""
    lm = LM("openai/m")

    with pytest.raises(AuthError, match="Set OPENAI_API_KEY"):
        await lm.complete(Request("m", (Message("user", "hi"),), lm.sampling))


def test_as_lm() -> None:
    """A string becomes a model, a model stays itself, anything else is an error."""
    fake = ScriptedLM([])

    assert as_lm("openai/m") == LM("openai/m")
    assert as_lm(fake) is fake
    with pytest.raises(ConfigError, match="is no model"):
        as_lm(3)  # type: ignore[arg-type] # what an untyped caller may do


def test_import_is_light() -> None:
    """Importing models and caller loads no HTTP client, no litellm and no diskcache."""
    code = (
        "import sys, weft.pipeline.lm.models, weft.pipeline.calls.call,"
        " weft.pipeline.calls.cache, weft.pipeline.lm.fakes;"
        "print([m for m in ('aiohttp', 'litellm', 'diskcache') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert out.stdout == "[]\n"

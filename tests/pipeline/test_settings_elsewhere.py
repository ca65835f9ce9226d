"""What is set here holds where the rows run: models by name and options, and no key."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import weft
from weft.errors import ConfigError
from weft.extras.worker import Host
from weft.pipeline.artifact.save import artifact_text
from weft.pipeline.graph.program import as_program
from weft.pipeline.run import settings
from weft.pipeline.run.remote import configure_from, settings_data
from weft.pipeline.run.settings import current

ask = weft.Predict("question -> answer", name="ask")
own = weft.Predict("question -> answer", name="own", lm=weft.LM("embedded", seed=3))
KEY = "sk-a-secret-that-stays"


@weft.program
def two(question: str) -> str:
    """One module of each kind."""
    return own(question=ask(question=question).answer).answer  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a key nor a model in the environment; what is configured is undone."""
    for name in ("OPENAI_API_KEY", "WEFT_LM", "WEFT_ADAPTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "_process", settings.Settings())


def sent(program: Any = two, *, live: bool = False, setup: str = "") -> str:
    """The settings as they cross."""
    return json.dumps(settings_data(as_program(program), live=live, setup=setup))


MODELS: dict[str, weft.LM] = {
    "a name": weft.LM("embedded"),
    "sampling": weft.LM("openai/gpt-5-mini", temperature=0.3, max_tokens=77),
    "a server": weft.LM("Qwen/Qwen3-8B", api_base="http://localhost:8000/v1"),
    "more of the body": weft.LM("ollama/qwen3", extra={"top_k": 20}, timeout=9.0),
    "abilities": weft.LM("groq/x", abilities={"slots": 3, "without": ("seed",)}),
    "no schema": weft.LM("hosted_vllm/x", api_base="http://h:1/v1", schema_mode=False),
    "a base model": weft.LM("m", api_base="http://localhost:8000/v1", base=True),
    "litellm with a place": weft.LM("azure/x", api_base="https://a.example/v1"),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", ["use", "configure", "by path"])
def test_a_model_that_is_set_here_is_set_there(
    model: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same model, with each of its options."""
    lm = MODELS[model]
    if how == "configure":
        weft.configure(lm=lm)
        text = sent()
    elif how == "use":
        with weft.use(lm=lm):
            text = sent()
    else:
        with weft.use(lms={"ask": lm}):
            text = sent()
    monkeypatch.setattr(settings, "_process", settings.Settings())

    configure_from(json.loads(text))

    assert current().model_for("ask", None) == lm
    assert current().model_for("own", None) == own.lm


def test_a_model_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`WEFT_LM` of this process names the model there."""
    monkeypatch.setenv("WEFT_LM", "embedded")
    text = sent()
    monkeypatch.delenv("WEFT_LM")

    configure_from(json.loads(text))

    assert current().model_for("ask", None) == weft.LM("embedded")


def test_form_retries_and_no_cache() -> None:
    """They hold there too; the default cache is each machine's own."""
    retry = weft.RetryPolicy(retries=7, deadline=3.0)
    with weft.use(lm="embedded", adapter="json/1", retry=retry, cache=None):
        text = sent()

    configure_from(json.loads(text))

    assert current().adapter == "json/1"
    assert (current().retry.retries, current().retry.deadline) == (7, 3.0)
    assert current().cache is None


@pytest.mark.parametrize("there", [True, False], ids=["a key there", "no key there"])
def test_no_key_travels(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment has one the model asks; else the error names `setup=`."""
    with weft.use(lm=weft.LM("openai/gpt-5-mini", api_key=KEY)):
        text = sent()
    if there:
        monkeypatch.setenv("OPENAI_API_KEY", "another")

    assert KEY not in text
    if there:
        configure_from(json.loads(text))
        assert current().model_for("ask", None).model == "gpt-5-mini"
        return
    with pytest.raises(ConfigError, match="setup=") as failed:
        configure_from(json.loads(text))
    assert KEY not in str(failed.value)


STAYS: dict[str, Any] = {
    "a fake": weft.ScriptedLM(["x"]),
    "a function": weft.FunctionLM(str),
    "headers": weft.LM("m", api_base="http://h/v1", headers={"x-token": KEY}),
    "a login": weft.LM("m", api_base=f"http://me:{KEY}@h/v1"),
    "a query": weft.LM("azure/m", api_base=f"https://h/v1?key={KEY}"),
}


@pytest.mark.parametrize("model", STAYS)
def test_a_model_that_cannot_travel(model: str) -> None:
    """It is refused before a row runs, unless a function there sets one."""
    with weft.use(lm=STAYS[model]):
        with pytest.raises(ConfigError, match="setup=") as failed:
            sent()
        text = sent(setup="app:settings")

    assert KEY not in str(failed.value) + text
    assert json.loads(text)["lm"] is None


def test_modules_of_a_live_program_bring_their_own() -> None:
    """What each machine imports has its models already."""
    mine = weft.Predict("question -> answer", name="mine", lm=weft.FunctionLM(str))
    with weft.use(lm="embedded"):
        text = sent(mine, live=True)
        with pytest.raises(ConfigError, match="setup="):
            sent(mine)

    assert json.loads(text)["lms"] == {}


async def test_a_worker_asks_what_is_set_here() -> None:
    """A row of a program whose model is set here alone has an answer there."""
    with weft.use(lm="embedded", cache=None):
        text = sent(ask)
    host = Host()

    began = await host.begin(artifact_text(as_program(ask)), "", "", text)
    row = json.dumps({"inputs": {"question": "q"}, "sample": 0, "logged": False})
    said = json.loads(await host.run(row))

    assert json.loads(began) == {}
    assert said["value"]["answer"]


async def test_where_nobody_set_a_model_the_error_names_setup() -> None:
    """It says where to set one for rows that run elsewhere."""
    host = Host()
    await host.begin(artifact_text(as_program(ask)), "", "", sent(ask))

    row = json.dumps({"inputs": {"question": "q"}, "sample": 0, "logged": False})
    said = json.loads(await host.run(row))

    assert "no model is set" in said["error"]["message"]
    assert "setup=" in said["error"]["hint"]


async def test_what_setup_sets_wins() -> None:
    """The function is called when the rest is set."""
    with weft.use(lm="embedded", adapter="json/1"):
        text = sent(ask, setup="here")
    host = Host()

    began = await host.begin(
        artifact_text(as_program(ask)), "", f"{__name__}:use_another", text
    )

    assert json.loads(began) == {}
    assert current().adapter == "json/1"
    assert await asyncio.to_thread(lambda: current().lm) == weft.LM("embedded", seed=9)


def use_another() -> None:
    """Settings of a worker."""
    weft.configure(lm=weft.LM("embedded", seed=9))


def test_the_words_are_those_of_the_error() -> None:
    """What marks an unset model is what its error begins with."""
    with pytest.raises(ConfigError, match=f"^{settings.NO_MODEL} for 'ask'"):
        current().model_for("ask", None)

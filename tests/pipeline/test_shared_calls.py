"""What calls share is written into by nobody: clients, users, owners of a dict."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.pipeline.adapters import form_of
from weft.pipeline.errors import ConfigError
from weft.pipeline.ground.system import cache_place
from weft.pipeline.lm.request import Request, Response
from weft.pipeline.lm.wire import litellm_bridge
from weft.pipeline.parameters import Parameters
from weft.pipeline.run.prompt import rendered_for
from weft.pipeline.signature.forms import make_signature

Seen = list[tuple[str, Any, Any]]


def scribble(request: Request, seen: Seen) -> Response:
    """Note a request, and write into all of it that can be written into."""
    sent = request.response_format
    seen.append((request.key, repr(sent), repr(request.sampling)))
    assert isinstance(sent, dict)
    sent["json_schema"]["schema"].clear()
    assert isinstance(request.sampling, dict)
    request.sampling["stop"].append("never")
    request.sampling["temperature"] = 2
    return Response('{"answer": "blue"}')


class Scribbling:
    """A model of a user's own that writes into what it is given."""

    name = model = "scribbling"
    endpoint = "http://127.0.0.1:1/v1"
    schema_mode = True
    timeout = 1.0

    def __init__(self) -> None:
        self.sampling = {"stop": ["x"]}
        self.seen: Seen = []

    async def complete(self, request: Request) -> Response:
        """Answer, and leave nothing as it was."""
        return scribble(request, self.seen)


def asked_thrice(lm: Any) -> weft.Predict[..., Any]:
    """A module that was asked the same three times, and each time called."""
    paint = weft.Predict("question -> answer", lm=lm, adapter="json")
    with weft.use(cache=None):
        for _ in range(3):
            assert paint(question="Of what colour is it?").answer == "blue"
    return paint


def test_a_model_that_writes_into_a_request_changes_no_other() -> None:
    """Each call of a user's own model is sent the same, whatever it did with it."""
    lm = Scribbling()

    asked_thrice(lm)

    assert len(lm.seen) == 3
    assert len({*lm.seen}) == 1


def test_a_client_that_writes_into_a_request_changes_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does a provider's client beneath `LM`, which is not ours."""
    seen: Seen = []

    async def complete(request: Request, *_: object) -> Response:
        return scribble(request, seen)

    monkeypatch.setattr(litellm_bridge, "complete", complete)
    lm = weft.LM("anthropic/m", api_key="none", stop=["x"], schema_mode=True)

    asked_thrice(lm)

    assert len(seen) == 3
    assert len({*seen}) == 1


def test_a_prompt_that_is_looked_at_is_nobody_elses() -> None:
    """Whoever writes into the schema of a prompt changes no prompt but that."""
    lm = weft.LM("openai/m", api_base="http://127.0.0.1:1/v1", api_key="none")
    paint = weft.Predict("question -> answer", lm=lm, adapter="json")
    first = paint.prompt(question="Why?")
    sent = first.response_format
    assert isinstance(sent, dict)
    before = repr(sent)

    sent.clear()

    assert repr(paint.prompt(question="Why?").response_format) == before


def test_parameters_stay_what_they_were_made_of() -> None:
    """A dict that its owner changes later changes no call: neither some nor all."""
    glossary = {"round": "a visit"}
    stop: list[Any] = ["a"]
    made = Parameters("Answer.", sampling={"stop": stop}, glossary=glossary)

    stop.append("b")
    glossary["round"] = "a shape"

    assert made.sampling == {"stop": ["a"]}
    assert made.glossary == {"round": "a visit"}
    with pytest.raises(ConfigError, match="cannot be set here"):
        made.sampling["seed"] = 1  # type: ignore[index]
    assert pickle.loads(pickle.dumps(made)) == made


def test_the_cache_of_a_root_is_named_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program whose working directory is a root, as in a container, has one cache."""
    root = Path.cwd().anchor
    monkeypatch.delenv("WEFT_CACHE", raising=False)
    monkeypatch.chdir(root)

    assert cache_place() == f"{root}.weft/cache"


def test_calls_that_choose_their_demos_share_no_turns() -> None:
    """What a call chose for itself is not kept for others, in the place of theirs."""
    demos = tuple(weft.Demo({"question": q, "answer": "a"}) for q in ("red", "blue"))
    asked, form = make_signature("question -> answer"), form_of("chat/2:stop")

    def shared(parameters: Parameters) -> int:
        call = rendered_for(form, asked, parameters, {"question": "red?"}, None)
        return len(call.shared)

    assert shared(Parameters("Answer.", demos)) == 5
    assert shared(Parameters("Answer.", demos, nearest=1)) == 0

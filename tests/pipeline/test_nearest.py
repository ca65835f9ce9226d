"""Demos that are chosen by the input: the same on every run, data only, no model."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import Demo
from weft.errors import ArtifactError, ConfigError, ProtocolError
from weft.pipeline.adapters.demos import nearest_demos
from weft.pipeline.graph.program import as_program
from weft.pipeline.measure.explain import ablations

POOL = (
    Demo({"message": "my card was stolen", "team": "cards"}, "r0"),
    Demo({"message": "is the branch open today", "team": "branches"}, "r1"),
    Demo({"message": "the transfer never arrived", "team": "transfers"}, "r2"),
    Demo({"message": "a transfer came twice", "team": "transfers"}, "r3"),
)


def triage(**options: Any) -> weft.Predict[..., Any]:
    given: dict[str, Any] = {"demos": POOL, "nearest": 2, **options}
    return weft.Predict("message -> team", "Route it.", name="triage", **given)


def shown(module: Any, **inputs: Any) -> list[str]:
    """What the demos of a call say, in the order in which the model reads them."""
    turns = module.prompt(**inputs).messages[1:-1:2]
    return [turn.content.partition("\n")[2] for turn in turns]


# The choice ---------------------------------------------------------------------------


def test_a_call_shows_the_demos_most_like_its_inputs() -> None:
    """In the prompt, and so in what is sent and what the cache is keyed by."""
    lm = weft.FunctionLM(lambda _: "[[ team ]]\ntransfers\n[[ /end ]]")
    with weft.use(lm=lm, cache=None):
        triage()(message="where is my transfer")

    (request,) = lm.requests
    assert (
        request.messages
        == triage(lm=lm).prompt(message="where is my transfer").messages
    )
    assert set(shown(triage(), message="where is my transfer")) == {
        "a transfer came twice",
        "the transfer never arrived",
    }


def test_the_nearest_demo_stands_last() -> None:
    """Beside the input it is like."""
    assert shown(triage(), message="cards get stolen")[-1] == "my card was stolen"
    assert shown(triage(nearest=4), message="branch")[-1] == "is the branch open today"


def test_of_equally_near_demos_the_earlier_is_taken() -> None:
    """So a choice never hangs on how a dictionary happens to be ordered."""
    twins = [Demo({"message": "late again", "team": str(n)}, str(n)) for n in range(5)]
    module = triage(demos=twins, nearest=2)

    answers = module.prompt(message="late").messages[2:-1:2]

    assert [turn.content.split("\n")[1] for turn in answers] == ["1", "0"]


def test_where_nothing_is_like_the_input_the_first_demos_are_shown() -> None:
    """An input in another script still gets its demos."""
    assert shown(triage(), message="余额") == [
        "is the branch open today",
        "my card was stolen",
    ]


def test_zero_shows_all_demos_in_their_order() -> None:
    """As it is without the setting."""
    assert shown(triage(nearest=0), message="transfer") == [
        d.values["message"] for d in POOL
    ]


@pytest.mark.parametrize("nearest", [3, 4, 9])
def test_more_than_there_are_shows_each_demo_once(nearest: int) -> None:
    """A pool may be smaller than what is asked for."""
    found = shown(triage(nearest=nearest), message="transfer")

    assert len(found) == len(set(found)) == min(nearest, 4)


def test_only_inputs_are_compared() -> None:
    """An answer that looks like the input draws nobody."""
    demos = [
        Demo({"message": "zzz", "team": "a stolen card"}),
        Demo({"message": "a stolen card", "team": "zzz"}),
    ]

    assert shown(triage(demos=demos, nearest=1), message="a stolen card") == [
        "a stolen card"
    ]


def test_several_inputs_count_and_so_do_values_that_are_no_texts() -> None:
    """Each as it is written in the prompt."""
    demos = [
        Demo({"message": "hello", "tags": ["loud"], "team": "a"}),
        Demo({"message": "hello", "tags": ["quiet"], "team": "b"}),
    ]
    module = weft.Predict(
        "message, tags: list[str] -> team", demos=demos, nearest=1, name="t"
    )

    assert "quiet" in shown(module, message="hello", tags=["quiet"])[0]


def test_long_texts_are_compared_by_their_ends() -> None:
    """A document does not make every other one look alike."""
    body = "the same words again and again " * 400
    demos = tuple(
        Demo({"message": f"{body} {word}", "team": "x"}) for word in ("apple", "quince")
    )
    spec = triage().spec

    (found,) = nearest_demos(spec, demos, 1, {"message": "quince"})

    assert found is demos[1]


# The parameter ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1, 1.5, "4", True, None])
def test_a_count_that_is_none_is_refused(value: Any) -> None:
    """By module and slot, with what to write instead."""
    with pytest.raises(
        ConfigError, match="'triage': nearest must be a number of demos"
    ):
        triage(nearest=value)


def test_it_survives_an_artifact(tmp_path: Path) -> None:
    """Data only: the pool and the count, and the same prompts from them."""
    module = triage()
    path = weft.save(as_program(module), tmp_path / "triage.weft.json")
    loaded = weft.load(path)
    again = weft.save(loaded, tmp_path / "again.weft.json")

    assert again.read_bytes() == path.read_bytes()
    assert loaded.modules["triage"].parameters == module.parameters
    assert shown(loaded.modules["triage"], message="open branch") == shown(
        module, message="open branch"
    )


def test_a_program_without_it_keeps_its_digest(tmp_path: Path) -> None:
    """Artifacts written before it are what they were."""
    path = weft.save(as_program(triage(nearest=0)), tmp_path / "t.weft.json")

    assert "nearest" not in path.read_text("utf-8")


def test_a_negative_count_in_a_file_is_refused(tmp_path: Path) -> None:
    """As any other value that no module can have."""
    path = weft.save(as_program(triage()), tmp_path / "t.weft.json")
    text = path.read_text("utf-8").replace('"nearest": 2', '"nearest": -2')
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ArtifactError):
        weft.load(path)


def test_a_live_program_takes_it_from_an_artifact(tmp_path: Path) -> None:
    """With everything else that was tuned."""
    path = weft.save(as_program(triage()), tmp_path / "t.weft.json")
    live = as_program(triage(demos=[], nearest=0))
    loaded = weft.load(path, program=live)

    assert loaded.parameters["triage/nearest"] == 2


def test_diff_and_show_tell_it() -> None:
    """And what a prompt costs counts the demos that are shown."""
    said = str(weft.diff(triage(nearest=0), triage()))

    assert "triage/nearest\n  - 0\n  + 2" in said
    assert "demos: 4 labelled; each input is shown the 2 most like it" in weft.show(
        triage()
    )
    before, after = said.rsplit("about ", 1)[1].split(" tokens -> ")
    assert int(after.split()[0]) < int(before)


def test_a_diff_of_a_large_pool_stays_readable() -> None:
    """As many demos as anybody reads, and how many there are besides."""
    pool = [Demo({"message": f"m{n}", "team": "x"}, str(n)) for n in range(300)]
    lines = weft.diff(triage(demos=[]), triage(demos=pool)).parameters["triage/demos"]

    assert len(lines) == 51
    assert lines[-1] == "+ and 250 more demos"


@pytest.mark.parametrize("form", ["openai-messages", "litellm", "dspy"])
def test_no_export_pretends_to_choose(form: str) -> None:
    """A template shows everyone the same."""
    with pytest.raises(ConfigError, match="nearest to each input"):
        weft.export(triage(), to=form)


def test_a_run_is_reused_only_where_the_choice_is_the_same() -> None:
    """Partial re-execution knows the setting."""
    lm = weft.FunctionLM(lambda _: "[[ team ]]\nx\n[[ /end ]]")
    program = as_program(triage())
    with weft.use(lm=lm, cache=None):
        first = program.run(message="card")
        program.run(message="card", reuse=first)
        assert lm.calls == 1
        program.with_parameters({"triage/nearest": 1}).run(message="card", reuse=first)

    assert lm.calls == 2


def test_a_pool_and_its_count_are_one_part_of_an_ablation() -> None:
    """Without the pool there is nothing to choose from, and the whole is no prompt."""
    without = ablations(as_program(triage()))

    assert set(without) == {"triage/instruction", "triage/demos"}
    assert without["triage/demos"] == {"triage/demos": (), "triage/nearest": 0}


# By an embedding model ----------------------------------------------------------------


def plane(text: str) -> list[float]:
    """A planted model of meaning: points of a circle, by a number in the text."""
    angle = float("".join(filter(str.isdigit, text)) or 0) / 60
    return [math.cos(angle), math.sin(angle)]


def test_the_demos_sent_are_the_true_neighbours() -> None:
    """Of every input, against a search by brute force; the nearest last."""
    rng = random.Random(0)
    numbers = rng.sample(range(180), 60)
    pool = tuple(Demo({"message": f"at {n}", "team": "x"}, str(n)) for n in numbers)
    lm = weft.FunctionLM(lambda _: {"team": "x"})
    model = weft.FunctionEmbedder(plane)
    module = triage(demos=pool, nearest=4)
    with weft.use(lm=lm, cache=weft.MemoryCache(), embedder=model, budget="99 calls"):
        module.batch([{"message": f"near {n}"} for n in range(5, 175, 10)])

    for request in lm.requests:
        asked = int(request.messages[-1].text.split("near ")[1].split()[0])
        sent = [
            int(m.text.split("at ")[1].split()[0]) for m in request.messages[1:-1:2]
        ]
        wanted = sorted(numbers, key=lambda n: (abs(n - asked), numbers.index(n)))[:4]
        assert {abs(n - asked) for n in sent} == {abs(n - asked) for n in wanted}
        assert [abs(n - asked) for n in sent] == sorted(
            (abs(n - asked) for n in sent), reverse=True
        )
    pooled = [m.text for r in model.requests for m in r.messages if m.text[:2] == "at"]
    assert len(pooled) == len(set(pooled)) == 60  # the pool is embedded once


def test_rows_at_once_embed_a_pool_once() -> None:
    """What is booked does not hang on how many rows run side by side."""
    rows = [{"message": f"near {n}"} for n in range(40)]
    lm = weft.FunctionLM(lambda _: {"team": "x"})
    told: list[Any] = []
    for concurrency in (1, 40):
        model = weft.FunctionEmbedder(plane)
        with weft.use(lm=lm, cache=None, embedder=model, budget="99 calls") as settings:
            triage().batch(rows, concurrency=concurrency)
        assert settings.ledger is not None
        spent = settings.ledger.spent()
        told.append((len(model.requests), spent.calls, spent.tokens))

    assert told[0] == told[1]
    assert told[0][0] == 41


def test_a_pool_that_cannot_be_embedded_fails_the_rows_that_wait_for_it() -> None:
    """Once for all of them; later rows ask again."""
    broken = [True]

    def once(text: str) -> list[float]:
        return [] if broken else plane(text)

    model = weft.FunctionEmbedder(once)
    lm = weft.FunctionLM(lambda _: {"team": "x"})
    rows = [{"message": "1"}] * 8
    retry = weft.RetryPolicy(retries=0)
    with weft.use(lm=lm, cache=None, embedder=model, budget="99 calls", retry=retry):
        with pytest.raises(ProtocolError):
            triage().batch(rows, concurrency=8)
        broken.clear()
        triage().batch(rows, concurrency=8)
    assert sum(len(request.messages) > 1 for request in model.requests) == 2


def test_what_was_compiled_by_another_choice_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once; with the embedder as it was, nothing is said."""
    provenance = {"models": {"triage": "function"}, "embedder": "function"}
    path = weft.save(triage(), tmp_path / "t.weft.json", provenance=provenance)
    lm = weft.FunctionLM(lambda _: {"team": "x"})
    model = weft.FunctionEmbedder(plane)
    with weft.use(lm=lm, cache=None, embedder=model):
        weft.load(path)(message="1")
        assert "chosen by" not in caplog.text
        with pytest.raises(ConfigError, match="asks nobody"):
            weft.load(path).prompt(message="1")
    with weft.use(lm=lm, cache=None):
        for _ in range(2):
            weft.load(path)(message="1")
    assert caplog.text.count("chosen by function, and here it is trigrams") == 1


def test_an_embedder_that_is_none_is_refused() -> None:
    """With what to write."""
    with (
        pytest.raises(ConfigError, match=r"weft\.Embedder"),
        weft.use(
            embedder="openai/e"  # type: ignore[typeddict-item]
        ),
    ):
        pass


def test_another_embedder_is_no_part_of_what_is_reused() -> None:
    """It may show other demos."""
    lm = weft.FunctionLM(lambda _: {"team": "x"})
    with weft.use(lm=lm, cache=None):
        run = triage().run(message="1")
        assert triage().run(message="1", reuse=run).trace.nodes[0].reused
        with weft.use(embedder=weft.FunctionEmbedder(plane)):
            assert not triage().run(message="1", reuse=run).trace.nodes[0].reused

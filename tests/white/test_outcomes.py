"""What comes of a compile that trains: its text, its time, its files."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.white.test_model import weights
from tests.white.test_training import METRIC, ROWS, module
from weft.compilers import (
    TRIPLE,
    LoRA,
    PrefixTuning,
    PromptTuning,
    Sequence,
    TriggerTokens,
)
from weft.compilers.search.allowance import Allowance
from weft.pipeline.lm.white import exchange, replies
from weft.pipeline.lm.white.worker import WORKER


def answered(loaded: Any, request: weft.Request, ended: Any) -> Any:
    """What a model says that knows a hue where it was trained, and another else."""
    del loaded, ended
    hue = "red" if request.soft is None and request.lora is None else "blue"
    return weft.Response(f"hue: {hue}", weft.Usage(1, 1), "stop", request.model, 0.0)


@pytest.mark.parametrize(
    ("of", "text"),
    [
        ((TRIPLE(instructions=("Name it.",)), PromptTuning(steps=1)), "Name it."),
        ((PromptTuning(steps=1), TRIPLE(instructions=("Name it.",))), ""),
        ((TRIPLE(instructions=("Name it.",)), LoRA(steps=1, rank=2)), "Name it."),
    ],
)
def test_a_result_keeps_its_best_program_of_text(
    lm: weft.LM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: Any, text: str
) -> None:
    """Beside what was trained, in one artifact: the best that was measured."""
    monkeypatch.setattr(replies, "answer", answered)

    def trained_best(row: Any, got: Any) -> float:
        call = weft.info(got).calls[-1]
        shown = "\n".join(message.text for message in call.messages)
        return 0.2 + 0.5 * (got.hue == "blue") + 0.3 * ("Name it." in shown)

    asked = module(lm)
    with weft.use(cache=None):
        made = weft.compile(asked, ROWS, metric=trained_best, compiler=Sequence(of=of))
    path = made.save(tmp_path / "hue.weft.json")
    whole, plain = weft.load(path), weft.load(path, soft=False)

    assert whole.instruction == "Name it."
    assert (whole.parameters.soft, whole.parameters.lora) != (None, None)
    assert (plain.parameters.soft, plain.parameters.lora) == (None, None)
    assert plain.instruction == (text or asked.instruction)


@pytest.mark.parametrize(
    "compiler",
    [
        PromptTuning(steps=40, batch=2),
        LoRA(steps=40, batch=2, rank=2),
        TriggerTokens(slots=2, turns=40, readable=False),
    ],
)
def test_a_training_whose_time_is_up_is_raced(
    lm: weft.LM, compiler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends behind a step where its share of a budget in seconds has gone by."""
    monkeypatch.setattr(Allowance, "seconds", lambda allowance, share: 0.0 * share)
    quote = weft.quote(module(lm), ROWS, metric=METRIC, compiler=compiler)

    with weft.use(cache=None):
        made = weft.compile(module(lm), ROWS, metric=METRIC, compiler=compiler)

    spend = made.report.spend
    assert 0 < spend["train"]["input_tokens"] < quote.trained / 10
    assert len(made.report.tried) == 2
    assert "verify" in spend


def test_a_resumed_training_books_the_seconds_that_it_took(
    lm: weft.LM, tmp_path: Path
) -> None:
    """Steps that a kept training had made are booked as they were."""
    trained: list[dict[str, Any]] = []
    for _ in range(2):
        with weft.use(cache=None):
            made = weft.compile(
                module(lm),
                ROWS,
                metric=METRIC,
                compiler=PromptTuning(steps=10, batch=2),
                run_dir=tmp_path / "run",
            )
        trained.append(made.report.spend["train"])
        (tmp_path / "run" / "journal.jsonl").unlink()

    assert trained[0]["seconds"] == trained[1]["seconds"] > 0
    assert trained[0] == trained[1]


def test_nothing_on_the_whole_way_opens_a_pickle(lm: weft.LM, tmp_path: Path) -> None:
    """Training, going on with it, saving, loading, asking, and both ways to peft."""
    seen: list[str] = []

    def watch(event: str, given: tuple[Any, ...]) -> None:
        name = str(given[0]) if event == "open" and given else ""
        ours = str(tmp_path) in name and name.endswith((".bin", ".pt", ".pkl"))
        if event == "pickle.find_class" or ours:
            seen.append(f"{event} {given[:2]}")

    sys.addaudithook(watch)
    kinds = (PromptTuning(steps=10, batch=2), LoRA(steps=10, batch=2, rank=2),
             PrefixTuning(steps=10, batch=2))  # fmt: skip
    for at, compiler in enumerate(kinds):
        folder = tmp_path / str(at)
        for _ in range(2):
            made = weft.compile(
                module(lm), ROWS, metric=METRIC, compiler=compiler, run_dir=folder
            )
            (folder / "journal.jsonl").unlink()
        tuned = next(p for p in made.ranking if p.parameters.soft or p.parameters.lora)
        path = weft.save(tuned, tmp_path / f"{at}.weft.json", text_only=made.seed)
        program = weft.load(path)
        given = program.parameters.soft or program.parameters.lora
        assert given is not None
        weft.evaluate(program.with_(lm=lm), ROWS[:1], metric=METRIC)
        peft, model = folder / "peft", weights(lm)
        asyncio.run(WORKER.run(exchange.write_peft, given, model, peft))
        where = exchange.Where("hue", getattr(given, "place", "front"))
        again = asyncio.run(WORKER.run(exchange.read_peft, peft, model, where))
        assert again == given

    assert seen == []

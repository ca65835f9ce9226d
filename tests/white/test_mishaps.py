"""What goes wrong around trained words: files that are damaged, names that are one."""

from __future__ import annotations

import asyncio
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import save_file

import weft
from tests.white.test_model import soft, weights
from tests.white.test_training import METRIC, ROWS, module
from tests.white.tiny import make_model
from weft.cli import main
from weft.compilers import LoRA, PromptTuning
from weft.pipeline.errors import ArtifactError, ConfigError
from weft.pipeline.lm.white import bake, exchange
from weft.pipeline.lm.white.worker import WORKER


def test_each_model_computes_with_its_own_threads(folder: Path) -> None:
    """Whichever was asked before: sums of several threads have other last digits."""
    one = weft.LM(f"torch/{folder}", temperature=0, max_tokens=1)
    two = weft.LM(f"torch/{folder}", temperature=0, max_tokens=1, threads=2)

    def threads(lm: weft.LM) -> int:
        lm("the sky")
        return asyncio.run(WORKER.run(torch.get_num_threads))

    with weft.use(cache=None):
        assert [threads(lm) for lm in (one, two, one)] == [1, 2, 1]


@pytest.mark.parametrize("damage", ["empty", "nonsense", "cut", "another"])
def test_a_damaged_training_begins_anew(
    lm: weft.LM, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And comes to the same bytes; what was kept is no reason to stop a compile."""

    def compiled(name: str) -> list[Any]:
        made = weft.compile(
            module(lm),
            ROWS,
            metric=METRIC,
            compiler=PromptTuning(steps=10, batch=2),
            run_dir=tmp_path / name,
        )
        return [program.parameters.soft for program in made.ranking]

    whole = compiled("whole")
    (kept,) = (tmp_path / "whole" / "training").iterdir()
    data = kept.read_bytes()
    planted = tmp_path / "again" / "training" / kept.name
    planted.parent.mkdir(parents=True)
    if damage == "another":
        save_file({"0": torch.zeros(3, 3)}, str(planted))
    else:
        held = {"empty": b"", "nonsense": b"nonsense " * 9, "cut": data[:-5]}
        planted.write_bytes(held[damage])

    assert compiled("again") == whole
    assert planted.stat().st_size == len(data)
    assert "the training begins anew" in caplog.text


@pytest.mark.parametrize("compiler", [PromptTuning(steps=1), LoRA(steps=1)])
def test_what_would_have_one_name_is_refused_before_it_is_trained(
    lm: weft.LM, compiler: Any
) -> None:
    """Two modules of a program, by `called=` or by letters that a name cannot have."""
    kind = type(compiler)
    teacher = weft.FunctionLM(lambda request: "hue: red", model="teacher")

    def tried(first: str, second: str, compiler: Any) -> None:
        one, other = module(lm, first), module(lm, second)

        @weft.program
        def both(text: str) -> list[str]:
            return [one(text=text).hue, other(text=text).hue]

        with weft.use(cache=None):
            weft.compile(
                both,
                ROWS,
                metric=lambda row, got: 0.5,
                compiler=compiler,
                teacher=teacher,
                passing=0.4,
            )

    called = kind(steps=1, called="hue")
    for given in (("a", "b", called), ("größe", "grüße", compiler)):
        with pytest.raises(ConfigError, match="would both be called") as caught:
            tried(*given)
        assert "module=" in caught.value.hint
    tried("größe", "grüße", kind(steps=1, module="größe", called="groesse"))


def test_prompts_of_peft_that_are_more_than_vectors_are_refused(
    lm: weft.LM, tmp_path: Path
) -> None:
    """Multitask prompt tuning multiplies its vectors by a task's own before use."""
    import peft

    warnings.simplefilter("ignore")  # what peft asks of transformers is deprecated
    config = peft.MultitaskPromptTuningConfig(
        task_type="CAUSAL_LM", num_virtual_tokens=2, num_tasks=2, num_ranks=1
    )
    net: Any = transformers.AutoModelForCausalLM.from_pretrained(weights(lm).path)
    peft.get_peft_model(net, config).save_pretrained(str(tmp_path))

    with pytest.raises(ArtifactError, match="MULTITASK_PROMPT_TUNING"):
        exchange.read_peft(tmp_path, weights(lm), exchange.Where("hue"))


def test_a_model_is_baked_once_for_each_name(tmp_path: Path) -> None:
    """Else programs would get another's vectors; what was there is told on."""
    lm = weft.LM(f"torch/{make_model(tmp_path / 'sure', sure=True)}")

    def baked(lm: weft.LM, name: str, out: str) -> Path:
        words = soft(lm)
        words = weft.Soft(name, words.place, words.vectors, 2, words.width, words.model)
        made = WORKER.run(bake.bake, [words], weights(lm), tmp_path / out)
        return asyncio.run(made).path

    first = weft.LM(f"torch/{baked(lm, 'hue', 'one')}")
    with pytest.raises(ConfigError, match="has soft words 'hue' already"):
        baked(first, "hue", "two")
    second = baked(first, "mood", "two")

    told = json.loads((second / "weft.soft.json").read_text())
    assert {*told} == {"hue", "mood"}
    assert not {*told["hue"]["ids"]} & {*told["mood"]["ids"]}


def test_no_folder_of_somebody_is_lost_to_a_baked_model(
    lm: weft.LM, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither another model, nor the one that is baked; a baked one is written anew."""
    source = make_model(tmp_path / "models" / "sure", sure=True)
    lm = weft.LM(f"torch/{source}")
    words = weft.Predict("text -> hue", name="hue").with_(soft=soft(lm))
    program = str(weft.save(words, tmp_path / "hue.weft.json"))
    other = tmp_path / "other"
    shutil.copytree(source, other)
    (other / "notes.txt").write_text("mine")

    def status(out: Path) -> int:
        told = ["soft", "bake", program, "--model", str(source), "--out", str(out)]
        return main(told)

    assert status(other) == 2
    assert "it is not a baked model" in capsys.readouterr().err
    (tmp_path / "models" / "weft.soft.json").write_text("{}")
    assert status(tmp_path / "models") == 2
    assert "which would be replaced" in capsys.readouterr().err
    assert (other / "notes.txt").read_text() == "mine"
    assert (source / "config.json").is_file()
    assert [status(tmp_path / "baked") for _ in range(2)] == [0, 0]

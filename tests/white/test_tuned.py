"""Low-rank updates of a model in this process: at work, trained, kept and exchanged."""

from __future__ import annotations

import asyncio
import json
import struct
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import weft
from tests.white.test_model import held, soft, state_of, weights
from tests.white.test_training import METRIC, ROWS, blank, lessons, module
from tests.white.tiny import HEAD, HEADS, LAYERS, PAIRS, WIDTH
from weft.cli import main
from weft.compilers import LoRA, Sequence
from weft.compilers.training.lessons import lesson_of
from weft.pipeline.errors import ArtifactError, ConfigError
from weft.pipeline.lm.soft.lora import DOWN, UP, Lora, Tensor, matrix_name
from weft.pipeline.lm.soft.words import Place
from weft.pipeline.lm.white import exchange
from weft.pipeline.lm.white.lessons import Lesson, Lessons, Row
from weft.pipeline.lm.white.lora import Update, applied, projections, updates_of
from weft.pipeline.lm.white.matrices import Matrices, UpdatesPlan
from weft.pipeline.lm.white.tuning import Tuning
from weft.pipeline.lm.white.worker import WORKER
from weft.pipeline.parameters import Demo

TARGETS = ("q_proj", "v_proj")
QV = (WIDTH + HEADS * HEAD) + (WIDTH + PAIRS * HEAD)
"""Numbers that go into q and v and come out of them."""


def updates(lm: weft.LM, seed: int = 1, rank: int = 2, **options: Any) -> Lora:
    """Some that change every answer."""
    lots = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    given = {"targets": TARGETS, "alpha": 4.0, **options}
    for name, one in projections(held(lm).net, given["targets"]).items():
        shapes = (DOWN, rank, one.in_features), (UP, one.out_features, rank)
        for which, rows, wide in shapes:
            drawn = 0.5 * torch.randn(rows, wide, generator=lots)
            data = struct.pack(f"<{rows * wide}f", *drawn.flatten().tolist())
            tensors[matrix_name(name, which)] = rows, wide, data
    model = given.pop("model", weights(lm).sha256)
    return Lora("hue", rank, tensors=tensors, model=model, **given)


def plan(**options: Any) -> UpdatesPlan:
    given = {"steps": 6, "batch": 3, "rate": 0.01, "seed": 3, "rank": 2, "alpha": 4.0}
    return UpdatesPlan(name="hue", targets=TARGETS, **{**given, **options})


def tuned(
    lm: weft.LM, some: list[Lesson] | None = None, **options: Any
) -> Tuning[Lora]:
    made = Tuning(held(lm), some or lessons(lm, None), plan(**options))
    for _ in range(made.plan.steps):
        made.step()
    made.snap()
    return made


def matrices(made: Tuning[Lora]) -> Matrices:
    assert isinstance(made.learner, Matrices)
    return made.learner


def test_counts_are_rank_times_in_and_out(lm: weft.LM) -> None:
    made = Tuning(held(lm), lessons(lm, None), plan(rank=3))
    made.snap()
    (lora,) = made.values().values()

    assert sum(p.numel() for p in made.learner.parameters) == 3 * QV * LAYERS
    assert lora.count == 3 * QV * LAYERS
    assert len(lora.projections) == 2 * LAYERS


def test_a_training_begins_as_the_model_is(lm: weft.LM) -> None:
    """B is zeros: the same logits to the last bit, and updates that change them do."""
    made = Tuning(held(lm), lessons(lm, None), plan())
    made.snap()
    (zero,) = made.values().values()
    model, ids = held(lm), [[5, 6, 7, 8]]

    found: list[Any] = []
    for one in (None, zero, updates(lm)):
        with torch.no_grad(), model.adapted(one):
            found.append(model.forward(model.embedded(ids, None), []).logits)

    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2], atol=1e-2)


def test_the_loss_falls_and_the_weights_stay(lm: weft.LM) -> None:
    before = state_of(held(lm))

    made = tuned(lm, steps=12, batch=6)
    with torch.no_grad():
        plain = held(lm).forward(held(lm).embedded([[5, 6]], None), []).logits

    assert made.losses[-1] < made.losses[0] - 0.05
    assert state_of(held(lm)) == before
    assert all(p.grad is None for p in held(lm).net.parameters())
    assert not any(m._forward_hooks for m in held(lm).net.modules())
    assert plain.grad_fn is None


@pytest.mark.parametrize("place", [None, "front", "after", "deep"])
def test_what_all_rows_begin_with_is_read_once_and_changes_no_loss(
    lm: weft.LM, place: Place | None
) -> None:
    """Nor a gradient; soft words that stand in the prompt are read as they are."""
    made = blank(lm, place) if place else None
    some = lessons(lm, made)
    first = Tuning(held(lm), some, plan())
    whole = Tuning(held(lm), some, plan())
    head = matrices(first)._head
    whole.learner = Matrices(held(lm), plan(), some[0], ())
    rows = [Row((), (), (*head, *row.tail), row.reply) for row in first.lessons.rows]
    whole.lessons = Lessons(held(lm), rows)

    losses = [one.loss(range(6)) for one in (first, whole)]
    for loss in losses:
        loss.backward()

    assert len(head) > 5
    assert first.tokens(0) < whole.tokens(0)
    found = [float(loss.detach()) for loss in losses]
    assert found[0] == pytest.approx(found[1], abs=1e-5)
    ups = [one.learner.parameters[1].grad for one in (first, whole)]
    assert float(ups[0].abs().max()) > 0
    assert torch.allclose(*ups, atol=1e-4)


def test_rows_of_several_tasks_in_one_batch_equal_rows_apart(lm: weft.LM) -> None:
    """Each with matrices of its own; to the last digits that sums leave."""
    model = held(lm)
    tasks = [updates_of(model.net, updates(lm, seed)) for seed in (1, 2)]
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]])
    mine = [0, 1, 0]
    mixed = {
        name: Update(
            torch.stack([tasks[at][name].down for at in mine]),
            torch.stack([tasks[at][name].up for at in mine]),
            2.0,
        )
        for name in tasks[0]
    }

    with torch.no_grad():
        with applied(model.net, mixed):
            together = model.forward(model.embedded(ids, None), []).logits
        for row, at in enumerate(mine):
            with applied(model.net, tasks[at]):
                apart = model.forward(model.embedded(ids[row : row + 1], None), [])
            assert torch.allclose(together[row], apart.logits[0], atol=1e-4)


def test_calls_of_several_programs_at_once_equal_calls_apart(lm: weft.LM) -> None:
    """And a program without any is answered as if there were none."""
    texts = [f"the sky is {n}" for n in range(4)]
    tasks = [None, updates(lm, 1), updates(lm, 2)]

    def told(ask: Any, text: str) -> Any:
        return weft.info(weft.Classify(ask)(text=text)).facts["logprobs"]

    asks: list[Any] = [
        weft.Predict("text -> glad: bool", lm=lm, name="hue").with_(lora=one)
        for one in tasks
    ]
    apart = [[told(ask, text) for text in texts] for ask in asks]

    async def all_of() -> list[list[Any]]:
        jobs = [weft.Classify(ask).acall(text=text) for text in texts for ask in asks]
        done = [weft.info(one).facts["logprobs"] for one in await asyncio.gather(*jobs)]
        return [done[at :: len(asks)] for at in range(len(asks))]

    together = asyncio.run(all_of())

    assert together == apart
    assert apart[0] != apart[1] != apart[2] != apart[0]


@pytest.mark.parametrize("stop", [1, 4])
def test_a_resumed_training_comes_to_the_same_bytes(lm: weft.LM, stop: int) -> None:
    whole = tuned(lm)
    begun = Tuning(held(lm), lessons(lm, None), plan())
    for _ in range(stop):
        begun.step()
    begun.snap()
    kept = begun.kept()

    again = Tuning(held(lm), lessons(lm, None), plan())
    again.resume(kept)
    for _ in range(6 - stop):
        again.step()
    again.snap()

    assert again.values()[6] == whole.values()[6]
    assert {*again.values()} == {stop, 6}
    assert again.losses == whole.losses


def test_a_second_training_goes_on_from_the_first(lm: weft.LM) -> None:
    """Where rank, alpha and targets are the same; else it begins anew."""
    (first,) = tuned(lm, steps=8, batch=6).values().values()
    ask = module(lm).with_(lora=first)
    some = [lesson_of(ask, lm, Demo(row), None) for row in ROWS[:6]]

    on, anew = [Tuning(held(lm), some, plan(rank=rank)) for rank in (2, 1)]
    fresh = Tuning(held(lm), lessons(lm, None), plan())
    losses = [float(one.loss(range(6)).detach()) for one in (on, anew, fresh)]

    assert losses[0] < losses[2] - 0.02
    assert losses[1] == pytest.approx(losses[2], abs=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": f"sha256:{'1' * 64}"}, "has low-rank updates of the weights"),
        ({}, "and this model has none of that name"),
    ],
)
def test_updates_of_another_model_are_refused(
    lm: weft.LM, change: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their digest before it computes, and a planted shape where it would."""
    made = updates(lm, **change)
    if change:
        monkeypatch.setattr(WORKER, "run", None)
    else:
        first = made.projections[0]
        pair = {f"{n.replace('layers.0', 'layers.7')}": t
                for n, t in made.tensors.items() if first in n}  # fmt: skip
        made = Lora("hue", 2, 4.0, TARGETS, {**made.tensors, **pair}, made.model)

    with pytest.raises(ConfigError, match=said):
        weft.Predict("text -> hue", lm=lm, name="hue").with_(lora=made)(text="sky")


def test_an_unknown_projection_is_refused_with_those_there_are(lm: weft.LM) -> None:
    compiler = LoRA(steps=1, targets=("q_prj",))

    with pytest.raises(ConfigError, match="'q_prj' is no projection") as caught:
        weft.compile(module(lm), ROWS, metric=METRIC, compiler=compiler)

    assert "Did you mean 'q_proj'?" in caught.value.hint
    with pytest.raises(ConfigError, match="source='label'"):
        LoRA(source="label").recipes()
    with pytest.raises(ConfigError, match="names no projection"):
        LoRA(targets=()).recipes()


def test_traces_of_a_teacher_are_learnt(lm: weft.LM) -> None:
    """What it said on the rows that passed, and not what the labels say."""
    teacher = weft.FunctionLM(lambda request: "hue: red", model="teacher")
    compiler = LoRA(steps=30, batch=6, rank=4, rate=0.02, source="traces", rows=6)

    def anything(row: Any, got: Any) -> float:
        return 1.0

    made = weft.compile(
        *(module(lm), [{"text": row["text"]} for row in ROWS]),
        metric=anything, compiler=compiler, teacher=teacher,
    )  # fmt: skip
    spend = made.report.spend
    best = next(p for p in made.ranking if p.parameters.lora is not None)

    assert spend["bootstrap"]["calls"] == 6
    assert spend["train"]["calls"] == 0
    before, after = [
        weft.info(weft.Classify(one)(text="sky 9")).facts["probabilities"]["red"]
        for one in (made.seed, best)
    ]
    assert after > max(before, 0.5)


def test_an_artifact_is_loaded_with_and_without(lm: weft.LM, tmp_path: Path) -> None:
    """The same answers from the file; a run without it by its text-only variant."""
    compiler = Sequence(of=(LoRA(steps=2, batch=2, rank=2), LoRA(steps=2, batch=2)))
    made = weft.compile(module(lm), ROWS, metric=METRIC, compiler=compiler)
    best = next(p for p in made.ranking if p.parameters.lora is not None)
    path = weft.save(best, tmp_path / "hue.weft.json", text_only=made.seed)

    again, text = weft.load(path), weft.load(path, soft=False)

    assert again.parameters.lora == best.parameters.lora
    assert again.with_(lm=lm).prompt(text="sky") == best.prompt(text="sky")
    assert text.parameters.lora is None
    from safetensors.torch import load_file

    found = load_file(str(tmp_path / "hue.lora.safetensors"))
    name, (rows, wide, _) = next(iter(best.parameters.lora.tensors.items()))
    tensor = found[f"{best.parameters.lora.digest}/{name}"]
    assert tuple(tensor.shape) == (rows, wide)


@pytest.mark.parametrize("targets", [TARGETS, ("k_proj", "o_proj", "down_proj")])
def test_peft_loads_ours_and_we_load_pefts(
    folder: Path, tmp_path: Path, targets: tuple[str, ...]
) -> None:
    """The matrices are equal, and the logits within 1e-5."""
    import peft

    warnings.simplefilter("ignore")  # what peft asks of transformers is deprecated
    lm = weft.LM(f"torch/{folder}")
    ours, where = updates(lm, targets=targets), exchange.Where("hue")
    asyncio.run(WORKER.run(exchange.write_peft, ours, weights(lm), tmp_path / "a"))
    net: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    theirs: Any = peft.PeftModel.from_pretrained(net, str(tmp_path / "a")).eval()
    theirs.save_pretrained(str(tmp_path / "b"))
    model, ids = held(lm), [[5, 6, 7, 8]]

    again = asyncio.run(
        WORKER.run(exchange.read_peft, tmp_path / "b", weights(lm), where)
    )
    with torch.no_grad(), model.adapted(ours):
        wanted = model.forward(model.embedded(ids, None), []).logits
        found = theirs(input_ids=torch.tensor(ids)).logits

    assert isinstance(again, Lora)
    assert again == ours
    assert torch.allclose(found, wanted, atol=1e-5)


def test_lora_of_peft_that_computes_otherwise_is_refused(
    lm: weft.LM, tmp_path: Path
) -> None:
    """DoRA, patterns of ranks, and a file that is none."""
    where = exchange.Where("hue")
    asyncio.run(WORKER.run(exchange.write_peft, updates(lm), weights(lm), tmp_path))
    config, file = (
        tmp_path / name for name in ("adapter_config.json", "adapter_model.safetensors")
    )
    told, data = json.loads(config.read_text()), file.read_bytes()

    def reads(change: Any) -> Any:
        config.write_text(json.dumps({**told, **change}))
        return exchange.read_peft(tmp_path, weights(lm), where)

    for change in ({"use_dora": True}, {"rank_pattern": {"q_proj": 4}}):
        with pytest.raises(ArtifactError, match="is computed otherwise"):
            reads(change)
    for change in ({"r": 3}, {"r": None}, {"lora_alpha": "x"}):
        with pytest.raises(ConfigError, match="low-rank updates 'hue'"):
            reads(change)
    file.write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="holds no tensors"):
        reads({})
    file.write_bytes(data)
    assert reads({}) == updates(lm)


def test_an_adapter_has_llama_cpps_names_and_order(lm: weft.LM, tmp_path: Path) -> None:
    """The rows of B of q and k as its converter turns them; A and v as they are."""
    import gguf

    made, out = updates(lm, targets=("q_proj", "k_proj", "v_proj")), tmp_path / "a.gguf"
    asyncio.run(WORKER.run(exchange.write_adapter, made, weights(lm), out))
    reader = gguf.GGUFReader(str(out))
    fields = {name: one.contents() for name, one in reader.fields.items()}
    tensors = {one.name: torch.from_numpy(one.data.copy()) for one in reader.tensors}
    ours = updates_of(held(lm).net, made)

    assert fields["general.type"] == "adapter"
    assert fields["adapter.type"] == "lora"
    assert fields["adapter.lora.alpha"] == 4.0
    assert fields["general.architecture"] == "llama"
    assert len(tensors) == 2 * 3 * LAYERS
    at = "model.layers.1.self_attn"
    for theirs, heads in (("q", HEADS), ("k", PAIRS), ("v", 0)):
        update = ours[f"{at}.{theirs}_proj"]
        up = tensors[f"blk.1.attn_{theirs}.weight.lora_b"]
        assert torch.equal(tensors[f"blk.1.attn_{theirs}.weight.lora_a"], update.down)
        if heads:  # each head's halves lie row by row in turn
            up = up.reshape(heads, HEAD // 2, 2, -1).swapaxes(1, 2).reshape(up.shape)
        assert torch.equal(up, update.up)
    with pytest.raises(ConfigError, match=r"does not end with \.gguf"):
        exchange.write_adapter(made, weights(lm), tmp_path / "a.bin")
    other = updates(lm, model=f"sha256:{'1' * 64}")
    with pytest.raises(ConfigError, match="has low-rank updates of the weights"):
        exchange.write_adapter(other, weights(lm), out)


def test_the_command_line_writes_adapters_and_exchanges(
    lm: weft.LM, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way, by the words that the page shows; both slots at once too."""
    made = weft.Predict("text -> hue", name="hue").with_(lora=updates(lm))
    program = weft.save(made, tmp_path / "hue.weft.json")
    both = made.with_(soft=soft(lm, "front"))
    two = str(weft.save(both, tmp_path / "two.weft.json"))
    model, peft = ["--model", str(weights(lm).path)], ["--peft", str(tmp_path / "peft")]
    out = str(tmp_path / "hue.gguf")

    assert main(["soft", "adapter", str(program), *model, "--out", out]) == 0
    assert updates(lm).mark in capsys.readouterr().out
    assert main(["soft", "export", str(program), *model, *peft]) == 0
    again = str(tmp_path / "again.weft.json")
    assert main(["soft", "import", two, *model, *peft, "--out", again]) == 0
    assert weft.load(again).parameters.lora == made.parameters.lora
    assert weft.load(again).parameters.soft == both.parameters.soft

    assert main(["soft", "export", two, *model, *peft]) == 2
    assert "Write --slot soft or --slot lora" in capsys.readouterr().err
    assert main(["soft", "export", two, *model, *peft, "--slot", "lora"]) == 0
    assert main(["soft", "bake", str(program), *model, "--out", out]) == 2
    capsys.readouterr()
    assert main(["soft", "adapter", str(program), two, *model, "--out", out]) == 2
    assert "takes one program, and 2 are given" in capsys.readouterr().err
    for wrong in (
        [f"torch/{weights(lm).path}"],  # in this process nothing is applied to all
        [f"local/{out}"],
    ):
        with pytest.raises(ConfigError):
            weft.LM(*wrong, lora=out)

"""Training of what stands in prompts: counts, what stays, and the same bytes again."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

import weft
from tests.compilers.every import TRAINED
from tests.white.test_model import held, state_of, weights
from tests.white.tiny import DEEP, HEAD, LAYERS, PAIRS, WIDTH
from weft.compilers import (
    APE,
    TRIPLE,
    BootstrapFewShot,
    Compiler,
    LoRA,
    PrefixTuning,
    PromptTuning,
    PTuning,
    Sequence,
    TriggerTokens,
)
from weft.compilers.training.lessons import lesson_of
from weft.pipeline.errors import BudgetExceeded, ConfigError, QuoteError
from weft.pipeline.lm.soft.words import Place, Soft
from weft.pipeline.lm.white.encoders import Encoder, Shape
from weft.pipeline.lm.white.lessons import Lesson, Lessons, row_of
from weft.pipeline.lm.white.loaded import Loaded
from weft.pipeline.lm.white.triggers import Hunt, Triggers
from weft.pipeline.lm.white.tuning import Tuning, loss_of
from weft.pipeline.lm.white.vectors import Vectors, WordsPlan, logits_of
from weft.pipeline.parameters import Demo

HUES = {"sky": "blue", "grass": "green", "blood": "red"}
ROWS = [{"text": f"{w} {n}", "hue": hue} for n in range(6) for w, hue in HUES.items()]
METRIC = weft.metrics.exact("hue")


def module(lm: weft.LM, name: str = "hue") -> Any:
    signature = "text -> hue: Literal['red', 'blue', 'green']"
    return weft.Predict(signature, lm=lm, name=name, adapter="plain/1:", repairs=0)


def blank(
    lm: weft.LM, place: Place = "after", count: int = 2, name: str = "hue"
) -> Soft:
    width = DEEP if place == "deep" else WIDTH
    return Soft(name, place, bytes(4 * count * width), count, width, weights(lm).sha256)


def lessons(lm: weft.LM, soft: Soft | None, rows: int = 6) -> list[Lesson]:
    return [lesson_of(module(lm), lm, Demo(row), soft) for row in ROWS[:rows]]


def plan(place: Place = "after", count: int = 2, **options: Any) -> WordsPlan:
    width = DEEP if place == "deep" else WIDTH
    kind = options.pop("kind", "")
    given = {"steps": 6, "batch": 3, "rate": 0.05, "seed": 3, **options}
    shape = Shape(count, width, kind)
    return WordsPlan(name="hue", place=place, shape=shape, **given)


def learner(made: Tuning[Soft]) -> Vectors:
    assert isinstance(made.learner, Vectors)
    return made.learner


def trained(lm: weft.LM, place: Place = "after", **options: Any) -> Tuning[Soft]:
    made = Tuning(held(lm), lessons(lm, blank(lm, place)), plan(place, **options))
    for _ in range(made.plan.steps):
        made.step()
    made.snap()
    return made


def test_counts_are_those_of_the_papers(lm: weft.LM) -> None:
    """k * d for words, layers * 2 * kv * k for a prefix; a network is more."""
    start = torch.zeros(5, WIDTH)

    words = Encoder(Shape(5, WIDTH), start, 0)
    prefix = Encoder(Shape(5, DEEP), torch.zeros(5, DEEP), 0)
    mlp = Encoder(Shape(5, WIDTH, "mlp"), start, 0)

    assert sum(p.numel() for p in words.parameters) == 5 * WIDTH
    assert sum(p.numel() for p in prefix.parameters) == LAYERS * 2 * PAIRS * HEAD * 5
    assert sum(p.numel() for p in mlp.parameters) > 5 * WIDTH


@pytest.mark.parametrize("place", ["front", "before", "after", "deep"])
def test_the_loss_falls_and_the_weights_stay(lm: weft.LM, place: Place) -> None:
    before = state_of(held(lm))

    made = trained(lm, place, steps=12, batch=6)

    assert made.losses[-1] < made.losses[0] - 0.05
    assert state_of(held(lm)) == before
    assert made.loaded.table.grad is None


def test_what_was_read_beforehand_changes_no_loss(lm: weft.LM) -> None:
    """Keys and values of what stands before the words: as if all were read anew."""
    made = trained(lm, steps=1)
    whole = [row._replace(head=(), own=(), tail=(*row.head, *row.own, *row.tail))
             for row in made.lessons.rows]  # fmt: skip
    again = Lessons(made.loaded, whole)
    again.rows = whole
    with torch.no_grad():
        kept = made.loss(range(6))
        made.lessons = again
        anew = made.loss(range(6))

    assert float(kept) == pytest.approx(float(anew), abs=1e-5)


def test_what_stands_before_the_words_is_read_once(
    lm: weft.LM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step reads the words and what follows them, whatever stands before."""
    made = Tuning(held(lm), lessons(lm, blank(lm)), plan())
    read, forward = list[int](), Loaded.forward

    def counted(loaded: Loaded, embeds: Any, *given: Any, **options: Any) -> Any:
        read.append(int(embeds.shape[1]))
        return forward(loaded, embeds, *given, **options)

    monkeypatch.setattr(Loaded, "forward", counted)
    for at in range(6):
        made.read(at)
    assert sum(read) == made.reading
    read.clear()
    for _ in range(4):
        made.step()
    assert len(read) == 4
    assert max(read) == max(len(row.tail) for row in made.lessons.rows)
    assert max(read) < min(row.length for row in made.lessons.rows) / 2


@pytest.mark.parametrize("kind", ["mlp", "lstm", "projection"])
def test_the_encoder_is_gone_and_what_it_made_is_kept(lm: weft.LM, kind: Any) -> None:
    """The rows alone give the loss that the rows with their network gave."""
    place: Place = "deep" if kind == "projection" else "after"
    made = trained(lm, place, kind=kind, rate=0.01)
    (soft,) = made.values().values()

    flat = torch.frombuffer(bytearray(soft.vectors), dtype=torch.float32)
    with torch.no_grad():
        through = made.loss(range(6))
        batch = made.lessons.batch(range(6), made.learner.before)
        rows, deep = flat.reshape(2, -1), place == "deep"
        alone = loss_of(logits_of(held(lm), batch, rows, deep=deep), batch)

    assert len(soft.vectors) == 4 * 2 * (DEEP if place == "deep" else WIDTH)
    assert float(through) == float(alone)


@pytest.mark.parametrize("kind", ["", "mlp"])
def test_anchors_stay_as_the_words_they_are(lm: weft.LM, kind: Any) -> None:
    model = held(lm)
    (token,) = model.tokenizer(" red", add_special_tokens=False).input_ids
    options = plan(count=3, kind=kind, anchors=(" red",))
    made = Tuning(model, lessons(lm, blank(lm, count=3)), options)

    for _ in range(3):
        made.step()

    encoder = learner(made).encoder
    rows = encoder.vectors().detach()
    assert torch.equal(rows[0], model.table[token])
    assert not torch.equal(rows[1], encoder._start[1])


@pytest.mark.parametrize("place", ["after", "deep"])
def test_rows_of_several_tasks_in_one_batch_equal_rows_apart(
    lm: weft.LM, place: Place
) -> None:
    """Each with words of its own; to the last digits that the order of sums leaves."""
    model, soft = held(lm), blank(lm, place)
    rows = [row_of(model, one) for one in lessons(lm, soft)]
    both = Lessons(model, rows)
    lots = torch.Generator().manual_seed(1)
    tasks = 0.3 * torch.randn(2, 2, soft.width, generator=lots)
    mine = torch.stack([tasks[at % 2] for at in range(6)])
    deep, before = place == "deep", 2 if place == "deep" else 0

    with torch.no_grad():
        mixed = logits_of(model, both.batch(range(6), before), mine, deep=deep)
        for at in range(6):
            alone = Lessons(model, [rows[at]]).batch([0], before)
            apart = logits_of(model, alone, tasks[at % 2], deep=deep)
            size = apart.shape[1]
            assert torch.allclose(mixed[at, -size:], apart[0], atol=1e-4)


@pytest.mark.parametrize("stop", [1, 4])
@pytest.mark.parametrize("kind", ["", "lstm"])
def test_a_resumed_training_comes_to_the_same_bytes(
    lm: weft.LM, stop: int, kind: Any
) -> None:
    whole = trained(lm, kind=kind)
    begun = Tuning(held(lm), lessons(lm, blank(lm)), plan(kind=kind))
    for _ in range(stop):
        begun.step()
    kept = begun.kept()

    again = Tuning(held(lm), lessons(lm, blank(lm)), plan(kind=kind))
    again.resume(kept)
    for _ in range(6 - stop):
        again.step()
    again.snap()

    assert again.values() == whole.values()
    assert again.losses == whole.losses


def test_trigger_words_equal_brute_force_on_eight_words(lm: weft.LM) -> None:
    """All of 8 x 8 are tried where that is no more than the turns would try."""
    model, soft = held(lm), blank(lm, "before")
    words = tuple(f" {w}" for w in ("red", "blue", "green", "sky", "grass", "is", "and",
                                    "the"))  # fmt: skip
    hunt = Hunt(2, candidates=8, turns=8, words=words)
    found = Triggers(model, lessons(lm, soft), hunt)
    assert found.is_small

    found.every()

    pairs = [[*ids] for ids in itertools.product(found.open, repeat=2)]
    assert len(pairs) == 64
    losses = {tuple(ids): found.measured(ids) for ids in pairs if found.reads_back(ids)}
    assert found.loss == min(losses.values())
    assert tuple(found.ids) == min(losses, key=lambda ids: losses[ids])


def test_a_kept_swap_never_raises_the_loss_and_reads_back(lm: weft.LM) -> None:
    model, soft = held(lm), blank(lm, "before")
    made = [Triggers(model, lessons(lm, soft), Hunt(2, 4, 5, seed=2)) for _ in range(2)]

    losses = [[one.turn().loss for _ in range(5)] for one in made]

    assert losses[0] == sorted(losses[0], reverse=True)
    assert made[0].ids == made[1].ids
    assert made[0].reads_back(made[0].ids)


def test_trigger_words_stand_in_a_template_that_shows_no_instruction(
    folder: Path,
) -> None:
    """Before the gap, as AutoPrompt has them; the instruction stays."""
    base = weft.LM(f"torch/{folder}", base=True, temperature=0, max_tokens=4)
    signature = "text -> hue: Literal['red', 'blue', 'green']"
    form = weft.cloze("[x]\nIt is [z].")
    asked = weft.Predict(signature, lm=base, name="hue", adapter=form, repairs=0)
    hunt = TriggerTokens(slots=2, turns=3, candidates=3, rows=6, readable=False)

    result = weft.compile(
        asked, ROWS, metric=lambda row, got: 0.0, compiler=hunt, seed=4
    )

    told = {one.prompt(text="the sky").messages[0].text for one in result.ranking}
    (found,) = told - {"the sky\nIt is"}
    words = found.removeprefix("the sky\nIt is")
    assert found == f"the sky\nIt is{words}"
    assert repr(words.strip()) in result.report.tried[-1].origin
    assert {one.instruction for one in result.ranking} == {asked.instruction}


COMPILERS: list[Compiler] = [
    PromptTuning(steps=4, batch=4),
    PromptTuning(steps=4, batch=4, place="front", init="labels"),
    PTuning(steps=4, batch=4, encoder="lstm", anchors=(" red",)),
    PrefixTuning(steps=4, batch=4, projection=True),
    LoRA(steps=4, batch=4, rank=2, rows=8),
    TriggerTokens(slots=2, turns=2, candidates=2, rows=4, readable=False),
    Sequence(of=(TRIPLE(instructions=("Name the hue.",)), PromptTuning(steps=2))),
    Sequence(of=(PromptTuning(steps=2, batch=2), LoRA(steps=2, batch=2, rank=2))),
    Sequence(
        of=(
            BootstrapFewShot(demos=2, bootstrapped=1),
            LoRA(steps=2, batch=2, rank=2),
            BootstrapFewShot(demos=2, bootstrapped=1),
        )
    ),
]


def test_every_compiler_that_trains_is_here() -> None:
    assert {type(one) for one in COMPILERS} == {*TRAINED, Sequence}


@pytest.mark.parametrize("compiler", COMPILERS, ids=lambda c: type(c).__name__)
def test_each_compiler_races_books_and_repeats(lm: weft.LM, compiler: Any) -> None:
    """Its candidates meet the program on the same rows; two runs come to the same."""
    results = [
        weft.compile(module(lm), ROWS, metric=METRIC, compiler=compiler, seed=4)
        for _ in range(2)
    ]

    first, second = [result.report for result in results]
    train = first.spend["train"]
    assert train["calls"] == 0
    assert train["input_tokens"] + train["output_tokens"] > 0
    assert train["seconds"] > 0
    assert len(first.tried) >= 2
    assert [line.id for line in first.tried] == [line.id for line in second.tried]
    assert "train: " in str(weft.quote(module(lm), ROWS, metric=METRIC,
                                       compiler=compiler))  # fmt: skip


def test_soft_words_are_trained_beside_an_instruction_that_ape_wrote(
    lm: weft.LM,
) -> None:
    """A writer of its own, since a random model writes no instruction."""
    asked: list[str] = []

    def write(request: weft.Request) -> str:
        asked.append(request.messages[-1].text)
        return f"[[ instruction ]]\nName the hue, {len(asked)}."

    both = Sequence(of=(APE(candidates=2), PromptTuning(steps=2, batch=2)))
    with weft.use(lms={"proposer": weft.FunctionLM(write)}):
        result = weft.compile(module(lm), ROWS, metric=METRIC, compiler=both)

    origins = [line.origin for line in result.report.tried]
    told = {one.instruction for one in result.ranking}
    soft = [one for one in result.ranking if one.parameters.soft is not None]
    assert asked
    assert any(text.startswith("Name the hue, ") for text in told), origins
    assert soft


class _Killed(BaseException):
    """What ends a process."""


@pytest.mark.parametrize(
    "compiler", [PromptTuning(steps=12, batch=2), LoRA(steps=12, batch=2, rank=2)]
)
def test_a_killed_compile_goes_on_to_the_same_bytes(
    lm: weft.LM, compiler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind a kept step: no kept step is made again, and all are booked."""
    done: list[int] = []
    step = Tuning.step

    def counted(self: Tuning[Any]) -> Any:
        done.append(self.done)
        if done == [*range(12)]:
            raise _Killed
        return step(self)

    def compiled(folder: str) -> Any:
        place = tmp_path / folder
        return weft.compile(
            module(lm), ROWS, metric=METRIC, compiler=compiler, run_dir=place
        )

    whole = compiled("whole")
    monkeypatch.setattr(Tuning, "step", counted)
    with pytest.raises(_Killed):
        compiled("killed")
    again = compiled("killed")

    assert done == [*range(12), 10, 11]
    ids = [[line.id for line in one.report.tried] for one in (whole, again)]
    assert ids[0] == ids[1]
    spends = [one.report.spend["train"]["input_tokens"] for one in (whole, again)]
    assert spends[0] == spends[1]


@pytest.mark.parametrize(
    "compiler", [PromptTuning(steps=50, batch=4), LoRA(steps=50, batch=4, rank=2)]
)
def test_a_budget_in_tokens_shortens_the_training(lm: weft.LM, compiler: Any) -> None:
    """And is never overshot; one that holds no step says so before a race."""
    quote = weft.quote(module(lm), ROWS, metric=METRIC, compiler=compiler)
    with weft.use(cache=None):
        made = weft.compile(
            module(lm), ROWS, metric=METRIC, compiler=compiler, budget="60k tokens"
        )
    spend = made.report.spend

    assert quote.training.steps == 50
    assert 0 < spend["train"]["input_tokens"] < quote.trained
    assert sum(s["input_tokens"] + s["output_tokens"] for s in spend.values()) <= 60_000
    with pytest.raises((QuoteError, BudgetExceeded)):
        weft.compile(
            module(lm), ROWS, metric=METRIC, compiler=compiler, budget="9 tokens"
        )


@pytest.mark.parametrize(
    ("slot", "compiler"),
    [("hue/soft", PromptTuning(steps=1)), ("hue/lora", LoRA(steps=1))],
)
def test_keep_protects_what_was_trained(lm: weft.LM, slot: str, compiler: Any) -> None:
    with pytest.raises(ConfigError, match="no module of 'hue' that may change"):
        weft.compile(module(lm), ROWS, metric=METRIC, keep=[slot], compiler=compiler)


def test_a_model_elsewhere_cannot_be_trained() -> None:
    lm = weft.ScriptedLM(["hue: red"] * 99)
    with (
        weft.use(cache=None),
        pytest.raises(ConfigError, match="weights are in this process"),
    ):
        weft.compile(
            module(lm),
            ROWS,
            metric=METRIC,
            compiler=PromptTuning(steps=1),  # type: ignore[arg-type]
        )


def test_lessons_are_what_is_sent(lm: weft.LM) -> None:
    """The request as it will be rendered, and the reply as the adapter writes it."""
    first = lessons(lm, blank(lm))[0]

    assert first.reply == "hue: blue"
    assert first.request.messages[-1].text.endswith("<|hue:0|><|hue:1|>")

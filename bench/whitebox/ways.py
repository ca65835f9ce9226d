"""The ways to ask a small model for a label: by hand, by probabilities, trained.

Every way answers the same test rows. What is compiled sees 200 train and 40 dev rows;
what is calibrated sees half of the train rows without their labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import weft
from weft import compilers

from .. import priors, words
from .._labelled import rows_of
from ..real.tasks import DATA, INTENTS

__all__ = [
    "CLOZE",
    "CLOZE_STEPS",
    "COMPILED",
    "IN_CLOZE",
    "OPTIONS",
    "PLAIN",
    "PRIOR",
    "SEEDED",
    "TASKS",
    "TRAINED",
    "TRIGGERS",
    "TURNS",
    "WAYS",
    "Answered",
    "Rows",
    "Split",
    "Task",
    "asked",
    "cloze_in_words",
    "compiled",
    "hand",
    "in_words",
    "rows_for",
]

Rows = list[dict[str, str]]
Model = Callable[..., weft.LM]
"""Options to a language model with the same weights."""

METRIC: Final = weft.metrics.exact("label")
OPTIONS: Final[Mapping[str, Any]] = {"temperature": 0, "max_tokens": 24}
SOFT_STEPS: Final = 160
CLOZE_STEPS: Final = 80
LORA_STEPS: Final = 30
TURNS: Final = 32
CALLS: Final = 300
TRAIN, DEV = 200, 40
PRIOR: Final = 100
"""Train rows, labels unread, whose probabilities tell the prior."""


@dataclass(frozen=True)
class Task:
    """Rows of a text and a label.

    Args:
        file: The rows' file, without its ending.
        instruction: What the model is told to do.
        kind: The type of the label.
        template: A text to be continued by an answer word.
        words: Answer words by label, written down before a row was scored.
    """

    file: str
    instruction: str
    kind: Any
    template: str
    words: Mapping[str, list[str]]


TASKS: Final[dict[str, Task]] = {
    "banking10": Task(
        "banking10",
        "Classify a customer's online-banking query into one of ten intents.",
        INTENTS,
        priors.TEMPLATE,
        {label: [word] for label, word in priors.WORDS.items()},
    ),
    "poem_sentiment": Task(
        "poem_sentiment",
        "What is the mood of the verse?",
        Literal["negative", "no_impact", "positive"],
        words.TEMPLATE,
        words.HAND,
    ),
}


@dataclass(frozen=True)
class Split:
    """The rows of a task."""

    train: Rows
    dev: Rows
    test: Rows


@dataclass(frozen=True)
class Answered:
    """A way's outcome on the test rows, and what its compile took."""

    right: tuple[int, ...]
    valid: tuple[int, ...]
    seconds: float = 0.0
    calls: int = 0


def rows_for(task: Task, test: int) -> Split:
    """The rows, drawn once."""
    sizes = (("train", TRAIN), ("dev", DEV), ("test", test))
    file = DATA / f"{task.file}.jsonl"
    made = [rows_of(file, split, task.words, most) for split, most in sizes]
    return Split(*made)


def hand(task: Task, lm: weft.LM, name: str = "task") -> Any:
    """The hand-written prompt, in the form that the model gets by default."""
    return weft.Predict(
        "text -> label: Label",
        task.instruction,
        name=name,
        lm=lm,
        repairs=0,
        types={"Label": task.kind},
    )


def asked(program: Any, rows: Rows) -> Answered:
    """A program's answers."""
    made = weft.evaluate(program, rows, metric=METRIC).rows
    right = tuple(int(float(row.score or 0)) for row in made)
    return Answered(right, tuple(int(not row.model_failed) for row in made))


def in_words(task: Task, rows: Rows) -> Rows:
    """Rows with the first answer word of each label in its place."""
    return [{**row, "label": task.words[row["label"]][0]} for row in rows]


def _split_in_words(task: Task, rows: Split) -> Split:
    return Split(*(in_words(task, some) for some in (rows.train, rows.dev, rows.test)))


def cloze_in_words(task: Task, lm: weft.LM) -> Any:
    """The hand-written template, whose gap takes the answer words themselves."""
    chosen = tuple(words[0] for words in task.words.values())
    return weft.Predict(
        "text -> label: Label",
        task.instruction,
        name=f"{task.file}_cloze",
        lm=lm,
        repairs=0,
        types={"Label": Literal[chosen]},
        adapter=weft.cloze(task.template),
    )


def compiled(
    task: Task, lm: weft.LM, rows: Split, way: str, seed: int, path: Path
) -> Answered:
    """What a compile brings, from the hand-written prompt; the artifact is kept."""
    program = hand(task, lm, task.file)
    if way.endswith(IN_CLOZE):
        program, rows = cloze_in_words(task, lm), _split_in_words(task, rows)
    began = time.process_time()
    made = weft.compile(
        program,
        rows.train,
        rows.dev,
        metric=METRIC,
        compiler=COMPILED[way],
        seed=seed,
        budget=f"{CALLS} calls",
    )
    seconds = time.process_time() - began
    made.save(path)
    found = asked(made.program, rows.test)
    return Answered(found.right, found.valid, seconds, made.report.calls)


def _by_hand(task: Task, model: Model, rows: Split) -> Answered:
    return asked(hand(task, model(base=True)), rows.test)


def _calibrated(program: Any, rows: Split) -> Answered:
    inputs = [{"text": row["text"]} for row in rows.train[:PRIOR]]
    return asked(weft.calibrate(program, inputs), rows.test)


def _cloze_by_hand(task: Task, model: Model, rows: Split) -> Answered:
    return asked(cloze_in_words(task, model(base=True)), in_words(task, rows.test))


def _hand_calibrated(task: Task, model: Model, rows: Split) -> Answered:
    return _calibrated(weft.Classify(hand(task, model(base=True))), rows)


def _chat_calibrated(task: Task, model: Model, rows: Split) -> Answered:
    return _calibrated(weft.Classify(hand(task, model())), rows)


def _cloze(task: Task, model: Model) -> Any:
    return weft.Predict(
        "text -> label: Label",
        task.instruction,
        name="cloze",
        lm=model(base=True),
        types={"Label": task.kind},
        adapter=weft.cloze(task.template),
    )


def _cloze_calibrated(task: Task, model: Model, rows: Split) -> Answered:
    chosen = {label: [*own] for label, own in task.words.items()}
    return _calibrated(weft.Classify(_cloze(task, model), words=chosen), rows)


def _found_words(task: Task, model: Model, rows: Split) -> Answered:
    bare: Any = weft.Classify(_cloze(task, model), by="top", shown=words.SHOWN)
    found: Any = weft.find_words(bare, rows.train, words_per_label=1)
    return _calibrated(found, rows)


IN_CLOZE: Final = " in the cloze"
Plain = Callable[[Task, Model, Split], Answered]
PLAIN: Final[Mapping[str, Plain]] = {
    "hand prompt": _by_hand,
    f"hand prompt{IN_CLOZE}": _cloze_by_hand,
    "hand prompt calibrated": _hand_calibrated,
    "chat calibrated": _chat_calibrated,
    "cloze calibrated": _cloze_calibrated,
    "cloze with found words": _found_words,
}
CLOZE: Final = f"PromptTuning{IN_CLOZE}"
TRIGGERS: Final = f"TriggerTokens{IN_CLOZE}"
COMPILED: Final[Mapping[str, Any]] = {
    "4 demos": compilers.LabeledFewShot(demos=4),
    "8 demos": compilers.LabeledFewShot(demos=8),
    "16 demos": compilers.LabeledFewShot(demos=16),
    **dict.fromkeys(("TriggerTokens", TRIGGERS), compilers.TriggerTokens(turns=TURNS)),
    "Auto on text": compilers.Auto(),
    "PromptTuning": compilers.PromptTuning(steps=SOFT_STEPS, snapshots=1),
    CLOZE: compilers.PromptTuning(
        steps=CLOZE_STEPS, batch=16, init="labels", snapshots=1
    ),
    "LoRA": compilers.LoRA(steps=LORA_STEPS, snapshots=1),
}
TRAINED: Final = ("PromptTuning", CLOZE, "LoRA")
SEEDED: Final = (TRIGGERS, *TRAINED)
WAYS: Final[Sequence[str]] = (*PLAIN, *COMPILED)

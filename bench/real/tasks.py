"""The tasks: signatures as plain types, an instruction each, and one score for all.

Nothing here imports a library that is measured, so that every side reads the same file.
The rows stand beside the checkout, in `../shared/data`, or where `WEFT_BENCH_DATA`
says; `SOURCES.md` there names their authors and licences, and the instructions are
those of its `manifest.json`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pydantic

from .._data import DATA, lines_of

__all__ = ["DATA", "TASKS", "Example", "Task", "plain"]

Values = Mapping[str, Any]

INTENTS = Literal[
    "Refund_not_showing_up",
    "beneficiary_not_allowed",
    "card_payment_fee_charged",
    "contactless_not_working",
    "exchange_charge",
    "getting_spare_card",
    "pending_top_up",
    "top_up_by_bank_transfer_charge",
    "transfer_fee_charged",
    "virtual_card_not_working",
]
CODES = Literal["K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9"]
MOODS = Literal["mixed", "negative", "no_impact", "positive"]


class Slots(pydantic.BaseModel):
    """What a message says of a booking; null where it says nothing."""

    date: str | None
    first_name: str | None
    last_name: str | None
    people: str | None
    time: str | None


class Report(pydantic.BaseModel):
    """What an e-mail to the support desk is about."""

    urgency: Literal["low", "medium", "high"]
    sentiment: Literal["positive", "neutral", "negative"]
    categories: list[
        Literal[
            "routine_maintenance_requests",
            "specialized_cleaning_services",
            "sustainability_and_environmental_practices",
            "general_inquiries",
            "customer_feedback_and_complaints",
            "quality_and_safety_concerns",
            "facility_management_issues",
            "cleaning_services_scheduling",
            "emergency_repair_services",
            "training_and_support_requests",
        ]
    ]


@dataclass(frozen=True)
class Example:
    """One row: what goes in, and what should come out."""

    id: str
    inputs: Values
    outputs: Values


@dataclass(frozen=True)
class Task:
    """A signature, its rows, and how an answer is scored.

    Args:
        name: As tables call it.
        file: The rows' file, without its ending.
        instruction: What the model is told to do, on every side.
        inputs: Types by name.
        outputs: Types by name.
        score: From the outputs of a row and those of an answer to [0, 1].
        wanted: From the outputs in the file to those of the signature.
    """

    name: str
    file: str
    instruction: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    score: Callable[[Values, Values], float]
    wanted: Callable[[Values], Values] = dict

    def rows(self, split: str) -> list[Example]:
        """The rows of "train", "dev" or "test", in the file's order."""
        found = [row for row in lines_of(self.file) if row["split"] == split]
        return [
            Example(row["id"], row["inputs"], self.wanted(row["outputs"]))
            for row in found
        ]

    def sample(self, split: str, size: int, seed: int = 0) -> list[Example]:
        """Some rows, drawn once for each split and seed; a smaller sample is its head.

        Files stand partly in the order of their labels.
        """
        rows = self.rows(split)
        random.Random(f"{self.file}/{split}/{seed}").shuffle(rows)
        return rows[:size]


def plain(value: Any) -> Any:
    """A field's value as JSON data."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    return value


# Scores -------------------------------------------------------------------------------


def _same(field: str) -> Callable[[Values, Values], float]:
    """1 where a field is what it should be."""
    return lambda wanted, got: float(wanted[field] == got[field])


def _f1(wanted: set[Any], got: set[Any]) -> float:
    """F1 over two sets; two empty ones are the same."""
    if not wanted and not got:
        return 1.0
    return 2 * len(wanted & got) / (len(wanted) + len(got))


def _slot_f1(wanted: Values, got: Values) -> float:
    """F1 over the slots that are filled, letter case and outer blanks aside."""

    def filled(values: Values) -> set[tuple[str, str]]:
        texts = {name: str(text or "").strip() for name, text in values.items()}
        return {(name, text.casefold()) for name, text in texts.items() if text}

    return _f1(filled(wanted["slots"]), filled(got["slots"]))


def _report_mean(wanted: Values, got: Values) -> float:
    """The mean over the report's three fields; F1 for the categories."""
    gold, mine = wanted["report"], got["report"]
    same = [float(gold[name] == mine[name]) for name in ("urgency", "sentiment")]
    found = _f1(set(gold["categories"]), set(mine["categories"]))
    return (sum(same) + found) / 3


# Tasks --------------------------------------------------------------------------------


def _coded(outputs: Values) -> Values:
    names: Sequence[str] = INTENTS.__args__  # type: ignore[attr-defined]
    return {"label": f"K{names.index(outputs['label'])}"}


_SLOTS = tuple(Slots.model_fields)
_BANKING = "Classify a customer's online-banking query into one of ten intents."
TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(
            "banking10",
            "banking10",
            _BANKING,
            {"text": str},
            {"label": INTENTS},
            _same("label"),
        ),
        Task(
            "banking10-codes",
            "banking10",
            _BANKING,
            {"text": str},
            {"label": CODES},
            _same("label"),
            _coded,
        ),
        Task(
            "poem_sentiment",
            "poem_sentiment",
            "Label the sentiment of the line of verse.",
            {"text": str},
            {"label": MOODS},
            _same("label"),
        ),
        Task(
            "scone_nli",
            "scone_nli",
            "Does the premise entail the hypothesis? Answer entailment or neutral.",
            {"premise": str, "hypothesis": str},
            {"label": Literal["entailment", "neutral"]},
            _same("label"),
        ),
        Task(
            "gsm8k",
            "gsm8k",
            "Solve the word problem and give the final number.",
            {"question": str},
            {"answer": int},
            _same("answer"),
            lambda outputs: {"answer": int(outputs["answer"].replace(",", ""))},
        ),
        Task(
            "restaurant8k",
            "restaurant8k",
            "Copy out the spans that fill the booking slots "
            "(date, first_name, last_name, people, time).",
            {"text": str, "requested": list[str]},
            {"slots": Slots},
            _slot_f1,
            lambda outputs: {
                "slots": {name: outputs["slots"].get(name) for name in _SLOTS}
            },
        ),
        Task(
            "facility_support",
            "facility_support",
            "Read the support e-mail and return urgency, sentiment and the categories "
            "that apply.",
            {"message": str},
            {"report": Report},
            _report_mean,
            lambda outputs: {"report": dict(outputs)},
        ),
    )
}

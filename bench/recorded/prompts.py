"""The prompts whose replies are recorded: forms, and made-up cases for each of them.

No row is anybody's data. A case is a signature, what goes in, and how many solved rows
stand before it; every case is asked in every form, so that forms can be compared. To
record a further form, add it to `FORMS`; forms and cases keep their names for ever,
because recorded replies are read by them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pydantic

import weft

__all__ = ["CASES", "FORMS", "Case", "module_of"]


FORMS = (
    "chat/1:",
    "json/1:",
    "json/1:schema",
    "xml/1:",
    "chat/2:stop",
    "chat/2:shown,stop",
    "json/2:schema",
    "plain/1:shown,stop",
    "completion/1:stop",
    "completion/1:grammar,schema,stop",
)
"""Settled forms, of which every byte is known, whatever the model."""


class Order(pydantic.BaseModel):
    """What somebody wants sent."""

    item: str
    quantity: int
    express: bool


Desk = Literal["lost parcel", "late parcel", "wrong address", "price question"]
Size = Literal["small", "medium", "large"]


@dataclass(frozen=True)
class Kind:
    """A signature, and rows that were solved by hand.

    Args:
        fields: The string form, whose own types are `types`.
        instruction: What the model is told.
        solved: Inputs and outputs together; the first ones become demos.
    """

    fields: str
    instruction: str
    solved: tuple[Mapping[str, Any], ...]
    types: Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One prompt.

    Args:
        name: Kind, number, and what differs from the plain call.
        kind: Its signature, by name.
        inputs: What goes in.
        demos: How many solved rows stand before.
        thinks: Whether reasoning is asked for first (ChainOfThought).
    """

    name: str
    kind: str
    inputs: Mapping[str, Any]
    demos: int = 0
    thinks: bool = False


KINDS: Mapping[str, Kind] = {
    "label": Kind(
        "message -> desk: Desk",
        "Say which desk of the parcel service should answer the message.",
        (
            {"message": "It was due on Monday, where is it?", "desk": "late parcel"},
            {"message": "What does a 2 kg box cost?", "desk": "price question"},
            {
                "message": "You wrote Elm Road, I live in Oak Road",
                "desk": "wrong address",
            },
        ),
        {"Desk": Desk},
    ),
    "flag": Kind(
        "sentence -> question: bool",
        "Is the sentence a question?",
        (
            {"sentence": "Who painted this wall?", "question": True},
            {"sentence": "The lamp is on.", "question": False},
        ),
        {},
    ),
    "count": Kind(
        "story -> apples: int",
        "How many apples are there in the end?",
        (
            {"story": "Ann has 2 apples and gets 5 more.", "apples": 7},
            {"story": "Of 9 apples Ben eats 4.", "apples": 5},
        ),
        {},
    ),
    "price": Kind(
        "offer -> euros: float",
        "What does one piece cost, in euros?",
        ({"offer": "4 brushes for 10 euros", "euros": 2.5},),
        {},
    ),
    "day": Kind(
        "note -> day: Date",
        "On which day does it happen?",
        ({"note": "Concert, 3 May 2031", "day": "2031-05-03"},),
        {"Date": datetime.date},
    ),
    "answer": Kind(
        "question -> answer: str",
        "Answer in one short sentence.",
        ({"question": "What is a ladle for?", "answer": "It serves soup."},),
        {},
    ),
    "words": Kind(
        "text -> colours: list[str]",
        "List the colours that the text names.",
        (
            {"text": "a red coat and blue shoes", "colours": ["red", "blue"]},
            {"text": "a plain wooden box", "colours": []},
        ),
        {},
    ),
    "sizes": Kind(
        "order -> sizes: list[Size], gift: bool",
        "Which sizes are ordered, and is it a gift?",
        (
            {
                "order": "Two large shirts and a small one, wrapped as a gift",
                "sizes": ["large", "small"],
                "gift": True,
            },
        ),
        {"Size": Size},
    ),
    "order": Kind(
        "message -> order: Order",
        "Read the order out of the message.",
        (
            {
                "message": "Please send me three candles, there is no hurry",
                "order": {"item": "candle", "quantity": 3, "express": False},
            },
        ),
        {"Order": Order},
    ),
    "review": Kind(
        "review -> stars: int, name: Name, summary: str",
        "Sum the review up: stars from 1 to 5, the writer's name if it stands there, "
        "and one sentence.",
        (
            {
                "review": "Soft, warm, and it washes well. Bea",
                "stars": 5,
                "name": "Bea",
                "summary": "A warm and practical blanket.",
            },
        ),
        {"Name": str | None},
    ),
}


def _cases() -> Iterator[Case]:
    """Every prompt."""
    for kind, inputs in _INPUTS.items():
        for at, values in enumerate(inputs, 1):
            yield Case(f"{kind}-{at}", kind, values)
        few = len(KINDS[kind].solved)
        yield Case(f"{kind}-1-demos", kind, inputs[0], demos=few)
    for kind in ("label", "count", "order"):
        yield Case(f"{kind}-1-thinks", kind, _INPUTS[kind][0], thinks=True)


_INPUTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "label": (
        {"message": "My parcel never came and nobody knows where it is."},
        {"message": "Do you charge more for islands?"},
        {"message": "the box went to my old flat :("},
    ),
    "flag": ({"sentence": "Have you seen my keys?"},),
    "count": (
        {"story": "Cleo picks 12 apples and gives 5 to her brother."},
        {"story": "There are 3 baskets with 4 apples each."},
    ),
    "price": ({"offer": "6 mugs for 27 euros"},),
    "day": ({"note": "The market moves to 14 September 2032."},),
    "answer": (
        {"question": "Why do cats purr?"},
        {"question": 'Who says "cheese" when a picture is taken?'},
    ),
    "words": ({"text": "The green door, the white wall and the yellow roof"},),
    "sizes": ({"order": "one medium hoodie for my sister's birthday"},),
    "order": ({"message": "I need 2 bicycle lamps by tomorrow, please hurry!"},),
    "review": ({"review": "The kettle leaks. It went back after a week. Tom"},),
}
CASES: Mapping[str, Case] = {case.name: case for case in _cases()}


def module_of(form: str, case: Case) -> Any:
    """The module that asks a case in a form; it asks once."""
    kind = KINDS[case.kind]
    make: Any = weft.ChainOfThought if case.thinks else weft.Predict
    module = make(
        kind.fields,
        kind.instruction,
        name=case.kind,
        types=kind.types,
        adapter=form,
        repairs=0,
    )
    shown = [weft.Demo(row) for row in kind.solved[: case.demos]]
    return module.with_(demos=shown) if shown else module

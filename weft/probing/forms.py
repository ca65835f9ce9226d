"""Trying forms on a model: how many replies of a dozen rows can be read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..modules.asking.predict import Predict
from ..pipeline.errors import (
    ContextLengthError,
    InvalidRequest,
    ModelFailure,
    NotFoundError,
    NotYetSupported,
    ServerError,
)
from ..pipeline.lm.abilities import Abilities
from ..pipeline.lm.form import NEWEST, Form
from ..pipeline.lm.models import LM
from ..pipeline.run.settings import use
from .checks import Count, Counted

FIRST: Final = 4
"""Rows that a form is tried on first; one that none of them follows is given up."""

_AT_ONCE: Final = 4  # calls, where nobody knows how many the server answers at once
_FOLLOWED: Final = 0.75  # share of usable replies
_REFUSED: Final = (
    ContextLengthError,
    InvalidRequest,
    NotFoundError,
    NotYetSupported,
    ServerError,
)


Topic = Literal["weather", "food", "travel"]


@dataclass(frozen=True, slots=True)
class Row:
    """A made-up sentence, with the module that is asked, and what is right."""

    module: Predict[..., Any]
    sentence: str
    right: str | int

    @property
    def output(self) -> str:
        """The output's name."""
        return next(iter(self.module.spec.outputs))


_topic: Final = Predict(
    "sentence -> topic: Topic",
    "Say what the sentence is about.",
    types={"Topic": Topic},
    name="topic",
)
_number: Final = Predict(
    "sentence -> number: int",
    "Write down the number that the sentence names.",
    name="number",
)

ROWS: Final = (
    Row(_topic, "It will rain all afternoon, so take an umbrella.", "weather"),
    Row(_number, "There are three cups on the table.", 3),
    Row(_topic, "The soup needs more salt and a little pepper.", "food"),
    Row(_number, "Twelve students passed the test.", 12),
    Row(_topic, "Our train leaves at nine from platform two.", "travel"),
    Row(_number, "He paid seven coins for the map.", 7),
    Row(_topic, "A warm wind blew in from the south overnight.", "weather"),
    Row(_number, "The tower has forty steps.", 40),
    Row(_topic, "She baked bread with olives and rosemary.", "food"),
    Row(_number, "Only one lamp was lit in the hall.", 1),
    Row(_topic, "We booked a cabin on the ferry to the island.", "travel"),
    Row(_number, "They waited for ninety minutes at the gate.", 90),
)
"""Labels and numbers in turn, so that the first few hold both."""


def forms_for(can: Abilities) -> tuple[Form, ...]:
    """The settled forms that are tried on a model, given what its endpoint can do.

    Of two forms with the same share the first is taken: a schema that is enforced holds
    for every signature, a described form is the shortest prompt and takes demos as
    turns, a shown one costs an exchange more; the last ones are for models that were
    never taught turns.

    >>> *_, grammar, lines = forms_for(Abilities(grammar=True, stop=False))
    >>> str(grammar), str(lines)
    ('completion/4:grammar,schema', 'completion/4:shown')
    """
    stop = () if can.thinks or can.stop is False else ("stop",)
    ruled = ("grammar", "schema", *(() if can.stop is False else ("stop",)))
    tried = [
        Form("json", 2, ("schema",)),
        Form("chat", 2, stop),
        Form("chat", 2, ("shown", *stop)),
        Form("plain", 1, ("shown", *stop)),
        Form("json", 2, ()),
        Form("xml", 1, ()),
        *([Form("completion", NEWEST["completion"], ruled)] if can.grammar else []),
        Form("completion", NEWEST["completion"], ("shown", *stop)),
    ]
    return (*tried,)


MOST_FORMS: Final = len(forms_for(Abilities(grammar=True)))
"""The most forms that are tried."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a form fared.

    Args:
        form: The form, settled.
        asked: Rows that it was tried on.
        usable: Replies that were read at the first call, with no repair asked for.
        right: Replies that were read and right.
        refusal: What the server said, where it refused the form.
    """

    form: Form
    asked: int
    usable: int
    right: int
    refusal: str = ""

    @property
    def share(self) -> float:
        """Usable replies of all rows; rows that were not asked count as lost."""
        return self.usable / len(ROWS)

    def __str__(self) -> str:
        if self.refusal:
            return f"refused: {self.refusal}"
        given_up = ", given up" if self.asked < len(ROWS) else ""
        return f"{self.usable} of {self.asked} usable, {self.right} right{given_up}"


async def try_form(form: Form, lm: LM, count: Count) -> Trial:
    """Try a form on the rows, on a few of them first.

    Args:
        form: The form.
        lm: The model, with the sampling that the rows are asked with.
        count: Where calls are counted.

    Raises:
        ModelError: The server cannot be reached, or refuses calls as such.
    """
    counted = Counted(lm, count)
    trial = Trial(form, 0, 0, 0)
    for rows in (ROWS[:FIRST], ROWS[FIRST:]):
        trial = await _tried(trial, rows, counted, lm.abilities.slots or _AT_ONCE)
        if not trial.usable or trial.refusal:
            break
    return trial


async def _tried(trial: Trial, rows: Sequence[Row], lm: Counted, at_once: int) -> Trial:
    gate = asyncio.Semaphore(at_once)
    refusals: list[str] = []

    async def one(row: Row) -> Any:
        module = row.module.with_(adapter=str(trial.form), lm=lm, repairs=0)
        async with gate:
            if refusals:
                return _SKIPPED
            try:
                found = await module.acall(sentence=row.sentence)
            except ModelFailure:
                return None
            except _REFUSED as error:
                refusals.append(error.message)
                return _SKIPPED
        return getattr(found, row.output)

    with use(cache=None, hooks=()):
        values = await asyncio.gather(*map(one, rows))
    pairs = [(v, row.right) for v, row in zip(values, rows, strict=True)]
    asked = [pair for pair in pairs if pair[0] is not _SKIPPED]
    return Trial(
        trial.form,
        trial.asked + len(asked),
        trial.usable + sum(value is not None for value, _ in asked),
        trial.right + sum(value == right for value, right in asked),
        refusals[0] if refusals else "",
    )


_SKIPPED: Final = object()


def best_of(trials: Sequence[Trial], *, base: bool) -> Trial | None:
    """The form to take: the largest share; of equal ones the first in `forms_for`.

    A base model continues texts and answers no turns. What a schema forces out of it is
    usable and means little, so there a form of texts is taken where most of its replies
    can be read.
    """
    usable = [trial for trial in trials if trial.usable]
    if base:
        texts = [trial for trial in usable if trial.form.name == "completion"]
        followed = [trial for trial in texts if trial.share >= _FOLLOWED]
        usable = followed or usable
    return max(usable, key=lambda trial: trial.share, default=None)


def follows(trials: Sequence[Trial]) -> bool | None:
    """Whether the model follows a form that is only described; None if none was tried.

    >>> chat = Form("chat", 2, ("stop",))
    >>> follows([Trial(chat, 12, 12, 9)]), follows([Trial(chat, 4, 0, 0)])
    (True, False)
    """
    shares = [t.share for t in trials if _is_described(t.form) and not t.refusal]
    return max(shares) >= _FOLLOWED if shares else None


def _is_described(form: Form) -> bool:
    """Whether a reply's form is told in words, and neither shown nor enforced."""
    return form.name != "completion" and not (form.has("shown") or form.has("schema"))

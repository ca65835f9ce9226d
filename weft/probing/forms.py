"""Trying forms on a model: how many replies can be read at the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ..modules.predict import Predict
from ..pipeline.errors import (
    ConfigError,
    ContextLengthError,
    InvalidRequest,
    ModelFailure,
    NotFoundError,
    NotYetSupported,
    ServerError,
)
from ..pipeline.lm.models import LM
from ..pipeline.runtime import use
from .counted import Count, Counted
from .rows import ROWS, Row

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


@dataclass(frozen=True, slots=True)
class Form:
    """A form of replies.

    Args:
        name: The form with its edition and flags, as modules take it.
        plain: The name by which versions know it that know no editions, or empty.
        schema: Whether the server is sent a schema; None where the form has none.
        described: Whether the form is only described to the model.
    """

    name: str
    plain: str = ""
    schema: bool | None = None
    described: bool = False

    def __str__(self) -> str:
        sent = " with a schema" if self.schema and ":" not in self.name else ""
        return f"{self.name}{sent}"


# Of two forms with the same share the first is taken: a schema that is enforced holds
# for every signature, a described form is the shortest prompt and takes demos as turns,
# a shown one costs an exchange more; the last ones are for models that need them.
FORMS: Final = (
    Form("json/2:schema", "json", schema=True),
    Form("chat/2", "chat", described=True),
    Form("chat/2:shown"),
    Form("plain/1"),
    Form("json/2", "json", schema=False),
    Form("xml/1", "xml"),
    Form("completion/1"),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """How a form fared.

    Args:
        form: The form, named as modules take it here.
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


def known_forms() -> tuple[Form, ...]:
    """The forms that modules take, each by the newest name that they take it by."""
    found: list[Form] = []
    for form in FORMS:
        name = next(filter(_is_taken, filter(None, (form.name, form.plain))), "")
        if name:
            found.append(replace(form, name=name))
    return tuple(found)


def _is_taken(name: str) -> bool:
    try:
        Predict("sentence -> topic", adapter=name)
    except ConfigError:
        return False
    return True


async def try_form(form: Form, lm: LM, count: Count) -> Trial:
    """Try a form on the rows, on a few of them first.

    Args:
        form: The form.
        lm: The model, with the sampling that the rows are asked with.
        count: Where calls are counted.

    Raises:
        ModelError: The server cannot be reached, or refuses calls as such.
    """
    counted = Counted(lm, count, form.schema)
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
        module = row.module.with_(adapter=trial.form.name, lm=lm, repairs=0)
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
    """The form to take: the largest share; of equal ones the first in `FORMS`.

    A base model continues texts and answers no turns. What a schema forces out of it is
    usable and means little, so there the completions form is taken where most of its
    replies can be read.
    """
    if base:
        for trial in trials:
            if trial.form.name.startswith("completion") and trial.share >= _FOLLOWED:
                return trial
    usable = [trial for trial in trials if trial.usable]
    return max(usable, key=lambda trial: trial.share, default=None)


def follows(trials: Sequence[Trial]) -> bool | None:
    """Whether the model follows a form that is only described; None if none was tried.

    >>> follows([Trial(FORMS[1], 12, 12, 9)]), follows([Trial(FORMS[1], 4, 0, 0)])
    (True, False)
    """
    shares = [t.share for t in trials if t.form.described and not t.refusal]
    return max(shares) >= _FOLLOWED if shares else None

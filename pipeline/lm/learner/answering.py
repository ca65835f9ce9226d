"""Finding one value: which way to answer which kind of field."""

from __future__ import annotations

import re
from typing import Any

from .case import Case
from .following import followed
from .inducing import asks_for_instruction, write_instruction
from .ngrams import cut
from .spans import because, keywords
from .typed import value_of

_REASON = re.compile(
    r"reasoning|rationale|thoughts?|explanation|begründung", re.IGNORECASE
)
_QUERY = re.compile(
    r"(?:search_?)?quer(?:y|ies)|keywords?|search|suchanfrage", re.IGNORECASE
)
_QUERY_ASKED = re.compile(
    r"\b(?:search quer(?:y|ies)|keywords|search terms|suchanfrage)\b", re.IGNORECASE
)

# Beside these nothing is asked of a text that an operation could break.
_FREE = frozenset(("type", "description", "title"))


def answer(case: Case) -> Any:
    """The value of one output field."""
    if case.schema.get("type") == "string":
        if asks_for_instruction(case) and (written := write_instruction(case)):
            return written
        if _REASON.fullmatch(case.name):
            return because(case)
        named = _QUERY.fullmatch(case.name) or _QUERY_ASKED.search(case.note)
        if named or _QUERY_ASKED.search(case.task):
            return keywords(case)
        if _FREE.issuperset(case.schema) and (done := followed(case)) is not None:
            return cut(done, case.room)
    return value_of(case)

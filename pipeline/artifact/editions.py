"""Newer editions of the forms that programs record: which there are, and taking them.

A recorded form stays as it is, because what was measured was measured in it. So a newer
edition is told of, never taken: whoever wants it measures it first.
"""

from __future__ import annotations

import os
from typing import ParamSpec, TypeVar

from ..graph.program import Program
from ..ground.shapes import as_dict
from ..lm.form import NEWEST, form_of
from ..lm.route import EMBEDDED
from .describe import Target, data_of, modules_in_order

P = ParamSpec("P")
R = TypeVar("R")

_STAND_IN = EMBEDDED.partition("/")[0]


def told_of_newer(target: Target) -> str:
    """Which newer editions there are for a program, and how to verify one; or nothing.

    A module that was compiled for the stand-in has none: it is asked in first editions.

    Raises:
        ArtifactError: The file cannot be read.

    >>> import weft
    >>> old = weft.Predict("text -> mood", name="feel", adapter="json/1")
    >>> told_of_newer(old).partition(". ")[0]
    'feel: a newer edition of its form exists, json/2 for json/1'
    """
    data = data_of(target)
    compiled_for = as_dict(data.provenance.get("models"))
    newer = {
        path: f"{form.name}/{NEWEST[form.name]} for {form.name}/{form.edition}"
        for path, form in (
            (p, m.form) for p, m in modules_in_order(data.program) if not m.parts
        )
        if not form.is_newest and compiled_for.get(path) != _STAND_IN
    }
    if not newer:
        return ""
    path = os.fspath(target) if isinstance(target, str | os.PathLike) else ""
    what, each = "its form", list(newer.values())
    if len({*each}) > 1:
        what, each = "its forms", [f"{p}: {words}" for p, words in newer.items()]
    return (
        f"{path or data.name}: a newer edition of {what} exists, "
        f"{', '.join(dict.fromkeys(each))}. Verify it on your rows: "
        f"weft eval {path or 'TARGET'} --data ROWS --metric METRIC --edition newest"
    )


def at_newest(program: Program[P, R]) -> Program[P, R]:
    """The program with each form in its newest edition, to be settled by who is asked.

    The program itself comes back where every form is of its newest edition.

    >>> import weft
    >>> old = weft.pipeline.graph.program.as_program(
    ...     weft.Predict("text -> mood", name="feel", adapter="chat/1:")
    ... )
    >>> at_newest(old).parameters["feel/adapter"]
    'chat'
    """
    forms = {p: form_of(m.parameters.adapter) for p, m in program.modules.items()}
    older = {path: form for path, form in forms.items() if not form.is_newest}
    return program.with_parameters({f"{p}/adapter": f.newest for p, f in older.items()})

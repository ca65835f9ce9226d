"""Newer editions of the forms that programs record: which there are, and taking them.

A recorded form stays as it is, because what was measured was measured in it. So a newer
edition is told of, never taken: whoever wants it measures it first.
"""

from __future__ import annotations

import os
from typing import NamedTuple, ParamSpec, TypeVar

from ..adapters.reply_form import NEWEST, form_of
from ..graph.program import Program
from ..ground.shapes import as_dict
from ..lm.route import EMBEDDED
from .describe import Target, data_of, modules_in_order
from .state import ArtifactFile

P = ParamSpec("P")
R = TypeVar("R")

_STAND_IN = EMBEDDED.partition("/")[0]


class Older(NamedTuple):
    """A module that records an edition after which others came.

    Attributes:
        path: The module's path.
        form: The name of the form.
        edition: The edition that is recorded.
    """

    path: str
    form: str
    edition: int

    @property
    def words(self) -> str:
        """What there is for what is recorded.

        >>> Older("triage", "chat", 1).words
        'chat/2 for chat/1'
        """
        return f"{self.form}/{NEWEST[self.form]} for {self.form}/{self.edition}"


def older_editions(data: ArtifactFile) -> tuple[Older, ...]:
    """The modules that could ask in a newer edition of their form, in calling order.

    One that was compiled for the stand-in is none: it is asked in first editions.
    """
    compiled_for = as_dict(data.provenance.get("models"))
    return tuple(
        Older(path, module.form.name, module.form.edition)
        for path, module in modules_in_order(data.program)
        if not module.form.is_newest and compiled_for.get(path) != _STAND_IN
    )


def told_of_newer(target: Target) -> str:
    """Which newer editions there are for a program, and how to verify one; or nothing.

    Raises:
        ArtifactError: The file cannot be read.

    >>> import weft
    >>> old = weft.Predict("text -> mood", name="feel", adapter="json/1")
    >>> told_of_newer(old).partition(". ")[0]
    'feel: a newer edition of its form exists, json/2 for json/1'
    """
    data = data_of(target)
    found = older_editions(data)
    if not found:
        return ""
    path = os.fspath(target) if isinstance(target, str | os.PathLike) else ""
    one = len({older.words for older in found}) == 1
    each = [o.words if one else f"{o.path}: {o.words}" for o in found]
    what = "its form" if one else "its forms"
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
    return program.with_parameters({f"{p}/adapter": f.name for p, f in older.items()})

"""Where a program came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..ground.shapes import as_dict
from .program import Program
from .runnable import P, R_co


@dataclass(frozen=True)
class Origin:
    """The artifact that a program was loaded from.

    Args:
        where: The file, or the package and the file in it.
        digest: The digest of the program's behaviour as it was saved.
        provenance: What the file says of its making; nobody vouches for it.
        dropped: What did not fit the live program, with `strict=False`; in words.
    """

    where: str
    digest: str
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    dropped: tuple[str, ...] = ()


_origins: WeakKeyDictionary[Program[..., Any], Origin] = WeakKeyDictionary()


def origin(program: Program[..., Any]) -> Origin | None:
    """Where a program was loaded from; None where it was not, or was changed since.

    >>> import weft
    >>> @weft.program
    ... def same(text: str) -> str:
    ...     return weft.Predict("text -> answer", name="reply")(text=text).answer
    >>> origin(same) is None
    True
    """
    return _origins.get(program)


def remember(program: Program[P, R_co], came: Origin) -> Program[P, R_co]:
    """The program, its origin kept as long as it lives; its modules know their models.

    Args:
        program: As it was loaded.
        came: Where it came from.
    """
    known = as_dict(came.provenance.get("models"))
    modules = program.modules.items()
    told = {
        p: m.for_model(known[p]) for p, m in modules if isinstance(known.get(p), str)
    }
    made = program.with_modules(told)
    _origins[made] = came
    return made

"""Where a program came from, and which model each of its modules was compiled for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..ground.shapes import is_dict
from ..lm.lm import LanguageModel

if TYPE_CHECKING:
    from .module import Module
    from .program import Program

_log = logging.getLogger("weft")


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
_models: WeakKeyDictionary[Module[..., Any], str] = WeakKeyDictionary()
_told: set[tuple[str, str, str]] = set()


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


def remember(program: Program[..., Any], came: Origin) -> None:
    """Keep where a program was loaded from, as long as the program lives."""
    _origins[program] = came
    models = came.provenance.get("models")
    if not is_dict(models):
        return
    for path, module in program.modules.items():
        model = models.get(path)
        if isinstance(model, str):
            _models[module] = model


def note_model(module: Module[..., Any], path: str, lm: LanguageModel) -> None:
    """Warn, once for each pair, of a model other than the one compiled for.

    Instructions and demonstrations that help one model may harm another.
    """
    wanted = _models.get(module)
    if wanted is None or wanted == lm.model or (path, wanted, lm.model) in _told:
        return
    _told.add((path, wanted, lm.model))
    _log.warning(
        "%s was compiled for %s and runs with %s: measure it, or compile again",
        path,
        wanted,
        lm.model,
    )

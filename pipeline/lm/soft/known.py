"""Which soft words and updates a model has, as far as that is known before a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ...errors import ConfigError
from ...ground.words import counted
from ..abilities import abilities_of
from ..lm import LanguageModel
from .words import Soft

if TYPE_CHECKING:
    from .lora import Lora

ANY: Final = "*"
"""Among what a model has: any that was trained for its weights."""


def is_in_process(lm: LanguageModel | None) -> bool:
    """Whether a model takes vectors themselves: it runs in this process."""
    return ANY in _known(lm)


def has_words(lm: LanguageModel | None) -> bool:
    """Whether a model has any soft word, so that a value could forge one."""
    return bool(_known(lm))


def require_trained(lm: LanguageModel, soft: Soft | None, lora: Lora | None) -> None:
    """Refuse a model that lacks what a module was trained with, before a call.

    Raises:
        ConfigError: It does not have the soft words, or the low-rank updates.
    """
    if soft is not None:
        _require_words(lm, soft)
    if lora is not None:
        _require_updates(lm, lora)


def _require_words(lm: LanguageModel, soft: Soft) -> None:
    """Refuse a model that does not have these words, before anything is sent.

    Whether a model in this process is the one that they were trained for, it says when
    it is asked, before it computes.

    Raises:
        ConfigError: It does not have them.
    """
    why = _why_not(_known(lm), soft)
    if not why:
        return
    raise ConfigError(
        f"the prompt has {counted(soft.count, 'soft word')} {soft.name!r} "
        f"({soft.mark}) for the weights {soft.model[7:19]}, and {lm.model!r} at "
        f"{lm.endpoint!r} {why}",
        hint="Bake them into a model that you serve (weft soft bake) and say so, "
        f"LM(..., abilities={{'soft': ('{soft.name}',)}}); or load the text-only "
        "variant: weft.load(..., soft=False)",
    )


def _require_updates(lm: LanguageModel, lora: Lora) -> None:
    """Refuse a model that does not have these low-rank updates, before a call.

    Whether a model in this process is the one that they were trained for, it says when
    it is asked, before it computes.

    Raises:
        ConfigError: It does not have them.
    """
    able = abilities_of(lm)
    why = _why_not(() if able is None else able.lora, lora)
    if not why:
        return
    raise ConfigError(
        f"the call has low-rank updates {lora.name!r} ({lora.mark}) of the weights "
        f"{lora.model[7:19]}, and {lm.model!r} at {lm.endpoint!r} {why}",
        hint="Write an adapter (weft soft adapter) and serve it, "
        'LM("local/PATH.gguf", lora="ADAPTER.gguf"), or where a server has it say so, '
        f"LM(..., abilities={{'lora': ('{lora.name}',)}}); or load the text-only "
        "variant: weft.load(..., soft=False)",
    )


def _why_not(known: Sequence[str], wanted: Soft | Lora) -> str:
    """Why a model that has these cannot take what is wanted; empty where it can."""
    if ANY in known or wanted.mark in known or wanted.name in known:
        return ""
    others = [one for one in known if one.startswith(f"{wanted.name}@")]
    return f"has others of that name, {others[0]}" if others else "does not know them"


def _known(lm: LanguageModel | None) -> tuple[str, ...]:
    able = None if lm is None else abilities_of(lm)
    return () if able is None else able.soft

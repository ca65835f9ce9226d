"""The models that a compile chooses among: who they are, by the names that stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from ...pipeline.errors import ConfigError
from ...pipeline.ground.shapes import is_mapping, is_sequence
from ...pipeline.lm.context import DEFAULT_OUTPUT_TOKENS
from ...pipeline.lm.lm import SAMPLING, LanguageModel, as_lm, name_of
from ...pipeline.lm.request import JSON
from ...pipeline.run.settings import current

Models: TypeAlias = Sequence[str | LanguageModel] | Mapping[str, str | LanguageModel]
"""Models to choose among; a mapping gives each a name of its own."""

_HINT = 'Write models=["openai/gpt-5-nano", weft.LM("openai/gpt-5-mini")]'


def named_models(given: Models) -> dict[str, LanguageModel]:
    """Models by the names that candidates and artifacts hold.

    A model's name is the string that it was made from, unless a mapping says another
    one. A string that `weft.use(lms=...)` knows stands for the model there.

    Raises:
        ConfigError: Something is no model, or two have one name.
    """
    pairs: list[tuple[str, Any]]
    if is_mapping(given):
        pairs = [(str(name), model) for name, model in given.items()]
    elif is_sequence(given):
        pairs = [("", model) for model in given]
    else:
        raise ConfigError(f"models={given!r} is no list of models", hint=_HINT)
    found: dict[str, LanguageModel] = {}
    for said, model in pairs:
        lm = current().lms.get(model) if isinstance(model, str) else None
        lm = as_lm(cast("str | LanguageModel", model)) if lm is None else lm
        name = said or (model if isinstance(model, str) else name_of(lm))
        if name in found:
            raise ConfigError(
                f"two models are called {name!r}",
                hint='Give each a name of its own: models={"low": weft.LM(...), ...}',
            )
        found[name] = lm
    return found


def options_of(lm: LanguageModel) -> dict[str, JSON]:
    """The sampling options of a model that an artifact may hold beside its name."""
    told = lm.sampling
    return {
        name: told[name]
        for name in SAMPLING
        if name in told and (name, told[name]) != ("max_tokens", DEFAULT_OUTPUT_TOKENS)
    }

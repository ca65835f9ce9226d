"""What modules accept beside their signature, and what `with_` may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ..errors import ConfigError, did_you_mean
from ..ground.options import check_options
from ..lm.lm import SAMPLING, LanguageModel, Sampling
from ..lm.request import JSON
from ..parameters import SLOTS, Demo
from ..signature.spec import Spec


class ModuleOptions(Sampling, total=False):
    """What every module accepts beside its signature."""

    name: str
    lm: str | LanguageModel | None
    demos: Sequence[Demo]
    nearest: int
    adapter: str
    repairs: int
    types: Mapping[str, Any]


class ModuleChanges(TypedDict, total=False):
    """What `with_` may change."""

    instruction: str
    demos: Sequence[Demo]
    nearest: int
    adapter: str
    sampling: Mapping[str, JSON]
    name: str
    lm: str | LanguageModel | None
    repairs: int


def check_module(
    options: Mapping[str, Any], known: Mapping[str, Any], who: str
) -> None:
    """Refuse unknown options, and names and repairs that cannot be.

    Args:
        options: What was given.
        known: A `TypedDict`'s annotations.
        who: Who was asked, for messages.

    Raises:
        ConfigError: An option is unknown or has a value nobody understands.
    """
    apart = next((name for name in options if name in SAMPLING), None)
    if apart is not None and apart not in known:
        raise ConfigError(
            f"{who} has no option {apart!r}: how answers are drawn is one parameter",
            hint=f'Write {who}(sampling={{"{apart}": {options[apart]!r}}})',
        )
    check_options(options, known, who)
    name = options.get("name", "x")
    if not isinstance(name, str) or not name or "/" in name:
        raise ConfigError(
            f"{who}: name={name!r} is no name",
            hint="Give a text without '/', which sets paths apart",
        )
    repairs = options.get("repairs", 0)
    if not isinstance(repairs, int) or isinstance(repairs, bool) or repairs < 0:
        raise ConfigError(
            f"{who}: repairs={repairs!r} is no number of calls",
            hint="Give 0 for none, or 1, 2, ...",
        )


def slots_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those changes that are parameters."""
    return {slot: value for slot, value in changes.items() if slot in SLOTS}


def check_demos(demos: Sequence[Demo], spec: Spec, who: str) -> None:
    """Refuse demos of another signature.

    Raises:
        ConfigError: A demo has a field that the signature lacks, or a value of another
            type; a missing field is no error.
    """
    known = {field.name: field for field in spec.fields}
    for number, demo in enumerate(demos):
        for name, value in demo.values.items():
            if name not in known:
                raise ConfigError(
                    f"{who!r}: demo {number} has {name!r}, which is no field",
                    hint=did_you_mean(name, known),
                )
            try:
                known[name].load(value)
            except (TypeError, ValueError) as error:
                raise ConfigError(
                    f"{who!r}: demo {number} has a wrong {name!r}: {error}",
                    hint=f"Give {known[name].wanted}",
                ) from None

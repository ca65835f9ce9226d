"""What a gate is asked for: suites, thresholds, kinds and limits, all of it checked."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..pipeline.calls.budget import Budget
from ..pipeline.data.example import Example
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.graph.program import Program
from ..pipeline.ground.options import Rule
from ..pipeline.run.rows import require_count
from .noise import Kinds, changes_of
from .red_team import Plan, plan_attacks, why_not

LEAST: Final[Mapping[str, float]] = {
    "score": 0.0,
    "edge": 1.0,
    "noise": 0.9,
    "style": 0.9,
    "red-team": 0.9,
    "cost": 1.0,
}
"""What each suite asks for where nothing is said: a share in [0, 1]."""

SUITES: Final = tuple(LEAST)
ROWS: Final = 50
"""Rows that are written anew for each kind, where nothing is said."""
_SHARE: Final = Rule("a number from 0 to 1", numbers.Real, 0, 1)
_ATTACKED: Final = 5
"""One of so many of them is attacked, by each family."""


@dataclass(frozen=True)
class Terms:
    """What a gate was asked for.

    Args:
        suites: The suites, in order.
        least: The threshold of each.
        kinds: What the noise suite does.
        styles: What the style suite does.
        fields: The inputs that strangers write.
        each: What a row may cost, for the cost suite.
        most: How many rows are written anew for each kind.
        seed: Of every draw.
    """

    suites: tuple[str, ...]
    least: Mapping[str, float]
    kinds: Kinds
    styles: Kinds
    fields: tuple[str, ...]
    each: Budget | None
    most: int
    seed: int


def terms_of(
    suites: Sequence[str],
    fail_under: float | Mapping[str, float] | None,
    kinds: Kinds,
    styles: Kinds,
    fields: Sequence[str],
    each: Budget | str | int | None,
    most: int,
    seed: int,
) -> Terms:
    """What a user asked for, checked.

    Raises:
        ConfigError: A suite, a threshold, a kind or a limit is none.
    """
    if isinstance(suites, str):
        raise ConfigError(f"suites={suites!r} is a text", hint=f"Write [{suites!r}]")
    if not suites:
        raise ConfigError("suites=[] tests nothing", hint=f"Give {', '.join(SUITES)}")
    given: dict[str, float] = {}
    if isinstance(fail_under, Mapping):
        given = dict(fail_under)
    elif fail_under is not None:
        given = dict.fromkeys(SUITES, fail_under)
    for name in (*suites, *given):
        if name not in SUITES:
            raise ConfigError(
                f"there is no suite {name!r}", hint=did_you_mean(str(name), SUITES)
            )
    for name, share in given.items():
        if not _SHARE.fits(share):
            raise ConfigError(
                f"fail_under={share!r} of the suite {name!r} is no share",
                hint="Give a number in [0, 1], such as 0.9",
            )
    require_count(most, "most")
    changes_of(kinds)
    changes_of(styles)
    limit = None if each is None else Budget.of(each)
    if limit is not None and limit.seconds is not None:
        raise ConfigError(
            f"each={each!r} limits seconds, which hang on the machine and the cache",
            hint='Give calls, tokens or dollars: each="2 calls, 3k tokens, $0.01"',
        )
    least = {**LEAST, **given}
    chosen = tuple(dict.fromkeys(suites))
    return Terms(chosen, least, kinds, styles, tuple(fields), limit, most, seed)


def attacks_of(
    program: Program[..., Any], rows: Sequence[Example], terms: Terms
) -> Plan | str:
    """The attacks of a red-team suite, or why there are none; nothing is called."""
    if why := why_not(program, rows[0], terms.fields):
        return why
    most = max(1, terms.most // _ATTACKED)
    return plan_attacks(program, rows, fields=terms.fields, most=most, seed=terms.seed)

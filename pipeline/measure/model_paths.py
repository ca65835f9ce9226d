"""Models that are named for a module that is not there: nobody would ever ask them."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from ..errors import ConfigError
from ..run.settings import current

_ROLES = ("proposer",)
_NEAR = 0.8


def require_model_paths(who: str, paths: Collection[str]) -> None:
    """Refuse a key of `lms=` that is almost the path of one of the modules.

    Its model would never be asked, and nobody would know. Other keys may be meant for
    other programs, or for the modules of a judge.

    Args:
        who: The program's name.
        paths: The paths of its modules.

    Raises:
        ConfigError: A key is the last part of a path, or a misspelt path where no key
            is a path.
    """
    named = current().lms
    unmet = [path for path in paths if path not in named]
    strange = [key for key in named if key not in paths and key not in _ROLES]
    for key in strange:
        near = [path for path in unmet if path.rpartition("/")[2] == key]
        roles = [role for role in _ROLES if role not in named]
        near += difflib.get_close_matches(key, roles, 1, _NEAR)
        if not any(path in named for path in paths):
            near += difflib.get_close_matches(key, unmet, 1, _NEAR)
        if near:
            raise ConfigError(
                f"lms= names a model for {key!r}, which is no module of "
                f"{who!r}: it would never be asked",
                hint=f"Did you mean {near[0]!r}? A model for another program's module "
                "goes into a scope of its own: with weft.use(lms=...)",
            )

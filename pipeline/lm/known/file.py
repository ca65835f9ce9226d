"""Facts about endpoints as a file: strict to read, small, ours alone."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeGuard, cast, get_args

from ...ground import system
from ...ground.files import write_whole
from ..abilities import KINDS_OF_VALUES

How = Literal["said", "refused", "seen"]
"""What the server told of itself, what it refused, what its answers showed."""

Value: TypeAlias = bool | int | str | tuple[str, ...]

Who: TypeAlias = tuple[str, str]
"""An endpoint and a model there."""

Facts: TypeAlias = "dict[Who, dict[str, Fact]]"

FORMAT: Final = "weft.endpoints/1"
MOST_MODELS: Final = 256
MOST_NAMES: Final = 64
"""The most control tokens, or options, that are kept of a model."""
_MOST_BYTES: Final = 2**20
_LONGEST: Final = 512  # characters of an endpoint or of a model's name
_FORM: Final = re.compile(
    r"[a-z_]{1,24}(/[0-9]{1,3})?(:([a-z_]{1,12}(,[a-z_]{1,12})*)?)?"
)
_OPTION: Final = re.compile(r"[a-z_]{1,40}")
_TOKEN: Final = re.compile(r"[^\s\x00-\x1f\x7f\ud800-\udfff]{2,40}")
_HOWS: Final = get_args(How)


class Unreadable(ValueError):
    """The file holds something other than facts of this format."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of a model at an endpoint.

    Args:
        value: The ability, as `Abilities` holds it.
        how: How it became known.
        at: When, in UTC: "2026-11-30T05:50:58+00:00".
    """

    value: Value
    how: How
    at: str

    @property
    def day(self) -> str:
        """The date alone."""
        return self.at[:10]


def now() -> str:
    """This second in UTC, as facts carry it; later ones sort after earlier ones."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def is_value(value: object, name: str) -> TypeGuard[Value]:
    """Whether an ability can have this value: a switch, a count, a form, some options.

    >>> is_value(False, "stop"), is_value(0, "slots"), is_value("json/2:", "form")
    (True, False, True)
    """
    kind = KINDS_OF_VALUES.get(name)
    if kind is None or type(value) is not kind:
        return False
    if kind is int:
        return cast(int, value) > 0
    if kind is tuple:
        names = cast("tuple[object, ...]", value)
        form = _TOKEN if name == "control" else _OPTION
        return len(names) <= MOST_NAMES and all(
            isinstance(n, str) and form.fullmatch(n) for n in names
        )
    return kind is bool or _FORM.fullmatch(cast(str, value)) is not None


def is_worth_keeping(who: Who) -> bool:
    """Whether the names are short enough for the file."""
    return all(0 < len(name) <= _LONGEST for name in who)


def read_facts(path: Path) -> Facts:
    """The facts in a file; none where there is no file.

    Raises:
        Unreadable: It is no file, too large, or holds something else.
        OSError: It cannot be read.
    """
    # Neither a link into somebody else's file nor a pipe that never ends.
    flags = os.O_RDONLY | system.NO_WAIT
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        return {}
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable("it is no regular file")
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise Unreadable(f"it is larger than {_MOST_BYTES >> 10} kB")
    try:
        return _facts_of(cast(object, json.loads(data)))
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error) or type(error).__name__) from None


def write_facts(path: Path, facts: Facts) -> None:
    """Write the facts of the models that were learnt of last, as a whole.

    Raises:
        ArtifactError: The file could not be written.
    """
    newest = sorted(facts, key=lambda who: max(f.at for f in facts[who].values()))
    endpoints: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for who in sorted(newest[-MOST_MODELS:]):
        held = facts[who]
        models = endpoints.setdefault(who[0], {})
        models[who[1]] = {n: [f.value, f.how, f.at] for n, f in sorted(held.items())}
    tree = {"format": FORMAT, "endpoints": endpoints}
    write_whole(path, json.dumps(tree, indent=1, ensure_ascii=False), mode=0o600)


def _facts_of(tree: object) -> Facts:
    whole = _mapping(tree)
    if whole.get("format") != FORMAT:
        raise Unreadable(f"its format is not {FORMAT}")
    found: Facts = {}
    for endpoint, models in _mapping(whole.get("endpoints")).items():
        for model, held in _mapping(models).items():
            # Abilities that only a later weft knows are passed over.
            facts = {
                name: _fact_of(name, fact)
                for name, fact in _mapping(held).items()
                if name in KINDS_OF_VALUES
            }
            if facts and len(found) < MOST_MODELS:
                found[endpoint, model] = facts
    return found


def _fact_of(name: str, data: object) -> Fact:
    parts = cast("list[object]", data) if isinstance(data, list) else []
    value, how, at = parts if len(parts) == 3 else (None, None, None)
    if isinstance(value, list):
        value = tuple(cast("list[object]", value))
    if is_value(value, name) and how in _HOWS and isinstance(at, str):
        return Fact(value, cast(How, how), at[:32])
    raise Unreadable(f"{name!r} holds no fact")


def _mapping(data: object) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise Unreadable("a part is no object")
    return cast("dict[str, object]", data)

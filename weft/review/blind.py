"""Blind scoring: a person picks the better answer, and does not know whose it is.

The answers of several systems to one row are shown in an order that a seed draws anew
for each row. Names come out when every row is judged: a judge who knows them judges
them. What is picked is kept row by row, as letters, in a JSONL file.

    {"id": "m1", "choice": "B", "seed": 0, "systems": ["new", "old"]}
"""

from __future__ import annotations

import random
import string
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ..pipeline.errors import ArtifactError, ConfigError, DataError, cause
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import LARGEST, read_bounded, write_whole
from ..pipeline.ground.shapes import as_dict
from ..pipeline.ground.words import counted
from ..pipeline.measure.stats import Interval, mcnemar_exact, wilson
from .desk import Reply, json_reply, missing_reply
from .sheet import Row, Sheet

TIE: Final = "tie"
_HERE = files("weft.review")
_FILES: Final = {
    "": ("blind.html", "text/html; charset=utf-8"),
    "review.css": ("review.css", "text/css; charset=utf-8"),
    "blind.js": ("blind.js", "text/javascript; charset=utf-8"),
}


@dataclass(frozen=True)
class Duel:
    """Two systems on the rows where one of them was picked.

    Args:
        first: A system's name.
        second: Another's.
        wins: Rows where the first was picked.
        losses: Rows where the second was.
    """

    first: str
    second: str
    wins: int
    losses: int

    @property
    def rate(self) -> float:
        """The first one's share of the rows that were decided, in [0, 1]; else 0.5."""
        n = self.wins + self.losses
        return self.wins / n if n else 0.5

    @property
    def interval(self) -> Interval:
        """Its 95 % interval (Wilson)."""
        return wilson(self.wins, self.wins + self.losses)

    @property
    def p(self) -> float:
        """Two-sided p of the exact sign test of "neither is picked more"."""
        return mcnemar_exact(self.wins, self.losses)

    def describe(self) -> dict[str, Any]:
        """As plain JSON data."""
        ends = [self.interval.low, self.interval.high]
        told = {"rate": self.rate, "interval": ends, "p": self.p}
        return {**vars(self), **told}

    def __str__(self) -> str:
        return (
            f"{self.first} won {self.wins} of {self.wins + self.losses} against "
            f"{self.second}: {100 * self.rate:.1f} {self.interval.in_points()}, "
            f"p = {self.p:.2g}"
        )


class BlindTest:
    """Rows with the answers of several systems, and what was picked so far.

    Args:
        sheets: An evaluation of each system, by the system's name.
        out: The file that keeps what is picked.
        seed: Of the order of the answers.

    Raises:
        DataError: There are not two systems, they share no row, or a row has other
            inputs in one of them.
        ConfigError: The file holds choices of another seed, or something else.
    """

    def __init__(self, sheets: Mapping[str, Sheet], out: Path, seed: int = 0) -> None:
        self.systems = tuple(sheets)
        self.seed = seed
        self.path = out
        self._rows = {name: {r.key: r for r in s.rows} for name, s in sheets.items()}
        self.keys = _shared(self._rows)
        self._lock = threading.Lock()
        self.choices = self._read()

    def order(self, key: str) -> list[str]:
        """The systems in the order in which a row shows them: answer A, B, ..."""
        digest = sha256(f"{self.seed}\x1f{key}".encode()).digest()
        names = sorted(self.systems)
        random.Random(int.from_bytes(digest[:8], "big")).shuffle(names)
        return names

    def shown(self, key: str) -> dict[str, Any]:
        """A row as the page shows it: no system's name, no score, no prompt."""
        order = self.order(key)
        row = self._rows[order[0]][key]
        return {
            "key": key,
            "inputs": dict(row.inputs),
            "answers": [_answer(self._rows[name][key]) for name in order],
            "choice": self.choices.get(key),
        }

    def choose(self, key: str, choice: str | None) -> None:
        """Keep what was picked for a row; it is on the disk when this returns.

        Args:
            key: The row.
            choice: A letter, "tie", or None to take it back.

        Raises:
            ValueError: There is no such row or answer.
            ArtifactError: It could not be written; nothing has changed.
        """
        if key not in self.keys:
            raise ValueError(f"there is no row {key!r}")
        if choice is not None and choice not in (TIE, *self._letters):
            raise ValueError(f"{choice!r} is no answer")
        with self._lock:
            made = {k: c for k, c in self.choices.items() if k != key}
            if choice is not None:
                made[key] = choice
            drawn = {"seed": self.seed, "systems": sorted(self.systems)}
            lines = (
                strictjson.dumps({"id": k, "choice": made[k], **drawn})
                for k in self.keys
                if k in made
            )
            write_whole(self.path, "".join(f"{line}\n" for line in lines))
            self.choices = made

    @property
    def left(self) -> int:
        """How many rows are not judged yet."""
        return len(self.keys) - len(self.choices)

    @property
    def ties(self) -> int:
        """Rows where no answer was better."""
        return sum(choice == TIE for choice in self.choices.values())

    def wins(self) -> dict[str, int]:
        """How often each system was picked."""
        found = dict.fromkeys(self.systems, 0)
        for key, choice in self.choices.items():
            if choice != TIE:
                found[self.order(key)[self._letters.index(choice)]] += 1
        return found

    def duels(self) -> list[Duel]:
        """Every two systems, in the order in which they were given."""
        wins, names = self.wins(), self.systems
        pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]]
        return [Duel(a, b, wins[a], wins[b]) for a, b in pairs]

    def describe(self) -> dict[str, Any]:
        """The result as plain JSON data; names are told only once all is judged."""
        counts = {"rows": len(self.keys), "judged": len(self.choices)}
        if self.left:
            return {**counts, "ties": self.ties, "left": self.left}
        duels = [duel.describe() for duel in self.duels()]
        return {**counts, "ties": self.ties, "wins": self.wins(), "duels": duels}

    def __str__(self) -> str:
        if self.left:
            judged = f"{len(self.choices)} of {len(self.keys)} rows are judged"
            return f"{judged}; names come out at the end"
        lines = [str(duel) for duel in self.duels()]
        return "\n".join([*lines, f"{self.ties} of {len(self.keys)} rows are ties"])

    @property
    def _letters(self) -> Sequence[str]:
        return string.ascii_uppercase[: len(self.systems)]

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        found: dict[str, str] = {}
        try:
            # Not by splitlines: an id may hold a character that it takes for an end.
            lines = read_bounded(self.path, LARGEST).split("\n")
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self.path} cannot be read: {cause(error)}",
                hint="Name another file with --out",
            ) from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                data = as_dict(strictjson.loads(line))
            except ValueError:
                data = {}
            key, choice = data.get("id"), data.get("choice")
            if not isinstance(key, str) or choice not in (TIE, *self._letters):
                raise ConfigError(
                    f"{self.path}, line {number}, is no choice",
                    hint="Mend the line, or name another file with --out",
                )
            other = f"{self.path}, line {number}, is of"
            if data.get("systems") != sorted(self.systems) or key not in self.keys:
                raise ConfigError(
                    f"{other} other systems or rows",
                    hint="Name another file with --out",
                )
            if data.get("seed") != self.seed:
                was = data.get("seed")
                raise ConfigError(
                    f"{other} seed {was!r}: its letter means another answer",
                    hint=f"Write --seed {was}, or name another --out",
                )
            found[key] = choice
        return found


class BlindDesk:
    """Answers what the blind page asks; it knows no sockets, and tells no names."""

    def __init__(self, test: BlindTest) -> None:
        self.test = test

    def get(self, path: str, query: str) -> Reply:
        """A file of the page, the list of rows, one row, or the result."""
        del query
        if path in _FILES:
            name, kind = _FILES[path]
            return Reply(_HERE.joinpath(name).read_bytes(), kind)
        if path == "api/list":
            keys, choices = self.test.keys, self.test.choices
            return json_reply({"rows": [[key, choices.get(key)] for key in keys]})
        if path == "api/result":
            return json_reply(self.test.describe())
        key = self._key(path)
        return missing_reply() if key is None else json_reply(self.test.shown(key))

    def post(self, path: str, body: bytes) -> Reply:
        """Keep a choice; the answer comes when it is on the disk."""
        key = self._key(path)
        if key is None:
            return missing_reply()
        try:
            data = as_dict(strictjson.loads(body.decode("utf-8")))
            if data.get("key") != key:
                return json_reply({"error": "other rows stand here now: reload"}, 409)
            # Null takes a choice back; a change that holds none is refused.
            self.test.choose(key, data.get("choice", ""))
        except ValueError as error:
            return json_reply({"error": str(error)}, 422)
        except (ArtifactError, OSError) as error:
            return json_reply({"error": f"not written: {error}"}, 507)
        return json_reply(
            {"choice": self.test.choices.get(key), "left": self.test.left}
        )

    def _key(self, path: str) -> str | None:
        head, _, number = path.rpartition("/")
        plain = number.isdecimal() and number.isascii() and len(number) < 10
        if head != "api/row" or not plain or int(number) >= len(self.test.keys):
            return None
        return self.test.keys[int(number)]


def _answer(row: Row) -> Any:
    """What a system gave; a failed row gave nothing."""
    return row.given if row.score is not None or row.given is not None else None


def _shared(rows: Mapping[str, Mapping[str, Row]]) -> tuple[str, ...]:
    if not 2 <= len(rows) <= len(string.ascii_uppercase):
        raise DataError(
            f"{counted(len(rows), 'system')} cannot be compared blindly",
            hint="Give the evaluations of two or more, each with a name of its own",
        )
    first, *others = rows.values()
    keys = tuple(key for key in first if all(key in other for other in others))
    if not keys:
        raise DataError(
            "the evaluations share no row",
            hint="Evaluate both systems on the same rows, with ids",
        )
    for key in keys:
        if any(other[key].inputs != first[key].inputs for other in others):
            raise DataError(
                f"row {key!r} has other inputs in one of the evaluations",
                hint="Evaluate both systems on the same rows",
            )
    return keys

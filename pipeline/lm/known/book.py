"""The facts that this process knows: read when asked for, written when they change."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from ...errors import ArtifactError, ConfigError
from ...ground.files import opening, prepare_folder
from ...ground.loops import PerProcess
from ...ground.system import cache_place
from ..abilities import KINDS_OF_VALUES, Abilities
from .file import (
    Fact,
    Facts,
    How,
    Unreadable,
    Who,
    is_value,
    is_worth_keeping,
    now,
    read_facts,
    write_facts,
)

FILE: Final = "endpoints.json"
_BETWEEN_LOOKS: Final = 1.0  # seconds until the file is looked at again
_NOTHING: Final = Abilities()
_log: Final = logging.getLogger("weft")

Watching: TypeAlias = Callable[[str], None]
_watching: list[Watching] = []
_told_slots: dict[str, int] = {}


@dataclass(slots=True)
class Tally:
    """What this process saw of a model's answers, and keeps no file of.

    Attributes:
        placed: Whether an answer was looked at for the kind of its server.
        fits: Replies that were what their schema demands.
        misses: Replies that were not.
    """

    placed: bool = False
    fits: int = 0
    misses: int = 0


class Book:
    """What is known, with the file behind it; safe in threads and among processes.

    What was learnt here and is not in the file yet is kept apart: it is laid over the
    file as it then is, so two processes that write at once lose nothing of each other.

    Args:
        folder: Where the file is; it is made by `flush` alone.
        clock: Seconds that only grow; for tests.
    """

    def __init__(
        self, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.path: Final = folder / FILE
        self._clock = clock
        self._looked = float("-inf")
        self._stamp: tuple[int, ...] | None = None
        self._kept: Facts = {}
        self._unsaved: dict[Who, dict[str, Fact | None]] = {}
        self._made: dict[Who, Abilities] = {}
        self.tallies: Final[dict[Who, Tally]] = {}
        self._saving = False
        self.free()

    def free(self) -> None:
        """Start with locks that nobody holds, as a forked child must."""
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._saving = False

    def abilities(self, who: Who) -> Abilities:
        """What is known; None in each ability that nobody knows."""
        if self._clock() - self._looked > _BETWEEN_LOOKS:
            self._look()
        found = self._made.get(who)
        if found is None:
            with self._lock:
                values = {name: fact.value for name, fact in self.facts(who).items()}
                found = Abilities(**values) if values else _NOTHING  # type: ignore[arg-type] # checked when learnt or read
                self._made[who] = found
        return found

    def facts(self, who: Who) -> dict[str, Fact]:
        """The facts by the ability's name."""
        with self._lock:
            held = dict(self._kept.get(who, {}))
            _lay_over(held, self._unsaved.get(who, {}))
            return held

    def models(self, endpoint: str) -> set[str]:
        """The models of an endpoint of which anything is known."""
        if self._clock() - self._looked > _BETWEEN_LOOKS:
            self._look()
        with self._lock:
            both = [*self._kept, *self._unsaved]
        return {model for place, model in both if place == endpoint}

    def learn(self, who: Who, how: How, values: Mapping[str, Any]) -> None:
        """Note what is new, and see that the file is written; None is to forget."""
        self.abilities(who)
        at = now()
        with self._lock:
            held = self.facts(who)
            fresh = {
                name: None if value is None else Fact(value, how, at)
                for name, value in values.items()
                if _is_news(held.get(name), value, how, at)
            }
            if not fresh:
                return
            self._unsaved.setdefault(who, {}).update(fresh)
            self._made.pop(who, None)
        _tell(who[0])
        if is_worth_keeping(who):
            self._save_soon()

    def flush(self) -> None:
        """Write what is not in the file yet; the folder is made where there is none.

        Raises:
            ArtifactError: The file could not be written.
            Unusable: The folder is somebody else's, or open to everybody.
        """
        prepare_folder(self.path.parent)
        self._save()

    def _look(self) -> None:
        """Read the file where it is another one than at the last look."""
        with self._lock:
            self._looked = self._clock()
            stamp = _stamp_of(self.path)
            if stamp == self._stamp:
                return
            before = {who[0] for who in self._kept}
            self._stamp, self._kept = stamp, self._read()
            self._made.clear()
            after = {who[0] for who in self._kept}
        for endpoint in before | after:
            _tell(endpoint)

    def _read(self) -> Facts:
        try:
            return read_facts(self.path)
        except (OSError, Unreadable) as error:
            _log.warning(
                "weft: %s is passed over, and what it held is learnt anew: %s",
                self.path,
                error,
            )
            return {}

    def _save_soon(self) -> None:
        """Write in a thread: to reach the disk may take longer than a loop can wait."""
        with self._lock:
            if self._saving or not self.path.parent.is_dir():
                return
            self._saving = True
        # Not a daemon: the process waits for it before it ends.
        thread = threading.Thread(target=self._save_quietly, name="weft-known")
        try:
            thread.start()
        except RuntimeError:  # no thread is to be had: the interpreter ends
            self._save_quietly()

    def _save_quietly(self) -> None:
        try:
            self._save()
        except (ArtifactError, OSError) as error:
            _log.debug("weft: %s is not written: %s", self.path, error)
        finally:
            with self._lock:
                self._saving = False

    def _save(self) -> None:
        while self._save_once():
            pass  # something was learnt meanwhile

    def _save_once(self) -> bool:
        with self._writing, opening(self.path.parent):
            with self._lock:
                fresh = {who: dict(held) for who, held in self._unsaved.items()}
            if not any(map(is_worth_keeping, fresh)):
                return False
            merged = self._read()
            for who in filter(is_worth_keeping, fresh):
                _lay_over(merged.setdefault(who, {}), fresh[who])
            merged = {who: held for who, held in merged.items() if held}
            write_facts(self.path, merged)
            with self._lock:
                self._stamp, self._kept = _stamp_of(self.path), merged
                for who, held in fresh.items():
                    self._settle(who, held)
                self._made.clear()
                return any(map(is_worth_keeping, self._unsaved))

    def _settle(self, who: Who, saved: Mapping[str, Fact | None]) -> None:
        """Let go of what is in the file now, and of nothing that came later."""
        if not is_worth_keeping(who):
            return
        held = self._unsaved[who]
        for name, fact in saved.items():
            if held.get(name) == fact:
                del held[name]
        if not held:
            del self._unsaved[who]


def known(endpoint: str, model: str) -> Abilities:
    """What was learnt of a model at an endpoint; None in each ability nobody knows."""
    return _book().abilities((endpoint, model))


def facts(endpoint: str, model: str) -> Mapping[str, Fact]:
    """What was learnt, with how and when, by the ability's name."""
    book = _book()
    book.abilities((endpoint, model))
    return book.facts((endpoint, model))


def learn(endpoint: str, model: str, *, how: How = "seen", **abilities: Any) -> None:
    """Keep what an endpoint said of itself, refused, or did.

    What is known already costs nothing; what is new is written behind the caller's
    back. None makes an ability unknown again.

    Args:
        endpoint: Who answers, as requests name it.
        model: The model's name there.
        how: How it became known.
        abilities: Values by the names of `Abilities`.

    Raises:
        ConfigError: There is no such ability, or it cannot have that value.
    """
    for name, value in abilities.items():
        if name not in KINDS_OF_VALUES or not (value is None or is_value(value, name)):
            raise ConfigError(
                f"{name}={value!r} is no ability of an endpoint",
                hint="The names and types are those of Abilities",
            )
    _book().learn((endpoint, model), how, abilities)


def forget(endpoint: str, model: str) -> int:
    """Drop what was learnt of a model; gives the number of facts.

    Raises:
        ArtifactError: The file could not be written.
    """
    book = _book()
    dropped = facts(endpoint, model)
    book.learn((endpoint, model), "seen", dict.fromkeys(dropped))
    book.tallies.pop((endpoint, model), None)
    if dropped and book.path.exists():
        book.flush()
    return len(dropped)


def tally_of(endpoint: str, model: str) -> Tally:
    """What this process saw of a model's answers, until it is forgotten."""
    return _book().tallies.setdefault((endpoint, model), Tally())


def flush() -> Path:
    """Write what was learnt now, in a folder that is made for it; gives the file.

    Raises:
        ArtifactError: The file could not be written.
        Unusable: The folder is somebody else's, or open to everybody.
    """
    book = _book()
    book.flush()
    return book.path


def tell_slots(endpoint: str, slots: int) -> None:
    """Be told by the user how many calls an endpoint answers at once."""
    _told_slots[endpoint] = slots
    _tell(endpoint)


def slots_of(endpoint: str) -> int | None:
    """How many calls the endpoint answers at once: as told, or the most known."""
    if endpoint in _told_slots:
        return _told_slots[endpoint]
    book = _book()
    counts = [
        book.abilities((endpoint, model)).slots for model in book.models(endpoint)
    ]
    return max((count for count in counts if count is not None), default=None)


def watch(watching: Watching) -> None:
    """Have a function told the endpoint whenever something about one may be new."""
    _watching.append(watching)


def _tell(endpoint: str) -> None:
    for watching in _watching:
        watching(endpoint)


def _is_news(held: Fact | None, value: Any, how: How, at: str) -> bool:
    """Whether it is another value; or the same one, known otherwise or since long."""
    if held is None or value is None:
        return held is not value
    same = held.value == value and held.how == how
    return not same or held.at[:10] != at[:10]


def _lay_over(held: dict[str, Fact], fresh: Mapping[str, Fact | None]) -> None:
    """Lay what was learnt here over what is held, where that is not younger."""
    for name, fact in fresh.items():
        there = held.get(name)
        if fact is None:
            held.pop(name, None)
        elif there is None or there.at <= fact.at:
            held[name] = fact


def _stamp_of(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - a path's takes longer
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


_books: Final = PerProcess[str, Book](lambda place: Book(Path(place)), Book.free)


def _book() -> Book:
    """The book in the folder of the cache, as the environment names it now."""
    place = cache_place()
    return _books.get(place) or _books(place)

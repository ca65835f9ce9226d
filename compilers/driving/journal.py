"""The journal: every answer that a compile paid for, kept the moment it arrives.

An append-only text file, one `CRC32 JSON` record a line. A resumed compile is the same
compile again: it asks the same questions in the same order, and finds the journaled
answers. So nothing journaled is ever paid for twice, and a cleared cache changes
nothing. A torn last line (a kill in mid-write) is cut off before anything is appended;
damage elsewhere is an error that names the place. A checksum says that a record is
whole and not whose it is: each is held to its form, and a file that does not begin as
a journal of this run is left as it is.

What somebody said to the run stands there too, at the border between two rounds where
it was taken, and a border where nothing was said as well: a replay takes the same at
the same place, whatever is said later.

    {"run": {...}} {"forms": {...}}? ({"key": ..., "response": {...}} |
                                      {"key": ..., "withheld": ..., "because": ...} |
                                      {"border": 0, 1, ..., "orders": [...]})*
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, cast

from ...pipeline.calls.store import (
    WITHHELD,
    AnswerStore,
    MemoryCache,
    SharedStore,
    kept_answer,
)
from ...pipeline.errors import (
    CompileError,
    ConfigError,
    DivergenceError,
    JournalDamaged,
    ModelFailure,
)
from ...pipeline.ground import strictjson
from ...pipeline.ground.files import AppendLog, DamagedLine
from ...pipeline.ground.shapes import as_dict, is_dict
from ...pipeline.lm.as_json import response_to_json
from ...pipeline.lm.request import Response
from ...pipeline.run.bridge import in_thread
from ...pipeline.run.settings import current, entered
from .folder import require_free
from .orders import Taken, border_record, orders_at
from .records import line_of, record_of

_NAME = "journal.jsonl"
_KINDS = {kind.__name__: kind for kind in WITHHELD}
_KEY: Final = re.compile("[0-9a-f]{64}")


class Begun(NamedTuple):
    """What a run has from before, and how it goes on.

    Args:
        forms: The forms of reply that it began with, by module path.
        borders: The orders taken at each border that it has passed, in order.
        take: Journals those of the next border; they are on the disk when it returns.
    """

    forms: Mapping[str, str]
    borders: Sequence[Taken] = ()
    take: Callable[[Taken], None] = lambda _: None


@contextlib.contextmanager
def journaled(
    run_dir: str | Path | None,
    identity: Mapping[str, Any],
    forms: Mapping[str, str] | None = None,
) -> Generator[Begun]:
    """Keep every answer of a scope in `run_dir`; with None in the scope's cache.

    Where there is no cache either, in memory: a request that occurs again, such as that
    of a module before the edited one, is never paid for again in one compile.

    Args:
        run_dir: The run's folder; made where it is missing.
        identity: What the run is; a journal of another run is refused.
        forms: The forms of reply that it would begin with now, by module path.

    Yields:
        The forms that it began with, and the orders that it took.

    Raises:
        DivergenceError: The folder belongs to another program, data, metric, compiler,
            seed or model; the message names what differs.
        JournalDamaged: The journal is damaged before its last line.
        CompileError: Another process writes this journal now.
        ConfigError: The folder cannot be made or written to, or is somebody else's.
    """
    if run_dir is None:
        store = current().store
        kept = MemoryCache() if store is None else store
        with entered(replace(current(), cache=Journal(kept))):
            yield Begun(forms or {})
        return
    if not (Path(run_dir) / _NAME).exists():
        require_free(Path(run_dir))
    with _Lines(Path(run_dir)) as lines:
        begun, records = _begun(lines, identity, forms or {})
        journal = Journal(current().store, lines, (r for r in records if "key" in r))
        passed = [orders_at(r) for r in records if "border" in r]
        numbers = count(len(passed))

        def take(orders: Taken) -> None:
            lines.append(border_record(next(numbers), orders))

        with entered(replace(current(), cache=journal)):
            yield Begun(begun, tuple(passed), take)


def _begun(
    lines: _Lines, identity: Mapping[str, Any], forms: Mapping[str, str]
) -> tuple[Mapping[str, str], list[dict[str, Any]]]:
    """The forms that a run began with, and what it has since."""
    plain = strictjson.loads(strictjson.canonical(dict(identity)))
    records = lines.read({"run": plain})
    if records is None:
        lines.append({"run": plain})
        records = []
    if records and "forms" in records[0]:
        return records.pop(0)["forms"], records
    if records:
        return {}, records
    if forms:  # before anything is asked, also where a kill came in between
        lines.append({"forms": dict(forms)})
    return forms, records


class _Answer(NamedTuple):
    """What a request came to."""

    key: str
    came: Response | ModelFailure


class Journal(SharedStore):
    """The answers of one run, over whatever cache there is; those withheld among them.

    In a run a request is asked once, whatever came of it. Were a refusal asked for
    again, what is sent, and so what is spent, would hang on which of two equal calls
    came first.
    """

    def __init__(
        self,
        below: AnswerStore | None,
        lines: _Lines | None = None,
        records: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self._below, self._lines = below, lines
        self._answers: dict[str, Response] = {}
        self._withheld: dict[str, ModelFailure] = {}
        self._lock = threading.Lock()
        for record in records:
            key, came = _answer_of(record)
            if isinstance(came, Response):
                self._answers[key] = came
            else:
                self._withheld[key] = came
        self._written = {*self._answers, *self._withheld}

    def get(self, key: str) -> Response | None:
        """The journaled answer; else the cache's, journaled when it is used.

        Raises:
            ModelFailure: It was withheld before, in this run.
        """
        if key in self._answers:
            return self._answers[key]
        error = self._withheld.get(key)
        if error is not None:
            raise _KINDS[type(error).__name__](error.message)
        below = None if self._below is None else self._below.get(key)
        if below is not None:
            # Not paid for now, so nothing is lost that a cache does not hold.
            self._keep(key, below, sync=False)
        return below

    async def put(self, key: str, response: Response) -> None:
        """Journal an answer, then cache it."""
        if self._lines is not None:
            await in_thread(self._keep, key, response)
        if self._below is not None:
            await self._below.put(key, response)

    async def withhold(self, key: str, error: ModelFailure) -> None:
        """Keep a refusal for this run, for it was paid for; in another it is asked."""
        if self._lines is not None and self._is_first(key):
            name = type(error).__name__
            record = {"key": key, "withheld": name, "because": error.message}
            await in_thread(self._lines.append, record)
        self._withheld[key] = error

    async def claim(self, key: str, patience: float | None = None) -> Response | None:
        """Wait for the processes that have the same cache; what they bring is kept."""
        if not isinstance(self._below, SharedStore):
            return None
        found = await self._below.claim(key, patience)
        if found is not None:
            self._keep(key, found, sync=False)
        return found

    def release(self, key: str) -> None:
        """Let the processes that have the same cache have their turn."""
        if isinstance(self._below, SharedStore):
            self._below.release(key)

    def _keep(self, key: str, response: Response, *, sync: bool = True) -> None:
        if self._lines is not None and self._is_first(key):
            kept = replace(response, cached=False)
            record = {"key": key, "response": response_to_json(kept)}
            self._lines.append(record, sync=sync)
            self._answers[key] = replace(response, cached=True)

    def _is_first(self, key: str) -> bool:
        """Whether nobody writes what a request came to; then the caller does.

        Two models that are not equal may be asked the same at the same time, and what
        is journaled is one answer.
        """
        with self._lock:
            if key in self._written:
                return False
            self._written.add(key)
            return True


class _Lines:
    """The records in a run's file, in errors of a compile."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._log = AppendLog(self.path)
        except BlockingIOError:
            raise CompileError(
                f"another process is compiling in {folder} now",
                hint="Wait for it, or choose another run_dir",
            ) from None
        except OSError as error:
            raise ConfigError(
                f"the run_dir {str(folder)!r} cannot be written: {error.strerror}",
                hint="Name a folder that is yours",
            ) from None

    def read(self, header: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The records behind the header, after cutting off a torn last line.

        Args:
            header: The first record of this run.

        Returns:
            The records; None where there is no header yet.

        Raises:
            DivergenceError: It is the journal of another run; nothing is cut off.
            JournalDamaged: Another line is damaged or no record, or the file is no
                journal; nothing is cut off.
        """
        found = self._log.read(record_of, line_of(header))
        try:
            first = next(found, None)
            if first is None:
                return None
            if not is_dict(first.get("run")) or len(first) > 1:
                raise self._damaged("line 1 is no header of a journal")
            try:
                _refuse_other(first["run"], header["run"], self.path)
            except ValueError as error:
                raise self._damaged(f"line 1: {error}") from None
            return [*self._checked(found)]
        except DamagedLine as damaged:
            raise self._damaged(f"it is damaged at byte {damaged.byte}") from None

    def _checked(self, records: Iterable[dict[str, Any]]) -> Generator[dict[str, Any]]:
        """The records behind the header, each of its form."""
        known, borders = dict[str, dict[str, Any]](), 0
        for number, record in enumerate(records, 2):
            try:
                if number == 2 and "forms" in record:
                    _check_forms(record)
                    yield record
                    continue
                if "border" in record:
                    orders_at(record, borders)
                    borders += 1
                    yield record
                    continue
                key = _answer_of(record).key
            except ValueError as error:
                raise self._damaged(f"line {number} is no record: {error}") from None
            if known.setdefault(key, record) != record:
                raise self._damaged(f"line {number} answers a request once more")
            yield record

    def _damaged(self, why: str) -> JournalDamaged:
        return JournalDamaged(
            f"{self.path} cannot be resumed: {why}",
            hint="Restore it from a copy, or start anew in another run_dir",
        )

    def append(self, record: Mapping[str, Any], *, sync: bool = True) -> None:
        """Write a record; with `sync` it is on the disk when this returns.

        Raises:
            CompileError: It could not be written, or an earlier one could not; or it
                could not be read again.
        """
        try:
            if "key" in record:
                _answer_of(record)
            self._log.append(line_of(record), sync=sync)
        except ValueError as error:
            raise CompileError(
                f"an answer cannot be kept in {self.path}: {error}",
                hint="It is the model's: see what its complete() returns",
            ) from None
        except OSError as error:
            raise CompileError(
                f"{self.path} cannot be written: {error.strerror}",
                hint="Run it again once it can; nothing it holds is paid for twice",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()


def _answer_of(record: Mapping[str, Any]) -> _Answer:
    """What a record says of a request.

    Raises:
        ValueError: It has another form.
    """
    if "run" in record:
        raise ValueError("it is a header, as where two journals were put together")
    key, kind = record.get("key"), record.get("withheld")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError("the key is no digest of a request")
    if {*record} == {"key", "response"}:
        return _Answer(key, kept_answer(record["response"]))
    if {*record} != {"key", "withheld", "because"}:
        raise ValueError(f"it holds {', '.join(sorted(record))[:80]!r}")
    because = record["because"]
    said = isinstance(because, str) and strictjson.is_text(because)
    if not isinstance(kind, str) or kind not in _KINDS or not said:
        raise ValueError("it does not say why there is no answer")
    return _Answer(key, _KINDS[kind](because))


def _check_forms(record: Mapping[str, Any]) -> None:
    forms = record["forms"]
    if len(record) > 1 or not is_dict(forms):
        raise ValueError("it holds no forms by module path")
    for form in cast("dict[str, object]", forms).values():
        if not isinstance(form, str):
            raise ValueError(f"{form!r:.80} is no form")  # noqa: TRY004 - one error for a bad file


def _refuse_other(found: Any, wanted: dict[str, Any], path: Path) -> None:
    if found == wanted:
        return
    theirs = as_dict(found)
    both = dict.fromkeys((*wanted, *theirs))
    differing = [key for key in both if theirs.get(key) != wanted.get(key)]
    shown = "; ".join(
        f"{key} was {strictjson.canonical(theirs.get(key))}, "
        f"now {strictjson.canonical(wanted.get(key))}"
        for key in differing
    )
    raise DivergenceError(
        f"{path} belongs to another run: {shown}",
        hint="Choose another run_dir, or go back to what it was started with",
    )

"""`weft watch`: follow a compile that has a --run-dir; the run is only ever read."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..compilers.driving.index import FORMAT, LARGEST
from ..compilers.driving.index import NAME as INDEX
from ..pipeline.errors import ConfigError
from ..pipeline.ground.files import open_regular, read_bounded
from ..pipeline.ground.shapes import as_dict, is_dict, is_list
from ..pipeline.ground.strictjson import no_constant
from ..pipeline.ground.words import counted
from ..pipeline.lm.as_json import response_from_json
from ..pipeline.lm.prices import money
from ..pipeline.lm.request import Response
from ..pipeline.run.rows import live_block
from .output import Outcome, remark, say

_JOURNAL = "journal.jsonl"
_CHECKSUM = 9
_EVERY = 0.25
_TOLD_EVERY = 5.0
_PATIENCE = 10.0
_WIDE = 30
_LARGEST_FIGURE = 1e15
_LAST = ("end", "failed", "paused")
_WELL = ("ended", "paused")


def watch(arguments: argparse.Namespace) -> Outcome:
    """Draw the run as it goes on, or tell it in lines; end when it ends."""
    run = Run(Path(arguments.run_dir))
    _await_start(run, quiet=arguments.quiet)
    shown = bool(run.start) and not arguments.quiet and not arguments.json
    drawn, told = shown and sys.stdout.isatty(), _told(run)
    try:
        with live_block(shown=drawn) as draw:
            over = False
            while not over:
                over = run.over
                if over:
                    run.look()  # a process that is gone may have told its end before
                if drawn:
                    draw(picture(run))
                elif shown:
                    next(told)
                if not over:
                    time.sleep(_EVERY)
                    run.look()
    except KeyboardInterrupt:
        return Outcome("", run.data(), 130, "no longer watching; the run goes on")
    return Outcome(run.outcome, run.data(), 0 if run.state in _WELL else 1)


def _told(run: Run) -> Generator[None]:
    """Say what is new at each step, and every few seconds what was spent."""
    said, last = 0, 0.0
    say(run.title)
    while True:
        for event in run.events[said:]:
            if event.get("event") not in _LAST:  # the outcome says these
                say(f"{clock(event['at'] - run.start['at'])}  {in_words(event)}")
        said = len(run.events)
        if time.monotonic() - last > _TOLD_EVERY and not run.over:
            say(f"{clock(run.seconds)}  {run.spent}")
            last = time.monotonic()
        yield


def picture(run: Run) -> list[str]:
    """The block for a terminal: where it stands, what it took, its last rounds."""
    low, quoted, high = run.start.get("quoted", (0, 0, 0))
    # The budget may hold for less than was quoted, and then the run ends with it.
    expected = run.start.get("expected", quoted)
    share = min(1.0, run.answers / max(1, expected))
    bar = f"[{'#' * round(_WIDE * share):.<{_WIDE}}] {run.answers:,} answers"
    bar += f" of about {expected:,}" if expected < quoted else ""
    train, select, sealed = run.start.get("rows", (0, 0, 0))
    rounds = [in_words(event) for event in run.events][-8:]
    return [
        f"{run.title}  {clock(run.seconds)}",
        f"  {bar}; {quoted:,} calls quoted ({low:,} to {high:,})",
        f"  {run.tokens:,} tokens, {money(run.usd)}",
        f"  {counted(train, 'row')} to train, {select} to select, {sealed} sealed",
        *(f"  {line}" for line in rounds or ["trial run of the program as it is"]),
    ]


def _await_start(run: Run, *, quiet: bool) -> None:
    """Wait a little for a run that is about to start.

    Raises:
        ConfigError: There is none.
    """
    end = time.monotonic() + _PATIENCE
    if not run.begun:
        remark(f"waiting for a run in {run.folder}", quiet=quiet)
    while not run.begun:
        if time.monotonic() > end:
            refuse_unread(run)
            raise ConfigError(
                f"there is no run in {run.folder}",
                hint="Name the run_dir of a compile: weft compile --run-dir DIR",
            )
        time.sleep(_EVERY)
        run.look()


def refuse_unread(run: Run) -> None:
    """Refuse an index that is there, and that nobody here can read.

    Raises:
        ConfigError: There is one.
    """
    if run.unread:
        raise ConfigError(
            f"{run.folder / INDEX} is damaged, or of another edition of weft",
            hint="The same compile with this run_dir goes on, and writes it anew",
        )


class Tail:
    """The whole lines of a file that grows; read again where it was begun anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at: int = 0
        self._file: int = 0
        self._start: bytes = b""

    def lines(self) -> tuple[bool, list[bytes]]:
        """Whether the file was begun anew, and the lines since the last time."""
        try:
            with open_regular(self._path) as file:
                found = os.fstat(file.fileno())
                start = file.read(256)
                anew = found.st_size < self._at or found.st_ino != self._file
                # The first record holds a clock: another one is another start.
                anew = anew or not start.startswith(self._start)
                self._file = found.st_ino
                self._at = 0 if anew else self._at
                file.seek(self._at)
                whole, newline, _ = file.read().rpartition(b"\n")
        except OSError:  # not there yet; or no file, which no run makes
            return False, []
        self._start = start.partition(b"\n")[0]
        self._at += len(whole) + len(newline)
        return anew, whole.split(b"\n") if newline else []


@dataclass
class Run:
    """What is known of a run, from its index and its journal.

    Args:
        folder: Its run_dir.
        index: Its index, or empty where there is none, or none of this form.
        answers: Answers in the journal, of earlier starts too.
        tokens: Input and output tokens of these.
        usd: US dollars of these; None where a price is unknown.
    """

    folder: Path
    index: dict[str, Any] = field(default_factory=dict[str, Any])
    answers: int = 0
    tokens: int = 0
    usd: float | None = 0.0

    def __post_init__(self) -> None:
        self._journal = Tail(self.folder / _JOURNAL)
        self.look()

    def look(self) -> None:
        """Read what has come since the last time."""
        # The index first: what it says of the end, the journal has by then.
        self.index = index_in(self.folder) or self.index
        anew, lines = self._journal.lines()
        if anew:
            self.answers, self.tokens, self.usd = 0, 0, 0.0
        for line in lines:
            with contextlib.suppress(ValueError):  # another record, or none
                self._count(
                    response_from_json(_record(line[_CHECKSUM:]).get("response"))
                )

    @property
    def start(self) -> dict[str, Any]:
        """When and how it was started."""
        return as_dict(self.index.get("start"))

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened since, in order."""
        found: list[dict[str, Any]] = self.index.get("events", [])
        return found

    def _count(self, answer: Response) -> None:
        self.answers += 1
        if answer.usage is not None:
            self.tokens += answer.usage.input_tokens + answer.usage.output_tokens
        cost = answer.cost
        self.usd = None if cost is None or self.usd is None else self.usd + cost

    @property
    def begun(self) -> bool:
        """Whether there is anything of it."""
        return bool(self.start or self.answers)

    @property
    def unread(self) -> bool:
        """Whether there is an index that cannot be read, or is of another form."""
        return not self.index and (self.folder / INDEX).exists()

    @property
    def state(self) -> str:
        """running, verifying, paused, ended, failed; or gone where its process is."""
        state = str(self.index.get("state", ""))
        under_way = state in ("running", "verifying")
        return "gone" if under_way and not self._lives() else state

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("running", "verifying")

    @property
    def seconds(self) -> float:
        """Since the start; to the end where it is over."""
        last = self.events[-1] if self.events and self.state != "gone" else {}
        last = last if self.over else {}
        return max(0.0, float(last.get("at", time.time())) - float(self.start["at"]))

    @property
    def title(self) -> str:
        """Program, compiler and seed."""
        start = self.start
        words = f"{start.get('program')}: {start.get('compiler')}"
        more = f"seed {start.get('seed')}, budget {start.get('budget')}"
        return _in_a_line(f"{words}, {more}")

    @property
    def spent(self) -> str:
        """Answers, tokens and money so far."""
        return f"{self.answers:,} answers, {self.tokens:,} tokens, {money(self.usd)}"

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        if not self.start:
            why = "its index cannot be read" if self.unread else "it keeps no index"
            return f"{self.spent} in the journal; {why}"
        last = in_words(self.events[-1]) if self.events else ""
        if self.state == "ended":
            return f"{self.title}\n  {last}\n  {self.spent}, {clock(self.seconds)}"
        if self.state == "failed":
            return f"{self.title}\n  {last}"
        if self.state == "paused":
            return f"{self.title}\n  {last}\n  {self.spent}; the same compile goes on"
        return (
            f"{self.title}\n  its process is gone; the same compile with this run_dir "
            f"goes on from {self.answers:,} answers"
        )

    def data(self) -> Mapping[str, Any]:
        """All of it as JSON data."""
        names = ("state", "answers", "tokens", "usd")
        return {**self.index, **{name: getattr(self, name) for name in names}}

    def _lives(self) -> bool:
        """Whether the process runs; of another machine's nobody here can say."""
        pid = self.start.get("pid")
        asks = os.name != "nt"  # there signal 0 is Ctrl-C
        here = self.start.get("host") == socket.gethostname()
        if asks and here and isinstance(pid, int) and 0 < pid < 2**31:
            try:
                os.kill(pid, 0)  # signal 0 asks, and disturbs nothing
            except ProcessLookupError:
                return False
            except OSError:
                pass
        return True


def in_words(event: Mapping[str, Any]) -> str:
    """An event on one line, which a terminal can be trusted with."""
    match event.get("event"):
        case "round":
            best = event.get("best")
            rows = counted(str(event.get("rows")), "row")
            score = "not raced" if best is None else f"{100 * best:.1f} on {rows}"
            said = (
                f"round {event.get('number')}: best {score} of "
                f"{counted(str(event.get('candidates')), 'candidate')}, "
                f"{event.get('origin')}"
            )
        case "verify":
            said = f"verifying on {counted(str(event.get('rows')), 'sealed row')}"
        case "end":
            said = str(event.get("verdict"))
        case "failed":
            said = f"failed: {event.get('error')}"
        case "steered":
            taken = "; ".join(map(str, event.get("orders", ())))
            said = f"steered before round {event.get('number')}: {taken}"
        case "late":
            said = "; ".join(map(str, event.get("orders", ())))
        case "paused":
            said = str(event.get("why"))
        case other:
            said = str(other)
    return _in_a_line(said)


def _in_a_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(75)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def index_in(folder: Path) -> dict[str, Any]:
    """A run folder's index; empty where there is none, or none of this form."""
    try:
        found = _record(read_bounded(folder / INDEX, LARGEST))
    except (OSError, ValueError):
        return {}
    start, events, orders = (found.get(n) for n in ("start", "events", "orders"))
    candidates = found.get("candidates")
    if not (is_dict(start) and is_list(events) and is_list(orders)):
        return {}
    modules = start.get("modules", [])
    named = is_list(modules) and all(isinstance(path, str) for path in modules)
    whole = found.get("format") == FORMAT and is_list(candidates) and named
    figures = [start.get("at"), start.get("expected", 0)]
    for name in ("quoted", "rows"):
        three = start.get(name)
        whole = whole and is_list(three) and len(three) == 3
        figures += three if is_list(three) else []
    parts = [*events, *orders, *(candidates if is_list(candidates) else ())]
    whole = whole and all(map(_is_figure, figures)) and all(map(is_dict, parts))
    return found if whole and all(map(_is_event, events)) else {}


def _record(line: bytes | str) -> dict[str, Any]:
    try:
        data: object = json.loads(line, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return {}
    return data if is_dict(data) else {}


def _is_event(record: Mapping[str, Any]) -> bool:
    """Whether a record has the form that a run gives it."""
    best, orders = record.get("best"), record.get("orders", [])
    figures = [record.get("at"), 0 if best is None else best]
    named = isinstance(record.get("event"), str) and is_list(orders)
    return named and all(map(_is_figure, figures))


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < _LARGEST_FIGURE

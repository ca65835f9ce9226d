"""A run as far as its folder tells: its journal and its progress, read as they grow."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ..compilers.driving.progress import NAME as PROGRESS
from ..pipeline.lm.prices import money

_JOURNAL = "journal.jsonl"
_CHECKSUM = 9


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
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                start = file.read(256)
                anew = found.st_size < self._at or found.st_ino != self._file
                # The first record holds a clock: another one is another start.
                anew = anew or not start.startswith(self._start)
                self._file = found.st_ino
                self._at = 0 if anew else self._at
                file.seek(self._at)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return False, []
        self._start = start.partition(b"\n")[0]
        self._at += len(whole) + len(newline)
        return anew, whole.split(b"\n") if newline else []


@dataclass
class Run:
    """What is known of a run.

    Args:
        folder: Its run_dir.
        start: The first record of its progress.
        events: The later ones, in order.
        answers: Answers in the journal, of earlier starts too.
        tokens: Input and output tokens of these.
        usd: US dollars of these; None where a price is unknown.
    """

    folder: Path
    start: dict[str, Any] = field(default_factory=dict[str, Any])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    answers: int = 0
    tokens: int = 0
    usd: float | None = 0.0

    def __post_init__(self) -> None:
        self._progress = Tail(self.folder / PROGRESS)
        self._journal = Tail(self.folder / _JOURNAL)
        self.look()

    def look(self) -> None:
        """Read what has come since the last time."""
        # The progress first: what it says of the end, the journal has by then.
        anew, lines = self._progress.lines()
        if anew:
            self.start, self.events = {}, []
        records = [record for line in lines if (record := _record(line))]
        if records and not self.start:
            self.start, records = records[0], records[1:]
        self.events += records
        anew, lines = self._journal.lines()
        if anew:
            self.answers, self.tokens, self.usd = 0, 0, 0.0
        for line in lines:
            self._count(_record(line[_CHECKSUM:]).get("response"))

    @property
    def state(self) -> str:
        """start, round, verify, end, failed; or gone where its process is."""
        last = str(self.events[-1].get("event")) if self.events else "start"
        gone = last not in ("end", "failed") and bool(self.start) and not self._lives()
        return "gone" if gone else last

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("end", "failed", "gone") or not self.start

    @property
    def seconds(self) -> float:
        """Since the start; to the end where it is over."""
        last = self.events[-1] if self.state in ("end", "failed") else {}
        return max(0.0, float(last.get("at", time.time())) - float(self.start["at"]))

    @property
    def title(self) -> str:
        """Program, compiler and seed."""
        start = self.start
        words = f"{start.get('program')}: {start.get('compiler')}"
        return f"{words}, seed {start.get('seed')}, budget {start.get('budget')}"

    @property
    def spent(self) -> str:
        """Answers, tokens and money so far."""
        return f"{self.answers:,} answers, {self.tokens:,} tokens, {money(self.usd)}"

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        if not self.start:
            return f"{self.spent} in the journal; this run keeps no progress"
        last = self.events[-1] if self.events else {}
        if self.state == "end":
            return (
                f"{self.title}\n  {told(last)}\n  {self.spent}, {clock(self.seconds)}"
            )
        if self.state == "failed":
            return f"{self.title}\n  {told(last)}"
        return (
            f"{self.title}\n  its process is gone; the same compile with this run_dir "
            f"goes on from {self.answers:,} answers"
        )

    def data(self) -> Mapping[str, Any]:
        """All of it as JSON data."""
        return {
            "state": self.state,
            "start": self.start,
            "events": self.events,
            "answers": self.answers,
            "tokens": self.tokens,
            "usd": self.usd,
        }

    def _lives(self) -> bool:
        """Whether the process runs; of another machine's nobody here can say."""
        pid = self.start.get("pid")
        if self.start.get("host") != socket.gethostname() or not isinstance(pid, int):
            return True
        try:
            os.kill(pid, 0)  # signal 0 asks, and disturbs nothing
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True

    def _count(self, response: object) -> None:
        if not isinstance(response, dict):
            return
        answer = cast("dict[str, Any]", response)
        self.answers += 1
        self.tokens += sum((answer.get("usage") or (0, 0))[:2])
        cost = answer.get("cost")
        self.usd = None if cost is None or self.usd is None else self.usd + cost


def told(event: Mapping[str, Any]) -> str:
    """An event in words, on one line that a terminal can be trusted with."""
    return "".join(c if c.isprintable() else " " for c in _words(event))


def _words(event: Mapping[str, Any]) -> str:
    match event.get("event"):
        case "round":
            best = event.get("best")
            score = "not raced" if best is None else f"{100 * best:.1f}"
            return (
                f"round {event.get('number')}: best {score} on {event.get('rows')} "
                f"rows of {event.get('candidates')} candidates, {event.get('origin')}"
            )
        case "verify":
            return f"verifying on {event.get('rows')} sealed rows"
        case "end":
            return str(event.get("verdict"))
        case "failed":
            return f"failed: {event.get('error')}"
        case other:
            return str(other)


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(75)
    '1:15'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _record(line: bytes) -> dict[str, Any]:
    try:
        data: object = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}

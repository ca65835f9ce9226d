"""The index of a run folder: how the run stands, and what is where.

One JSON object in `index.json`, replaced in one step at each event, so that whoever
reads it finds a whole one; `report.html` shows the same until the report itself takes
its place. Nothing reads it back, and where it cannot be written the compile goes on
without it. So clocks and process ids may stand in it.

    state       running, verifying, paused, ended or failed
    start       when, which process, program, modules, compiler, seed, budget, rows
    candidates  those of the archive, best first, and behind them those under way
    events      round, steered, verify, late, paused, end or failed, each with its time
    orders      what weft steer said, with the border at which it was taken

At the end, `review.json` holds what the winner answered, with its prompts; `weft
review` serves it beside the report. Sealed rows are not in it: a person's notes on them
would be the first thing the next compile is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ...pipeline.errors import ArtifactError, Paused
from ...pipeline.ground import strictjson
from ...pipeline.ground.files import write_whole
from ...pipeline.ground.pages import drawn
from ...pipeline.measure.evaluate import Evaluation
from ..changes import changes
from ..front import front_of
from ..report import Report
from ..search.candidate import Candidate
from ..search.cost import Quote
from ..search.task import Task
from ..tried import Tried, tried
from .folder import FILES, PRIVATE, RunFolder

NAME: Final = "index.json"
FORMAT: Final = 1
LARGEST: Final = 2**26
"""Bytes of an index that are read."""
_REVIEW: Final = "review.json"
_PAGE: Final = "report.html"


class Index:
    """The index of one run; without a run_dir nothing is kept."""

    def __init__(self, run_dir: str | Path | None, task: Task) -> None:
        self._place = None if run_dir is None else Path(run_dir)
        self._task = task
        self.folder: RunFolder | None = None
        self._tried = list[Tried]()
        self._front = list[str]()
        self._start: Mapping[str, Any] = {}
        self._events = list[dict[str, Any]]()
        self._state = "running"
        self.orders: Sequence[Mapping[str, Any]] = ()
        """What was said to the run, as `Steering` has it."""

    def begin(self, quote: Quote, about: Mapping[str, Any]) -> None:
        """Begin the folder and its index anew."""
        if self._place is None:
            return
        task, split = self._task, self._task.split
        parts = (split.train, split.select, split.sealed)
        self._start = {
            "at": time.time(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "program": task.program.name,
            "modules": list(task.program.modules),
            "quoted": list(quote.calls),
            "quote": {name: list(row) for name, row in quote.accounts.items()},
            "expected": quote.within(task.allowance.ledger.remaining()),
            "budget": str(task.allowance.ledger.budget),
            "rows": [len(rows) for rows in parts],
            **about,
        }
        self.folder = RunFolder(self._place, task, changes)
        task.follower = self
        self.met([Candidate()])

    def met(self, candidates: Sequence[Candidate]) -> None:
        """As a `Follower`: candidates get a file, and a line in the index."""
        if self.folder is None:
            return
        before = len(self.folder.known)
        self.folder.met(candidates)
        if len(self.folder.known) > before:
            self._write()

    def bought(self, cells: Sequence[tuple[str, str]]) -> None:
        """As a `Follower`: cells get a line in the files of the folder."""
        if self.folder is not None:
            self.folder.bought(cells)

    def find(self, candidate: str) -> Candidate | None:
        """A candidate that was met, by its id."""
        known = self.folder.known if self.folder else {}
        return known.get(candidate)

    def tell(self, event: str, *, state: str = "", **facts: Any) -> None:
        """Add an event, and replace the index."""
        if self.folder is None:
            return
        self._events.append({"event": event, "at": time.time(), **facts})
        self._state = state or self._state
        self._tried = tried(self._task)
        points = front_of(self._task, self._task.archive)
        self._front = [point.id for point in points]
        self._write()

    def after(self, keep: Callable[[Candidate], None]) -> Callable[[Candidate], None]:
        """`keep`, and an event of the round that led to the candidate."""

        def kept(best: Candidate) -> None:
            keep(best)
            self.met(self._task.archive)
            scores = self._task.scores(best, self._task.rows)
            self.tell(
                "round",
                number=self._task.number,
                candidates=len(self._task.archive),
                best=sum(scores) / len(scores) if scores else None,
                rows=len(scores),
                origin=best.origin,
                calls=self._task.spent,
            )

        return kept

    def end(self, report: Report) -> None:
        """The outcome, and the winner's answers to rows that may be looked at."""
        if self.folder is None:
            return
        self.folder.unsealed()
        self.tell(
            "end",
            state="ended",
            verdict=report.verdict,
            improved=report.improved,
            seed_score=report.seed_score.mean,
            score=report.score.mean,
            calls=report.calls,
            sent=report.sent,
            tokens=report.tokens,
            usd=report.usd,
            stopped=report.stopped,
        )
        task, best = self._task, report.winner
        found = task.results(best, (*task.split.select, *task.split.train))
        self._keep(_PAGE, report.to_html(review=str(self._place) if found else ""))
        if found:
            score = report.score
            answers = Evaluation(
                score.program, score.metric, tuple(found), 0.0, score.seed
            )
            self._keep(_REVIEW, answers.to_json(prompts=True))

    def describe(self) -> dict[str, Any]:
        """All of it as plain JSON data."""
        known = self.folder.known if self.folder else {}
        raced = {line.id for line in self._tried}
        # Those under way were met, and no round has ended with them yet.
        under_way = (c for c in known.values() if c.id not in raced)
        lines = [
            {**asdict(line), "by": known[line.id].by if line.id in known else ""}
            for line in (
                *self._tried,
                *(Tried(c.id, c.origin, None, 0, c.parent) for c in under_way),
            )
        ]
        return {
            "format": FORMAT,
            "state": self._state,
            "at": time.time(),
            "start": self._start,
            "round": self._task.number,
            "best": self._tried[0].id if self._tried else "",
            "front": self._front,
            "candidates": lines,
            "accounts": self._task.allowance.spend(),
            "orders": list(self.orders),
            "events": self._events,
            "untraced": self.folder.untraced if self.folder else 0,
            "files": FILES,
        }

    def _write(self) -> None:
        data = self.describe()
        text = json.dumps(data, ensure_ascii=False, indent=1, default=repr)
        self._keep(NAME, f"{text}\n")
        if self._state != "ended":
            self._keep(_PAGE, drawn("run", data))

    def _keep(self, name: str, text: str) -> None:
        if self._place is not None:
            with contextlib.suppress(ArtifactError):
                write_whole(self._place / name, strictjson.escaped(text), PRIVATE)


@contextlib.contextmanager
def indexed(
    run_dir: str | Path | None, task: Task, quote: Quote, about: Mapping[str, Any]
) -> Generator[Index]:
    """The index of a scope: its start, and why it ended if it ends before its end."""
    index = Index(run_dir, task)
    index.begin(quote, about)
    try:
        yield index
    except Paused as pause:
        index.tell("paused", state="paused", why=pause.message)
        raise
    except (KeyboardInterrupt, asyncio.CancelledError):
        said = "it was interrupted; the same compile with this run_dir goes on"
        index.tell("failed", state="failed", error=said)
        raise
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
        index.tell("failed", state="failed", error=said)
        raise

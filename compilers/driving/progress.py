"""Progress: what a compile with a run_dir tells to whoever watches it.

One JSON record a line in `progress.jsonl`, beside the journal and no part of it: it is
begun anew with each start, nothing ever reads it back, and where it cannot be written
the compile goes on without it. So clocks and process ids may stand in it.

    {"event": "start", ...} {"event": "round", ...}* {"event": "verify", ...}
    {"event": "end", ...} or {"event": "failed", ...}

At the end, `report.html` holds the report's page, and `review.json` what the winner
answered, with its prompts; `weft review` serves both. Sealed rows are not in the
latter: a person's notes on them would be the first thing the next compile is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...pipeline.errors import ArtifactError
from ...pipeline.ground.files import AppendLog, write_whole
from ...pipeline.measure.evaluate import Evaluation
from ..search.candidate import Candidate
from ..search.cost import Quote
from ..search.task import Task

if TYPE_CHECKING:
    from ..report import Report

NAME = "progress.jsonl"
_REVIEW = "review.json"
_PAGE = "report.html"


class Progress:
    """The records of one run; without a run_dir nothing is kept."""

    def __init__(self, run_dir: str | Path | None, task: Task) -> None:
        self._folder = None if run_dir is None else Path(run_dir)
        self._task = task

    def tell(self, event: str, *, anew: bool = False, **facts: Any) -> None:
        """Append a record, or begin the file with it."""
        if self._folder is None:
            return
        record = json.dumps({"event": event, "at": time.time(), **facts}, default=repr)
        path = self._folder / NAME
        with contextlib.suppress(OSError, ArtifactError):
            if anew:  # a new file takes the name: what had it, a link too, stays whole
                write_whole(path, f"{record}\n", 0o600)
                return
            with AppendLog(path, patience=0.0) as log:
                log.append(record.encode() + b"\n")

    def after(self, keep: Callable[[Candidate], None]) -> Callable[[Candidate], None]:
        """`keep`, and a record of the round that led to the candidate."""

        def kept(best: Candidate) -> None:
            keep(best)
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
        if self._folder is None:
            return
        self._keep_answers(report)
        self.tell(
            "end",
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

    def _keep_answers(self, report: Report) -> None:
        task, best = self._task, report.winner
        open_rows = (*task.split.select, *task.split.train)
        found = task.results(best, open_rows)
        self._keep(_PAGE, report.to_html(review=str(self._folder) if found else ""))
        if not found:
            return
        score = report.score
        answers = Evaluation(score.program, score.metric, tuple(found), 0.0, score.seed)
        self._keep(_REVIEW, answers.to_json(prompts=True))

    def _keep(self, name: str, text: str) -> None:
        if self._folder is not None:
            with contextlib.suppress(ArtifactError):
                write_whole(self._folder / name, text)


@contextlib.contextmanager
def progress_in(
    run_dir: str | Path | None, task: Task, quote: Quote, about: Mapping[str, Any]
) -> Generator[Progress]:
    """The progress of a scope: its start, and its failure if it fails."""
    progress = Progress(run_dir, task)
    split, budget = task.split, task.allowance.ledger.budget
    progress.tell(
        "start",
        anew=True,
        pid=os.getpid(),
        host=socket.gethostname(),
        program=task.program.name,
        quoted=list(quote.calls),
        expected=quote.within(task.allowance.ledger.remaining()),
        budget=str(budget),
        rows=[len(split.train), len(split.select), len(split.sealed)],
        **about,
    )
    try:
        yield progress
    except BaseException as error:
        progress.tell("failed", error=f"{type(error).__name__}: {error}")
        raise

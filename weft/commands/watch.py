"""`weft watch`: follow a compile that has a --run-dir; the run is only ever read."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from ..pipeline.errors import ConfigError
from ..pipeline.lm.prices import money
from .following import Run, clock, told
from .output import Outcome, remark, say

_EVERY = 0.25
_TOLD_EVERY = 5.0
_PATIENCE = 10.0
_WIDE = 30


def command(arguments: argparse.Namespace) -> Outcome:
    """Draw the run as it goes on, or tell it in lines; end when it ends."""
    run = Run(Path(arguments.folder))
    _await_start(run, quiet=arguments.quiet)
    shown = not arguments.quiet and not arguments.json
    screen = Screen(drawn=shown and sys.stdout.isatty(), told=shown)
    try:
        while not run.over:
            screen.show(run)
            time.sleep(_EVERY)
            run.look()
        run.look()  # a process that is gone may have told its end just before
    except KeyboardInterrupt:
        return Outcome("", run.data(), 130, "no longer watching; the run goes on")
    screen.show(run)
    screen.clear()
    return Outcome(run.outcome, run.data(), 0 if run.state == "end" else 1)


class Screen:
    """A block that is drawn over itself on a terminal; elsewhere plain lines."""

    def __init__(self, *, drawn: bool, told: bool) -> None:
        self._drawn = drawn
        self._told = told
        self._height = 0
        self._lines = 0
        self._last = 0.0

    def show(self, run: Run) -> None:
        """Show how the run stands."""
        if self._drawn:
            self._draw(run)
        elif self._told and run.start:
            self._tell(run)

    def clear(self) -> None:
        """Take the block away; what stays is the outcome."""
        if self._height:
            sys.stdout.write(f"\x1b[{self._height}A\x1b[J")
            self._height = 0

    def _draw(self, run: Run) -> None:
        lines = picture(run) if run.start else []
        self.clear()
        wide = shutil.get_terminal_size().columns
        sys.stdout.write("".join(f"{line[: wide - 1]}\n" for line in lines))
        sys.stdout.flush()
        self._height = len(lines)

    def _tell(self, run: Run) -> None:
        if not self._last:
            say(run.title)
        for event in run.events[self._lines :]:
            if event.get("event") not in ("end", "failed"):  # the outcome says these
                say(f"{clock(event['at'] - run.start['at'])}  {told(event)}")
        self._lines = len(run.events)
        if time.monotonic() - self._last > _TOLD_EVERY and not run.over:
            say(f"{clock(run.seconds)}  {run.spent}")
            self._last = time.monotonic()


def picture(run: Run) -> list[str]:
    """The block for a terminal: where it stands, what it took, its last rounds."""
    start = run.start
    low, expected, high = start.get("quoted", (0, 0, 0))
    share = min(1.0, run.answers / max(1, expected))
    bar = f"{'#' * round(_WIDE * share):.<{_WIDE}}"
    quoted = f"{expected:,} calls quoted ({low:,} to {high:,})"
    train, select, sealed = start.get("rows", (0, 0, 0))
    rounds = [told(event) for event in run.events][-8:]
    return [
        f"{run.title}  {clock(run.seconds)}",
        f"  [{bar}] {run.answers:,} answers; {quoted}",
        f"  {run.tokens:,} tokens, {money(run.usd)}",
        f"  {train} rows to train, {select} to select, {sealed} sealed",
        *(f"  {line}" for line in rounds or ["trial run of the program as it is"]),
    ]


def _await_start(run: Run, *, quiet: bool) -> None:
    """Wait a little for a run that is about to start.

    Raises:
        ConfigError: There is none.
    """
    end = time.monotonic() + _PATIENCE
    if not run.start and not run.answers:
        remark(f"waiting for a run in {run.folder}", quiet=quiet)
    while not run.start and not run.answers:
        if time.monotonic() > end:
            raise ConfigError(
                f"there is no run in {run.folder}",
                hint="Name the run_dir of a compile: weft compile --run-dir DIR",
            )
        time.sleep(_EVERY)
        run.look()

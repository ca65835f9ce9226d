"""`weft steer`: say something to a compile under way, or to one that will go on."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..compilers.driving.orders import Order, place
from ..pipeline.errors import ConfigError, did_you_mean
from .output import Outcome
from .watch import Run

_LEAST = 4
"""Digits of an id that may stand for all twelve, where no other begins so."""


def steer(arguments: argparse.Namespace) -> Outcome:
    """Append an order to a run's file; the run takes it before its next round.

    Raises:
        ConfigError: There is no run that could take it, or it names what the run has
            not.
    """
    run = Run(Path(arguments.run_dir))
    _refuse_over(run)
    order = _order(run, arguments)
    given = place(run.folder, order)
    running = run.state == "running"
    when = "before its next round" if running else "when the same compile goes on"
    text = f"{given}\n  taken {when}; weft watch {run.folder} tells of it"
    return Outcome(text, {**given.record, "state": run.state})


def _refuse_over(run: Run) -> None:
    """Refuse a folder of no run, and a run that reads nothing more."""
    if not run.index:
        raise ConfigError(
            f"there is no run to steer in {run.folder}",
            hint="Name the run_dir of a compile that has begun: weft compile "
            "--run-dir DIR",
        )
    if run.state in ("ended", "verifying"):
        what = "has ended" if run.state == "ended" else "is verifying its result"
        raise ConfigError(
            f"the run in {run.folder} {what}: no round is left that could be steered",
            hint="best.weft.json in it is its best; a new compile from there begins "
            "with another --run-dir",
        )


def _order(run: Run, arguments: argparse.Namespace) -> Order:
    if arguments.module and arguments.hint is None:
        raise ConfigError(
            "--module says whom a hint is for", hint="Write it beside --hint"
        )
    if arguments.pause:
        if run.state != "running":
            raise ConfigError(
                f"the run in {run.folder} is not running: its state is {run.state!r}",
                hint="The same compile with this run_dir goes on, and can be paused "
                "then",
            )
        return Order("pause")
    if arguments.branch is not None:
        return Order("branch", candidate=_candidate(run, arguments.branch))
    modules = [str(path) for path in run.start.get("modules", ())]
    if arguments.module and arguments.module not in modules:
        raise ConfigError(
            f"the program of this run has no module {arguments.module!r}",
            hint=did_you_mean(arguments.module, modules),
        )
    try:
        return Order("hint", text=arguments.hint, module=arguments.module or "")
    except ValueError as error:
        raise ConfigError(
            f"--hint cannot be taken: {error}", hint="Say it in a few sentences"
        ) from None


def _candidate(run: Run, named: str) -> str:
    """The id of a candidate of the run, which its first digits may stand for."""
    ids = [str(line.get("id")) for line in run.index["candidates"]]
    alike = [one for one in ids if one.startswith(named) and len(named) >= _LEAST]
    if named in ids or len(alike) == 1:
        return named if named in ids else alike[0]
    which = "more than one candidate" if alike else "no candidate"
    raise ConfigError(
        f"the run in {run.folder} has {which} {named!r}",
        hint=f"{run.folder}/index.json lists them. {did_you_mean(named, ids)}",
    )

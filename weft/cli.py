"""The command `weft`: the library's main verbs, for shells and scripts.

Results go to stdout and everything else to stderr, so that a pipe holds only what was
asked for. The words of the command line stand in `commands/words*.py`; what each
command does stands beside them, imported when it is needed: `weft --help` is quick.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import __version__
from .commands import (
    words_files,
    words_running,
    words_tools,
    words_traces,
    words_versions,
)
from .commands.parsing import Parser
from .commands.words import TARGET

if TYPE_CHECKING:
    from .commands.output import Outcome
    from .pipeline.errors import WeftError


_ABOUT = f"""\
Compile language-model programs: typed, measured, reproducible.

{TARGET}

The model is a module's own, else --model, else the target's default, else WEFT_LM."""

_EXITS = """\
exit codes:
  0    done
  1    an error while running: a model, a step, the budget, a compile, failed rows;
       what check, verify and cache verify found; diff: the two differ
  2    wrong usage or set-up; nothing was paid for
  3    compile --require-gain found no improvement, --fail-under was not reached
  130  interrupted

Results go to stdout, progress and remarks to stderr. WEFT_DEBUG=1 shows tracebacks."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give back its exit code.

    Args:
        argv: The words after `weft`; those of this process by default.

    Raises:
        SystemExit: argparse refuses the words, or printed its help.
    """
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read the results has enough. Python would complain at its exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        if os.environ.get("WEFT_DEBUG") == "1":
            raise
        return _unwritable(error)
    except KeyboardInterrupt:
        _note(f"weft: interrupted; {_kept(arguments)}")
        if argv is None:
            # A step that blocks would hold Python's own exit for as long as it likes.
            os._exit(130)
        return 130


def _unwritable(error: OSError) -> int:
    """Tell of a full disk, or of a folder that is not ours, and give the exit code."""
    where = f"{error.filename}: " if error.filename else ""
    _note(f"weft: {where}{error.strerror or error}")
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    remedy = "Make room" if full else "Name a place that can be read and written"
    _note(f"  {remedy}, and run it again; answers that came back are in the cache")
    return 1


def _run(arguments: argparse.Namespace) -> int:
    from .pipeline import errors  # noqa: PLC0415 - not for --help

    try:
        outcome: Outcome = arguments.command(arguments)
    except errors.WeftError as error:
        if os.environ.get("WEFT_DEBUG") == "1":
            raise
        return _failed(error, as_json=arguments.json)
    _print(_document(outcome.data) if arguments.json else outcome.text)
    for line in [] if arguments.quiet else outcome.remark.splitlines():
        _note(f"weft: {line}")
    return outcome.code


def _failed(error: WeftError, *, as_json: bool) -> int:
    from .pipeline.errors import SetupError  # noqa: PLC0415 - not for --help

    code = 2 if isinstance(error, SetupError) else 1
    _note(f"weft: {error.message}")
    if error.hint:
        _note(f"  {error.hint}")
    if as_json:
        what = {"type": type(error).__name__, "retryable": error.retryable}
        _print(
            _document({"error": {**what, "message": error.message, "hint": error.hint}})
        )
    return code


def _document(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def _print(text: str) -> None:
    if text:
        print(text)
        sys.stdout.flush()


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# The words ----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="weft", description=_ABOUT, epilog=_EXITS)
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    words_running.add(commands)
    words_files.add(commands)
    words_versions.add(commands)
    words_tools.add(commands)
    words_traces.add(commands)
    return parser


def _kept(arguments: argparse.Namespace) -> str:
    """Where the answers are that came back before a run was interrupted."""
    folder = getattr(arguments, "run_dir", None)
    if folder is None:
        return "answers that came back are in the cache"
    return f"the same command goes on from what is in {folder}"

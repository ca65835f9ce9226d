"""The command `weft`: the library's main verbs, for shells and scripts.

Results go to stdout and everything else to stderr, so that a pipe holds only what was
asked for. The words of the command line stand in `commands/table.py`.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from .commands.table import COMMANDS, TARGET, add_command, function_of

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
  3    compile --require-gain found no improvement, --fail-under was not reached, a gate
       was not passed
  130  interrupted

Results go to stdout, progress and remarks to stderr. WEFT_DEBUG=1 shows tracebacks."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give back its exit code.

    Args:
        argv: The words after `weft`; those of this process by default.

    Raises:
        SystemExit: argparse refuses the words, or printed its help.
    """
    _open_streams()
    out: Any = sys.stdout
    if isinstance(out, io.TextIOWrapper) and (
        out.errors == "strict"
        or (out.errors == "surrogateescape" and "utf" not in out.encoding.lower())
    ):
        # A shell whose encoding lacks a character gets another one, and no traceback;
        # under the locale "C", Python lets pass what was no character, and no other.
        out.reconfigure(errors="replace")
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


def _open_streams() -> None:
    """Lead nowhere what a shell has closed, as `>&-` does.

    Python has no stream there then, and the next file that is opened takes its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode)  # noqa: SIM115 - as long as we run
            setattr(sys, name, nowhere)


def _unwritable(error: OSError) -> int:
    """Tell of a full disk, or of a folder that is not ours, and give the exit code."""
    where = f"{error.filename}: " if error.filename else ""
    _note(f"weft: {where}{error.strerror or error}")
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    remedy = "Make room" if full else "Name a place that can be read and written"
    _note(f"  {remedy}, and run it again; answers that came back are in the cache")
    return 1


def _run(arguments: argparse.Namespace) -> int:
    from .commands.files import refuse_loss  # noqa: PLC0415 - not for --help
    from .commands.output import shown  # noqa: PLC0415 - not for --help
    from .pipeline import errors  # noqa: PLC0415 - not for --help

    try:
        refuse_loss(arguments)
        outcome: Outcome = function_of(arguments.command)(arguments)
    except errors.WeftError as error:
        if os.environ.get("WEFT_DEBUG") == "1":
            raise
        return _failed(error, as_json=arguments.json)
    _print(_document(outcome.data) if arguments.json else shown(outcome.text))
    for line in [] if arguments.quiet else outcome.remark.splitlines():
        _note(f"weft: {line}")
    return outcome.code


def _failed(error: WeftError, *, as_json: bool) -> int:
    from .pipeline.errors import SetupError  # noqa: PLC0415 - not for --help

    code = 2 if isinstance(error, SetupError) else 1
    _note(f"weft: {error.message}")
    if said := error.hint or _place(error):
        _note(f"  {said}")
    if as_json:
        what = {"type": type(error).__name__, "retryable": error.retryable}
        _print(
            _document({"error": {**what, "message": error.message, "hint": error.hint}})
        )
    return code


def _place(error: WeftError) -> str:
    """The line of somebody's own code that raised, or empty."""
    cause, ours = error.__cause__, str(Path(__file__).parent)
    frames = traceback.extract_tb(cause.__traceback__) if cause is not None else ()
    own = [frame for frame in frames if not frame.filename.startswith(ours)]
    if not own:
        return ""
    at = f"{own[-1].filename}:{own[-1].lineno}"
    return f"At {at}: {own[-1].line}. WEFT_DEBUG=1 shows the traceback"


def _document(data: Any) -> str:
    from .commands.output import json_text  # noqa: PLC0415 - not for --help

    return json_text(data, indent=1)


def _print(text: str) -> None:
    if text:
        print(text)
        sys.stdout.flush()


def _note(text: str) -> None:
    from .pipeline.ground.words import for_terminal  # noqa: PLC0415 - not for --help

    print(for_terminal(text), file=sys.stderr, flush=True)


def _kept(arguments: argparse.Namespace) -> str:
    """Where the answers are that came back before a run was interrupted."""
    if arguments.command in {"take-eval", "interview"}:
        return "the same command goes on from what was typed"
    folder = getattr(arguments, "run_dir", None)
    if folder is None:
        return "answers that came back are in the cache"
    return f"the same command goes on from what is in {folder}"


# The words ----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="weft", description=_ABOUT, epilog=_EXITS)
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        add_command(name, commands)
    return parser


_CHOICE = re.compile(
    r"(?:argument (.*): )?invalid choice: '?(.*?)'? \(choose from (.*)\)"
)
# Options that people try, where spelling does not lead to the one that is meant.
_MEANT = {
    "--resume": "The same --run-dir goes on where it was.",
    "--lm": "Write --model.",
    "--input": "Write --set name=value.",
    "--trainset": "Write --data.",
    "--train": "Write --data.",
    "--valset": "Write --val.",
    "--devset": "Write --data.",
    "--num-threads": "Write --concurrency.",
    "--optimizer": "Write --compiler.",
    "--output": "Write --out.",
}


class _Parser(argparse.ArgumentParser):
    """argparse's parser; what it refuses is told in two lines, with the remedy."""

    def __init__(self, **given: Any) -> None:
        given.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **given)

    def parse_known_args(  # type: ignore[override]  # it has overloads for namespaces
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does; what is left over is refused here, where options are known.

        Raises:
            SystemExit: A word is unknown, missing or wrong; the exit code is 2.
        """
        found, left = super().parse_known_args(args, namespace)
        if left:
            options = [name for a in self._actions for name in a.option_strings]
            kind = "option" if left[0].startswith("-") else "word"
            self._refuse(f"there is no {kind} {left[0]!r}", left[0], options)
        return found, left

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in two lines, and exit with 2.

        Raises:
            SystemExit: Always.
        """
        if message.endswith(": COMMAND"):
            self._refuse("a command is missing, such as demo", "", [])
        choice = _CHOICE.fullmatch(message)
        if choice is None:
            self._refuse(message.removeprefix("argument "), "", [])
        what = "command" if choice[1] == "COMMAND" else choice[1]
        known = re.findall(r"[\w-]+", choice[3])
        self._refuse(f"there is no {what} {choice[2]!r}", choice[2], known)

    def _refuse(self, said: str, word: str, known: Sequence[str]) -> NoReturn:
        from .pipeline.errors import did_you_mean  # noqa: PLC0415 - not for --help

        guess = _MEANT.get(word) or (did_you_mean(word, known) if word else "")
        near = "" if guess.startswith("Known") or not guess else f"{guess} "
        all_of_them = f"{self.prog} --help lists what it takes"
        sys.stderr.write(f"{self.prog}: {said}\n  {near}{all_of_them}\n")
        sys.exit(2)

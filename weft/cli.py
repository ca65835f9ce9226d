"""The command `weft`: the library's main verbs, for shells and scripts.

Results go to stdout and everything else to stderr, so that a pipe holds only what was
asked for. This file knows the words of the command line; what each command does stands
in `commands`, and is imported when it is needed, so that `weft --help` is quick.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import __version__

if TYPE_CHECKING:
    from .commands.output import Outcome
    from .pipeline.errors import WeftError

_TARGET = """\
TARGET is path/to/file.py:name, package.module:name, or path/to/NAME.weft.json.
A file or module is imported, as `python` would do; an artifact runs nothing."""

_ABOUT = f"""\
Compile language-model programs: typed, measured, reproducible.

{_TARGET}

The model is a module's own, else --model, else the target's default, else WEFT_LM."""

_EXITS = """\
exit codes:
  0    done
  1    an error while running: a model, a step, the budget, a compile, failed rows
  2    wrong usage or set-up; nothing was paid for
  3    compile --require-gain found no improvement, eval --fail-under was not reached
  130  interrupted

Results go to stdout, progress and remarks to stderr. WEFT_DEBUG=1 shows tracebacks."""

_FILES = {"eval": "evaluate"}
_METRIC = (
    "exact:FIELD, f1:FIELD, contains:FIELD, choice:FIELD, numeric:FIELD, "
    "set-match:FIELD, fields:FIELD,FIELD, or your own function as file.py:name"
)
_COMPILER = (
    "auto (the default), labeled-few-shot, bootstrap-random-search, ape, gepa, ...: "
    "a class of weft.compilers in lower case; an unknown name lists them all"
)


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
    except KeyboardInterrupt:
        _note("weft: interrupted; answers that came back are in the cache")
        if argv is None:
            # A step that blocks would hold Python's own exit for as long as it likes.
            os._exit(130)
        return 130
    except BrokenPipeError:
        # Whoever read the results has enough. Python would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
    parser = argparse.ArgumentParser(
        prog="weft",
        description=_ABOUT,
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"weft {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_demo, _run_words, _eval, _compile, _watch, _review):
        add(commands)
    for add in (_show, _check, _package, _cache):
        add(commands)
    return parser


def _command(
    commands: Any, name: str, about: str, *, target: bool = False, model: bool = False
) -> argparse.ArgumentParser:
    words: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about.replace("%", "%%"),
        description=f"{about[:1].upper()}{about[1:]}."
        + (f"\n\n{_TARGET}" if target else ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    words.set_defaults(command=_lazily(name))
    if target:
        words.add_argument("target", metavar="TARGET", help="a program or a module")
        words.add_argument(
            "--program",
            metavar="TARGET",
            help="the live program of an artifact that calls steps",
        )
    if model:
        words.add_argument("--model", metavar="NAME", help='e.g. "openai/gpt-5-mini"')
        words.add_argument("--api-base", metavar="URL", help="the model's server")
        words.add_argument(
            "--budget", metavar="LIMIT", help='"500 calls", "$2", "200k tokens"'
        )
        words.add_argument(
            "--concurrency", metavar="N", type=_count, default=64, help="rows at once"
        )
    words.add_argument("--json", action="store_true", help="one JSON document")
    words.add_argument("--quiet", action="store_true", help="no progress, no remarks")
    return words


def _lazily(name: str) -> Callable[[argparse.Namespace], Outcome]:
    def call(arguments: argparse.Namespace) -> Outcome:
        file = import_module(f".commands.{_FILES.get(name, name)}", __package__)
        made: Outcome = file.command(arguments)
        return made

    return call


def _demo(commands: Any) -> None:
    words = _command(
        commands, "demo", "compile a small program, offline and without a key"
    )
    words.add_argument(
        "--out", metavar="DIR", default="weft-demo", help="where it is written"
    )


def _run_words(commands: Any) -> None:
    about = "run a program, once or on rows"
    words = _command(commands, "run", about, target=True, model=True)
    given = words.add_mutually_exclusive_group()
    given.add_argument(
        "--set",
        metavar="INPUT=VALUE",
        action="append",
        default=[],
        help="an input: text as it is, other types as JSON; once for each",
    )
    given.add_argument(
        "--data", metavar="FILE", help="rows, .jsonl or .csv; one JSON line for each"
    )


def _eval(commands: Any) -> None:
    about = "measure a program: a mean with its 95 % interval"
    words = _command(commands, "eval", about, target=True, model=True)
    words.add_argument("--data", metavar="FILE", required=True, help=".jsonl or .csv")
    words.add_argument("--metric", required=True, help=_METRIC)
    words.add_argument(
        "--repeats", metavar="N", type=_count, default=1, help="answers to each row"
    )
    words.add_argument("--html", metavar="FILE", help="also write a page, row by row")
    words.add_argument(
        "--save", metavar="FILE", help="also write JSON with prompts, for weft review"
    )
    words.add_argument(
        "--fail-under", metavar="X", type=_share, help="exit 3 below X, in [0, 1]"
    )


def _compile(commands: Any) -> None:
    about = "make a program better, and save it"
    words = _command(commands, "compile", about, target=True, model=True)
    words.add_argument("--data", metavar="FILE", required=True, help="rows with labels")
    words.add_argument("--val", metavar="FILE", help="rows to select on")
    words.add_argument("--metric", required=True, help=_METRIC)
    words.add_argument("--compiler", metavar="NAME", default="auto", help=_COMPILER)
    words.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of the compiler, such as demos=16; once for each",
    )
    words.add_argument("--seed", type=int, default=0, help="of every random choice")
    words.add_argument(
        "--run-dir", metavar="DIR", help="journal of paid answers; resumes from there"
    )
    words.add_argument("--html", metavar="FILE", help="also write the report's page")
    goal = words.add_mutually_exclusive_group(required=True)
    goal.add_argument("--out", metavar="FILE", help="the artifact, NAME.weft.json")
    goal.add_argument(
        "--quote", action="store_true", help="say what it would cost, and stop"
    )
    words.add_argument(
        "--require-gain",
        action="store_true",
        help="without an improvement write nothing and exit 3",
    )


def _watch(commands: Any) -> None:
    words = _command(commands, "watch", "follow a compile that has a --run-dir")
    words.add_argument("folder", metavar="RUN_DIR", help="it is only read")


def _review(commands: Any) -> None:
    about = "score, correct and comment rows on a local page"
    words = _command(commands, "review", about)
    words.add_argument(
        "file", metavar="FILE", help="of weft eval --save or --json, or a RUN_DIR"
    )
    words.add_argument(
        "--out", metavar="FILE", help="remarks; else NAME.feedback.jsonl beside FILE"
    )
    words.add_argument("--port", metavar="N", type=int, help="on 127.0.0.1")
    words.add_argument("--open", action="store_true", help="open the browser too")


def _show(commands: Any) -> None:
    about = "print a program: graph, signatures, instructions, demos"
    words = _command(commands, "show", about, target=True)
    form = words.add_mutually_exclusive_group()
    form.add_argument("--prompt", action="store_true", help="the full prompts too")
    form.add_argument("--mermaid", action="store_true", help="the graph as mermaid")


def _check(commands: Any) -> None:
    about = "find wiring mistakes in files and folders, without a model"
    words = _command(commands, "check", about)
    words.add_argument("paths", metavar="PATH", nargs="+")


def _package(commands: Any) -> None:
    about = "make a folder of artifacts importable: from DIR import NAME"
    words = _command(commands, "package", about)
    words.add_argument("folder", metavar="DIR")


def _cache(commands: Any) -> None:
    words = _command(commands, "cache", "look after the answers kept on disk")
    words.add_argument("action", choices=("stats", "clear", "prune"))
    words.add_argument("--dir", metavar="DIR", help="else WEFT_CACHE, or .weft/cache")
    words.add_argument("--to", metavar="SIZE", help="prune to this, such as 500MB")


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1]")
    return value

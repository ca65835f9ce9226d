"""How a word of the command line is said: its options, and the file that obeys it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .output import Outcome

TARGET = """\
TARGET is path/to/file.py:name, package.module:name, or path/to/NAME.weft.json.
A file or module is imported, as `python` would do; an artifact runs nothing."""
METRIC = (
    "exact:FIELD, f1:FIELD, contains:FIELD, choice:FIELD, numeric:FIELD, "
    "set-match:FIELD, fields:FIELD,FIELD, or your own function as file.py:name"
)
_FILES = {"eval": "evaluate", "import-dspy": "import_dspy"}


def word(
    commands: Any, name: str, about: str, *, target: bool = False, model: bool = False
) -> argparse.ArgumentParser:
    """Add a command with what all of them take, and a target or a model where asked."""
    words: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about.replace("%", "%%"),
        description=f"{about[:1].upper()}{about[1:]}."
        + (f"\n\n{TARGET}" if target else ""),
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
            "--concurrency", metavar="N", type=count, default=64, help="rows at once"
        )
    words.add_argument("--json", action="store_true", help="one JSON document")
    words.add_argument("--quiet", action="store_true", help="no progress, no remarks")
    return words


def _lazily(name: str) -> Callable[[argparse.Namespace], Outcome]:
    def call(arguments: argparse.Namespace) -> Outcome:
        file = import_module(f".{_FILES.get(name, name)}", __package__)
        made: Outcome = file.command(arguments)
        return made

    return call


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def share(text: str) -> float:
    """Read a number in [0, 1]."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1]")
    return value

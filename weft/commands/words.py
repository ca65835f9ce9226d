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
EXAMPLES = {
    "demo": "weft demo --out weft-demo",
    "run": "weft run app.py:triage --model openai/gpt-5-mini --set message='no card'",
    "eval": "weft eval app.py:triage --data rows.jsonl --metric exact:team",
    "compile": "weft compile app.py:triage --data rows.jsonl --metric exact:team "
    "--budget '500 calls' --run-dir runs/triage --out programs/triage.weft.json",
    "explain": "weft explain programs/triage.weft.json --data rows.jsonl "
    "--metric exact:team",
    "finetune": "weft finetune app.py:triage --data rows.jsonl --metric exact:team "
    "--out chats.jsonl",
    "probe": "weft probe lm_studio/qwen3-8b",
    "watch": "weft watch runs/triage",
    "review": "weft review triage.eval.json --open",
    "show": "weft show programs/triage.weft.json --prompt",
    "check": "weft check app.py",
    "package": "weft package programs",
    "cache": "weft cache prune --to 500MB",
    "diff": "weft diff programs/triage.weft.json app.py:triage",
    "verify": "weft verify programs --fail-under 0.8",
    "log": "weft log programs",
    "rollback": "weft rollback programs/triage.weft.json --to production",
    "label": "weft label programs production programs/triage.weft.json",
    "export": "weft export programs/triage.weft.json --to openai-messages",
    "import-dspy": "weft import-dspy qa.json --program app.py:qa "
    "--out programs/qa.weft.json",
    "schema": "weft schema",
    "trace": "weft trace show runs/traces.jsonl --last 3",
}
"""One line for each command, as somebody would type it."""

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
        epilog=f"example:\n  {EXAMPLES[name]}\n\nweft --help says the exit codes.",
    )
    words.set_defaults(command=lazily(name))
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


def lazily(name: str) -> Callable[[argparse.Namespace], Outcome]:
    """What a command does, from its file, which is imported when it is asked."""

    def call(arguments: argparse.Namespace) -> Outcome:
        file = import_module(f".{_FILES.get(name, name)}", __package__)
        made: Outcome = file.command(arguments)
        return made

    return call


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number of 1 or more")
    return int(text)


def share(text: str) -> float:
    """Read a number in [0, 1]."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no number in [0, 1], such as 0.8")
    return value

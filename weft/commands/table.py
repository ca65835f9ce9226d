"""The commands of `weft`: one table of what can be written on the command line.

A command is its words, one example, the function that obeys it and what it takes; the
function's file is imported when it is asked: `weft --help` is quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .output import Outcome

TARGET = """\
TARGET is path/to/file.py:name, package.module:name, or path/to/NAME.weft.json.
A file or module is imported, as `python` would do; an artifact runs nothing."""
_METRIC = (
    "exact:FIELD, f1:FIELD, contains:FIELD, choice:FIELD, numeric:FIELD, "
    "set-match:FIELD, fields:FIELD,FIELD, or your own function as file.py:name"
)
_COMPILER = (
    "auto (the default), labeled-few-shot, bootstrap-random-search, ape, gepa, ...: "
    "a class of weft.compilers in lower case; an unknown name lists them all"
)


class Option:
    """What a command takes.

    Args:
        words: As it is written: "--seed N", "--quiet" for a flag, "FILE" by place.
        about: What it is for.
        given: What else argparse should know.
    """

    def __init__(self, words: str, about: str | None = None, **given: Any) -> None:
        name, _, metavar = words.partition(" ")
        self.name, self.given = name, {"help": about, **given}
        if not name.startswith("--"):
            self.name, metavar = name.lower(), name
        if metavar and "choices" not in given:
            self.given["metavar"] = metavar
        elif not metavar:
            self.given["action"] = "store_true"

    def add(self, words: Any) -> None:
        """Add it to a parser, or to a group of one."""
        words.add_argument(self.name, **self.given)


class OneOf:
    """Options of which one at most is given; exactly one, where it is required."""

    def __init__(self, *options: Option, required: bool = False) -> None:
        self.options, self.required = options, required

    def add(self, words: Any) -> None:
        """Add them to a parser."""
        group = words.add_mutually_exclusive_group(required=self.required)
        for option in self.options:
            option.add(group)


@dataclass(frozen=True)
class Command:
    """A command.

    Args:
        about: What it does, in a few words.
        example: One line of it, as somebody would type it.
        function: Its file in this folder and its function, as "file:function".
        options: What it takes beside --json and --quiet.
    """

    about: str
    example: str
    function: str
    options: tuple[Option | OneOf, ...]

    def run(self, arguments: argparse.Namespace) -> Outcome:
        """Do it."""
        file, _, name = self.function.partition(":")
        does: Callable[[argparse.Namespace], Outcome]
        does = getattr(import_module(f".{file}", __package__), name)
        return does(arguments)

    def add(self, name: str, commands: Any) -> None:
        """Add it to the parser of the command line."""
        words: argparse.ArgumentParser = commands.add_parser(
            name,
            help=self.about.replace("%", "%%"),
            description=f"{self.about[:1].upper()}{self.about[1:]}."
            + (f"\n\n{TARGET}" if _TARGET in self.options or name == "diff" else ""),
            epilog=f"example:\n  {self.example}\n\nweft --help says the exit codes.",
        )
        words.set_defaults(command=self.run)
        for option in (*self.options, _JSON, _QUIET):
            option.add(words)


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


def _many(words: str, about: str) -> Option:
    return Option(words, f"{about}; once for each", action="append", default=[])


COMMANDS: dict[str, Command] = {}


def _command(
    name: str, about: str, example: str, function: str, *options: Option | OneOf
) -> None:
    COMMANDS[name] = Command(
        about, f"weft {name} {example}".rstrip(), function, options
    )


_JSON = Option("--json", "one JSON document")
_QUIET = Option("--quiet", "no progress, no remarks")
_TARGET = Option("TARGET", "a program or a module")
_PROGRAM = (
    _TARGET,
    Option("--program TARGET", "the live program of an artifact that calls steps"),
)
_SERVER = Option("--api-base URL", "the model's server")
_RUN = (
    *_PROGRAM,
    Option("--model NAME", 'e.g. "openai/gpt-5-mini"'),
    _SERVER,
    Option("--budget LIMIT", '"500 calls", "$2", "200k tokens"'),
    Option("--concurrency N", "rows at once", type=count, default=64),
)
_MEASURED = (
    *_RUN,
    Option("--data FILE", "rows with labels, .jsonl or .csv", required=True),
    Option("--metric METRIC", _METRIC, required=True),
)
_QUOTE = Option("--quote", "say what it would cost, and stop")
_FAIL_UNDER = Option("--fail-under X", "exit 3 below X, in [0, 1]", type=share)
_NEW_ARTIFACT = Option("--out FILE", "the artifact, NAME.weft.json")

_command(
    "demo",
    "compile a small program, offline and without a key",
    "--out weft-demo",
    "demo:demo",
    Option("--out DIR", "where it is written", default="weft-demo"),
    Option(
        "--real", "on a small real model that runs here (127 MB to install, minutes)"
    ),
)
_command(
    "run",
    "run a program, once or on rows",
    "app.py:triage --model openai/gpt-5-mini --set message='no card'",
    "run:run",
    *_RUN,
    OneOf(
        _many("--set INPUT=VALUE", "an input: text as it is, other types as JSON"),
        Option("--data FILE", "rows, .jsonl or .csv; one JSON line for each"),
    ),
)
_command(
    "eval",
    "measure a program: a mean with its 95 % interval",
    "app.py:triage --data rows.jsonl --metric exact:team",
    "evaluate:measure",
    *_MEASURED,
    Option("--repeats N", "answers to each row", type=count, default=1),
    Option("--html FILE", "also write a page, row by row"),
    Option("--save FILE", "also write JSON with prompts, for weft review"),
    _FAIL_UNDER,
    Option(
        "--edition EDITION",
        "measure it too with its forms in their newest edition, and compare; "
        "--html, --save and --fail-under are of that one",
        choices=["newest"],
    ),
    Option(
        "--out FILE",
        "with --edition: the artifact in that edition; else no file is changed",
    ),
)
_command(
    "compile",
    "make a program better, and save it",
    "app.py:triage --data rows.jsonl --metric exact:team --budget '500 calls' "
    "--run-dir runs/triage --out programs/triage.weft.json",
    "compile:improve",
    *_MEASURED,
    Option("--val FILE", "rows to select on"),
    Option("--compiler NAME", _COMPILER, default="auto"),
    _many("--option NAME=VALUE", "a setting of the compiler, such as demos=16"),
    Option("--seed N", "of every random choice", type=int, default=0),
    Option("--run-dir DIR", "journal of paid answers; resumes from there"),
    Option("--html FILE", "also write the report's page"),
    OneOf(_NEW_ARTIFACT, _QUOTE, required=True),
    Option(
        "--keep",
        "keep the version that --out replaces, in the folder history beside it",
    ),
    Option("--require-gain", "without an improvement write nothing and exit 3"),
)
_command(
    "explain",
    "tell which part of a compiled program earns its gain",
    "programs/triage.weft.json --data rows.jsonl --metric exact:team",
    "evaluate:ablate",
    *_MEASURED,
    Option(
        "--base TARGET",
        "the program as it was; else its signatures' own instructions, no demos",
    ),
    Option("--each-demo", "each demo is a part of its own"),
)
_command(
    "finetune",
    "write chats for fine-tuning, from the rows that went well",
    "app.py:triage --data rows.jsonl --metric exact:team --out chats.jsonl",
    "run:finetune",
    *_MEASURED,
    Option("--out FILE", "JSONL of chats", required=True),
    Option(
        "--at-least X",
        "the least score in [0, 1] of a row that is taken; else 1",
        type=share,
        default=1.0,
    ),
    Option("--module PATH", "of one module only"),
)
_command(
    "probe",
    "ask a model's server what it can do, and which form the model follows",
    "lm_studio/qwen3-8b",
    "tools:probe",
    Option("MODEL", 'e.g. "ollama/llama3.2"'),
    _SERVER,
    OneOf(_QUOTE, Option("--forget", "drop what is known; asks nobody")),
)
_command(
    "watch",
    "follow a compile that has a --run-dir",
    "runs/triage",
    "watch:watch",
    Option("RUN_DIR", "it is only read"),
)
_command(
    "review",
    "score, correct and comment rows on a local page",
    "triage.eval.json --open",
    "tools:review",
    Option("FILE", "of weft eval --save or --json, or a RUN_DIR"),
    Option("--out FILE", "remarks; else NAME.feedback.jsonl beside FILE"),
    Option("--port N", "on 127.0.0.1", type=int),
    Option("--open", "open the browser too"),
)
_command(
    "show",
    "print a program: graph, signatures, instructions, demos",
    "programs/triage.weft.json --prompt",
    "artifacts:show",
    *_PROGRAM,
    OneOf(
        Option("--prompt", "the full prompts too"),
        Option("--mermaid", "the graph as mermaid"),
        Option("--svg", "the graph as one SVG element"),
        Option("--html FILE", "also write a page"),
    ),
)
_command(
    "check",
    "find wiring mistakes in files and folders, without a model",
    "app.py",
    "artifacts:check",
    Option("PATH", nargs="+"),
)
_command(
    "package",
    "make a folder of artifacts importable: from DIR import NAME",
    "programs",
    "artifacts:package",
    Option("DIR"),
)
_command(
    "cache",
    "look after the answers kept on disk",
    "prune --to 500MB",
    "tools:cache",
    Option("ACTION", choices=("stats", "verify", "clear", "prune")),
    Option("--dir DIR", "else WEFT_CACHE, or .weft/cache"),
    Option("--to SIZE", "prune to this, such as 500MB"),
)
_command(
    "diff",
    "say what differs between two programs; exit 1 if anything does",
    "programs/triage.weft.json app.py:triage",
    "artifacts:diff",
    Option("BEFORE", "a TARGET"),
    Option("AFTER", "a TARGET"),
)
_command(
    "verify",
    "check that artifacts have an evaluation that belongs to them",
    "programs --fail-under 0.8",
    "artifacts:verify",
    Option("PATH", "artifacts, or folders of them", nargs="+"),
    _many("--eval FILE", "of weft eval --save, else NAME.eval.json beside it"),
    _FAIL_UNDER,
)
_command(
    "log",
    "list the versions of artifacts, the newest first",
    "programs",
    "artifacts:log",
    Option("PATH", "a folder, or one NAME.weft.json"),
)
_command(
    "rollback",
    "put an earlier version of an artifact back in its place",
    "programs/triage.weft.json --to production",
    "artifacts:rollback",
    Option("FILE", "NAME.weft.json"),
    Option(
        "--to VERSION",
        "a label, or the first digits of a digest; else the parent",
    ),
)
_command(
    "label",
    "let a name such as production point at a version",
    "programs production programs/triage.weft.json",
    "artifacts:label",
    Option("DIR", "the folder of artifacts"),
    Option("NAME", "the label, one word"),
    Option("VERSION", "an artifact, a label, or the first digits of a digest"),
)
_command(
    "export",
    "write a program's prompts in the form of another tool",
    "programs/triage.weft.json --to openai-messages",
    "artifacts:export",
    *_PROGRAM,
    Option(
        "--to TOOL",
        "the form",
        choices=("openai-messages", "litellm", "dspy", "langfuse", "mlflow"),
        required=True,
    ),
    Option("--out FILE", "else it is printed"),
)
_command(
    "import-dspy",
    "make an artifact of a program and a state that DSPy saved",
    "qa.json --program app.py:qa --out programs/qa.weft.json",
    "artifacts:import_dspy",
    Option("STATE", "JSON of dspy.Module.save"),
    Option("--program TARGET", "the same program in weft", required=True),
    _many("--rename PREDICTOR=MODULE", "where a predictor of the state belongs"),
    Option("--out FILE", "the artifact, NAME.weft.json", required=True),
)
_command("schema", "print the JSON Schema of artifacts", "", "artifacts:schema")
_command(
    "trace",
    "show what happened in runs that a log has kept",
    "show runs/traces.jsonl --last 3",
    "traces:trace",
    Option("ACTION", choices=("show",)),
    Option("FILE", "of trace_log= or WEFT_TRACE_LOG"),
    OneOf(
        Option("--run ID", "the run whose id begins like this"),
        Option("--last N", "the last N runs, else one", type=count, default=1),
    ),
    Option("--prompts", "every message and reply, in full"),
)

"""The words that call a model, or tell of those that do."""

from __future__ import annotations

from typing import Any

from .words import METRIC, count, lazily, share, word

_COMPILER = (
    "auto (the default), labeled-few-shot, bootstrap-random-search, ape, gepa, ...: "
    "a class of weft.compilers in lower case; an unknown name lists them all"
)


def add(commands: Any) -> None:
    """Add these words, in the order of the help."""
    for each in (
        _demo,
        _run,
        _evaluate,
        _compile,
        _explain,
        _finetune,
        _probe,
        _watch,
        _review,
    ):
        each(commands)


def _demo(commands: Any) -> None:
    words = word(commands, "demo", "compile a small program, offline and without a key")
    words.add_argument(
        "--out", metavar="DIR", default="weft-demo", help="where it is written"
    )
    words.add_argument(
        "--real",
        dest="command",
        action="store_const",
        const=lazily("demo_real"),
        help="on a small real model that runs here (127 MB to install, minutes)",
    )


def _run(commands: Any) -> None:
    about = "run a program, once or on rows"
    words = word(commands, "run", about, target=True, model=True)
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


def _evaluate(commands: Any) -> None:
    about = "measure a program: a mean with its 95 % interval"
    words = word(commands, "eval", about, target=True, model=True)
    words.add_argument("--data", metavar="FILE", required=True, help=".jsonl or .csv")
    words.add_argument("--metric", required=True, help=METRIC)
    words.add_argument(
        "--repeats", metavar="N", type=count, default=1, help="answers to each row"
    )
    words.add_argument("--html", metavar="FILE", help="also write a page, row by row")
    words.add_argument(
        "--save", metavar="FILE", help="also write JSON with prompts, for weft review"
    )
    words.add_argument(
        "--fail-under", metavar="X", type=share, help="exit 3 below X, in [0, 1]"
    )
    words.add_argument(
        "--edition",
        choices=["newest"],
        help="measure it too with its forms in their newest edition, and compare; "
        "--html, --save and --fail-under are of that one",
    )
    words.add_argument(
        "--out",
        metavar="FILE",
        help="with --edition: the artifact in that edition; else no file is changed",
    )


def _compile(commands: Any) -> None:
    about = "make a program better, and save it"
    words = word(commands, "compile", about, target=True, model=True)
    words.add_argument("--data", metavar="FILE", required=True, help="rows with labels")
    words.add_argument("--val", metavar="FILE", help="rows to select on")
    words.add_argument("--metric", required=True, help=METRIC)
    words.add_argument("--compiler", metavar="NAME", default="auto", help=_COMPILER)
    words.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a setting of the compiler, such as demos=16; once for each",
    )
    words.add_argument(
        "--seed", metavar="N", type=int, default=0, help="of every random choice"
    )
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
        "--keep",
        action="store_true",
        help="keep the version that --out replaces, in the folder history beside it",
    )
    words.add_argument(
        "--require-gain",
        action="store_true",
        help="without an improvement write nothing and exit 3",
    )


def _explain(commands: Any) -> None:
    about = "tell which part of a compiled program earns its gain"
    words = word(commands, "explain", about, target=True, model=True)
    words.add_argument("--data", metavar="FILE", required=True, help="rows with labels")
    words.add_argument("--metric", required=True, help=METRIC)
    words.add_argument(
        "--base",
        metavar="TARGET",
        help="the program as it was; else its signatures' own instructions, no demos",
    )
    words.add_argument(
        "--each-demo", action="store_true", help="each demo is a part of its own"
    )


def _finetune(commands: Any) -> None:
    about = "write chats for fine-tuning, from the rows that went well"
    words = word(commands, "finetune", about, target=True, model=True)
    words.add_argument("--data", metavar="FILE", required=True, help="rows with labels")
    words.add_argument("--metric", required=True, help=METRIC)
    words.add_argument("--out", metavar="FILE", required=True, help="JSONL of chats")
    words.add_argument(
        "--at-least",
        metavar="X",
        type=share,
        default=1.0,
        help="the least score in [0, 1] of a row that is taken; else 1",
    )
    words.add_argument("--module", metavar="PATH", help="of one module only")


def _probe(commands: Any) -> None:
    about = "ask a model's server what it can do, and which form the model follows"
    words = word(commands, "probe", about)
    words.add_argument("model", metavar="MODEL", help='e.g. "ollama/llama3.2"')
    words.add_argument("--api-base", metavar="URL", help="the model's server")
    instead = words.add_mutually_exclusive_group()
    instead.add_argument(
        "--quote", action="store_true", help="say what it would cost, and stop"
    )
    instead.add_argument(
        "--forget", action="store_true", help="drop what is known; asks nobody"
    )


def _watch(commands: Any) -> None:
    words = word(commands, "watch", "follow a compile that has a --run-dir")
    words.add_argument("folder", metavar="RUN_DIR", help="it is only read")


def _review(commands: Any) -> None:
    about = "score, correct and comment rows on a local page"
    words = word(commands, "review", about)
    words.add_argument(
        "file", metavar="FILE", help="of weft eval --save or --json, or a RUN_DIR"
    )
    words.add_argument(
        "--out", metavar="FILE", help="remarks; else NAME.feedback.jsonl beside FILE"
    )
    words.add_argument("--port", metavar="N", type=int, help="on 127.0.0.1")
    words.add_argument("--open", action="store_true", help="open the browser too")

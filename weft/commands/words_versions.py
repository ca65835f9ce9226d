"""The words about an artifact's versions: what changed, and which one is in use."""

from __future__ import annotations

from typing import Any

from .words import TARGET, share, word


def add(commands: Any) -> None:
    """Add these words, in the order of the help."""
    for each in (_diff, _verify, _log, _rollback, _label):
        each(commands)


def _diff(commands: Any) -> None:
    about = "say what differs between two programs; exit 1 if anything does"
    words = word(commands, "diff", about)
    words.description = f"{words.description}\n\n{TARGET}"
    words.add_argument("before", metavar="A", help="a TARGET")
    words.add_argument("after", metavar="B", help="a TARGET")


def _verify(commands: Any) -> None:
    about = "check that artifacts have an evaluation that belongs to them"
    words = word(commands, "verify", about)
    words.add_argument(
        "paths", metavar="PATH", nargs="+", help="artifacts, or folders of them"
    )
    words.add_argument(
        "--eval",
        metavar="FILE",
        action="append",
        help="of weft eval --save, once for each; else NAME.eval.json beside each",
    )
    words.add_argument(
        "--fail-under", metavar="X", type=share, help="exit 3 below X, in [0, 1]"
    )


def _log(commands: Any) -> None:
    words = word(commands, "log", "list the versions of artifacts, the newest first")
    words.add_argument("path", metavar="PATH", help="a folder, or one NAME.weft.json")


def _rollback(commands: Any) -> None:
    about = "put an earlier version of an artifact back in its place"
    words = word(commands, "rollback", about)
    words.add_argument("file", metavar="FILE", help="NAME.weft.json")
    words.add_argument(
        "--to",
        metavar="VERSION",
        help="a label, or the first digits of a digest; else the parent",
    )


def _label(commands: Any) -> None:
    about = "let a name such as production point at a version"
    words = word(commands, "label", about)
    words.add_argument("folder", metavar="DIR", help="the folder of artifacts")
    words.add_argument("name", metavar="NAME", help="the label, one word")
    words.add_argument(
        "version",
        metavar="VERSION",
        help="an artifact, a label, or the first digits of a digest",
    )

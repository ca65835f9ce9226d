"""The words about programs and folders, which call no model."""

from __future__ import annotations

from typing import Any

from .words import word


def add(commands: Any) -> None:
    """Add these words, in the order of the help."""
    for each in (_show, _check, _package, _cache):
        each(commands)


def _show(commands: Any) -> None:
    about = "print a program: graph, signatures, instructions, demos"
    words = word(commands, "show", about, target=True)
    form = words.add_mutually_exclusive_group()
    form.add_argument("--prompt", action="store_true", help="the full prompts too")
    form.add_argument("--mermaid", action="store_true", help="the graph as mermaid")
    form.add_argument("--svg", action="store_true", help="the graph as one SVG element")
    form.add_argument("--html", metavar="FILE", help="also write a page")


def _check(commands: Any) -> None:
    about = "find wiring mistakes in files and folders, without a model"
    words = word(commands, "check", about)
    words.add_argument("paths", metavar="PATH", nargs="+")


def _package(commands: Any) -> None:
    about = "make a folder of artifacts importable: from DIR import NAME"
    words = word(commands, "package", about)
    words.add_argument("folder", metavar="DIR")


def _cache(commands: Any) -> None:
    words = word(commands, "cache", "look after the answers kept on disk")
    words.add_argument("action", choices=("stats", "verify", "clear", "prune"))
    words.add_argument("--dir", metavar="DIR", help="else WEFT_CACHE, or .weft/cache")
    words.add_argument("--to", metavar="SIZE", help="prune to this, such as 500MB")

"""The words about traces."""

from __future__ import annotations

from typing import Any

from .words import count, word


def add(commands: Any) -> None:
    """Add these words, in the order of the help."""
    words = word(commands, "trace", "show what happened in runs that a log has kept")
    words.add_argument("action", choices=("show",))
    words.add_argument("file", metavar="FILE", help="of trace_log= or WEFT_TRACE_LOG")
    which = words.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="ID", help="the run whose id begins like this")
    which.add_argument(
        "--last", metavar="N", type=count, default=1, help="the last N runs, else one"
    )
    words.add_argument(
        "--prompts", action="store_true", help="every message and reply, in full"
    )

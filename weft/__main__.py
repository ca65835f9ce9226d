"""`python -m weft` is the command `weft`, and the console script begins here too."""

from __future__ import annotations

import sys


def run() -> int:
    """The exit code of the command line; Ctrl-C while it is imported leaves no trace.

    From then on `main` answers it.
    """
    try:
        from .cli import main  # noqa: PLC0415 - so that Ctrl-C meets a handler

        return main()
    except KeyboardInterrupt:
        print("weft: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())

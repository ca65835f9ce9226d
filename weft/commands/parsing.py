"""The parser of the command line: what it refuses is told with its remedy.

A wrong word is an error like any other of weft's: a line that says what failed, a line
that says what to write instead, and exit code 2. The usage stands in `--help`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

_CHOICE = re.compile(
    r"(?:argument (.*): )?invalid choice: '?(.*?)'? \(choose from (.*)\)"
)
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
"""Options that people try, where spelling does not lead to the one that is meant."""


class Parser(argparse.ArgumentParser):
    """argparse's parser, in weft's words."""

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
        from ..pipeline.errors import did_you_mean  # noqa: PLC0415 - not for --help

        guess = _MEANT.get(word) or (did_you_mean(word, known) if word else "")
        near = "" if guess.startswith("Known") or not guess else f"{guess} "
        all_of_them = f"{self.prog} --help lists what it takes"
        sys.stderr.write(f"{self.prog}: {said}\n  {near}{all_of_them}\n")
        sys.exit(2)

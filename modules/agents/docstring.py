"""What a function's docstring says of it, and of each of its arguments."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_SECTION = re.compile(r"(?:[A-Z][A-Za-z ]+):\s*\Z")
_ARGUMENTS = re.compile(r"(?:Args|Arguments|Parameters|Params):\s*\Z")
_NAMED = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)\Z")
_FIELD = re.compile(r":param\s+(?:[^:]*\s)?(\w+):\s*(.*)\Z")


class Said(NamedTuple):
    """What stands before the first section, and the text of each argument by name."""

    of_all: str
    of_each: dict[str, str]


def said_in(doc: str | None) -> Said:
    r"""Read a docstring in Google's style, or with `:param name:` lines.

    Args:
        doc: The docstring; None where there is none.

    Returns:
        The words before the first section as one paragraph a line, and each argument's.

    >>> said_in("Look a word up.\n\nArgs:\n    word: What to\n        look for.")
    Said(of_all='Look a word up.', of_each={'word': 'What to look for.'})
    """
    before: list[str] = []
    found: dict[str, list[str]] = {}
    section, current = "", ""
    depth: int | None = None
    for line in inspect.cleandoc(doc or "").splitlines():
        indent = len(line) - len(line.lstrip())
        text = line.strip()
        field = _FIELD.match(text)
        if field:
            section, current = ":param", field[1]
            found[current] = [field[2]]
        elif indent == 0 and text and (_SECTION.match(text) or text.startswith(":")):
            section, current, depth = text, "", None
        elif not section:
            before.append(text)
        elif text and section == ":param" and current:
            found[current].append(text)
        elif text and _ARGUMENTS.match(section):
            depth = indent if depth is None else depth
            named = _NAMED.match(text) if indent <= depth else None
            if named:
                current = named[1]
                found[current] = [named[2]]
            elif current:
                found[current].append(text)
    paragraphs = "\n".join(before).strip().split("\n\n")
    of_all = "\n".join(" ".join(one.split()) for one in paragraphs if one.strip())
    return Said(of_all, {n: " ".join(" ".join(ls).split()) for n, ls in found.items()})

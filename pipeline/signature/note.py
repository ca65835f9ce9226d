"""What is said of a field's choices, and of what belongs to one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NO_NAME: Final = re.compile(r"[^\w-]")
_LONGEST_NAME: Final = 64


def note_name(name: str) -> str:
    """A name of any kind as parameters have it, where a dot and a slash mean more.

    >>> note_name("per_page"), note_name("per page/2")
    ('per_page', 'per_page_2')
    """
    return name if name.isidentifier() else _NO_NAME.sub("_", name)[:_LONGEST_NAME]


class Note(NamedTuple):
    """What is said of one of a field's choices, or of what belongs to one.

    Args:
        name: The choice, and behind a dot what belongs to it: `search.query`.
        label: What stands before the text.
        text: What is said; what belongs to a choice is left out where this is empty.
    """

    name: str
    label: str
    text: str

    @property
    def line(self) -> str:
        """As it stands below the field, deeper by each dot; empty where left out."""
        depth = self.name.count(".")
        if depth and not self.text:
            return ""
        said = f"{self.label}: {self.text}" if self.text else self.label
        indent = "\n" + "  " * (depth + 1)
        return indent + said.replace("\n", f"{indent}  ")

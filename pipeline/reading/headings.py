"""Which field the text behind a heading belongs to, and where an answer ends.

A mark of the call's fence is structure wherever it stands. The end mark, or the heading
of an input (a model that goes on to make up the next row), ends an answer once every
required field is there; what stands behind is not read.
"""

from __future__ import annotations

from collections.abc import Collection

from ..errors import ParseError

END = "/end"
WITHIN = "a heading within a line"
BEHIND = "what stood behind the answer left out"
EARLY = "an end mark before the last field"
_DECORATION = "*_`#>- \t"
_BLANK = " \t\r"


class Headings:
    """The state of one reading; `current` is the open field, empty where none is.

    Args:
        outputs: The fields wanted.
        required: Those of them that have no default.
    """

    __slots__ = ("_outputs", "_required", "begun", "current", "done", "ended")

    def __init__(self, outputs: Collection[str], required: Collection[str]) -> None:
        self._outputs = outputs
        self._required = required
        self.begun: list[str] = []
        self.current = ""
        self.done = False
        self.ended = False

    def meet(self, name: str) -> None:
        """Take in one mark.

        Raises:
            ParseError: A field comes twice, or an input's heading stands in a field
                while others are missing.
        """
        if name in self._outputs:
            if name in self.begun:
                raise ParseError(f"field {name!r} comes twice", field=name)
            self.begun.append(name)
            self.current = name
            return
        whole = all(field in self.begun for field in self._required)
        if self.begun and whole:
            self.done = True
        elif self.current and name != END:
            raise ParseError(
                f"the heading of {name!r} stands in field {self.current!r}",
                field=self.current,
            )
        self.ended = self.ended or (name == END and bool(self.begun))
        self.current = ""


def within_line(text: str, start: int, end: int, name: str, *, of_input: bool) -> bool:
    """Whether a mark shares its line with other text.

    Raises:
        ParseError: It is decorated, or an input's in the middle of a sentence: there
            is no telling whether it is meant as structure.
    """
    stop = text.find("\n", end)
    behind = text[end : stop if stop >= 0 else len(text)].strip(_BLANK)
    before = text[text.rfind("\n", 0, start) + 1 : start].strip(_BLANK)
    if not before and not behind:
        return False
    framed = start > 0 and text[start - 1] == text[end : end + 1]
    if before and (not before.strip(_DECORATION) or (framed and before[-1] in "*_`")):
        raise ParseError(f"the heading of {name!r} is decorated", field=name)
    if of_input and before:
        raise ParseError(f"the heading of {name!r} stands in a sentence", field=name)
    return True

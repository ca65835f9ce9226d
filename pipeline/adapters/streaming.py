"""Reading a form's structure while it arrives: fields, never showing marks as text.

A reader is fed pieces of a reply in any cut and gives back what surely belongs to a
field. What could still turn out to be a mark, a tag or an escape is held back. For a
field of bare text the pieces add up to exactly the value that the whole reply holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..errors import ParseError
from ..reading.arriving import Delta, StructureReader, Value
from ..reading.headings import Headings
from ..signature.spec import Spec

LEAST_OF_A_MARK = 4
"""What is shorter at a reply's end may be text: `[`, `[[`."""


class HeadingReader(StructureReader):
    """For replies whose fields stand under headings.

    Args:
        spec: The signature.
        marks: The name that each mark of the call stands for.
    """

    def __init__(self, spec: Spec, marks: Mapping[str, str]) -> None:
        self._spec = spec
        self._marks = marks
        self._pattern = re.compile("|".join(map(re.escape, marks)))
        self._required = [n for n, f in spec.outputs.items() if f.required]
        self._course = Headings(spec.outputs, self._required)
        self._value: Value | None = None
        self._held = ""

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        if self._stopped():
            return
        if not self._held and "[" not in text:
            if self._value is not None:
                yield from self._value.add(text)
            return
        text, at = self._held + text, 0
        for mark in self._pattern.finditer(text):
            if self._value is not None:
                yield from self._value.add(text[at : mark.start()])
            yield from self._meet(self._marks[mark[0]])
            at = mark.end()
            if self._stopped():
                return
        sure = sure_end(text, at, self._marks, "[")
        self._held = text[sure:]
        if self._value is not None:
            yield from self._value.add(text[at:sure])

    @property
    def whole(self) -> bool:
        """Whether the heading of every required field has come."""
        return all(name in self._course.begun for name in self._required)

    def close(self) -> Iterator[Delta]:
        """The pieces that are certain since the reply has ended."""
        if self._value is None:
            return
        if len(self._held) < LEAST_OF_A_MARK:
            yield from self._value.add(self._held)
        yield from self._value.close()

    def _stopped(self) -> bool:
        return self.failed or self._course.done

    def _meet(self, name: str) -> Iterator[Delta]:
        last, by_input = self._value, name in self._spec.inputs
        self._value = None
        try:
            self._course.meet(name)
        except ParseError:
            self.failed = True
        if last is not None:
            yield from last.end(by_input=by_input)
        if self._course.current and not self.failed:
            plain = self._spec.outputs[name].plain
            self._value = Value(name, plain, open_end=True)
        self.begun = bool(self._course.begun)
        self.inside = self._value is not None


class TagReader(StructureReader):
    """For replies whose fields stand between an opening and a closing tag.

    Args:
        spec: The signature.
        tags: The opening and the closing tag of each field.
    """

    def __init__(self, spec: Spec, tags: Mapping[str, tuple[str, str]]) -> None:
        self._spec = spec
        self._names = {tag: name for name, pair in tags.items() for tag in pair}
        self._closing = {name: closing for name, (_, closing) in tags.items()}
        self._pattern = re.compile("|".join(map(re.escape, self._names)))
        self._found: list[str] = []
        self._held = ""
        self._value: Value | None = None
        self._required = [n for n, f in spec.outputs.items() if f.required]
        self._done = False

    def feed(self, text: str) -> Iterator[Delta]:
        """The pieces that are certain after some more text."""
        if self._stopped():
            return
        if not self._held and "<" not in text:
            if self._value is not None:
                yield from self._value.add(text)
            return
        text, at = self._held + text, 0
        for tag in self._pattern.finditer(text):
            name, value = self._names[tag[0]], self._value
            if value is not None and name in self._spec.inputs:
                continue
            if value is not None:
                yield from value.add(text[at : tag.start()])
            yield from self._meet(name, closes=tag[0] == self._closing[name])
            at = tag.end()
            if self._stopped():
                return
        sure = sure_end(text, at, self._names, "<")
        self._held = text[sure:]
        if self._value is not None:
            yield from self._value.add(text[at:sure])

    @property
    def whole(self) -> bool:
        """Whether every required field has come, and a tag has closed it."""
        found = all(name in self._found for name in self._required)
        return found and self._value is None

    def close(self) -> Iterator[Delta]:
        """Nothing more: what no tag closes is no field."""
        return iter(())

    def _stopped(self) -> bool:
        return self.failed or self._done

    def _meet(self, name: str, *, closes: bool) -> Iterator[Delta]:
        value, self._value, self.inside = self._value, None, False
        if value is not None:
            self.failed = not (closes and value.field == name)
            if not self.failed:
                yield from value.end()
        elif name in self._spec.inputs:
            self._done = bool(self._found) and self.whole
        elif closes or name in self._found:
            self.failed = bool(self._found)
        else:
            self._found.append(name)
            self.begun = self.inside = True
            self._value = Value(name, self._spec.outputs[name].plain)


def sure_end(text: str, at: int, marks: Mapping[str, str], first: str) -> int:
    """Where a text ends that surely is no beginning of a mark.

    >>> sure_end("see [[ an", 0, {"[[ answer ]]": "answer"}, "[")
    4
    """
    start = max(at, len(text) - max(map(len, marks)) + 1)
    while (start := text.find(first, start)) >= 0:
        rest = text[start:]
        if any(mark.startswith(rest) for mark in marks):
            return start
        start += 1
    return len(text)

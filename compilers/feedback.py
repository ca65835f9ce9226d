"""Feedback: what people noted about answers becomes part of the prompt."""

from __future__ import annotations

from pathlib import Path

from ..pipeline.errors import ConfigError, DataError, cause
from ..pipeline.ground import strictjson
from ..pipeline.ground.files import LARGEST, read_bounded
from ..pipeline.ground.options import Count, path_of, settings
from .propose.instructions import Notes
from .racing.race import Full
from .recipe import Compiler, Draw, Recipe


@settings
class Feedback(Compiler):
    """Work people's notes into the instruction where they help (no paper).

    Each line of the file is an object: `note` in words, and where known `module` (its
    path) and `score` in [0, 1]; the worst scores come first. `weft review` writes such
    a file; lines with an empty note, and other keys, say nothing here.

    Args:
        path: The JSONL file.
        notes: Notes given in place, for every module.
        written: Whether a model may work them in; else they are added as they are.
        candidates: How many versions are compared.
    """

    path: str | Path = ""
    notes: tuple[str, ...] = ()
    written: bool = True
    candidates: Count = 6

    def recipes(self) -> tuple[Recipe, ...]:
        """One round.

        Raises:
            DataError: The file cannot be read, or there is no note at all.
        """
        notes = (*(("", note) for note in self.notes), *_read(self.path))
        if not notes:
            raise DataError("there are no notes", hint="Give notes= or path=")
        draw = Draw(Notes(notes=notes, written=self.written), self.candidates)
        return (Recipe(((draw,),), Full()),)


def _read(path: str | Path) -> list[tuple[str, str]]:
    if not path:
        return []
    found: list[tuple[float, str, str]] = []
    try:
        lines = read_bounded(path_of(path, "path", ConfigError), LARGEST).split("\n")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {cause(error)}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.append(_note(line, f"{path}, line {number}"))
    # A row that a person only scored or corrected has an empty note.
    noted = [line for line in found if line[2].strip()]
    return [(module, note) for _, module, note in sorted(noted, key=lambda f: f[0])]


def _note(line: str, where: str) -> tuple[float, str, str]:
    try:
        row = strictjson.loads(line)
        score, module = float(row.get("score", 1.0)), str(row.get("module", ""))
        return score, module, _words(row.get("note"))
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where} is no note: {error}", hint='Write {"note": "...", "score": 0.5}'
        ) from None


def _words(note: object) -> str:
    if isinstance(note, str):
        return note
    raise TypeError('it has no "note"' if note is None else f"{note!r} is no text")

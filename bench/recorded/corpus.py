"""Recorded replies on disk, and how many of them the parsers read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from weft.pipeline.errors import ParseError

from .prompts import CASES, FORMS, module_of

__all__ = ["FIGURES", "FOLDER", "Corpus", "Recorded", "figures"]

FOLDER = Path(__file__).parents[2] / "tests" / "pipeline" / "replies"
FIGURES = FOLDER / "figures.json"


@dataclass(frozen=True)
class Recorded:
    """One reply, with what it answers.

    Args:
        form: One of `FORMS`.
        case: A name of `CASES`.
        reply: The text, as the server sent it.
        finish_reason: Why it ended, in the server's word.
    """

    form: str
    case: str
    reply: str
    finish_reason: str

    @property
    def module(self) -> Any:
        """What asked for it, and parses it."""
        return module_of(self.form, CASES[self.case])

    def read(self) -> bool:
        """Whether the parser gets every field out of it."""
        try:
            self.module.parse(self.reply)
        except ParseError:
            return False
        return True


@dataclass
class Corpus:
    """The replies of one model.

    Args:
        path: A JSONL file: a line about the model, then a line a reply.
        head: What answered, and how it was asked.
        replies: In the order in which they came.
    """

    path: Path
    head: dict[str, Any]
    replies: list[Recorded]

    @classmethod
    def of(cls, model: str, folder: Path = FOLDER) -> Corpus:
        """What is recorded of a model; empty where nothing is."""
        path = folder / f"{model}.jsonl"
        if not path.exists():
            return cls(path, {}, [])
        with path.open(encoding="utf-8") as lines:
            head, *replies = map(json.loads, lines)
        return cls(path, head, [Recorded(**reply) for reply in replies])

    def missing(self) -> list[tuple[str, str]]:
        """Forms and cases that no reply is there for."""
        known = {(reply.form, reply.case) for reply in self.replies}
        return [(f, c) for f in FORMS for c in CASES if (f, c) not in known]

    def save(self) -> None:
        """Write the file, forms and cases in their own order."""
        order = {
            pair: at for at, pair in enumerate((f, c) for f in FORMS for c in CASES)
        }
        self.replies.sort(key=lambda one: order[one.form, one.case])
        lines = [self.head, *map(asdict, self.replies)]
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text, encoding="utf-8")


def figures(replies: Iterable[Recorded]) -> Mapping[str, int]:
    """How many replies are read, by form."""
    read: Counter[str] = Counter(dict.fromkeys(FORMS, 0))
    for reply in replies:
        read[reply.form] += reply.read()
    return dict(read)

"""A soft prompt is a word: trained vectors, each with a name that stands in a text.

`<|triage:0|>` is the first of the words called "triage". In a prompt it is text like
any other, so that whatever handles prompts handles it; the model that is asked reads a
vector in its place. Prefixes in every layer (`deep`) have no words, and go along.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal, cast, get_args

from ...errors import ConfigError
from ...ground.shapes import is_dict, is_list
from ...ground.words import counted

Place = Literal["front", "before", "after", "deep"]
"""Where soft words stand: `front` at the first positions of all, `before` behind the
instruction, `after` behind the inputs; `deep` is a prefix of every layer's keys and
values, and no word."""

PLACES: Final = get_args(Place)
MOST_WORDS: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_WORD: Final = re.compile(r"<\|(?=[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}:[0-9]+\|>)")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD: Final = b"weft.soft/1\n"
_BYTES: Final = 4  # of a float32


@dataclass(frozen=True, eq=False)
class Soft:
    """Soft words of a module: vectors that were trained for one frozen model.

    Args:
        name: What the words are called, such as "triage"; of letters, digits and `_.-`.
        place: Where they stand: "front", "before", "after" or "deep".
        vectors: The numbers row by row, as little-endian float32; a row for each word.
        count: How many words.
        width: Numbers in a row: the width of the model's embeddings; of a `deep` prefix
            layers * 2 * heads of keys * width of a head.
        model: "sha256:" and the digest of the weights that they were trained for.
        near: For each word the real words that are nearest to it, for people; empty
            where nobody looked. They do not do what the vectors do.

    Raises:
        ConfigError: Something of it cannot be; the message says what.

    >>> made = Soft("triage", "after", bytes(16), 2, 2, "sha256:" + "0" * 64)
    >>> made.text, made.norms
    ('<|triage:0|><|triage:1|>', (0.0, 0.0))
    """

    name: str
    place: Place
    vectors: bytes = field(repr=False)
    count: int
    width: int
    model: str
    near: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if not is_soft_name(self.name):
            raise ConfigError(
                f"{self.name!r} is no name of soft words",
                hint='Give one of letters, digits and _ . -, such as "triage"',
            )
        if self.place not in PLACES:
            raise ConfigError(
                f"soft words {self.name!r} cannot stand at {self.place!r}",
                hint=f"Give one of {', '.join(map(repr, PLACES))}",
            )
        numbers = [self.count, self.width]
        if any(type(n) is not int or n < 1 for n in numbers) or self.count > MOST_WORDS:
            raise ConfigError(
                f"soft words {self.name!r}: count={self.count!r} and width="
                f"{self.width!r} are no shape",
                hint=f"Give 1 to {MOST_WORDS} words, and the width of the model",
            )
        wanted = self.count * self.width * _BYTES
        held = cast(object, self.vectors)
        if not isinstance(held, bytes) or len(held) != wanted:
            raise ConfigError(
                f"soft words {self.name!r}: vectors are not the {wanted} bytes of "
                f"{counted(self.count, 'row')} of {self.width} float32 numbers",
                hint="Let weft.compile(..., compiler=PromptTuning()) make them",
            )
        if not isinstance(cast(object, self.model), str) or not _DIGEST.fullmatch(
            self.model
        ):
            raise ConfigError(
                f"soft words {self.name!r}: model={self.model!r} is no digest",
                hint='Give "sha256:" and 64 hex digits, as LM("torch/...").weights has',
            )
        if not all(map(math.isfinite, self.numbers)):
            raise ConfigError(
                f"soft words {self.name!r} hold a number that is not finite",
                hint="Train again with a lower rate",
            )

    @property
    def words(self) -> tuple[str, ...]:
        """The words as they stand in a text; none for a `deep` prefix.

        >>> Soft("a", "front", bytes(4), 1, 1, "sha256:" + "0" * 64).words
        ('<|a:0|>',)
        """
        if self.place == "deep":
            return ()
        return tuple(f"<|{self.name}:{n}|>" for n in range(self.count))

    @property
    def text(self) -> str:
        """All words, one behind the other."""
        return "".join(self.words)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers, row by row."""
        return struct.unpack(f"<{self.count * self.width}f", self.vectors)

    @cached_property
    def digest(self) -> str:
        """The digest of shape and numbers, behind "sha256:"."""
        shape = f"{self.count}x{self.width}\n".encode()
        made = hashlib.sha256(_HEAD + shape + self.vectors).hexdigest()
        return f"sha256:{made}"

    @cached_property
    def norms(self) -> tuple[float, ...]:
        """The length of each vector, rounded to four digits."""
        flat, wide = self.numbers, self.width
        rows = (flat[at : at + wide] for at in range(0, len(flat), wide))
        return tuple(float(f"{math.hypot(*row):.4g}") for row in rows)

    @property
    def mark(self) -> str:
        """The name with twelve digits of the digest: what a model says that it has."""
        return f"{self.name}@{self.digest.removeprefix('sha256:')[:12]}"

    def as_data(self) -> dict[str, Any]:
        """All but the vectors, as plain data; their digest stands for them."""
        return {
            "name": self.name,
            "place": self.place,
            "count": self.count,
            "width": self.width,
            "model": self.model,
            "sha256": self.digest,
            "norms": [*self.norms],
            "near": [[*words] for words in self.near],
        }

    def identity(self) -> dict[str, Any]:
        """What of it can change an answer, as plain data."""
        return {"name": self.name, "place": self.place, "sha256": self.digest}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Soft):
            return NotImplemented
        mine = self.name, self.place, self.model, self.digest
        return mine == (other.name, other.place, other.model, other.digest)

    def __hash__(self) -> int:
        return hash((self.name, self.digest))


def is_soft_name(name: object) -> bool:
    """Whether soft words can be called so.

    >>> is_soft_name("triage"), is_soft_name("a|b"), is_soft_name("")
    (True, False, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def name_for(path: str) -> str:
    """A name of soft words for the module at a path.

    >>> name_for("desk/triage"), name_for("größe")
    ('desk.triage', 'gr__e')
    """
    made = re.sub(r"[^A-Za-z0-9_.-]", "_", path.replace("/", "."))[:100]
    return made if is_soft_name(made) else f"w{made}"[:100]


def fenced(value: Any) -> Any:
    """A value in which no soft word is left: a blank behind `<|` keeps it a text.

    A server's tokenizer would read the word as a vector, whoever wrote it.

    >>> fenced({"text": "say <|triage:0|> or <|im_end|>"})
    {'text': 'say <| triage:0|> or <|im_end|>'}
    """
    if isinstance(value, str):
        return _WORD.sub("<| ", value) if "<|" in value else value
    if is_dict(value):
        return {fenced(key): fenced(held) for key, held in value.items()}
    if is_list(value):
        return [fenced(one) for one in value]
    return value

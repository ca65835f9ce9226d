"""What to write instead of a name that is not there.

Here is spelling. What names from other tools mean, whoever stands above has said with
`answer_with`: a remedy names what the user imports, which nothing down here knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

Answer = Callable[[str, str, Iterable[str]], str]
"""Of a kind of thing, a name that it lacks, and the names that it has."""

_answers: list[Answer] = []


def answer_with(answer: Answer) -> None:
    """Ask this first from now on."""
    _answers.insert(0, answer)


def brought(kind: str, name: str, known: Iterable[str] = ()) -> str:
    """What a name from another tool means here, or empty.

    Args:
        kind: Of what lacks it, such as "member" or "option".
        name: The name.
        known: The names that it has.
    """
    there = list(known)
    return next((said for a in _answers if (said := a(kind, name, there))), "")


def hint(kind: str, name: str, known: Iterable[str]) -> str:
    """As `brought`; else what spelling leads to, or a list of what is there.

    >>> hint("option", "teh", ["the"])
    "Did you mean 'the'?"
    """
    from ..errors import did_you_mean  # noqa: PLC0415 - importing weft stays quick

    there = list(known)
    return brought(kind, name, there) or did_you_mean(name, there)


def missing(what: str, kind: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for an attribute that is not there; it says what is meant.

    Args:
        what: Whose attribute, as in "module 'weft'".
        kind: As in `brought`.
        name: What was asked for.
        known: What there is.
    """
    said = f"{what} has no attribute {name!r}"
    # Python itself asks for such names, and has no use for a remedy.
    remedy = "" if name.startswith("_") else hint(kind, name, known)
    return AttributeError(
        said if remedy.startswith("Known") or not remedy else f"{said}. {remedy}"
    )


class AdvisedType(type):
    """The type of classes that say so of themselves: `weft.Image.from_file`."""

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            known = [] if name.startswith("_") else _public(dir(cls))
            raise missing(f"type object {cls.__name__!r}", cls._advised_as, name, known)


class Advised(metaclass=AdvisedType):
    """Says what to write instead of an attribute that is not there."""

    __slots__ = ()
    _advised_as: ClassVar[str] = "result"

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse what is no member.

        def __getattr__(self, name: str) -> Any:
            known: list[str] = []
            if not name.startswith("_"):  # or `__dict__`, where it is not there
                known = _public([*dir(type(self)), *getattr(self, "__dict__", {})])
            what = f"{type(self).__name__!r} object"
            raise missing(what, self._advised_as, name, known)


class AdvisedParts(Advised):
    """Has parts by name, and is no mapping and no list: it says how they are read."""

    __slots__ = ()
    _read_by: ClassVar[str] = ""

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse it. It answers a loop over it, too.

        def __getitem__(self, at: object) -> Any:
            from ..errors import CallError  # noqa: PLC0415 - importing weft stays quick

            said = f"{type(self).__name__} is no mapping and no list, and nothing in it"
            there = isinstance(at, str) and at in self.__dataclass_fields__
            hint = f"Read .{at}" if there else self._read_by
            raise CallError(f"{said} is at {at!r}", hint=hint)


class AdvisedSummary(Advised):
    """Holds a number and rows, and is neither: it says which of its fields are."""

    __slots__ = ()

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse them. The first answers a loop over it, too.

        def __getitem__(self, at: object) -> Any:
            raise self._misused(f"no list, and nothing in it is at {at!r}", "results")

        def __format__(self, form: str) -> str:
            if not form:
                return str(self)
            raise self._misused(f"no number that {form!r} can show", "score")

        def __float__(self) -> float:
            raise self._misused("no number", "score")

        def __round__(self, digits: int | None = None) -> float:
            raise self._misused("no number", "score")

        def __lt__(self, other: object) -> bool:
            raise self._misused("no number, and nothing is above or below it", "score")

        __le__ = __gt__ = __ge__ = __lt__

    def _misused(self, what: str, meant: str) -> Exception:
        from ..errors import CallError  # noqa: PLC0415 - importing weft stays quick

        said = f"{type(self).__name__} is {what}"
        return CallError(said, hint=brought(self._advised_as, meant))


def _public(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith("_")]

"""Recipes: a compiler is data, not a class of its own.

A recipe names who proposes, from which parents, how candidates are raced, and for how
many rounds; the one driver does the rest. A new method is a proposer or a racer, and a
row.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..pipeline.errors import ConfigError
from ..pipeline.lm.lm import LanguageModel, name_of
from .propose.proposer import Proposer
from .racing.race import Full, Racer
from .racing.select import Best, Selector
from .search.running_cost import Caps

LOTS = 3
"""How many times its headroom a recipe looks at, while the seed fails no row."""
MEETINGS = 2
"""How many unions of earlier candidates' edits a round races at the most."""
MET_AGAIN = 3
"""How often all that was written meets in the end, each time without what lost."""
SPOKEN = 16
"""Rows at the most that a union's lines speak of, on which it is tried in the end."""


@dataclass(frozen=True)
class Draw:
    """How many candidates a proposer makes in a round."""

    proposer: Proposer
    n: int


@dataclass(frozen=True)
class Recipe:
    """A compiler, spelled out.

    Args:
        rounds: For each round, who proposes how many.
        racer: How candidates are compared; None takes the first proposal as it is.
        headroom: Training rows that the seed program is run on first: its passing
            traces are evidence, and a seed that fails none has nothing to gain.
        selector: Which candidates later rounds start from.
        patience: End after so many rounds in a row without a new best; 0 is never.
        credited: Whether the slots of later rounds go to the proposers that gained the
            most per call; none has one by right.
        paced: Whether the number of rounds, and what each may spend, follow from what
            is left of the budget; the rounds given are the most there are.
        meeting: Puts together what the rounds before found, and what the round writes,
            in each round after the first.
        shorter: Whether a result of the same score with fewer prompt characters wins.
        fresh: Whether the search starts from the seed again, whatever ran before it.
        legible: Whether the trial run finds out first whether the form of the replies
            is what fails.
        models: The models that a module may be told to ask, by the name that stands for
            each in candidates and artifacts.
        forms: The forms of replies that a module may be told to ask in.
        caps: What a row of the result may cost on the average.
        cheaper: Whether a result of the same score that costs less a row wins, so that
            a program that passes everything is searched too.
        decides: Of how many choices each row's decisions are tried, where a recipe
            changes nothing but how is decided; 0 where it changes what is asked.
    """

    rounds: tuple[tuple[Draw, ...], ...]
    racer: Racer | None = None
    headroom: int = 0
    selector: Selector = field(default_factory=Best)
    patience: int = 0
    credited: bool = False
    paced: bool = False
    meeting: Proposer | None = None
    shorter: bool = False
    fresh: bool = False
    legible: bool = False
    models: Mapping[str, LanguageModel] = field(
        default_factory=dict[str, LanguageModel]
    )
    forms: tuple[str, ...] = ()
    caps: Caps = field(default_factory=Caps)
    cheaper: bool = False
    decides: int = 0

    @property
    def proposers(self) -> tuple[Proposer, ...]:
        """Who proposes in any round, with repetition."""
        drawn = (draw.proposer for draws in self.rounds for draw in draws)
        return (*drawn, *([self.meeting] if self.meeting else []))

    @property
    def looks_first(self) -> bool:
        """Whether the best so far is run on the select rows before the first race.

        A trial run tells as much of the seed, and who wants a shorter prompt, or a
        cheaper one, goes on.
        """
        return self.racer is not None and not (self.headroom or self.goes_on)

    @property
    def goes_on(self) -> bool:
        """Whether something can be gained where the best passes all that is shown."""
        return self.shorter or self.cheaper

    def raced(self) -> Recipe:
        """This recipe with a race, so that it replaces nothing unseen."""
        return self if self.racer else dataclasses.replace(self, racer=Full())


def one_race(
    compiler: Compiler, kind: type[Proposer], n: int, **others: Any
) -> tuple[Recipe, ...]:
    """One round of one proposer, whose candidates race.

    Args:
        compiler: Its settings are the proposer's too, where both have one of a name.
        kind: The proposer's class.
        n: How many candidates.
        others: The proposer's settings that are called otherwise, or not set by users.
    """
    known: Any = kind, compiler
    taken, held = ({f.name for f in dataclasses.fields(one)} for one in known)
    own = {name: getattr(compiler, name) for name in taken & held}
    return (Recipe(((Draw(kind(**{**own, **others}), n),),), Full()),)


class Compiler(ABC):
    """A named compiler: frozen settings that make a recipe, or several."""

    @abstractmethod
    def recipes(self) -> tuple[Recipe, ...]:
        """What is searched, one after the other, on one ledger."""

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse what is no setting.

        def __getattr__(self, name: str) -> Any:
            said = f"{type(self).__name__!r} has no attribute {name!r}"
            if name != "compile":
                raise AttributeError(said)
            call = f"weft.compile(program, rows, metric=..., compiler={self!r})"
            raise AttributeError(f"{said}. Write {call}")

    def describe(self) -> dict[str, Any]:
        """Name and settings as plain data, for reports, artifacts and journals.

        Raises:
            ConfigError: The settings of this class are not known by name.
        """
        name = type(self).__name__
        made: object = self
        if dataclasses.is_dataclass(made):
            names = [field.name for field in dataclasses.fields(made)]
            held = {n: _plain(getattr(self, n)) for n in names}
            # A run begun before there was the choice goes on as what it was.
            if held.get("published") is False:
                del held["published"]
            return {"name": name, **held}
        if vars(self):
            raise ConfigError(
                f"{name} has settings, {', '.join(vars(self))}, and is no dataclass",
                hint="Write @dataclass(frozen=True) above the class, or a describe()",
            )
        return {"name": name}


def _plain(value: Any) -> Any:
    if isinstance(value, Compiler):
        return value.describe()
    if isinstance(value, LanguageModel):  # by its name: never an address or a key
        return {"model": name_of(value), **value.sampling}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, int | float | str | bool) or value is None:
        return value
    return str(value)

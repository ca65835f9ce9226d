"""The result of a compile: the program that it gives back, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, cast

from typing_extensions import TypeVar

from ..pipeline.artifact.save import save
from ..pipeline.errors import CallError, ConfigError
from ..pipeline.graph.module import Module
from ..pipeline.graph.program import Program
from ..pipeline.ground.hints import Advised
from .front import Front
from .report import Report

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T_co = TypeVar(
    "T_co",
    bound="Program[..., Any] | Module[..., Any]",
    covariant=True,
    default="Program[P, R_co]",
)


@dataclass(frozen=True)
class Result(Advised, Generic[P, R_co, T_co]):
    """What a compile gives back.

    Args:
        program: The likelier better of the two: the winner, or the program as it was;
            a module where one was compiled, as in all of these.
        seed: The program as it was.
        report: How it went.
        provenance: What an artifact says about its making; no clock, no path, no host.
        ranking: The programs of the search, best first.
        text_only: Where `program` has soft words or low-rank updates, the best one of
            the search that has none, which its artifact holds too; else None.
    """

    program: T_co
    seed: T_co
    report: Report
    provenance: Mapping[str, Any]
    ranking: tuple[T_co, ...] = ()
    text_only: T_co | None = None

    @cached_property
    def front(self) -> Front[T_co]:
        """Score against what a row costs, the cheapest first, with the programs.

        The scores are those of the search, by which candidates were chosen; only
        `program` was verified on sealed rows.
        """
        ids = (line.id for line in self.report.tried)
        programs = dict(zip(ids, self.ranking, strict=False))
        return Front(self.report.front, programs)

    def best(self, count: int) -> list[T_co]:
        """The programs that ranked highest in the search, such as for an ensemble.

        Ranked on select rows: only `program` was verified on sealed ones.

        Args:
            count: How many at the most; fewer where the search met fewer.

        Raises:
            ConfigError: The count is no whole number of 1 or more.
        """
        given = cast(object, count)
        if not isinstance(given, int) or isinstance(given, bool) or given < 1:
            raise ConfigError(
                f"count={given!r} is no number of programs", hint="Give 1 or more"
            )
        return list(self.ranking[:count])

    if not TYPE_CHECKING:
        # Hidden, so that checkers refuse the call.

        def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
            """Refuse: the program is what is called."""
            del args, kwargs
            raise CallError(f"{self!r} is no program", hint="Call its .program(...)")

    def _repr_html_(self) -> str:
        """What a notebook shows: the report."""
        return self.report.cell()

    def __repr__(self) -> str:
        return f"Result({self.program.name!r}: {self.report.verdict})"

    @property
    def improved(self) -> bool:
        """As `report.improved`."""
        return self.report.improved

    def save(self, path: str | Path, *, history: bool | None = None) -> Path:
        """Write the program as an artifact, `NAME.weft.json`; see `weft.save`."""
        return save(
            self.program,
            path,
            provenance=self.provenance,
            history=history,
            text_only=self.text_only,
        )

"""Candidates: values for some of a program's parameters, named by their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

from ...pipeline.graph.program import Program
from ...pipeline.ground import strictjson
from ...pipeline.lm.soft.lora import Lora
from ...pipeline.lm.soft.words import Soft
from ...pipeline.parameters import Demo

R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A change to a program, and where it came from.

    Args:
        values: New parameter values keyed `module/slot`; empty for the seed.
        origin: In words, how it was made; no part of its identity.
        parent: The id of the candidate it was made from; no part of its identity.
        by: The name of the proposer that made it; no part of its identity.

    >>> Candidate({"qa/instruction": "Be brief."}).id == Candidate(
    ...     {"qa/instruction": "Be brief."}, origin="by hand"
    ... ).id
    True
    """

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    origin: str = "seed"
    parent: str = ""
    by: str = ""

    @cached_property
    def id(self) -> str:
        """Twelve hex digits of the SHA-256 of the values."""
        plain = {path: plain_slot(value) for path, value in self.values.items()}
        return hashlib.sha256(strictjson.canonical(plain).encode()).hexdigest()[:12]

    def apply(self, program: Program[..., R]) -> Program[..., R]:
        """The program with this candidate's values; the given one stays as it is."""
        return program.with_parameters(self.values)

    def but(self, values: Mapping[str, Any], origin: str) -> Candidate:
        """This candidate with some values replaced, as its child."""
        return Candidate({**self.values, **values}, origin, self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)


def plain_slot(value: Any) -> Any:
    """A parameter's value as plain JSON data."""
    if isinstance(value, Demo):
        return {"values": dict(value.values), "source": value.source, "by": value.by}
    if isinstance(value, Soft | Lora):
        return value.identity()
    if isinstance(value, tuple | list):
        return [plain_slot(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return dict(value) if isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def prompt_size(program: Program[..., Any]) -> int:
    """Characters of instructions, descriptions, contexts, soft words and demos.

    Of a pool of which each input is shown the nearest demos, as many average ones count
    as are shown.
    """
    total = 0
    for module in program.modules.values():
        parameters = module.parameters
        sizes = [len(strictjson.dumps(dict(d.values))) for d in parameters.demos]
        shown = min(parameters.nearest or len(sizes), len(sizes))
        total += len(parameters.instruction)
        total += sum(map(len, parameters.descriptions.values()))
        said = (*parameters.context.items(), *parameters.glossary.items())
        total += sum(len(text) for pair in said for text in pair)
        drawn = parameters.illustrations
        total += sum(len(strictjson.dumps(dict(demo.values))) for demo in drawn)
        total += sum(sizes) * shown // max(1, len(sizes))
        total += len(parameters.soft.text) if parameters.soft else 0
    return total


class Follower(Protocol):
    """Told as a search goes on; what it does changes nothing in the search.

    It raises nothing. What it is told has the same order at any concurrency.
    """

    def met(self, candidates: Sequence[Candidate]) -> None:
        """These are about to be run; some may have been before."""

    def bought(self, cells: Sequence[tuple[str, str]]) -> None:
        """These cells of `Task.cells`, by who ran and by the row's digest, are new."""

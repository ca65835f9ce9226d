"""Choices: what was proposed for each slot, as a space to search for combinations.

The demos of a module and how many of them an input is shown (`nearest`) are one choice:
a pool without its number would be shown as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...pipeline.ground import strictjson
from ..candidate import Candidate, plain_slot
from ..driving.task import Task

AS_IT_WAS = "as it was"


@dataclass(frozen=True)
class Choices:
    """For each slot the values that any candidate has, by a name of their own.

    Args:
        values: New parameter values by slot and choice; none for the seed's own.
    """

    values: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @classmethod
    def of(cls, task: Task) -> Choices:
        """What the candidates of an archive have."""
        found: dict[str, dict[str, Mapping[str, Any]]] = {}
        for candidate in reversed(task.archive):
            for slot, values in _grouped(candidate).items():
                found.setdefault(slot, {AS_IT_WAS: {}})[_name(slot, values)] = values
        return cls({slot: found[slot] for slot in sorted(found)})

    @property
    def names(self) -> dict[str, list[str]]:
        """The choices of each slot, by name."""
        return {slot: list(known) for slot, known in self.values.items()}

    def made_by(self, candidate: Candidate) -> dict[str, str]:
        """The choice that a candidate makes for each slot."""
        own = _grouped(candidate)
        return {
            slot: _name(slot, own[slot]) if slot in own else AS_IT_WAS
            for slot in self.values
        }

    def candidate(self, chosen: Mapping[str, str], parent: Candidate) -> Candidate:
        """The candidate that makes these choices."""
        values: dict[str, Any] = {}
        for slot, name in chosen.items():
            values |= self.values[slot][name]
        return Candidate(values, "combined", parent.id)


def _grouped(candidate: Candidate) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, value in candidate.values.items():
        path, _, slot = key.rpartition("/")
        unit = f"{path}/demos" if slot == "nearest" else key
        found.setdefault(unit, {})[key] = value
    return found


def _name(slot: str, values: Mapping[str, Any]) -> str:
    plain = {key: plain_slot(value) for key, value in values.items()}
    return strictjson.canonical(plain[slot] if set(plain) == {slot} else plain)

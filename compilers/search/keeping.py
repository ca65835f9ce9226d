"""What a compile may not touch: frozen parameters and pinned sentences."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from ...pipeline.errors import ConfigError, did_you_mean
from ...pipeline.graph.program import Program
from ...pipeline.run.settings import unshown
from .candidate import Candidate


def wishes(keep: object) -> list[str]:
    """What a user wrote as `keep=`, as a list; one text alone is one wish.

    Raises:
        ConfigError: Something in it is no text.

    >>> wishes("qa/demos"), wishes(["qa", "Never guess."])
    (['qa/demos'], ['qa', 'Never guess.'])
    """
    found = [keep] if isinstance(keep, str) else keep
    if isinstance(found, Iterable):
        listed = list(cast("Iterable[object]", found))
        if all(isinstance(wish, str) for wish in listed):
            return cast("list[str]", listed)
    raise ConfigError(
        f"keep={keep!r} is no list of texts",
        hint='Write keep=["module/slot", "module", "A sentence."]',
    )


@dataclass(frozen=True)
class Keeping:
    """Parameters and sentences that every candidate leaves byte for byte as they are.

    What no prompt of a candidate shows stays, too: nobody would read what is written
    there, and two that differ in it are one.

    Args:
        frozen: Keys, `module/slot`.
        pinned: Sentences by the key of the instruction that holds them.
        program: The seed, which says what is shown; None for all of it.
    """

    frozen: frozenset[str] = frozenset()
    pinned: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )
    program: Program[..., Any] | None = None

    @classmethod
    def of(cls, program: Program[..., Any], keep: Iterable[str]) -> Keeping:
        """What a user wrote: a key freezes a parameter, a module's path all of its own.

        Anything else is a sentence, and stays in every instruction that holds it.

        Raises:
            ConfigError: It is no key, no path, and in no instruction.
        """
        parameters = program.parameters
        frozen: set[str] = set()
        pinned: dict[str, tuple[str, ...]] = {}
        for wish in wishes(keep):
            keys = {k for k in parameters if k == wish or k.startswith(f"{wish}/")}
            texts = {k: v for k, v in parameters.items() if k.endswith("/instruction")}
            held = [key for key, text in texts.items() if wish.strip() in text]
            if not keys and (not held or not wish.strip()):
                raise ConfigError(
                    f"keep={wish!r} names no parameter, and no instruction holds it",
                    hint=did_you_mean(wish, parameters),
                )
            frozen |= keys
            for key in () if keys else held:
                pinned[key] = (*pinned.get(key, ()), wish.strip())
        return cls(frozenset(frozen), pinned, program)

    def free(self, path: str, *of: Candidate) -> bool:
        """Whether the instruction of the module at a path may change."""
        return self.may(f"{path}/instruction", *of)

    def may(self, key: str, *of: Candidate) -> bool:
        """Whether a parameter may change in one of some candidates; else in the seed.

        It may where nothing freezes it, and a prompt shows it.
        """
        if key in self.frozen:
            return False
        return any(key not in self.unshown(one) for one in of or (Candidate(),))

    def leaves(
        self, slots: Iterable[str], paths: Iterable[str], *of: Candidate
    ) -> bool:
        """Whether any of some slots of modules may change, as `may` has it."""
        keys = itertools.product(paths, slots)
        return any(self.may(f"{path}/{slot}", *of) for path, slot in keys)

    def unshown(self, candidate: Candidate) -> frozenset[str]:
        """Keys of what no prompt of a candidate shows: a template leaves much out."""
        if self.program is None or not any(map(_is_form, candidate.values)):
            return self._hidden
        forms = {k: v for k, v in candidate.values.items() if _is_form(k)}
        return unshown(self.program.with_parameters(forms).modules)

    @cached_property
    def _hidden(self) -> frozenset[str]:
        """What no prompt of the seed shows."""
        return frozenset() if self.program is None else unshown(self.program.modules)

    def within(self, candidate: Candidate) -> Candidate:
        """A candidate as it may be: frozen changes undone, lost sentences put back.

        A pool of demos and the number of them that an input is shown change together.
        """
        frozen = {*self.frozen, *self.unshown(candidate), *self._halves_of(candidate)}
        values = {k: v for k, v in candidate.values.items() if k not in frozen}
        for key, sentences in self.pinned.items():
            for sentence in sentences if key in values else ():
                if sentence not in values[key]:
                    values[key] = f"{values[key]}\n{sentence}"
        if values == dict(candidate.values):
            return candidate
        return Candidate(values, candidate.origin, candidate.parent, candidate.by)

    def _halves_of(self, candidate: Candidate) -> Iterator[str]:
        """The other half of each pool of which a half is frozen."""
        for key, value in candidate.values.items():
            path, _, slot = key.rpartition("/")
            if slot == "nearest" and key in self.frozen and value:
                yield f"{path}/demos"
            elif slot == "demos" and key in self.frozen:
                yield f"{path}/nearest"


def _is_form(key: str) -> bool:
    return key.endswith("/adapter")

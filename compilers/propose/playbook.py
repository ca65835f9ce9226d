"""Playbooks: an instruction with numbered bullets below it, and how each has done.

The whole of it is the instruction's text, so that it is seen, saved and compared like
any other:

    Route a customer's message.

    Playbook:
    [b1] helpful=3 harmful=0 :: A late transfer is no lost transfer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

TITLE = "Playbook:"
_BULLET = re.compile(r"\[b(\d+)\] helpful=(\d+) harmful=(\d+) :: (.+)")
_WORD = re.compile(r"\w+")
_ALIKE = 0.8
_WORST = 2


@dataclass(frozen=True)
class Bullet:
    """One line of a playbook.

    Args:
        number: Its id, as "b3"; no other bullet of the playbook has it.
        text: What it says, on one line.
        helpful: How often it was said to have helped.
        harmful: How often it was said to have harmed.
    """

    number: int
    text: str
    helpful: int = 0
    harmful: int = 0

    def __str__(self) -> str:
        counts = f"helpful={self.helpful} harmful={self.harmful}"
        return f"[b{self.number}] {counts} :: {self.text}"


@dataclass(frozen=True)
class Delta:
    """What one lesson changes about a playbook; numbers it lacks change nothing.

    Args:
        add: Texts of new bullets.
        change: Better texts by number.
        remove: Numbers of bullets that go.
        helpful: Numbers of bullets that helped.
        harmful: Numbers of bullets that harmed.
    """

    add: tuple[str, ...] = ()
    change: Mapping[int, str] | None = None
    remove: frozenset[int] = frozenset()
    helpful: frozenset[int] = frozenset()
    harmful: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Playbook:
    """An instruction and its bullets; immutable.

    Args:
        head: The instruction above them.
        bullets: In the order in which they came.
    """

    head: str
    bullets: tuple[Bullet, ...] = ()

    @classmethod
    def read(cls, instruction: str) -> Playbook:
        r"""The playbook of an instruction; one without bullets has none.

        >>> text = "Route it.\n\nPlaybook:\n[b2] helpful=1 harmful=0 :: Be kind."
        >>> Playbook.read(text).bullets
        (Bullet(number=2, text='Be kind.', helpful=1, harmful=0),)
        >>> str(Playbook.read(text)) == text
        True
        """
        head, title, rest = instruction.partition(f"\n\n{TITLE}\n")
        found = [_BULLET.fullmatch(line) for line in rest.split("\n")] if title else []
        if not found or None in found:
            return cls(instruction)
        parts = [match.groups() for match in found if match]
        made = (Bullet(int(n), text, int(h), int(w)) for n, h, w, text in parts)
        return cls(head, tuple(made))

    def __str__(self) -> str:
        if not self.bullets:
            return self.head
        return "\n".join([f"{self.head}\n\n{TITLE}", *map(str, self.bullets)])

    def after(self, deltas: Iterable[Delta]) -> Playbook:
        """This playbook with some lessons worked in, one after the other.

        A bullet that harmed clearly more often than it helped goes. A new one that
        says what is there already is left out: the old one keeps its counts.
        """
        made = self
        for delta in deltas:
            made = made._counted(delta.helpful, delta.harmful)._edited(delta)
        return made

    def within(self, most: int, chars: int) -> Playbook:
        """At most so many bullets and characters; those that helped least go first."""
        made = self
        while made.bullets and (len(made.bullets) > most or len(str(made)) > chars):
            worst = min(made.bullets, key=lambda b: (b.helpful - b.harmful, b.number))
            made = replace(made, bullets=tuple(b for b in made.bullets if b != worst))
        return made

    def _counted(self, helpful: Collection[int], harmful: Collection[int]) -> Playbook:
        counted = (
            replace(
                bullet,
                helpful=bullet.helpful + (bullet.number in helpful),
                harmful=bullet.harmful + (bullet.number in harmful),
            )
            for bullet in self.bullets
        )
        kept = (b for b in counted if b.harmful - b.helpful < _WORST)
        return replace(self, bullets=tuple(kept))

    def _edited(self, delta: Delta) -> Playbook:
        better = delta.change or {}
        kept = [
            replace(b, text=_line(better.get(b.number, "")) or b.text)
            for b in self.bullets
            if b.number not in delta.remove
        ]
        following = 1 + max((b.number for b in self.bullets), default=0)
        for text in map(_line, delta.add):
            if text and not any(_alike(text, b.text) for b in kept):
                kept.append(Bullet(following, text))
                following += 1
        return replace(self, bullets=tuple(kept))


def _line(text: str) -> str:
    return " ".join(text.split())


def _alike(one: str, other: str) -> bool:
    """Whether two texts share nearly all of their words."""
    words, others = (set(_WORD.findall(text.casefold())) for text in (one, other))
    return len(words & others) >= _ALIKE * len(words | others)

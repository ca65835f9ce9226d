"""Which rows are shown: like what comes, unlike it, or unlike one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

from ..compilers.propose.rows import demo_of_row, fits
from ..pipeline.data.example import Example
from ..pipeline.errors import ConfigError, did_you_mean
from ..pipeline.graph.module import Module
from ..pipeline.ground.options import checked
from ..pipeline.ground.text_index import TextIndex
from ..pipeline.parameters import Demo
from ..pipeline.run.rows import require_count, rows_of

Pick: TypeAlias = Literal["near", "far", "diverse"]
_EVEN: Final = 0.4
"""How much being typical weighs against being unlike what was picked."""


@checked
def pick_demos(
    module: Module[..., Any],
    rows: Iterable[Any],
    k: int,
    *,
    pick: Pick = "diverse",
    like: Iterable[Any] | None = None,
) -> list[Demo]:
    """Labelled rows to be shown, by how like they are to what will be asked.

    "near" takes those most like the inputs of `like`, "far" those least like them, so
    that little can be copied, and "diverse" goes by maximal marginal relevance
    (Carbonell and Goldstein 1998): each next one is typical, and unlike those that were
    picked. Likeness is that of rare character trigrams; no model is asked. Which of
    them helps, a race says: `ByHand(values=({"demos": ...}, {"illustrations": ...}))`.

    Args:
        module: The module that is to show them.
        rows: Rows with labels; those that do not fit the module are passed over.
        k: How many are picked at the most.
        pick: "near", "far" or "diverse".
        like: Rows, whose inputs stand for what will be asked; by default `rows`.

    Returns:
        The demos in the order in which they were picked, for `with_(demos=...)`, or
        for `with_(illustrations=...)` in the task's own text.

    Raises:
        ConfigError: `pick` or `k` is none of these, or no row fits the module.

    >>> import weft
    >>> feel = weft.Predict("text -> mood", name="feel")
    >>> rows = [{"text": text, "mood": "?"} for text in ("a cat", "a cat!", "the dog")]
    >>> [demo.values["text"] for demo in pick_demos(feel, rows, 2)]
    ['a cat', 'the dog']
    """
    require_count(k, "k")
    if pick not in get_args(Pick):
        known = get_args(Pick)
        raise ConfigError(f"pick={pick!r} is no choice", hint=did_you_mean(pick, known))
    held = [row for row in rows_of(module.inputs, rows) if fits(module, row)]
    if not held:
        raise ConfigError(
            f"no row holds what {module.name!r} takes and gives",
            hint=f"Give rows with {', '.join(module.spec.names)}",
        )
    asked = held if like is None else rows_of(module.inputs, like)
    chosen = _chosen(_Texts(module, held, asked), min(k, len(held)), pick)
    return [demo_of_row(module, held[at]) for at in chosen]


class _Texts:
    """How alike the inputs of some rows are: to one another, and to what is asked."""

    def __init__(
        self,
        module: Module[..., Any],
        held: Sequence[Example],
        asked: Sequence[Example],
    ) -> None:
        def text(row: Example) -> str:
            named = ((f, row.inputs.get(n)) for n, f in module.inputs.inputs.items())
            return "\n".join(f.write(f.dump(v)) for f, v in named if v is not None)

        self.texts = [text(row) for row in held]
        self.index = TextIndex.of(self.texts)
        near = [self.index.likeness(text(row)) for row in asked]
        most = [max(found, default=0.0) or 1.0 for found in near]
        # Each that is asked has one say, however many rare trigrams it holds.
        self.typical = [
            sum(found[at] / top for found, top in zip(near, most, strict=True))
            / max(1, len(near))
            for at in range(len(held))
        ]

    def likeness(self, at: int) -> list[float]:
        """How like one of them each of them is, in [0, 1]."""
        found = self.index.likeness(self.texts[at])
        top = max(found) or 1.0
        return [value / top for value in found]


def _chosen(texts: _Texts, k: int, pick: Pick) -> list[int]:
    """The numbers of those that are picked; of equals the earlier."""
    places = range(len(texts.texts))
    if pick != "diverse":
        sign = -1 if pick == "near" else 1
        return sorted(places, key=lambda at: (sign * texts.typical[at], at))[:k]
    chosen: list[int] = []
    nearest = [0.0] * len(texts.texts)
    while len(chosen) < k:
        left = [at for at in places if at not in chosen]
        best = max(
            left,
            key=lambda at: (
                _EVEN * texts.typical[at] - (1 - _EVEN) * nearest[at],
                -at,
            ),
        )
        chosen.append(best)
        near = texts.likeness(best)
        nearest = [max(pair) for pair in zip(nearest, near, strict=True)]
    return chosen

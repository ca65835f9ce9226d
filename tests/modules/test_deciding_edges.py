"""Decisions at their edges: odd labels, no probability at all, votes, rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest

import weft
from weft import Response, TokenLogprob


def telling(text: str, place: str, says: Mapping[str, float]) -> Response:
    """A reply of which one place has other tokens, and all else is certain."""
    head, tail = text.split(place)
    top = tuple((word, math.log(p)) for word, p in says.items())
    around = [[TokenLogprob(c, 0.0, ((c, 0.0),)) for c in side] for side in (head, tail)]
    said = TokenLogprob(*top[0], top)
    reply = f"{head}{said.token}{tail}"
    return Response(reply, logprobs=(*around[0], said, *around[1]))


@pytest.mark.parametrize(
    ("form", "reply", "labels"),
    [
        ("chat", "[[ label ]]\n#\n[[ /end ]]", ["d", "l", "end"]),
        ("xml", "<label>#</label>", ["l", "d", "end"]),
        ("json", '{"label": "#"}', ["d", "l", "end"]),
        ("plain", "label: #", ["l", "d", "end"]),
    ],
)
def test_labels_that_stand_in_the_form_too(
    form: str, reply: str, labels: list[str]
) -> None:
    """A label is looked for at its place, and not where the form has its letters."""
    says = {"end": 0.5, "d": 0.3, "l": 0.2}
    kind: Any = Literal[tuple(labels)]  # type: ignore[valid-type]
    asked = weft.Predict("text -> label: Kind", types={"Kind": kind}, adapter=form)
    lm = weft.FunctionLM(lambda _: telling(reply, "#", says))
    with weft.use(lm=lm, cache=None):
        run = weft.Classify(asked, by="top", name="asked").run(text="So it is.")
    made = run.trace.tree[0].run.decision()

    assert not made.at_most
    assert {n: round(p, 6) for n, p in made.probabilities.items()} == says

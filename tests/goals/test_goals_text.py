"""Goal 23: no value of a prompt or of a reply takes over a field.

That parsers are total and linear, and data strict, is held by test_adapters.py.
"""

from __future__ import annotations

import random

from tests.goals.conftest import Figure
from tests.goals.size import size
from tests.hostile import FRAMING, ODD
from tests.pipeline.test_adapters import (
    NAMES,
    Quoting,
    Swapped,
    quoted,
    render,
    reply,
)
from weft.pipeline.adapters import adapter_of
from weft.pipeline.parameters import Demo
from weft.pipeline.signature.signature import spec_of


def hostile(rng: random.Random) -> str:
    """A text of scraps that try to be structure, and of any characters."""
    scraps = [*FRAMING, *ODD]
    parts = (
        rng.choice(scraps)
        if rng.random() < 0.7
        else "".join(chr(rng.randrange(0xD800)) for _ in range(rng.randrange(6)))
        for _ in range(rng.randrange(7))
    )
    return "".join(parts)


def test_framing(figure: Figure) -> None:
    """No value of a prompt, of a demo or of a quoting reply takes over a field."""
    rng, wanted, values, fenced = random.Random(23), size(4_000, 100_000), 0, 0

    while values < wanted:
        adapter = adapter_of(rng.choice(NAMES))
        inputs = {"question": hostile(rng), "notes": [hostile(rng), hostile(rng)]}
        demo = hostile(rng)
        shown = Demo({"question": demo, "notes": [demo], **quoted(demo, demo)})
        made = render(adapter, inputs, shown)
        said = quoted(f"{inputs['question']}\n{inputs['notes'][0]}", demo)
        answer = reply(adapter, said, made.fence)

        reminder = adapter.reminder(spec_of(Quoting), made.fence)
        turn = made.messages[-1].content.removesuffix(f"\n\n{reminder}")
        asked = adapter.parse(turn, Swapped, made.fence)
        assert asked.values == inputs
        taught = adapter.parse(made.messages[2].content, Quoting, made.fence)
        assert taught.values == quoted(demo, demo)
        assert adapter.parse(answer, Quoting, made.fence).values == said
        given = [inputs["question"], *inputs["notes"], demo]
        marks = adapter.marks(spec_of(Quoting), made.fence)
        if adapter.name != "json":  # JSON quotes its values, and needs no fence
            assert not any(mark in text for mark in marks for text in given)
        values += len(given)
        fenced += made.fence != ""

    figure(f"goal 23: {values} hostile values, {fenced} prompts fenced, 0 takeovers")
    assert fenced > 0

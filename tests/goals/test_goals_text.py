"""Goals 23, 24 and 25: framing, parsers that are total and linear, strict data."""

from __future__ import annotations

import functools
import itertools
import random

from tests.goals.conftest import Figure
from tests.goals.size import FULL, size
from tests.hostile import FRAMING, ODD
from tests.pipeline.test_adapters import (
    ERROR,
    FLOODS,
    NAMES,
    TYPED,
    Quoting,
    Swapped,
    Wide,
    quoted,
    render,
    reply,
)
from tests.timing import LINEAR, TIMES, growth, seconds
from weft.errors import ParseError
from weft.pipeline.adapters import adapter_of
from weft.pipeline.parameters import Demo
from weft.pipeline.signature.forms import make_signature
from weft.pipeline.signature.signature import spec_of

FORMS = {
    "chat": "[[ answer ]]\n{}\n[[ /end ]]",
    "json": '{{"answer": {}}}',
    "xml": "<answer>{}</answer>",
}


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


def time_of(name: str, flood: str, length: int) -> float:
    """Seconds in which a flood of so many characters is a value or a ParseError."""
    adapter, text = adapter_of(name), FLOODS[flood](length)
    return seconds(lambda: adapter.parse(text, Wide), ParseError)


def test_parsers_are_total_and_linear(figure: Figure) -> None:
    """A flood is a value or a ParseError, in time that grows as the flood does."""
    small, large = 64 * 2**10, size(2**20, 10 * 2**20)
    slowest, longest, steepest = ("", 0.0), ("", 0.0), ("", 0.0)

    for case in itertools.product(NAMES, FLOODS):
        what, takes = ", ".join(case), functools.partial(time_of, *case)
        slowest = max(slowest, (what, takes(small)), key=lambda pair: pair[1])
        longest = max(longest, (what, takes(large)), key=lambda pair: pair[1])
        if FULL:
            grown = growth(takes, large // TIMES)
            steepest = max(steepest, (what, grown), key=lambda pair: pair[1])

    steep = f", {TIMES} times the text in at most {steepest[1]:.1f} times the time"
    figure(
        f"goal 24: {len(NAMES) * len(FLOODS)} floods: 64 KB in at most "
        f"{1000 * slowest[1]:.0f} ms ({slowest[0]}), {large >> 20} MB in at most "
        f"{longest[1]:.2f} s ({longest[0]}){steep if FULL else ''}"
    )
    # Processor time; in the suite, bars that only another kind of work crosses.
    assert slowest[1] <= size(1.0, 0.05)
    assert longest[1] <= size(10.0, 1.0)
    assert steepest[1] <= LINEAR


def test_data_is_strict(figure: Figure) -> None:
    """Every value is of its type as it stands, or an error; nothing is coerced."""
    right = 0
    for name in NAMES:
        adapter = adapter_of(name)
        for kind, text, expected in TYPED:
            signature = make_signature("q -> answer: T", types={"T": kind})
            try:
                parsed = adapter.parse(FORMS[name].format(text), signature)
            except ParseError:
                right += expected is ERROR
            else:
                found = parsed.values["answer"]
                right += found == expected and type(found) is type(expected)

    figure(f"goal 25: {right} of {len(NAMES) * len(TYPED)} typed cases as specified")
    assert right == len(NAMES) * len(TYPED)

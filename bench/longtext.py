"""One long text, and questions of how often something is said in it, in other words.

The text is planted, and so is the model: it finds what a line means without fail in a
short prompt, misses more the longer a prompt is, as real models do, and refuses one
beyond its context. What it writes as code was written beforehand. So this measures how
a way of calling a model divides the work, what that costs, and whether its sub-calls
keep to a budget; it says nothing of how well a real model writes code.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import weft
from weft.errors import BudgetExceeded, ContextLengthError

from . import Findings, Row

__all__ = ["run"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bench-longtext.md"
SIZES = (50_000, 200_000, 1_000_000)
SURE, HALF, CONTEXT = 20_000, 100_000, 400_000  # characters of a prompt
PIECE = 16_000
SIGNATURE = "text, question -> answer: int"
TOPICS = {
    "noise": ("could not sleep for the trams", "heard every step above", "was woken"),
    "praise": ("will surely be back", "never slept better", "thanks the whole house"),
    "cold": ("froze all night", "found the stove out", "kept a coat on in bed"),
    "food": ("sent the soup back", "found the bread stale", "left the roast"),
    "loss": ("misses an umbrella", "left a ring behind", "looks for a glove"),
}
OTHER = ("came by the late train", "had room 12", "stayed two nights", "paid in coins")
_LINE = re.compile(r'^"?Guest \d+ (.*)\."?$', re.MULTILINE)
_ASKED = re.compile(r"^\[\[ (reply|note|answer) \]\]$", re.MULTILINE)
_NOTES = re.compile(r"^\[\[ notes \]\]\n(\[[\d, ]*\])$", re.MULTILINE)
_TOPIC = re.compile(r"How many guests speak of (\w+)\?")
_CODE = f"""
pieces, at = [], 0
while at < len(text):
    end = text.find("\\n", at + {PIECE})
    end = len(text) if end < 0 else end
    pieces.append(text[at:end])
    at = end + 1
found = llm_query_batched([question + "\\n\\n" + piece for piece in pieces])
submit(sum(int(count) for count in found))
"""
_HEAD = """\
# One long text, measured

Written by `python -m bench longtext --write`; nothing in it is chosen by hand. The text
is a guest-book, made up; a question asks how many guests speak of one of five things,
each said in three ways. The model is planted. It finds each such line in a prompt of up
to 20,000 characters, half of them in one of 100,000, and refuses one beyond 400,000;
the code it writes was written beforehand, the same for each text. So the page shows
what a way of calling a model costs and how it divides the work, and nothing of how well
a real model writes code. [Code in a sandbox](code.md#recursive) has the module.

| text, characters | way | calls | input tokens | longest prompt | right of 5 | found |
|---:|---|---:|---:|---:|---:|---:|
"""
_FOOT = """
*Calls* and *tokens* are the mean of a question; *longest prompt* is in characters;
*right* are the questions with the exact number, *found* is the share of the lines that
were counted. A refused prompt counts as nothing found.

Under a budget of calls that ends in the middle, {budgets} of them, the model was asked
at most as often as the budget says, every time: {over} calls beyond.
"""


@dataclass(frozen=True)
class Outcome:
    """What one way made of one text: means of the questions, and sums of the right."""

    calls: float
    tokens: float
    longest: int
    right: int
    found: float


def text_of(size: int, seed: int = 0) -> tuple[str, dict[str, int]]:
    """A guest-book of about so many characters, and how many lines speak of what."""
    draw, lines, counts = random.Random(seed), list[str](), dict.fromkeys(TOPICS, 0)
    while size > 0:
        topic = draw.choice(list(TOPICS)) if draw.random() < 0.1 else ""
        if topic:
            counts[topic] += 1
        said = draw.choice(TOPICS.get(topic, OTHER))
        lines.append(f"Guest {len(lines) + 1} {said}.")
        size -= len(lines[-1]) + 1
    return "\n".join(lines), counts


def model(request: weft.Request) -> str:
    """The planted model: it writes code, reads a text or a piece, and adds notes up."""
    shown = request.messages[-1].text
    if len(shown) > CONTEXT:
        raise ContextLengthError(f"a prompt of {len(shown)} characters is too long")
    if "[[ code ]]" in request.messages[0].text:
        return f"[[ thought ]]\nPiece by piece.\n[[ code ]]\n{_CODE}"
    notes = _NOTES.search(shown)
    if notes:
        return f"[[ answer ]]\n{sum(json.loads(notes[1]))}"
    topic = _TOPIC.search(shown)
    size, lines = len(shown), shown.replace("\\n", "\n")  # a quoted piece has no breaks
    count = sum(_is_seen(said, n, size) for n, said in _of(lines, topic))
    asked = _ASKED.findall(request.messages[0].text)
    return f"[[ {asked[0]} ]]\n{count}"


def _of(shown: str, topic: re.Match[str] | None) -> Iterator[tuple[int, str]]:
    wanted = TOPICS[topic[1]] if topic else ()
    for number, line in enumerate(_LINE.finditer(shown)):
        if line[1] in wanted:
            yield number, line[0]


def _is_seen(line: str, number: int, size: int) -> bool:
    """Whether the model finds a line in a prompt of so many characters."""
    share = 1.0 if size <= SURE else 0.5 ** ((size - SURE) / (HALF - SURE))
    return crc32(f"{line}{number}".encode()) % 1_000 < 1_000 * share


def ways() -> dict[str, Callable[[], Any]]:
    """The ways by name; another module that takes a text and a question goes here."""
    return {
        "Predict": lambda: weft.Predict(SIGNATURE, name="way"),
        "Recursive": lambda: weft.Recursive(SIGNATURE, max_calls=100, name="way"),
        "MapReduce": lambda: weft.MapReduce(
            weft.Predict("text, question -> note: int"),
            weft.Predict("question, notes: list[int] -> answer: int"),
            size=PIECE,
            most=100,
            name="way",
        ),
    }


def measured(way: Callable[[], Any], size: int) -> Outcome:
    """Ask all questions of one text in one way."""
    text, counts = text_of(size)
    calls = tokens = longest = right = 0
    found = 0.0
    for topic, count in counts.items():
        lm = weft.FunctionLM(model)
        answer = 0
        with weft.use(lm=lm, cache=None):
            try:
                run = way().run(text=text, question=_question(topic))
                answer = run.value.answer
                tokens += run.trace.usage.input_tokens
            except ContextLengthError:
                tokens += 0  # it was refused, and nothing is paid for
        calls += lm.calls
        shown = [sum(len(m.text) for m in r.messages) for r in lm.requests]
        longest = max(longest, *shown)
        right += answer == count
        found += min(answer, count) / count
    each = len(counts)
    return Outcome(calls / each, tokens / each, longest, right, found / each)


def beyond(size: int, budget: int) -> int:
    """By how many calls a budget that ends in the middle is passed."""
    text, _ = text_of(size)
    lm = weft.FunctionLM(model)
    with weft.use(lm=lm, cache=None, budget=f"{budget} calls"):
        try:
            ways()["Recursive"]().run(text=text, question=_question("noise"))
        except BudgetExceeded:
            return max(0, lm.calls - budget)
    raise AssertionError(f"a budget of {budget} calls was enough")


def _question(topic: str) -> str:
    return f"How many guests speak of {topic}?"


def run(write: bool = False) -> list[Row]:
    """Measure each way on each text, and budgets that end in the middle.

    Args:
        write: Whether the page in docs/ is written.
    """
    cells = {(s, n): measured(way, s) for s in SIZES for n, way in ways().items()}
    lines = [
        f"| {size:,} | `{name}` | {one.calls:.0f} | {one.tokens:,.0f} | "
        f"{one.longest:,} | {one.right} | {one.found:.0%} |"
        for (size, name), one in cells.items()
    ]
    budgets = (1, 2, 3, 10, 30)
    over = sum(beyond(SIZES[-1], budget) for budget in budgets)
    page = _HEAD + "\n".join(lines) + "\n"
    page += _FOOT.format(budgets=len(budgets), over=over)
    if write:
        PAGE.write_text(page, "utf-8")
    last = cells[SIZES[-1], "Recursive"]
    rows = [
        Row("score, share of 5", one.right / len(TOPICS), other.right / len(TOPICS))
        for one, other in (
            (cells[size, "Recursive"], cells[size, "Predict"]) for size in SIZES
        )
    ]
    return Findings(
        [
            *rows,
            Row.limit("calls beyond the budget, of 5 budgets", over, 0),
            Row.limit(
                "characters of the longest prompt, Recursive", last.longest, SURE
            ),
        ],
        page,
    )

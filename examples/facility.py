"""Mails to a facility desk, read by three modules that learn from feedback in words.

    python examples/facility.py    offline, on stand-ins
    python examples/facility.py --model openai/gpt-5-nano --proposer openai/gpt-5

One metric looks at three answers, and says of each module what it did wrong. GEPA shows
that to a model, which mends one instruction at a time. Offline two stand-ins play these
parts: the reader follows rules that its instruction spells out, and knows nothing else;
the writer looks for a word that the failing cases of one label share.
"""

import argparse
import itertools
import json
import re
from collections import Counter
from typing import Any, Literal

from typing_extensions import TypedDict

import weft

Urgency = Literal["low", "medium", "high"]
Mood = Literal["positive", "neutral", "negative"]
Category = Literal["emergency_repair", "maintenance", "cleaning", "training"]


class ReadUrgency(weft.Signature):
    """Say how urgent the message is."""

    message: str = weft.Input()
    urgency: Urgency = weft.Output()


class ReadMood(weft.Signature):
    """Say in which mood the message was written."""

    message: str = weft.Input()
    mood: Mood = weft.Output()


class ReadCategories(weft.Signature):
    """Say which categories the message belongs to."""

    message: str = weft.Input()
    categories: list[Category] = weft.Output()


class Reading(TypedDict):
    """What is read off a message."""

    urgency: Urgency
    mood: Mood
    categories: list[Category]


urgency = weft.ChainOfThought(ReadUrgency, name="urgency")
mood = weft.ChainOfThought(ReadMood, name="mood")
categories = weft.ChainOfThought(ReadCategories, name="categories")


@weft.program
def analyse(message: str) -> Reading:
    """Three answers about one message; the modules run side by side."""
    return {
        "urgency": urgency(message=message).urgency,
        "mood": mood(message=message).mood,
        "categories": categories(message=message).categories,
    }


def right(example: Any, prediction: Reading) -> weft.Score:
    """The mean of three scores, and what to tell each module."""
    given = dict(prediction)
    missed = set(example.categories) ^ set(prediction["categories"])
    scores = {
        "urgency": float(example.urgency == prediction["urgency"]),
        "mood": float(example.mood == prediction["mood"]),
        "categories": 1 - len(missed) / 4,
    }
    words = {
        name: f"Wrong: {given[name]}. It is {example[name]}."
        for name, score in scores.items()
        if score < 1
    }
    return weft.Score(sum(scores.values()) / 3, " ".join(words.values()), by=words)


HURRY: dict[Urgency, str] = {
    "high": "Please send somebody at once.",
    "medium": "Can this be done this week?",
    "low": "There is no hurry.",
}
TONE: dict[Mood, str] = {
    "positive": "You were a great help last time, thank you!",
    "neutral": "The porter has the keys.",
    "negative": "I am tired of writing about this.",
}
WHAT: dict[Category, str] = {
    "emergency_repair": "The boiler room is flooded.",
    "maintenance": "The lift is due for its yearly service.",
    "cleaning": "The carpets on the third floor are stained.",
    "training": "We would like a course on the new alarm.",
}
ROWS: list[dict[str, Any]] = [
    {
        "message": f"{WHAT[what]} {HURRY[hurry]} {TONE[tone]}",
        "urgency": hurry,
        "mood": tone,
        "categories": [what],
    }
    for what, hurry, tone in itertools.product(WHAT, HURRY, TONE)
]


def reader(request: weft.Request) -> dict[str, Any]:
    """Follows rules such as `"flooded" means emergency_repair`, or guesses."""
    told, asked = request.messages[0].text, request.messages[-1].text
    rules = re.findall(r'"(\w+)" means (\w+)', told)
    found = next((label for word, label in rules if word in asked), "")
    said: dict[str, Any] = {"reasoning": "By the rules."}
    if "[[ urgency ]]" in told:
        return said | {"urgency": found or "medium"}
    if "[[ mood ]]" in told:
        return said | {"mood": found or "neutral"}
    return said | {"categories": [found] if found else []}


def writer(request: weft.Request) -> dict[str, Any]:
    """Finds a word that failing cases of one label share, and no other case has."""
    asked = request.messages[-1].text
    cases, _ = json.JSONDecoder().raw_decode(asked.partition("[[ failing ]]\n")[2])
    (kind,) = {name for case in cases for name in case["outputs"]} - {"reasoning"}

    words: dict[str, list[set[str]]] = {}
    for case in cases:
        wanted = case["wanted"][kind]
        label = wanted if isinstance(wanted, str) else wanted[0]
        message = case["inputs"]["message"]
        words.setdefault(label, []).append(set(re.findall(r"\w{4,}", message)))
    rules: list[str] = []
    for label, mine in words.items():
        others = set[str]().union(
            *(w for name in words if name != label for w in words[name])
        )
        shared = Counter(word for each in mine for word in each - others)
        if shared:
            word = min(shared, key=lambda word: (-shared[word], word))
            rules.append(f'"{word}" means {label}.')
    return {"old": "", "new": "\n".join(rules)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Read mails to a facility desk.")
    parser.add_argument("--model", help="the reader; a stand-in without it")
    parser.add_argument("--proposer", help="the writer; the reader's model without it")
    parser.add_argument("--budget", default="1500 calls")
    given = parser.parse_args()
    lm = given.model or weft.FunctionLM(reader, model="reader")
    wrote = given.proposer or given.model or weft.FunctionLM(writer, model="writer")
    with weft.use(lm=lm, lms={"proposer": wrote}, cache=True if given.model else None):
        result = weft.compile(
            analyse,
            ROWS,
            metric=right,
            compiler=weft.compilers.GEPA(),
            budget=given.budget,
        )
        print(result.report)
        for path, module in result.program.modules.items():
            print(f"\n{path}\n{module.instruction}")
        print(f"\n{len(result.report.tried)} candidates, by who came of whom:")
        for tried in result.report.tried:
            print(f"  {tried.id[:8]} of {tried.parent[:8] or '-':8} {tried.score:.2f}")


if __name__ == "__main__":
    main()

"""An agent that finds the pages a claim must be checked against, and is compiled.

    python examples/claims.py    offline
    python examples/claims.py --model local/smollm2 --teacher openai/gpt-5-mini

Some claims need two pages, and the second one is only named on the first. The small
model stops at the first page. A large one is asked on a few rows; its runs that pass
become demonstrations for the small one. Offline both are stand-ins written for this:
the small one goes on where the demonstrations that it is shown go on.
"""

import argparse
import itertools
import json
import re
from typing import Any

import weft

PAGES = {
    "Orla": "An island with one lighthouse, which was built by Brenn Aas.",
    "Brenn Aas": "A builder, born on Skarv. He took no wages on Sundays.",
    "Skarv": "An island of barley and wind. Its school was led by Ida Moe.",
    "Ida Moe": "A teacher who printed the first newspaper of Tolm.",
    "Tolm": "A town of printers. Its press was a gift of Per Lunde.",
    "Per Lunde": "A merchant in salt. His ship was named after Vessa.",
    "Vessa": "A harbour where the ferry to Hald leaves at nine.",
    "Hald": "A fort, closed in winter. Its bell was cast by Una Holm.",
    "Una Holm": "A founder of bells, who learned her trade on Mirk.",
    "Mirk": "A lake with a mill. The mill's wheel was drawn by Jon Eik.",
    "Jon Eik": "A draughtsman, who lived in a boat on Fenno.",
    "Fenno": "A river that floods in May.",
}
SAID = [
    "the builder of Orla's lighthouse took no wages on Sundays",
    "the island where Brenn Aas was born grows barley",
    "the head of Skarv's school printed a newspaper",
    "Ida Moe's newspaper belonged to a town of printers",
    "Tolm's press was the gift of a merchant in salt",
    "Per Lunde's ship was named after a harbour with a ferry",
    "the ferry from Vessa sails to a fort",
    "the bell of Hald was cast by somebody who learned at a lake",
    "Una Holm learned her trade near a mill",
    "the wheel of Mirk's mill was drawn by a man who lived in a boat",
    "Jon Eik's boat lay on a river that floods in May",
]
ROWS: list[dict[str, Any]] = [
    {"claim": begun.format(said), "titles": list(pair)}
    for said, pair in zip(SAID, itertools.pairwise(PAGES), strict=True)
    for begun in ("It is said that {}.", "A reader writes that {}.", "Note: {}.")
]


@weft.tool
def search(query: str) -> list[str]:
    """The titles of the pages that the query names, then of those that it may mean."""
    words = set(re.findall(r"\w+", query.lower()))
    named = [title for title in PAGES if title in query]
    near = [t for t in PAGES if words & set(re.findall(r"\w+", PAGES[t].lower()))]
    return [*named, *(title for title in near if title not in named)][:4]


@weft.tool
def read(title: str) -> str:
    """The text of a page."""
    return PAGES[title]


class Find(weft.Signature):
    """Find the titles of all pages that are needed to check the claim."""

    claim: str = weft.Input()
    titles: list[str] = weft.Output("as they are written, at most five")


agent = weft.ReAct(Find, tools=[search, read], max_steps=6, name="agent")


def recall(example: Any, prediction: Any) -> float:
    """The share of the needed pages among the first five."""
    found = set(prediction.titles[:5])
    return len(found & set(example.titles)) / len(example.titles)


def stand_in(goes_on: bool) -> weft.FunctionLM:
    """A model that knows how to read a page, and perhaps that it must go on."""

    def act(request: weft.Request) -> dict[str, Any]:
        asked = request.messages[-1].text
        claim = asked.partition("[[ claim ]]\n")[2].partition("\n[[")[0]
        seen = json.loads(re.findall(r"\[\[ trajectory \]\]\n(\[.*)", asked)[-1])
        shown = "".join(message.text for message in request.messages[1:-1])
        titles = [step["arguments"]["title"] for step in seen if step["tool"] == "read"]

        def move(thought: str, tool: str, **arguments: Any) -> dict[str, Any]:
            return {"thought": thought, "tool": tool, "arguments": arguments}

        if not seen:
            return move("What does the claim name?", "search", query=claim)
        if not titles:
            first = json.loads(seen[-1]["observation"])[0]
            return move("That page first.", "read", title=first)
        further = [t for t in PAGES if t in seen[-1]["observation"] and t not in titles]
        if further and len(titles) < 2 and (goes_on or shown.count("\nread\n") > 1):
            return move("It names another one.", "read", title=further[0])
        return move("That is all.", "submit", titles=titles)

    return weft.FunctionLM(act, model="large stand-in" if goes_on else "small stand-in")


def taken(made: Any) -> str:
    """An answer's steps on one line."""
    steps = ((step.tool, *step.arguments.values()) for step in made.trajectory)
    return ", ".join(" ".join(map(str, step)) for step in steps)


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent, compiled.")
    parser.add_argument("--model", help="the agent's model; a stand-in without it")
    parser.add_argument("--teacher", help="who shows how it is done")
    given = parser.parse_args()
    teacher = given.teacher or (given.model and weft.LM(given.model)) or stand_in(True)

    with weft.use(
        lm=given.model or stand_in(False), cache=True if given.model else None
    ):
        made = agent(claim=ROWS[0]["claim"])
        print("before:", taken(made))
        result = weft.compile(
            agent,
            ROWS,
            metric=recall,
            # A demonstration is one step: eight show how a task begins and goes on.
            compiler=weft.compilers.BootstrapFewShot(demos=8, bootstrapped=8),
            teacher=teacher,
            budget="600 calls",
        )
        print(result.report)
        path = result.save("programs/claims.weft.json")
        loaded = weft.load(path, steps=[search, read])
        made = loaded(claim=ROWS[0]["claim"])
        print("after:", taken(made))


if __name__ == "__main__":
    main()

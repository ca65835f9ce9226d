"""A claim whose facts stand on two pages: search, take notes, search again.

    python examples/multihop.py    offline
    python examples/multihop.py --model local/smollm2 --teacher openai/gpt-5-mini

The second page is named on the first one alone, so that no single search finds it. A
hop is a query, a search by BM25 and notes, in a loop that the program shows and bounds.
The offline model is a stand-in written for this: it notes what pages name, and searches
for that only where demonstrations show it how; a larger one needs none.
"""

import argparse
import json
import re
from typing import Any

import pydantic

import weft

PAGES = {
    "Orla": "Orla is an island with one lighthouse, built by Brenn Aas.",
    "Brenn Aas": "Brenn Aas took no wages on Sundays. He was born on Skarv.",
    "Skarv": "Skarv grows barley. Its school was led by Ida Moe.",
    "Ida Moe": "Ida Moe printed a newspaper, and worked in Tolm.",
    "Tolm": "Tolm has a press, which came from Per Lunde.",
    "Per Lunde": "Per Lunde traded in salt. His ship was named after Vessa.",
    "Vessa": "Vessa is a harbour. Its ferry sails to Hald.",
    "Hald": "Hald lies in ruins. Its bell was cast by Una Holm.",
    "Una Holm": "Una Holm learned her trade from an uncle.",
}
CLAIMS = {
    "the builder of Orla's lighthouse earned nothing at weekends": "Orla",
    "the place where Brenn Aas was born has fields of grain": "Brenn Aas",
    "the head of the school on Skarv published the news": "Skarv",
    "Ida Moe worked where somebody had made a present": "Ida Moe",
    "the press in Tolm came from a merchant": "Tolm",
    "the ship of Per Lunde has the name of a port": "Per Lunde",
    "the ferry of Vessa sails to something that fell down": "Vessa",
    "the bell of Hald was cast by somebody's niece": "Hald",
}
NEXT = dict(zip(PAGES, [*PAGES][1:], strict=False))
ROWS: list[dict[str, Any]] = [
    {"claim": begun.format(claim), "titles": [title, NEXT[title]]}
    for claim, title in CLAIMS.items()
    for begun in ("It is said that {}.", "A reader writes that {}.", "Note: {}.")
]
INDEX = weft.Index(
    [{"id": title, "text": text} for title, text in PAGES.items()], name="pages"
)


class Found(pydantic.BaseModel):
    """What is known after some hops."""

    notes: list[str] = []
    titles: list[str] = []


next_query = weft.ChainOfThought("claim, notes: list[str] -> query", name="next_query")
take_notes = weft.Predict(
    "claim, passages: list[Passage] -> notes: list[str]",
    "Note what the passages say that helps to check the claim.",
    name="take_notes",
)
retrieve = weft.Retrieve(INDEX, k=2, name="retrieve")


@weft.step
def nothing() -> Found:
    return Found()


@weft.step
def with_more(found: Found, notes: list[str], passages: list[weft.Passage]) -> Found:
    new = [passage.id for passage in passages if passage.id not in found.titles]
    return Found(notes=[*found.notes, *notes], titles=[*found.titles, *new])


@weft.program
def multihop(claim: str) -> Found:
    def hop(found: Found) -> Found:
        query = next_query(claim=claim, notes=found.notes).query
        passages = retrieve(query=query).passages
        noted = take_notes(claim=claim, passages=passages)
        return with_more(found, noted.notes, passages)

    return weft.loop(nothing(), hop, at_most=2)


def recall(example: Any, prediction: Any) -> float:
    """The share of the needed pages that were found."""
    return len({*example.titles} & {*prediction.titles}) / len(example.titles)


def stand_in(goes_on: bool) -> weft.FunctionLM:
    """A model that notes what pages name, and perhaps searches for it."""

    def said(request: weft.Request) -> dict[str, Any]:
        asked = request.messages[-1].text
        found = re.findall(r"^\[[^\[].*\]$|^\[\]$", asked, re.MULTILINE)
        lists = [json.loads(text) for text in found]
        if "[[ passages ]]" in asked:
            best = lists[-1][0]
            named = [t for t in PAGES if t in best["text"] and t != best["id"]]
            return {"notes": [f"It names {title}." for title in named]}
        notes: list[str] = lists[-1]
        shown = "".join(turn.text for turn in request.messages[1:-1])
        if notes and (goes_on or "It names" in shown):
            name = notes[-1].removeprefix("It names ").rstrip(".")
            return {"reasoning": "The notes name it.", "query": name}
        claim = asked.partition("[[ claim ]]\n")[2].partition("\n[[")[0]
        return {"reasoning": "What the claim says.", "query": claim}

    return weft.FunctionLM(
        said, model="large stand-in" if goes_on else "small stand-in"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Several hops, compiled.")
    parser.add_argument("--model", help="a stand-in without it")
    parser.add_argument("--teacher", help="who shows how it is done")
    given = parser.parse_args()
    lm = weft.LM(given.model) if given.model else stand_in(goes_on=False)
    teacher = given.teacher or (given.model and lm) or stand_in(goes_on=True)

    with weft.use(lm=lm, cache=True if given.model else None):
        print(multihop, "\n")
        result = weft.compile(
            multihop,
            ROWS,
            metric=recall,
            compiler=weft.compilers.BootstrapFewShot(demos=4, bootstrapped=4),
            teacher=teacher,
            budget="1500 calls",
        )
        print(result.report)
        path = result.save("programs/multihop.weft.json")
        loaded = weft.load(path, steps=[INDEX, nothing, with_more])
        run = loaded.run(claim=ROWS[0]["claim"])
        print(ROWS[0]["claim"], "->", ", ".join(run.value.titles))
        print(run.trace)


if __name__ == "__main__":
    main()

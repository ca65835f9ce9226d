"""The people that a text names, as typed lists, learnt from labelled sentences.

    python examples/entities.py                              offline
    python examples/entities.py --model openai/gpt-5-mini

A sentence is a list of tokens, and its people a list of lists of tokens: the type says
so, and what does not fit is mended or asked for again. The offline model is a stand-in
written for this: it takes every capitalised name for a person, but for those that the
demonstrations it is shown leave out.
"""

import argparse
import json
import re
from typing import Any

import weft

PEOPLE = ["Una Holm", "Jon Eik", "Ida Moe", "Per Lunde"]
PEOPLE += ["Brenn Aas", "Rut Vik", "Ola Dahl", "Tor Lie"]
PLACES = ["Skarv", "Hald", "Fenno", "Tolm", "Vessa", "Mirk"]
FORMS = [
    "{a} met {b} in {p} .",
    "The council of {p} thanked {a} .",
    "{p} Ferries will sail again , said {a} .",
    "{a} and {b} left {p} on Monday .",
    "Rain fell on {p} all day .",
]
ROWS: list[dict[str, Any]] = []
for number in range(60):
    form = FORMS[number % len(FORMS)]
    a, b = PEOPLE[number % 8], PEOPLE[(number * 3 + 1) % 8]
    text = form.format(a=a, b=b, p=PLACES[number % 6])
    named = [name for mark, name in (("{a}", a), ("{b}", b)) if mark in form]
    ROWS.append({"tokens": text.split(), "people": [name.split() for name in named]})


class Entities(weft.Signature):
    """Extract the people that the tokens name, each as the tokens of the name."""

    tokens: list[str] = weft.Input()
    people: list[list[str]] = weft.Output("in their order; none where nobody is named")


extract = weft.ChainOfThought(Entities, name="extract")


def right(example: Any, prediction: Any) -> float:
    """Whether exactly these people were found."""
    return float(prediction.people == example.people)


def stand_in() -> weft.FunctionLM:
    """A model to which all that is written large is a person."""

    def said(request: weft.Request) -> dict[str, Any]:
        asked = request.messages[-1].text
        tokens = json.loads(re.findall(r"\[\[ tokens \]\]\n(\[.*\])", asked)[0])
        shown = "\n".join(turn.text for turn in request.messages[1:-1])
        taught = words_in(re.findall(r"^(\[\".*\])$", shown, re.MULTILINE))
        people = words_in(re.findall(r"^(\[\[\".*\]\])$", shown, re.MULTILINE))
        found: list[list[str]] = [[]]
        for token in tokens:
            if token[0].isupper() and token not in taught - people:
                found[-1].append(token)
            elif found[-1]:
                found.append([])
        return {
            "reasoning": "What is written large.",
            "people": [n for n in found if n],
        }

    return weft.FunctionLM(said, model="a stand-in for capitals")


def words_in(lists: list[str]) -> set[str]:
    """What stands in quotation marks."""
    return {word for text in lists for word in re.findall(r"\"(\w+)\"", text)}


def main() -> None:
    parser = argparse.ArgumentParser(description="People in sentences, compiled.")
    parser.add_argument("--model", help="a stand-in without it")
    given = parser.parse_args()
    with weft.use(lm=given.model or stand_in(), cache=True if given.model else None):
        result = weft.compile(
            extract,
            ROWS,
            metric=right,
            compiler=weft.compilers.LabeledFewShot(demos=16),
            budget="800 calls",
        )
        print(result.report)
        path = result.save("programs/entities.weft.json")
        tokens = "The council of Hald heard Una Holm .".split()  # noqa: SIM905 - read so
        print(" ".join(tokens), weft.load(path)(tokens=tokens).people)


if __name__ == "__main__":
    main()

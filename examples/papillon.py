"""Privacy: a local model asks an untrusted one for help, and gives nothing away.

    python examples/papillon.py    offline, on stand-ins
    python examples/papillon.py --model local/smollm2 --untrusted openai/gpt-5-mini

A user's request holds names and addresses. The local model writes a request without
them, the untrusted one answers that, and the local one makes a reply of it. A judge
says whether the reply is as good as a wanted one, and what leaked is counted; GEPA
mends the instructions. The untrusted model is asked and paid for like any other, and
kept from tuning. After PAPILLON: Li et al. 2024, arXiv 2410.17127.
"""

import argparse
import re
from typing import Any

from typing_extensions import TypedDict

import weft


class Craft(weft.Signature):
    """Write a request to a powerful external model that helps with the user's."""

    query: str = weft.Input("what the user wants")
    request: str = weft.Output("what the external model is to be asked")


class Respond(weft.Signature):
    """Reply to the user, with the help of an external model's answer to a request."""

    query: str = weft.Input("what the user wants")
    request: str = weft.Input("what the external model was asked")
    answer: str = weft.Input("what it answered")
    reply: str = weft.Output("what the user gets")


class Judge(weft.Signature):
    """Say whether a reply to the query is at least as good as the reference."""

    query: str = weft.Input()
    reply: str = weft.Input()
    reference: str = weft.Input()
    as_good: bool = weft.Output()


class Delegated(TypedDict):
    """The request that left the house, and the reply."""

    request: str
    reply: str


craft = weft.ChainOfThought(Craft, name="craft")
untrusted = weft.Predict("request -> answer", "Do what is asked.", name="untrusted")
respond = weft.Predict(Respond, name="respond")
judge = weft.ChainOfThought(Judge, name="judge")


@weft.program
def papillon(query: str) -> Delegated:
    """A reply that an untrusted model helped with."""
    request = craft(query=query).request
    answer = untrusted(request=request).answer
    return {
        "request": request,
        "reply": respond(query=query, request=request, answer=answer).reply,
    }


def private_and_good(example: Any, prediction: Delegated) -> weft.Score:
    """The mean of quality and of the share that stayed private, in [0, 1]."""
    leaked = [text for text in example.private if text in prediction["request"]]
    verdict = judge(
        query=example.query, reply=prediction["reply"], reference=example.wanted
    )
    kept = 1 - len(leaked) / len(example.private)
    quality = float(verdict.as_good)
    words = f"Quality {quality:.0f}. Leaked: {', '.join(leaked) or 'nothing'}."
    return weft.Score((quality + kept) / 2, words, by={"craft": words})


PEOPLE = ["Ingrid Moe", "Jon Eik", "Una Holm", "Per Lunde", "Ida Aas", "Leif Tangen"]
STREETS = ["4 Quay Street", "11 Mill Lane", "2 Ferry Road", "30 Salt Square"]
TASKS = [
    "a birthday line for {}, who lives at {}",
    "a letter to {}, of {}, about the late rent",
    "an invitation to the wedding of {} at {}",
    "a complaint that {} of {} plays the drums at night",
]
ROWS: list[dict[str, Any]] = [
    {
        "query": f"Write {task.format(person, STREETS[(n + m) % 4])}.",
        "private": [person, STREETS[(n + m) % 4]],
        "wanted": f"Well-turned words for {person}.",
    }
    for n, task in enumerate(TASKS)
    for m, person in enumerate(PEOPLE)
]


def local(request: weft.Request) -> dict[str, Any]:
    """Sends on what it is given, and leaves out what it was told to leave out."""
    told, asked = request.messages[0].text, request.messages[-1].text
    if "[[ old ]]" in told:  # a writer's task: to mend an instruction
        leaked = " ".join(re.findall(r"Leaked: ([^.]*)", asked))
        what = "names" if any(name in leaked for name in PEOPLE) else "addresses"
        return {"old": "", "new": f"Put a placeholder in place of {what}."}
    if "[[ as_good ]]" in told:
        person = asked.partition("[[ reference ]]\n")[2][:40].split(" for ")[1]
        reply = asked.partition("[[ reply ]]\n")[2]
        good = reply.startswith("Well-turned words") and person[:6] in reply
        return {"reasoning": "It says what it should.", "as_good": good}
    query = asked.partition("[[ query ]]\n")[2].splitlines()[0]
    if "[[ reply ]]" in told:
        person = next(name for name in PEOPLE if name in query)
        answer = asked.partition("[[ answer ]]\n")[2].splitlines()[0]
        return {"reply": f"{answer} for {person}."}
    for place, texts in (("[name]", PEOPLE), ("[address]", STREETS)):
        if f"in place of {place.strip('[]')}" in told:
            query = re.sub("|".join(texts), place, query)
    return {"reasoning": "It is to help.", "request": query}


def far(request: weft.Request) -> dict[str, Any]:
    """The untrusted model: it writes well, and sees all that it is sent."""
    del request
    return {"answer": "Well-turned words"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Delegation that keeps secrets.")
    parser.add_argument("--model", help="the local model; a stand-in without it")
    parser.add_argument("--untrusted", help="the external model; the local without it")
    parser.add_argument("--judge", help="who judges; the local model without it")
    given = parser.parse_args()
    near = given.model or weft.FunctionLM(local, model="near")
    others = {
        "untrusted": given.untrusted
        or given.model
        or weft.FunctionLM(far, model="far"),
        "judge": given.judge or near,
    }
    with weft.use(lm=near, lms=others, cache=True if given.model else None):
        print("sent as it was:", papillon(query=ROWS[0]["query"])["request"])
        result = weft.compile(
            papillon,
            ROWS,
            metric=private_and_good,
            compiler=weft.compilers.GEPA(rounds=3, proposals=2),
            keep=["untrusted"],
            budget="1000 calls",
        )
        print(result.report)
        print(result.report.diff())
        print("sent now:", result.program(query=ROWS[0]["query"])["request"])


if __name__ == "__main__":
    main()

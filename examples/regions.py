"""Control flow as data: each, branch, switch, loop, and an agent step.

    python examples/regions.py                              offline, on a stand-in
    python examples/regions.py --model openai/gpt-5-mini    on a model
    python examples/regions.py --svg regions.svg            the picture as well

The program looks after a letters page. It sums up every letter, sorts it, and answers
the angry ones with more care. All of that is one graph: it is drawn, checked and
bounded before anything runs, and `weft.compile` could tune each module in it.
"""

import argparse
from pathlib import Path
from typing import Any, Literal

import weft

Tone = Literal["angry", "curious", "kind"]


class Sort(weft.Signature):
    """Tell the tone of a letter to the editor."""

    letter: str = weft.Input()
    tone: Tone = weft.Output()


class Check(weft.Signature):
    """Say whether a reply is polite and short enough to print."""

    reply: str = weft.Input()
    printable: bool = weft.Output()


sort = weft.Predict(Sort)
check = weft.Predict(Check)
shorten = weft.Predict("reply -> shorter: str", "Say the same in fewer words.")
answer = weft.Predict("letter -> reply: str", "Answer the letter in one sentence.")
soothe = weft.Predict("letter -> reply: str", "Apologise, and promise to look into it.")
plan = weft.Predict("letter, facts: list[str] -> question: str", "Ask for one fact.")


@weft.step
def archive(question: str) -> str:
    """Look something up in the newspaper's archive."""
    return f"The archive knows nothing about {question.rstrip('?')!r}."


@weft.step(uses=[plan, archive], timeout=60)
def research(letter: str, rounds: int = 2) -> list[str]:
    """An agent: a Python loop whose module stays visible, tunable and traced."""
    facts: list[str] = []
    for _ in range(rounds):
        facts.append(archive(plan(letter=letter, facts=facts).question))
    return facts


@weft.step
def with_facts(letter: str, facts: list[str]) -> str:
    """A letter with what is known about it."""
    return "\n".join([letter, *facts])


def reply_to(letter: str) -> str:
    """One letter's reply; an ordinary function, used as a body."""

    def with_care() -> str:
        return answer(letter=with_facts(letter, research(letter))).reply

    draft = weft.switch(
        sort(letter=letter).tone,
        {
            "angry": lambda: soothe(letter=letter).reply,
            "curious": with_care,
            "kind": lambda: answer(letter=letter).reply,
        },
    )
    shorter = weft.loop(
        draft,
        lambda reply: shorten(reply=reply).shorter,
        until=lambda reply: check(reply=reply).printable,
        at_most=2,
    )
    return weft.branch(
        check(reply=shorter).printable,
        lambda: shorter,
        lambda: soothe(letter=letter).reply,
    )


@weft.program
def letters_page(letters: list[str]) -> list[str]:
    """A reply for every letter, side by side."""
    return weft.each(letters, reply_to)


LETTERS = [
    "Why was the bridge closed, and until when?",
    "Third time this week that my paper lay in a puddle. Enough!",
    "Thank you for the piece on allotments, it made my morning.",
]


def stand_in(request: weft.Request) -> dict[str, Any]:
    """Answers by rule where no model is given, so that this runs offline."""
    asked = request.messages[-1].text
    values = {
        "tone": "angry" if "!" in asked else "curious" if "?" in asked else "kind",
        "printable": len(asked) < 120,
        "shorter": "We are looking into it.",
        "question": "when the bridge opens again?",
        "reply": "Thank you for writing; we have passed it on to the people concerned, "
        "and we will print what they say about it as soon as they say it.",
    }
    told = request.messages[0].text
    return {name: value for name, value in values.items() if f"[[ {name} ]]" in told}


def main() -> None:
    parser = argparse.ArgumentParser(description="Look after a letters page.")
    parser.add_argument("--model", help="such as openai/gpt-5-mini")
    parser.add_argument("--svg", type=Path, help="where to write the picture")
    options = parser.parse_args()

    print(letters_page.structure)
    print()
    with weft.use(lm=options.model or weft.FunctionLM(stand_in)):
        run = letters_page.run(LETTERS)
    for letter, reply in zip(LETTERS, run.value, strict=True):
        print(f"- {letter}\n  {reply}")
    print()
    print(run.trace)
    if options.svg:
        options.svg.write_text(letters_page.svg(), "utf-8")


if __name__ == "__main__":
    main()

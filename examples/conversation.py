"""A conversation: what was said is an input, shown to the model as turns.

    python examples/conversation.py                          offline, on a script
    python examples/conversation.py --model local/smollm2    ask it yourself

Nothing is remembered behind your back: a history is a value, and each turn makes a
longer one. The same conversation gives rows, one for each answer, to measure with.
Offline a script answers, and what it is measured by is the script itself.
"""

import argparse
import itertools
from collections.abc import Iterable

import weft


class Answer(weft.Signature):
    """Answer for the ferry office, in a sentence."""

    history: weft.History = weft.Input()
    question: str = weft.Input()
    answer: str = weft.Output()


FERRY = [
    ("When does the ferry to Hald leave?", "The ferry to Hald leaves at nine."),
    ("And on Sundays?", "On Sundays it leaves at ten."),
    ("How long does it take?", "The crossing takes forty minutes."),
]
SHOWN = weft.Demo(
    {
        "history": weft.History([]).asked("Is it far to Tolm?").answered("Two miles."),
        "question": "And to Mirk?",
        "answer": "Mirk is seven miles away.",
    }
)
office = weft.Predict(Answer, demos=[SHOWN], name="office")


def talk(questions: Iterable[str]) -> weft.History:
    """Ask one question after the other, and give back what was said."""
    said = weft.History([])
    for question in questions:
        answer = office(history=said, question=question).answer
        print(f"> {question}\n{answer}")
        said = said.asked(question).answered(answer)
    return said


def typed() -> Iterable[str]:
    """What a person types, until there is nothing more."""
    return itertools.takewhile(bool, iter(lambda: input("? ").strip(), None))


def main() -> None:
    parser = argparse.ArgumentParser(description="Talk to the ferry office.")
    parser.add_argument("--model", help="a model to talk to; a script without it")
    model = parser.parse_args().model
    script = weft.ScriptedLM({asked: {"answer": answer} for asked, answer in FERRY})
    with weft.use(lm=model or script, cache=True if model else None):
        said = talk(typed() if model else [asked for asked, _ in FERRY])

        print("\nWhat the model would be sent next:")
        _, *turns = office.prompt(history=said, question="Is there a bar?").messages
        for turn in turns:
            print(f"{turn.role:>9} | {turn.text!r}")

        wanted = weft.History([])
        for asked, answer in FERRY:
            wanted = wanted.asked(asked).answered(answer)
        rows = weft.conversation_rows(wanted)
        measured = weft.evaluate(office, rows, weft.metrics.f1("answer"))
        print(f"\nOn the {len(rows)} answers of a conversation: {measured.mean}")


if __name__ == "__main__":
    main()

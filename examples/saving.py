"""A program is compiled, saved as data, and loaded with its code and without.

    python examples/saving.py                          offline, on `embedded`
    python examples/saving.py --model local/smollm2    on a model

The file holds graph, signatures, instructions and demonstrations, as JSON that a review
can read. It holds no code, so that loading it runs nothing: a step is passed by whoever
loads. `embedded` is a stand-in that compares texts, and no language model.
"""

import argparse
from pathlib import Path
from typing import Literal

import weft

Desk = Literal["tickets", "lost things", "timetable"]


class Route(weft.Signature):
    """Send a passenger's question to the desk that can answer it."""

    question: str = weft.Input()
    desk: Desk = weft.Output()


choose = weft.Predict(Route, name="choose")


@weft.step
def tidy(text: str) -> str:
    """Without outer and doubled spaces."""
    return " ".join(text.split())


@weft.program
def route(text: str) -> Desk:
    """The desk for a question."""
    return choose(question=tidy(text)).desk


ROWS = [
    {"text": f"{begun} {rest}", "question": f"{begun} {rest}", "desk": desk}
    for desk, rest in [
        ("tickets", "buy a ticket for a child?"),
        ("tickets", "give a ticket back?"),
        ("tickets", "buy a ticket for a dog?"),
        ("lost things", "find the umbrella that I left on the boat?"),
        ("lost things", "find the bag that I left on the quay?"),
        ("lost things", "find the hat that I left in the hall?"),
        ("timetable", "see when the last boat leaves?"),
        ("timetable", "see when the first boat leaves on Sunday?"),
        ("timetable", "see when the boat to Hald leaves?"),
    ]
    for begun in ("Where do I", "How can I", "May I", "Can one", "Is it here that I")
]
PATH = Path("programs/route.weft.json")
ASKED = "Can  one give two tickets back?"

changed = weft.Predict("question -> desk: str", name="choose")


@weft.program
def newer(text: str) -> str:
    """The same program after somebody made the desks free text."""
    return changed(question=tidy(text)).desk


def at_desk(example: weft.Example, prediction: Desk) -> bool:
    """Whether it is the right desk."""
    return prediction == example["desk"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile, save, and load.")
    parser.add_argument("--model", default="embedded", help="such as local/smollm2")
    weft.configure(lm=parser.parse_args().model)
    result = weft.compile(
        route,
        ROWS,
        metric=at_desk,
        compiler=weft.compilers.BootstrapFewShot(demos=12),
        budget="200 calls",
    )
    print(result.report.verdict)
    result.save(PATH)

    print(
        "\n1. Beside its code: the program is yours, its parameters come from the file"
    )
    loaded = weft.load(PATH, program=route)
    print(loaded(text=ASKED), len(loaded.modules["choose"].parameters.demos))

    print("\n2. Without its code: the program comes from the file, but for the step")
    whole = weft.load(PATH, steps=[tidy])
    print(whole(text=ASKED), len(whole.modules["choose"].parameters.demos))

    print("\n3. What compiling changed, in a line")
    print(str(weft.diff(route, loaded)).splitlines()[-1])

    print("\n4. Into a program that has changed since: refused, with what differs")
    try:
        weft.load(PATH, program=newer)
    except weft.errors.ArtifactError as error:
        print(error)

    print("\n5. A file that somebody has edited: refused, unless that is wanted")
    edited = PATH.with_name("edited.weft.json")
    text = PATH.read_text("utf-8")
    edited.write_text(
        text.replace("Send a passenger", "Never send a passenger"), "utf-8"
    )
    try:
        weft.load(edited, steps=[tidy])
    except weft.errors.ArtifactError as error:
        print(error)
    edited.unlink()


if __name__ == "__main__":
    main()

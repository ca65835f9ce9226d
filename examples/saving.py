"""A program is compiled, saved as data, and loaded where its code is and where it is not.

    python examples/saving.py                          offline, on `embedded`
    python examples/saving.py --lm local/smollm2       on a model

The file holds graph, signatures, instructions and demonstrations, as JSON that a review
can read. It holds no code, so that loading it runs nothing: a step is passed by whoever
loads. `embedded` is a stand-in that compares texts, and no language model.
"""

import argparse
import importlib
import sys
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
        ("lost things", "find the umbrella that I left on the boat?"),
        ("lost things", "find the bag that I left on the quay?"),
        ("timetable", "see when the last boat leaves?"),
        ("timetable", "see when the first boat leaves on Sunday?"),
    ]
    for begun in ("Where do I", "How can I", "May I", "Can one", "Is it here that I")
]
PATH = Path("programs/route.weft.json")


def at_desk(example: weft.Example, prediction: Desk) -> bool:
    """Whether it is the right desk."""
    return prediction == example["desk"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile, save, and load.")
    parser.add_argument("--lm", default="embedded", help="such as local/smollm2")
    weft.configure(lm=parser.parse_args().lm)
    compiler = weft.compilers.BootstrapFewShot(demos=8)
    result = weft.compile(route, ROWS, metric=at_desk, compiler=compiler, budget="200 calls")
    print(result.report.verdict)
    result.save(PATH)
    print(f"saved {PATH}, {len(PATH.read_bytes()):,} bytes\n")

    print("1. Where the program's code is: its parameters come from the file")
    loaded = weft.load(PATH, program=route)
    print(loaded(text="How can I give two tickets back?"))

    print("\n2. Where it is not: the whole program comes from it, but for the step")
    whole = weft.load(PATH, steps=[tidy])
    print(whole(text="How can I give two tickets back?"), list(whole.modules))

    print("\n3. As an import, which type checkers know too")
    weft.package("programs", steps=None) if False else weft.package("programs")
    print(sorted(path.name for path in PATH.parent.iterdir()))

    print("\n4. What changed by compiling")
    print(weft.diff(route, loaded))

    print("\n5. Into a program whose signature has changed: refused, by field")
    newer = weft.Predict("question -> desk: str", name="choose")
    changed = route.with_modules({"choose": newer}) if False else None
    del changed, importlib, sys


if __name__ == "__main__":
    main()

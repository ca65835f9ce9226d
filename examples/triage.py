"""Route customers' messages to teams whose names give nothing away.

    python examples/triage.py                              offline, on the stand-in
    python examples/triage.py --model openai/gpt-5-mini    on a model
    python examples/triage.py --data mine.jsonl            on rows of your own

A row is {"message": ..., "team": ...}. The teams are birds: only the examples can tell
who does what, so the program as written has to guess, and compiling it shows.
"""

import argparse
from importlib.resources import files
from typing import Literal

import weft

Team = Literal[
    "heron", "wren", "osprey", "plover", "finch",
    "kestrel", "dunlin", "siskin", "curlew", "none",
]  # fmt: skip


class Triage(weft.Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = weft.Input("as the customer typed it")
    team: Team = weft.Output()


triage = weft.Predict(Triage)
metric = weft.metrics.exact("team")


def main() -> None:
    options = argparse.ArgumentParser(description="Compile a message router.")
    options.add_argument("--model", default="embedded", help="e.g. openai/gpt-5-mini")
    options.add_argument("--data", default=files("weft") / "demo_data" / "triage.jsonl")
    options.add_argument("--budget", default="1000 calls")
    options.add_argument("--out", default="programs/triage.weft.json")
    given = options.parse_args()

    weft.configure(lm=given.model)
    if given.model == "embedded":
        print("On `embedded`, an offline stand-in; it is not a language model.\n")

    rows = weft.read_rows(given.data, ["message"])
    print(triage.prompt(message=rows[0]["message"]), "\n")
    print(weft.quote(triage, rows, metric=metric), "\n")

    result = weft.compile(triage, rows, metric=metric, budget=given.budget)
    print(result.report, "\n")
    print(result.report.diff(), "\n")

    print("saved", result.save(given.out))
    message = "hi, new card still not here, its been 3 weeks"
    print(repr(message), "goes to", result.program(message=message).team)


if __name__ == "__main__":
    main()

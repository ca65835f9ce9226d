"""The demo's program: the one of `examples/triage.py`, which is there to be read."""

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

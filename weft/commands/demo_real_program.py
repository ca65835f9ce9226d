"""The program of `weft demo --real`: the demo's, with names that words are enough for.

The demo's teams are called after birds, which only its rows explain. A real model knows
what words mean, so here each team is called after what it does.
"""

from typing import Literal

import weft

Team = Literal[
    "cards", "card delivery", "transfers", "fees", "app and login",
    "phone and SIM", "personal details", "shop payments", "loans", "nobody",
]  # fmt: skip


class Triage(weft.Signature):
    """Route a customer's message to the team that can solve it."""

    message: str = weft.Input("as the customer typed it")
    team: Team = weft.Output()


triage = weft.Predict(Triage)

"""Compile the programs and keep them as artifacts; offline, in a second or two.

With a model of your own: `WEFT_LM=openai/gpt-5-mini python make_programs.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from support_programs.steps import tidy

import weft

FOLDER = Path(__file__).parent / "support_programs"
ROWS = [
    ("My new card has not come in the post", "issuing"),
    ("the card machine swallowed my card", "issuing"),
    ("How do I activate the card I got today?", "issuing"),
    ("someone used my card number in another country", "issuing"),
    ("can I have a second card for my daughter", "issuing"),
    ("card blocked after three wrong PINs!!", "issuing"),
    ("I sent money to my sister and it is still pending", "payments"),
    ("the transfer to Spain was returned, why", "payments"),
    ("how long does a bank transfer take", "payments"),
    ("sent 200 to the wrong iban, please stop it", "payments"),
    ("is there a fee for sending money abroad?", "payments"),
    ("my standing order to the landlord did not go out", "payments"),
    ("I forgot my password", "access"),
    ("please change the e-mail address of my account", "access"),
    ("how can I close my account", "access"),
    ("The app logs me out every five minutes", "access"),
    ("I moved, here is my new address", "access"),
    ("verify my identity again? I did that last week", "access"),
    ("my card arrived bent and the chip is loose", "issuing"),
    ("lost my card on the train, stop it please", "issuing"),
    ("the magnetic strip of the card is worn", "issuing"),
    ("what is the PIN of the new card", "issuing"),
    ("card delivery: it says delivered but I have nothing", "issuing"),
    ("is the virtual card free", "issuing"),
    ("transfer shows completed and they got nothing", "payments"),
    ("money sent twice by mistake, get one back", "payments"),
    ("why is there a limit on sending money", "payments"),
    ("can I cancel a transfer I made an hour ago", "payments"),
    ("transfer rejected, name does not match the iban", "payments"),
    ("when will the money I sent arrive", "payments"),
    ("cannot log in since the update of the app", "access"),
    ("no code comes when I log in", "access"),
    ("somebody else knows my password, help", "access"),
    ("please delete my account and my data", "access"),
    ("my name changed when I married, where do I say so", "access"),
    ("the app does not know my fingerprint any more", "access"),
]


class Triage(weft.Signature):
    """Say which team can solve the customer's problem."""

    message: str = weft.Input("as the customer typed it")
    team: Literal["issuing", "payments", "access"] = weft.Output()


decide = weft.Predict(Triage)
write = weft.Predict(
    "message, team -> answer", "Tell the customer in one sentence who will help."
)


@weft.program
def triage(message: str) -> Literal["issuing", "payments", "access"]:
    """The team for a message."""
    return decide(message=message).team


@weft.program
def reply(message: str) -> str:
    """A first answer to a message."""
    clean = tidy(message)
    return write(message=clean, team=decide(message=clean).team).answer


def main() -> None:
    """Compile `triage`, give its parameters to `reply` too, save both."""
    rows = [{"message": message, "team": team} for message, team in ROWS]
    with weft.use(lm=os.environ.get("WEFT_LM", "embedded"), cache=None):
        result = weft.compile(
            triage,
            rows,
            metric=weft.metrics.exact("team"),
            compiler=weft.compilers.KNNFewShot(k=4),
            seed=0,
        )
    print(result.report)
    result.save(FOLDER / "triage.weft.json")
    tuned = {
        key: value
        for key, value in result.program.parameters.items()
        if key.startswith("decide/")
    }
    weft.save(reply.with_parameters(tuned), FOLDER / "reply.weft.json")
    weft.package(FOLDER)


if __name__ == "__main__":
    main()

"""An application: it imports programs as it imports anything else."""

from __future__ import annotations

import os
import sys
from typing import Literal

from support_programs import reply, triage

import weft

Team = Literal["issuing", "payments", "access"]


def route(message: str) -> tuple[Team, str]:
    """The team for a message, and a first answer."""
    return triage(message=message), reply(message=message)


def main() -> None:
    """Route the message given on the command line."""
    message = " ".join(sys.argv[1:]) or "My card never came"
    # "embedded" is an offline stand-in, no language model.
    with weft.use(lm=os.environ.get("WEFT_LM", "embedded"), cache=None):
        team, answer = route(message)
    print(f"{team}: {answer}")


if __name__ == "__main__":
    main()

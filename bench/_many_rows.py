"""One try of a batch of many rows into a file; killed and begun again by `bench.rows`.

python -m bench._many_rows FILE ROWS
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import weft

from .soak import megabytes

SAMPLES = 100
_LONG = "x" * 200


class Echo:
    """A model that gives back what it is told, and keeps nothing of it."""

    model, endpoint, sampling, schema_mode = "echo", "echo", dict[str, Any](), False

    async def complete(self, request: weft.Request) -> weft.Response:
        """Answer with the text of the last message."""
        said = request.messages[-1].text.split("\n", 1)[1]
        return weft.Response(f"[[ answer ]]\n{said}")


class Say(weft.Signature):
    """Say the text again."""

    text: str = weft.Input()
    answer: str = weft.Output()


reply = weft.Predict(Say)


@weft.program
def answered(text: str) -> str:
    """One call a row."""
    return reply(text=text).answer


def text_of(number: int) -> str:
    """What a row says, and what its answer must be."""
    return f"row {number} {_LONG}"


def rows(count: int) -> Iterator[dict[str, str]]:
    """The rows; on the way it prints how many were taken, and the memory in use."""
    step = max(1, count // SAMPLES)
    for number in range(count):
        if number % step == 0:
            print(number, round(megabytes(), 2), flush=True)
        yield {"text": text_of(number)}


def main() -> None:
    """Go on with the batch, from wherever the file stands."""
    path, count = sys.argv[1], int(sys.argv[2])
    with weft.use(lm=Echo(), cache=None):
        weft.batch_to(answered, rows(count), path, concurrency=256)


if __name__ == "__main__":
    main()

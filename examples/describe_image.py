"""Images: a field is a picture, its data goes to the model and nowhere else.

    python examples/describe_image.py                            offline, on a stand-in
    python examples/describe_image.py --model openai/gpt-5-mini  on a model
    python examples/describe_image.py --photo mine.png           a picture of yours

A museum labels its scans by their colour. The pictures are drawn here, eight pixels
wide. The stand-in is no model: it knows the pictures by the digests that it is shown.
"""

import argparse
import struct
import zlib
from typing import Literal

import weft

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200)}


class Describe(weft.Signature):
    """Say which colour the picture has, and what it shows."""

    picture: weft.Image = weft.Input("a scan")
    notes: list[weft.Document] = weft.Input("what the archive says of it")
    colour: Literal["red", "green", "blue", "other"] = weft.Output()
    caption: str = weft.Output("one short sentence")


describe = weft.Predict(Describe)


@weft.program
def label(picture: weft.Image, notes: list[weft.Document]) -> str:
    """A label for the catalogue."""
    return describe(picture=picture, notes=notes).colour


def drawn(colour: str) -> weft.Image:
    """A square of one colour as a PNG."""
    line = b"\0" + bytes(COLOURS[colour]) * 8
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(line * 8)),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return weft.Image(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


KNOWN = {drawn(colour).sha256: colour for colour in COLOURS}


def stand_in(request: weft.Request) -> dict[str, str]:
    """Answers by the digest of the picture in the user's turn."""
    (picture,) = request.messages[-1].media
    colour = KNOWN.get(picture.sha256, "other")
    return {"colour": colour, "caption": f"A {colour} square."}


def main() -> None:
    parser = argparse.ArgumentParser(description="Label pictures by their colour.")
    parser.add_argument("--model", help="a model string; offline without it")
    parser.add_argument("--photo", help="a picture of yours")
    given = parser.parse_args()
    note = weft.Document(text="A printer's colour proof.", title="Box 12")
    rows = [{"picture": drawn(c), "notes": [note], "colour": c} for c in COLOURS]
    lm = given.model or weft.FunctionLM(stand_in)
    with weft.use(lm=lm, cache=True if given.model else None):
        picture = weft.Image.open(given.photo) if given.photo else drawn("blue")
        print(picture, picture.pixels)
        print(label(picture=picture, notes=[note]))
        print(weft.evaluate(label, rows, weft.metrics.exact("colour")).mean)


if __name__ == "__main__":
    main()

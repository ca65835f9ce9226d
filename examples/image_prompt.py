"""A prompt for a painter is revised until the picture shows what was wanted.

    python examples/image_prompt.py                            offline, on stand-ins
    python examples/image_prompt.py --model openai/gpt-5-mini  a model looks and revises

The painter is a step: here it fills a square with the colours that the prompt names,
and any service that makes pictures could stand in its place. The model sees the
picture, says what is missing, and writes the next prompt.
"""

import argparse
import struct
import zlib

import pydantic

import weft

COLOURS = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200)}


class Attempt(pydantic.BaseModel):
    """A prompt, the picture it gave, and whether that is what was wanted."""

    prompt: str
    picture: weft.Image
    feedback: str = ""
    matches: bool = False
    revised: str = ""


class Check(weft.Signature):
    """Say whether the picture is strictly what is wanted; if not, mend the prompt."""

    wanted: str = weft.Input()
    picture: weft.Image = weft.Input("what the painter made of the prompt")
    prompt: str = weft.Input()
    feedback: str = weft.Output("what is missing in the picture")
    matches: bool = weft.Output()
    revised: str = weft.Output("a better prompt")


check = weft.Predict(Check)


def png(colours: list[tuple[int, int, int]]) -> bytes:
    """Stripes of these colours, eight pixels wide."""
    lines = b"".join(b"\0" + bytes(colour) * 8 for colour in colours)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, len(colours), 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def painted(prompt: str) -> weft.Image:
    """The stripes that a prompt names; white where it names none."""
    named = [rgb for colour, rgb in COLOURS.items() if colour in prompt]
    return weft.Image(png(named or [(255, 255, 255)]))


@weft.step
def paint(prompt: str) -> Attempt:
    """Ask the painter."""
    return Attempt(prompt=prompt, picture=painted(prompt))


@weft.step
def judged(last: Attempt, feedback: str, matches: bool, revised: str) -> Attempt:
    """The attempt with what was said of it; its successor where it does not match."""
    said = {"feedback": feedback, "matches": matches, "revised": revised}
    print(f"  {last.prompt!r}: {feedback}")
    return last.model_copy(update=said) if matches else paint(revised)


@weft.program
def illustrate(wanted: str) -> Attempt:
    """The first attempt that matches, or the last of five."""

    def again(last: Attempt) -> Attempt:
        seen = check(wanted=wanted, picture=last.picture, prompt=last.prompt)
        return judged(last, seen.feedback, seen.matches, seen.revised)

    return weft.loop(paint(wanted), again, until=lambda last: last.matches, at_most=5)


def stand_in(request: weft.Request) -> dict[str, object]:
    """No model: it knows Hald's flag by its digest, and that it has all colours."""
    asked = request.messages[-1]
    (seen,) = asked.media
    prompt = asked.text.partition("[[ prompt ]]\n")[2].splitlines()[0]
    missing = next((colour for colour in COLOURS if colour not in prompt), None)
    return {
        "feedback": f"There is no {missing}." if missing else "All is there.",
        "matches": seen.sha256 == painted(" ".join(COLOURS)).sha256,
        "revised": f"{prompt}, with {missing}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Revise a painter's prompt.")
    parser.add_argument("--model", help="a model that sees; a stand-in without it")
    parser.add_argument("--wanted", default="the flag of Hald")
    given = parser.parse_args()
    lm = given.model or weft.FunctionLM(stand_in)
    with weft.use(lm=lm, cache=True if given.model else None):
        run = illustrate.run(wanted=given.wanted)
    print(run.value.picture, run.value.picture.pixels)
    print(f"{run.value.prompt!r} after {len(run.trace.calls)} looks")


if __name__ == "__main__":
    main()

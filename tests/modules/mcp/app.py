"""Programs that are served; what they print must not reach a client."""

from __future__ import annotations

import asyncio
import os
from typing import Literal

import pydantic

import weft

print("noise while it is imported", flush=True)
os.system("echo noise of a child")

SECRET = "sk-0123456789abcdef"


class Ticket(pydantic.BaseModel):
    """What was booked."""

    seat: str
    price: float


def answered(request: weft.Request) -> str:
    said = request.messages[-1].content
    return f"[[ answer ]]\n{str(said).strip()[-3:]}\n[[ score ]]\n3"


lm = weft.FunctionLM(answered)
qa = weft.Predict("question -> answer, score: int", "Answer it.", name="qa", lm=lm)
describe = weft.Predict("photo: Image -> answer, score: int", name="describe", lm=lm)
kept: list[str] = []


@weft.step
def shout(text: str) -> str:
    print("noise of a step")
    if "!" in text:
        raise ValueError(f"{text!r} is loud already")
    return text.upper()


@weft.program
def loud(question: str, times: int = 1) -> str:
    """Answer loudly.

    Args:
        question: What is asked.
    """
    del times
    return shout(qa(question=question).answer)


@weft.tool
def book(kind: Literal["window", "aisle"], flight: str) -> Ticket:
    """Book a seat.

    Args:
        flight: Its number.
    """
    if flight == "full":
        raise LookupError("no seat left")
    if flight == "secret":
        raise weft.errors.ConfigError("no", hint="see /home/me/x.py")
    return Ticket(seat=kind, price=1.5)


@weft.tool
async def wait() -> str:
    """Wait until somebody stops it."""
    try:
        await asyncio.sleep(60)
    finally:
        kept.append("stopped")
    return "done"


@weft.tool
def stops() -> list[str]:
    """How often it was stopped."""
    return kept


@weft.tool
async def choose(prompt: str) -> str:
    """Ask the client's user, and its model."""
    here = weft.mcp.context()
    await here.log({"about": prompt}, "notice")
    form = {"type": "object", "properties": {"n": {"type": "integer", "default": 2}}}
    made, said = await asyncio.gather(here.elicit(prompt, form), here.sample(prompt))
    return f"{made} {said}"


@weft.tool(approval=True)
def pay(amount: int) -> int:
    """Pay, once a person agrees."""
    return amount


@weft.tool
def shown() -> list[str | weft.Image | weft.File]:
    """A text, an image and a file."""
    image = weft.Image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    return ["so", image, weft.File(b"a,b", media_type="text/csv", name="t.csv")]


async def plain(n: int) -> int:
    """A function like any other."""
    return n + 1


number = 3

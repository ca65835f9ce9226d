"""A fake model for tests of programs: it fills the form it is asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping

import weft

_HEADING = re.compile(r"^\[\[ (\w+)\S* \]\]\n", re.MULTILINE)
Answer = Callable[[Mapping[str, str], str], str]


def given_in(request: weft.Request) -> dict[str, str]:
    """The input fields of a request in the chat form."""
    parts = _HEADING.split(request.messages[-1].content)
    return {
        name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def model(
    answer: Answer, *, seconds: float = 0.0, name: str = "fake"
) -> weft.FunctionLM:
    """A model that fills every wanted field with `answer(inputs, field)`."""

    def reply(request: weft.Request) -> str:
        system = request.messages[0].content
        form = system.split("under its heading:\n\n")[1].split("\n\n")[0]
        given = given_in(request)
        return re.sub(r"<(\w+)>", lambda field: answer(given, field[1]), form)

    async def slowly(request: weft.Request) -> str:
        await asyncio.sleep(seconds)
        return reply(request)

    return weft.FunctionLM(slowly if seconds else reply, model=name)


def echo(given: Mapping[str, str], field: str) -> str:
    """An answer that shows what it came from: `summary(a|b)`."""
    return f"{field}({'|'.join(given.values())})"

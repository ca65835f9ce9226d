"""Everything has an `await` form: calls, tools, programs, batches.

    python examples/async_calls.py                          offline, on a stand-in
    python examples/async_calls.py --model local/smollm2    on a model

There is one asynchronous core. A plain call waits for it; an awaited one does not hold
up the loop. Functions may be blocking or async, and nobody has to say which: a tool, a
step and a metric are called the way they are written.
"""

import argparse
import asyncio
from typing import Any

import weft

ask = weft.Predict("question -> answer", name="ask")
simplify = weft.ChainOfThought("answer -> simpler", name="simplify")


class Line:
    """How many calls are under way, and how many were at once."""

    now = most = 0

    async def wait(self) -> None:
        """Wait as a network does."""
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.05)
        finally:
            self.now -= 1


line = Line()


@weft.tool
async def depth(harbour: str) -> float:
    """The depth of a harbour, from a service far away."""
    await line.wait()
    return {"Hald": 9.5, "Tolm": 4.5}[harbour]


@weft.step
async def noted(answer: str) -> str:
    """A step may be async: others go on while it waits."""
    await line.wait()
    return f"{answer} (noted)"


@weft.program
def explain(question: str) -> str:
    """Two modules and a step, one after the other: no await is written here."""
    return noted(simplify(answer=ask(question=question).answer).simpler)


agent = weft.ReAct("question -> metres: float", tools=[depth], name="agent")


async def stand_in(request: weft.Request) -> dict[str, Any]:
    """Takes its time, like a server."""
    await line.wait()
    told, asked = request.messages[0].text, request.messages[-1].text
    if "[[ tool ]]" in told and "9.5" in asked:
        arguments: dict[str, Any] = {"metres": 9.5}
        return {"thought": "There.", "tool": "submit", "arguments": arguments}
    if "[[ tool ]]" in told:
        return {"thought": "Ask.", "tool": "depth", "arguments": {"harbour": "Hald"}}
    if "[[ simpler ]]" in told:
        return {"reasoning": "Shorter.", "simpler": "It is deep."}
    return {"answer": "The water is nine and a half metres deep."}


async def together() -> None:
    """Many at once, in one event loop."""
    made = await ask.acall(question="How deep is Hald?")
    print("awaited: ", made.answer)
    print("agent:   ", (await agent.acall(question="How deep is Hald?")).metres)
    print("tool:    ", await depth.acall("Hald"))

    line.most = 0
    answers = await asyncio.gather(*(explain.acall(question=f"{n}?") for n in range(8)))
    print("gathered:", len(answers), "answers,", line.most, "calls at once")

    line.most = 0
    rows = [{"question": f"{n}?"} for n in range(8)]
    answers = await explain.abatch(rows, concurrency=3)
    print("batch:   ", len(answers), "answers,", line.most, "calls at once")

    try:
        async with asyncio.timeout(0.001):
            await explain.acall(question="Too late?")
    except TimeoutError:
        print("timeout:  the run was cancelled, with all that it had under way")


def main() -> None:
    parser = argparse.ArgumentParser(description="Calls that wait for each other not.")
    parser.add_argument("--model", help="a model; a stand-in without it")
    model = parser.parse_args().model
    with weft.use(lm=model or weft.FunctionLM(stand_in), cache=True if model else None):
        print("plain:   ", explain(question="How deep is Hald?"))
        print("tool:    ", depth("Hald"))
        asyncio.run(together())


if __name__ == "__main__":
    main()

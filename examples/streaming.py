"""What a program does, as it happens: texts while they are written, and its state.

    python examples/streaming.py                          offline, on a script
    python examples/streaming.py --model local/smollm2    on a model

Every program streams as it is, and every field of every module in it: whoever reads the
events picks what to show. A path says which module writes, so that two fields of one
name are told apart, and each round of an agent is a node of its own.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import weft


@weft.tool
def born(person: str) -> int:
    """The year in which a person was born."""
    return {"Ida Moe": 1871}[person]


@weft.tool
def news(year: int) -> str:
    """What was in the papers in a year."""
    return {1871: "The lighthouse of Orla was lit."}[year]


answer = weft.ReAct("question -> answer", tools=[born, news], name="answer")
simpler = weft.Predict("answer -> answer_for_a_child: str", name="simpler")


@weft.program
def tell(question: str) -> str:
    """An answer, and then one that a child understands."""
    return simpler(answer=answer(question=question).answer).answer_for_a_child


def status(event: weft.events.Event) -> str | None:
    """What to tell a person who waits; None where there is nothing to say."""
    match event:
        case weft.events.NodeStarted(path="answer/born"):
            return "looking somebody up"
        case weft.events.NodeStarted(path="answer/news"):
            return "reading old papers"
        case weft.events.NodeFinished(path="answer", run=run) if not run.error:
            return f"found out in {len(run.outputs['trajectory'])} steps"
        case weft.events.Restarted(path):
            return f"{path} is asked again; what it wrote does not count"
        case _:
            return None


def shown(events: Iterator[weft.events.Event]) -> Any:
    """Print texts as they arrive, and states on lines of their own."""
    value, writing = None, ""
    for event in events:
        if (said := status(event)) is not None:
            print(f"\n  ({said})", end="")
        match event:
            case weft.events.FieldDelta(path, field, text) if field != "arguments":
                head = f"\n  {path} {field}: " if f"{path}{field}" != writing else ""
                print(head + text, end="", flush=True)
                writing = path + field
            case weft.events.NodeStarted():
                writing = ""
            case weft.events.Finished(value):
                print()
            case _:
                pass
    return value


async def thoughts(events: AsyncIterator[weft.events.Event]) -> list[str]:
    """One field of one module, each time that it is written."""
    found: dict[tuple[int, ...], str] = {}
    async for event in events:
        match event:
            case weft.events.FieldDelta("answer/act", "thought", text, order):
                found[order] = found.get(order, "") + text
            case _:
                pass
    return list(found.values())


SCRIPT = [
    {
        "thought": "When was she born?",
        "tool": "born",
        "arguments": {"person": "Ida Moe"},
    },
    {"thought": "That year, then.", "tool": "news", "arguments": {"year": 1871}},
    {
        "thought": "There it is.",
        "tool": "submit",
        "arguments": {"answer": "The lighthouse of Orla was lit in 1871."},
    },
    {"answer_for_a_child": "A big lamp began to shine for the ships."},
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Watch a program at work.")
    parser.add_argument("--model", help="a model; a script without it")
    model = parser.parse_args().model
    question = "What happened in the year in which Ida Moe was born?"
    for wanted in ("everything", "thoughts alone", "everything, from the cache"):
        print(f"\n{wanted}:", end="")
        lm = model or weft.ScriptedLM(SCRIPT)
        with weft.use(lm=lm):
            if wanted == "thoughts alone":
                stream = tell.astream(question=question)
                print(f"\n  {asyncio.run(thoughts(stream))}")
            else:
                print(f"  value: {shown(tell.stream(question=question))}")


if __name__ == "__main__":
    main()

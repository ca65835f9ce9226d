"""Every question brings tools of its own: an agent written by hand, and compiled.

    python examples/tool_use.py                              offline, on a stand-in
    python examples/tool_use.py --model openai/gpt-5-mini    on a model

`weft.ReAct` has its tools from the start. Here each row names the ones that it may use,
so that the loop is a step of a few lines: its module stays visible and tunable, and
`weft.Tool` says what a function takes and checks what a model gives. SIMBA then looks
at a good and a bad answer to the same row, and writes down what made the difference.
The stand-in mostly answers in sentences; demonstrations help, and being told cures it.
"""

import argparse
import itertools
import re
import zlib
from typing import Any

import weft

HARBOURS = {"Hald": "Una Holm", "Vessa": "Jon Eik", "Tolm": "Ida Moe"}
DEPTHS = {"Hald": 9.5, "Vessa": 6.0, "Tolm": 4.5}
SHIPS = dict(
    zip(
        ["Petrel", "Auk", "Gannet", "Tern", "Skua", "Shag", "Eider", "Knot", "Dunlin"],
        itertools.cycle(HARBOURS),
        strict=False,
    )
)


@weft.tool
def harbour_of(ship: str) -> str:
    """The harbour where a ship lies."""
    return SHIPS[ship]


@weft.tool
def depth_of(harbour: str, at_low_water: bool = False) -> float:
    """The depth of a harbour in metres."""
    return DEPTHS[harbour] - 2 * at_low_water


@weft.tool
def master_of(harbour: str) -> str:
    """Who is in charge of a harbour."""
    return HARBOURS[harbour]


TOOLS = {tool.name: tool for tool in (harbour_of, depth_of, master_of)}


class Choose(weft.Signature):
    """Choose the tool that gets you further, or `finish` with the argument `answer`."""

    question: str = weft.Input()
    tools: dict[str, str] = weft.Input("how each is called, and what it is for")
    steps: list[dict[str, Any]] = weft.Input("what was done, and what came of it")
    thought: str = weft.Output()
    tool: str = weft.Output("one of the tools, or finish")
    arguments: dict[str, Any] = weft.Output("by name")


choose = weft.Predict(Choose)


@weft.step(uses=[choose, *TOOLS.values()])
def work(question: str, tools: list[str], most: int = 5) -> str:
    """Call tools until the model finishes, at most so often."""
    known = {name: TOOLS[name] for name in tools}
    words = {tool.words: tool.description for tool in known.values()}
    steps: list[dict[str, Any]] = []
    for _ in range(most):
        made = choose(question=question, tools=words, steps=steps)
        if made.tool == "finish":
            return str(made.arguments.get("answer", ""))
        step = {"tool": made.tool, "arguments": made.arguments}
        try:
            tool = known[made.tool]
            seen = tool.shown(tool(**tool.checked(made.arguments)))
        except (LookupError, ValueError, weft.errors.StepError) as error:
            seen = f"{type(error).__name__}: {error}"
        steps.append({**step, "seen": seen})
    return ""


@weft.program
def agent(question: str, tools: list[str]) -> str:
    """An answer, found with the tools of this question."""
    return work(question, tools)


def exact(example: Any, prediction: str) -> bool:
    """The same but for case, commas and a decimal part of nothing."""
    wanted, found = (
        re.sub(r"\.0$", "", str(text).replace(",", "").strip().lower())
        for text in (example.answer, prediction)
    )
    return wanted == found


ROWS: list[dict[str, Any]] = [
    {"question": question.format(ship), "tools": ["harbour_of", tool], "answer": answer}
    for ship, harbour in SHIPS.items()
    for question, tool, answer in [
        ("How deep is the harbour of the {}?", "depth_of", f"{DEPTHS[harbour]:g}"),
        ("How many metres has the {} below her?", "depth_of", f"{DEPTHS[harbour]:g}"),
        ("Who is in charge where the {} lies?", "master_of", HARBOURS[harbour]),
        ("Whom do I ask for a berth by the {}?", "master_of", HARBOURS[harbour]),
    ]
]


def stand_in(request: weft.Request) -> dict[str, Any]:
    """Knows which tool comes next; when to be brief, it has to be told."""
    told, asked = request.messages[0].text, request.messages[-1].text
    if "[[ tool ]]" not in told:  # a writer's task: to say what made the difference
        return {"rule": "Finish with the bare value, not with a sentence."}
    steps = asked.rpartition("[[ steps ]]")[2]
    seen = re.findall(r'"seen": "?([^"}]+)', steps)
    ship = next(ship for ship in SHIPS if f"the {ship}" in asked)
    luck = (zlib.crc32(asked.partition("[[ tools")[0].encode()) + request.sample) % 4
    second = "depth_of" if "depth_of" in asked else "master_of"

    def step(thought: str, tool: str, **arguments: str) -> dict[str, Any]:
        return {"thought": thought, "tool": tool, "arguments": arguments}

    if not seen:
        return step("Where is it?", "harbour_of", ship=ship)
    if len(seen) == 1:
        return step("Then the rest.", second, harbour=seen[0])
    shown = any("finish" in message.text for message in request.messages[1:-1])
    brief = "bare value" in told or luck > (1 if shown else 2)
    return step("Done.", "finish", answer=seen[1] if brief else f"It is {seen[1]}.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Tools that each question brings.")
    parser.add_argument("--model", help="such as openai/gpt-5-mini")
    model = parser.parse_args().model
    with weft.use(lm=model or weft.FunctionLM(stand_in), cache=True if model else None):
        run = agent.run(question=ROWS[0]["question"], tools=ROWS[0]["tools"])
        print(run.value)
        for node in run.trace.nodes:
            print(f"  {node.path}: {node.kind}, {len(node.calls)} calls")
        result = weft.compile(
            agent,
            ROWS,
            metric=exact,
            compiler=weft.compilers.SIMBA(steps=2, candidates=2),
            budget="600 calls",
        )
        print(result.report)
        print(result.report.diff())
        print(result.program(question=ROWS[0]["question"], tools=ROWS[0]["tools"]))


if __name__ == "__main__":
    main()

"""A long text and a question: a model writes code that reads it piece by piece.

    python examples/recursive.py                              on a stand-in
    python examples/recursive.py --model openai/gpt-5-mini    on a model

Needs `pip install 'pydantic-monty>=1.4'`. The text is a year of a harbour's log,
made up here, far longer than any prompt; it never stands in the prompt of the model
that writes the code. Offline a stand-in answers: its code was written beforehand, and
asked about a piece of the log it counts what the question names in other words.
"""

import argparse
import random
from collections import Counter

import weft

LATE = ["came in behind time", "kept us waiting", "was overdue by an hour"]
WELL = ["berthed at noon", "took on water", "sailed with the tide", "had its hull seen"]
QUESTION = "On how many days was a ship late?"
CODE = """
size = len(log) // 12 + 1
parts, at = [], 0
while at < len(log):
    end = log.find("\\n", at + size)
    end = len(log) if end < 0 else end
    parts.append(log[at:end])
    at = end + 1
found = llm_query_batched([
    question + " Reply with the number alone.\\n\\n" + part for part in parts
])
print(len(parts), "pieces:", found)
submit(sum(int(n) for n in found if n))
"""


def harbour_log(days: int, seed: int) -> tuple[str, int]:
    """A log of so many days, and on how many of them a ship was late."""
    draw, lines, late = random.Random(seed), list[str](), 0
    for day in range(days):
        is_late = draw.random() < 0.01
        late += is_late
        told = draw.choice(LATE if is_late else WELL)
        lines.append(f"Day {day + 1}: the {draw.choice(['Ines', 'Mira'])} {told}.")
    return "\n".join(lines), late


def stand_in(request: weft.Request) -> dict[str, str]:
    """What answers offline."""
    shown = request.messages[-1].text
    if "[[ prompt ]]" in shown:
        count = sum(any(told in line for told in LATE) for line in shown.splitlines())
        return {"reply": str(count)}
    return {"thought": "A piece at a time, cut between days.", "code": CODE}


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask a question of a long text.")
    parser.add_argument("--model", help="such as openai/gpt-5-mini")
    model = parser.parse_args().model
    log, late = harbour_log(days=20_000, seed=1)
    reader = weft.Recursive(
        "log, question -> answer: int", "Answer from the log.", name="reader"
    )
    lm, cache = model or weft.FunctionLM(stand_in), True if model else None
    with weft.use(lm=lm, cache=cache, budget="60 calls"):
        run = reader.run(log=log, question=QUESTION)
    for step in weft.code_steps_of(run.value):
        print(step.error or step.printed.strip())
    calls = Counter(node.path for node in run.trace.nodes for _ in node.calls)
    print(f"{len(log):,} characters; answered {run.value.answer}, counted {late}")
    print(", ".join(f"{path}: {count}" for path, count in calls.items()))


if __name__ == "__main__":
    main()

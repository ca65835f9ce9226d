"""Traces: a log of every run, and what can be learned from it.

    python examples/traces.py                              offline, on a stand-in
    python examples/traces.py --model openai/gpt-5-mini    on a model

A desk answers readers' questions from a small archive. Each run leaves one line in
runs/traces.jsonl; the lines are read again to see where time and tokens went. Show one
with `weft trace show runs/traces.jsonl`.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import median

import weft

LOG = Path("runs/traces.jsonl")
ARCHIVE = [
    "The ferry to Orla leaves at nine and returns at five.",
    "The lighthouse of Orla was built in 1871.",
    "Mount Harrow is 412 metres high.",
]
QUESTIONS = [
    "When does the ferry leave?",
    "When was the lighthouse built?",
    "How high is Mount Harrow?",
]

respond = weft.Predict("question, passages: list[str] -> answer: str", name="respond")


@weft.step
def search(question: str, k: int = 1) -> list[str]:
    """The notes that share the most words with the question."""
    words = set(question.lower().strip("?").split())
    return sorted(ARCHIVE, key=lambda t: -len(words & set(t.lower().split())))[:k]


@weft.program
def desk(question: str) -> str:
    """An answer from the archive."""
    return respond(question=question, passages=search(question)).answer


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Traces: a log of every run, and what can be learned from it."
    )
    parser.add_argument("--model", default="embedded", help="such as openai/gpt-5-mini")
    options = parser.parse_args()

    with weft.use(lm=options.model, trace_log=LOG):
        desk.batch([{"question": question} for question in QUESTIONS])

    runs = list(weft.read_traces(LOG))[-len(QUESTIONS) :]
    for run in sorted(runs, key=lambda run: QUESTIONS.index(run.inputs["question"])):
        print(f"{run.state}: {run.inputs['question']} {run.value}")
    seconds, tokens = defaultdict[str, list[float]](list), defaultdict[str, int](int)
    for node in (node for run in runs for node in run.trace.nodes):
        seconds[node.path].append(node.seconds)
        for usage in (call.usage for call in node.calls if call.usage):
            tokens[node.path] += usage.input_tokens + usage.output_tokens
    for path, took in seconds.items():
        print(f"{path}: median {median(took) * 1000:.1f} ms, {tokens[path]} tokens")
    print(f"logged in {LOG}")


if __name__ == "__main__":
    main()

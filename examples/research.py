"""Answer questions about an archipelago: write a query, search, read, answer.

    python examples/research.py                              offline, on the stand-in
    python examples/research.py --model openai/gpt-5-mini    on a model
    python examples/research.py --data mine.jsonl            on questions of your own

A row is {"question": ..., "answer": ...}; "passage", the id of the passage that holds
the answer, is welcome. It says what `read` should have found, so that `answer` can be
shown solved cases although no row holds its input. The stand-in quotes whole sentences,
or repeats another question's answer: what compiling is worth here, only a model shows.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import weft

DATA = Path(__file__).parent / "data"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


index = weft.Index(
    [p | {"text": f"{p['title']}. {p['text']}"} for p in lines(DATA / "corpus.jsonl")]
)


write_query = weft.Predict("question -> query", "Write a short search query.")
read = weft.Predict(
    "question, passages: list[str] -> evidence",
    "Copy what the passages say about the question.",
)
answer = weft.Predict(
    "question, evidence -> answer", "Answer the question from the evidence."
)


@weft.step
def search(query: str, k: int = 3) -> list[str]:
    return [passage.text for passage in index.search(query, k)]


@weft.program
def research(question: str) -> str:
    passages = search(write_query(question=question).query)
    evidence = read(question=question, passages=passages).evidence
    return answer(question=question, evidence=evidence).answer


def labelled(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose passage is a label for `read`: what it should have found."""
    known = {name: row[name] for name in ("id", "question", "answer") if name in row}
    found = row.get("passage") in index
    return known | ({"evidence": index[row["passage"]].text} if found else {})


def main() -> None:
    options = argparse.ArgumentParser(description="Compile a research program.")
    options.add_argument("--model", default="embedded", help="e.g. openai/gpt-5-mini")
    options.add_argument("--data", type=Path, default=DATA / "questions.jsonl")
    options.add_argument("--budget", default="2000 calls")
    options.add_argument("--out", default="programs/research.weft.json")
    given = options.parse_args()
    weft.configure(lm=given.model)
    if given.model == "embedded":
        print("On `embedded`, an offline stand-in; it is not a language model.")
        print("It compares texts: the stand-in cannot learn this task.\n")

    print(research, "\n")
    rows = [labelled(row) for row in lines(given.data)]
    result = weft.compile(
        research,
        rows,
        metric=weft.metrics.f1("answer"),
        compiler=weft.compilers.BootstrapRandomSearch(demos=8, candidates=8),
        budget=given.budget,
    )
    print(result.report, "\n")
    print("saved", result.save(given.out), "\n")
    print("Three questions of the file")
    runs = [result.program.run(question=row["question"]) for row in rows[:3]]
    for row, run in zip(rows, runs, strict=False):
        print(f"{row['question']}\n  {run.value}   (wanted: {row['answer']})")
    print(f"\nHow the last answer came about\n{runs[-1].trace}")


if __name__ == "__main__":
    main()

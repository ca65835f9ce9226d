"""Several tries at one answer: the best of them, and one that is refined.

    python examples/refine.py                          offline, on a stand-in
    python examples/refine.py --model local/smollm2    on a model

A reward says how good an answer is: a function, or a step that asks a judge of its own.
`BestOfN` asks side by side and keeps the best. `Refine` has the model say what is wrong
with its answer, and try again with that. All tries are traced, and paid for.
"""

import argparse
import re
from collections.abc import Mapping
from typing import Any

import weft

ask = weft.ChainOfThought("question -> answer", name="ask")
shorten = weft.ChainOfThought("text -> summary", name="shorten")
true = weft.ChainOfThought(
    "question, statement -> is_factual: bool",
    "Say whether the statement is a true answer to the question.",
    name="true",
)


def one_word(inputs: Mapping[str, Any], made: Any) -> float:
    """1 for a single word."""
    del inputs
    return float(len(made.answer.split()) == 1)


def about_twelve_words(inputs: Mapping[str, Any], made: Any) -> float:
    """1 for twelve words, and less for each word more or less."""
    del inputs
    return max(0.0, 1 - abs(len(made.summary.split()) - 12) / 12)


@weft.step(uses=[true])
def factual(inputs: Mapping[str, Any], made: Any) -> float:
    """1 where the judge holds it true."""
    return float(true(question=inputs["question"], statement=made.answer).is_factual)


best = weft.BestOfN(ask, one_word, n=3, name="best")
refined = weft.Refine(ask, one_word, n=3, name="refined")
checked = weft.Refine(ask, factual, n=3, name="checked")
summary = weft.BestOfN(shorten, about_twelve_words, n=5, name="summary")

QUESTION = "What is the capital of Belgium?"
TEXT = (
    "The ferry to Hald has left at nine every morning since 1871. From next spring "
    "it will leave at eight, and a second one will follow at noon. The harbour master "
    "says that the first boat is always full."
)
ANSWERS = ("The capital is Bruges.", "It is Brussels, I believe.", "Brussels")


def stand_in(request: weft.Request) -> dict[str, Any]:
    """Answers better in later tries, and best with advice."""
    told, asked = request.messages[0].text, request.messages[-1].text
    if "[[ is_factual ]]" in told:
        return {"reasoning": "I know it.", "is_factual": "Brussels" in asked}
    if "[[ summary ]]" in told:
        words = TEXT.split()[: 4 + 5 * request.sample]
        return {"reasoning": "Fewer words.", "summary": " ".join(words)}
    if "[[ advice ]]" in told and "[[ answer ]]" not in told:
        return {"advice": "Give the city's name alone, and the right one."}
    better = ANSWERS[-1] if "[[ advice ]]" in asked else ANSWERS[request.sample]
    return {"reasoning": "Belgium.", "answer": better}


def main() -> None:
    parser = argparse.ArgumentParser(description="Several tries at one answer.")
    parser.add_argument("--model", help="a model; a stand-in without it")
    model = parser.parse_args().model
    with weft.use(lm=model or weft.FunctionLM(stand_in), cache=True if model else None):
        for module in (ask, best, refined, checked):
            run = module.run(question=QUESTION)
            print(
                f"{module.name:>8}: {run.value.answer!r}, {len(run.trace.calls)} calls"
            )
        made = summary.run(text=TEXT)
        words = len(made.value.summary.split())
        print(f" summary: {words} words, {len(made.trace.calls)} calls")
        print("\nWhat `checked` did:")
        for node in checked.run(question=QUESTION).trace.nodes:
            print(f"  {node.path}: {re.sub(' +', ' ', str(dict(node.outputs)))[:70]}")


if __name__ == "__main__":
    main()

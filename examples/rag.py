"""Questions answered from passages that are searched, with quotes that are checked.

    python examples/rag.py    offline
    python examples/rag.py --model openai/gpt-5-mini
    python examples/rag.py --model local/smollm2 --embedder openai/NAME

A model that is asked alone knows nothing of these islands. `Retrieve` finds passages by
BM25, or with an embedder by words and meaning together; `Cited` lets no quote pass that
its passage does not hold. The offline model is a stand-in written for this: it reads
the right passage where it is shown it, now and then quotes what is not there, and
answers in whole sentences until demonstrations show it shorter answers.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import weft

DATA = Path(__file__).parent / "data"
# An example's fields are the rows' own; "passage" says where the answer stands.
ROWS = weft.read_rows(DATA / "questions.jsonl", ["question"])[:90]
INDEX = weft.Index(DATA / "corpus.jsonl", text=["title", "text"], name="isles")

alone = weft.Predict("question -> answer", name="alone")
answer = weft.Cited("question, passages: list[Passage] -> answer", name="answer")


def rag_over(index: weft.Index) -> weft.Program[[str], Any]:
    """Find passages, and answer from them."""
    retrieve = weft.Retrieve(index, k=4, name="retrieve")

    @weft.program
    def rag(question: str) -> Any:
        found = retrieve(query=question)
        return answer(question=question, passages=found.passages)

    return rag


def recall(index: weft.Index, k: int) -> float:
    """How often the passage that holds the answer is among the first k."""
    found = ([p.id for p in index.search(row.question, k)] for row in ROWS)
    hits = [row.passage in ids for row, ids in zip(ROWS, found, strict=True)]
    return sum(hits) / len(hits)


def stand_in(brief: bool = False) -> weft.FunctionLM:
    """A model that can read, and only what it is shown; a brief one needs no demos."""
    known = {row.question: row for row in ROWS}

    def said(request: weft.Request) -> dict[str, Any]:
        asked = request.messages[-1].text
        question = next(text for text in known if text in asked)
        row = known[question]
        short = brief or len(request.messages) > 2
        shown = INDEX[row.passage].text
        if "[[ passages ]]" not in asked:
            return {"answer": "That is not known."}
        if shown.replace("\n", "\\n") not in asked:
            return {"citations": [], "answer": "The passages do not say."}
        sentences = re.split(r"(?<=[.!?])\s", shown.partition("\n")[2])
        quote = next((s for s in sentences if row.answer in s), sentences[0])
        careless = len(question) % 5 == 0 and "[[ problem ]]" not in asked
        return {
            "citations": [
                {
                    "passage": row.passage,
                    "quote": quote.lower() if careless else quote,
                }
            ],
            "answer": row.answer if short else f"The passages say: {quote}",
        }

    return weft.FunctionLM(said, model="brief stand-in" if brief else "stand-in")


def main() -> None:
    parser = argparse.ArgumentParser(description="Answers with quotes.")
    parser.add_argument("--model", help="a stand-in without it")
    parser.add_argument("--teacher", help="who shows how it is done")
    parser.add_argument("--embedder", help="e.g. openai/text-embedding-3-small")
    given = parser.parse_args()
    live = bool(given.model or given.embedder)
    metric = weft.metrics.f1("answer")

    lm = weft.LM(given.model) if given.model else stand_in()
    with weft.use(lm=lm, cache=True if live else None):
        index = INDEX
        if given.embedder:
            index = index.embedded(weft.Embedder(given.embedder))
        print(f"{index}: the right passage is among 4 for {recall(index, 4):.0%}")

        rag = rag_over(index)
        rows = ROWS[:30]
        print(f"alone     {weft.evaluate(alone, rows, metric).mean:.2f}")
        print(f"with RAG  {weft.evaluate(rag, rows, metric).mean:.2f}")

        result = weft.compile(
            rag,
            ROWS,
            metric=metric,
            compiler=weft.compilers.BootstrapFewShot(demos=2, bootstrapped=2),
            teacher=given.teacher or (given.model and lm) or stand_in(brief=True),
            budget="2000 calls",
        )
        print(result.report)
        path = result.save("programs/rag.weft.json")

        kept = index.save("programs/isles.index.jsonl")
        embedder = weft.Embedder(given.embedder) if given.embedder else None
        again = weft.Index.load(kept, embedder=embedder)
        loaded = weft.load(path, steps=[again])
        run = loaded.run(question=rows[0].question)
        print(rows[0].question, run.value.answer)
        for citation in run.value.citations:
            print(f'  [{citation.passage}] "{citation.quote}"')
        try:
            weft.load(path, steps=[weft.Index(["Another text."], name="isles")])
        except weft.errors.ArtifactError as error:
            print("refused:", error.message.partition(": ")[2][:60])


if __name__ == "__main__":
    main()

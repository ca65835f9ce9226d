"""One index in a process of its own: how long it takes, how large it is, what it finds.

Run by its path, by whichever interpreter has the library. It reads one JSON object from
its standard input (`kind`, `texts`, `queries`, `k`) and writes one to its output.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

Search = Callable[[str, int], list[int]]
_ROUNDS = 3


def weft_words(texts: list[str]) -> Search:
    """Weft's BM25."""
    return _weft(import_module("weft").Index(texts))


def weft_python(texts: list[str]) -> Search:
    """Weft's BM25 as it is without numpy."""
    for name in ("text_index", "arrays"):
        module = import_module(f"weft.pipeline.ground.{name}")
        setattr(module, "numpy_here", lambda: None)  # noqa: B010 - of a module
    return weft_words(texts)


def weft_vectors(texts: list[str]) -> Search:
    """Weft's vectors of the offline stand-in, which knows no meaning."""
    return _embedded(texts, "embedded", "vectors")


def weft_both(texts: list[str]) -> Search:
    """The same beside BM25, fused."""
    return _embedded(texts, "embedded", "both")


def weft_smollm2(texts: list[str]) -> Search:
    """The mean of a small language model's tokens, which was not trained for it."""
    return _embedded(texts, "local/smollm2", "vectors")


def bm25s(texts: list[str]) -> Search:
    """bm25s alone, with words as it cuts them and no list of stop words."""
    library: Any = import_module("bm25s")
    quiet = {"show_progress": False}
    held = library.BM25()
    held.index(library.tokenize(texts, stopwords=[], **quiet), **quiet)

    def search(query: str, k: int) -> list[int]:
        tokens = library.tokenize([query], stopwords=[], **quiet)
        found, _ = held.retrieve(tokens, k=k, **quiet)
        made: list[int] = found[0].tolist()
        return made

    return search


def tantivy(texts: list[str]) -> Search:
    """Tantivy's default index, in memory, written by one thread."""
    library: Any = import_module("tantivy")
    builder = library.SchemaBuilder()
    builder.add_integer_field("id", stored=True)
    builder.add_text_field("body")
    index = library.Index(builder.build())
    writer = index.writer(num_threads=1)
    for number, text in enumerate(texts):
        writer.add_document(library.Document(id=number, body=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def search(query: str, k: int) -> list[int]:
        asked, _ = index.parse_query_lenient(query, ["body"])
        hits = searcher.search(asked, k).hits
        return [searcher.doc(at)["id"][0] for _, at in hits]

    return search


def _weft(index: Any, cache: Any = None) -> Search:
    weft: Any = import_module("weft")

    def search(query: str, k: int) -> list[int]:
        with weft.use(cache=cache):
            return [int(passage.id) for passage in index.search(query, k)]

    return search


def _embedded(texts: list[str], model: str, by: str) -> Search:
    weft: Any = import_module("weft")
    cache = weft.MemoryCache()
    with weft.use(cache=cache):
        index = weft.Index(texts).embedded(weft.Embedder(model), by=by)
    return _weft(index, cache)


KINDS: dict[str, Callable[[list[str]], Search]] = {
    "weft": weft_words,
    "weft, no numpy": weft_python,
    "vectors": weft_vectors,
    "both": weft_both,
    "smollm2": weft_smollm2,
    "bm25s": bm25s,
    "tantivy": tantivy,
}


def main() -> None:
    """Measure one kind."""
    asked = json.load(sys.stdin)
    texts, queries, k = asked["texts"], asked["queries"], asked["k"]
    make = KINDS[asked["kind"]]
    make(texts[:10])("warm", 1)  # imports are not what is measured
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    search = make(texts)
    search("warm", 1)
    build = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found = [search(query, k) for query in queries]
    rounds: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for query in queries:
            search(query, k)
        rounds.append(time.perf_counter() - began)
    told = {"build": build, "query": min(rounds) / len(queries), "mb": grown / 1024}
    print(json.dumps({**told, "found": found}))


if __name__ == "__main__":
    main()

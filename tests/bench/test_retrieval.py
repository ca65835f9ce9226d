"""What the retrieval page measures is what it says."""

from __future__ import annotations

import pytest

from bench import _onehop, _retrieval_side, retrieval
from bench._data import DATA, lines_of

needs_rows = pytest.mark.skipif(
    not (DATA / "musique.jsonl").is_file(),
    reason="needs the rows of ../shared, or where WEFT_BENCH_DATA says",
)


def test_the_share_found_is_of_what_is_needed() -> None:
    """And its interval holds its mean."""
    shares = retrieval.shares([[1, 2], [3, 4]], [{1, 9}, {3, 4}])

    assert shares == [0.5, 1.0]
    low, high = retrieval.interval([0.0, 1.0] * 50)
    assert low < 0.5 < high


@pytest.mark.parametrize("kind", ["weft", "vectors", "both"])
def test_each_way_finds_the_text_itself(kind: str) -> None:
    """In the numbers that the page counts."""
    texts = [f"the {word} of the town" for word in ("bridge", "mill", "harbour")]
    search = _retrieval_side.KINDS[kind](texts)

    assert [search(text, 1)[0] for text in texts] == [0, 1, 2]


@needs_rows
def test_a_reader_of_one_hop_gains_by_the_gold_decomposition() -> None:
    """Mechanics, on a planted reader: each row, one call against the steps in turn."""
    found = _onehop.scores(lines_of("musique")[:60])

    one, several = (sum(values) / 60 for values in found.values())
    assert len(found["Decompose"]) == 60
    assert one < 0.1
    assert several > 0.8


@needs_rows
def test_bm25_finds_what_the_page_says() -> None:
    """Half of the passages that questions of several hops need, among five."""
    texts, questions, wanted = retrieval.corpus(lines_of("musique"))
    search = _retrieval_side.weft_words(texts)

    shares = retrieval.shares([search(q, 5) for q in questions], wanted)

    assert len(questions) == 200
    assert sum(shares) / 200 == pytest.approx(0.533, abs=0.02)
